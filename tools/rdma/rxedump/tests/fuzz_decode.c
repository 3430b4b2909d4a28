// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a frame, through decoder, printers, filter and statistics. The
 * first byte chooses the link type, the second how much was cut off.
 */
#include <stdio.h>
#include <stdlib.h>
#include "filter.h"
#include "print.h"
#include "stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int linktypes[] = {
		LINKTYPE_ETHERNET, LINKTYPE_RAW, LINKTYPE_LINUX_SLL,
		LINKTYPE_LINUX_SLL2, LINKTYPE_IPV6, 127,
	};
	static const struct print_opts opts = { .verbose = 2 };
	static struct stat_table *stat;
	static unsigned int runs;
	static FILE *null;
	struct iface iface = { .name = "fuzz" };
	struct filter filter = { .by_psn = 1, .psn_last = 1000 };
	struct frame frame = { .iface = &iface };
	struct roce_pkt pkt;

	if (size < 2)
		return 0;
	if (!null)
		null = fopen("/dev/null", "w");
	if (runs++ % 4096 == 0) {
		if (stat)
			stat_free(stat);
		stat = stat_new();
	}
	iface.linktype = linktypes[data[0] % ARRAY_SIZE(linktypes)];
	frame.data = data + 2;
	frame.caplen = size - 2;
	frame.len = frame.caplen + data[1];
	frame.dir = data[0] % 3;
	frame.ns = runs * 1000ull;
	roce_decode(&frame, &pkt);
	text_packet(null, &frame, &pkt, &opts);
	json_packet(null, &frame, &pkt, &opts);
	filter_packet(&filter, &frame, &pkt);
	stat_packet(stat, &frame, &pkt);
	if (runs % 4096 == 0)
		stat_print(stat, null, runs % 8192 == 0);
	return 0;
}
