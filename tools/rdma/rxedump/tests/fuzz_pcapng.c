// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a pcapng file, and what is in it through the decoder and into a
 * copy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pcapng.h"
#include "print.h"
#include "read.h"
#include "roce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy(const struct pcapng_reader *r, const struct frame *frame)
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
	pcapng_section_nr(r, &options, &first);
	pcapng_section(null, NULL, NULL, "fuzz", "comment", options);
	pcapng_interface(null, frame->iface, "filter");
	pcapng_packet(null, 0, frame, "bad ICRC");
	pcapng_packet(null, 1, frame, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcapng_reader *r;
	const struct pcapng_stats *stats;
	struct frame frame;
	unsigned int i;
	FILE *file;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	if (!file)
		return 0;
	r = pcapng_open(file);
	while (r && pcapng_next(r, &frame) > 0)
		copy(r, &frame);
	for (i = 0; r && pcapng_iface(r, i, &stats); i++)
		if (stats && stats->comment && strlen(stats->comment) > 0xffff)
			abort();
	if (r)
		pcapng_close(r);
	fclose(file);
	return 0;
}
