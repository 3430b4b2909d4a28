// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a capture file: pcapng, the classic format or one of these
 * compressed. What is in it goes through the decoder and into a copy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pcapng.h"
#include "print.h"
#include "read.h"
#include "roce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(const struct reader *r, const struct frame *frame)
{
	static const struct print_opts opts;
	static FILE *null;
	const struct file_options *options;
	struct roce_pkt pkt;
	unsigned int first;

	if (!null)
		null = fopen("/dev/null", "w");
	roce_decode(frame, &pkt);
	json_packet(null, frame, &pkt, &opts);
	reader_section(r, &options, &first);
	pcapng_section(null, NULL, NULL, "fuzz", "comment", options);
	pcapng_interface(null, frame->iface, "filter");
	pcapng_packet(null, 0, frame, "bad ICRC");
	pcapng_packet(null, 1, frame, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pcapng_stats *stats;
	struct frame frame;
	struct reader *r;
	char err[256];
	unsigned int i;
	FILE *file;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	if (!file)
		return 0;
	r = reader_open(file, err, sizeof(err));
	if (!r)
		return 0;
	while (reader_next(r, &frame) > 0)
		copy(r, &frame);
	reader_error(r);
	for (i = 0; reader_iface(r, i, &stats); i++)
		if (stats && stats->comment && strlen(stats->comment) > 0xffff)
			abort();
	reader_close(r);
	return 0;
}
