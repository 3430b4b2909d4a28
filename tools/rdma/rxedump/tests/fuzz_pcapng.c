// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a pcapng file, and what is in it through the decoder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pcapng.h"
#include "read.h"
#include "roce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcapng_reader *r;
	const struct pcapng_stats *stats;
	struct roce_pkt pkt;
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
		roce_decode(&frame, &pkt);
	for (i = 0; r && pcapng_iface(r, i, &stats); i++)
		if (stats && stats->comment && strlen(stats->comment) > 0xffff)
			abort();
	if (r)
		pcapng_close(r);
	fclose(file);
	return 0;
}
