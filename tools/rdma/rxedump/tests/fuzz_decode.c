// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a frame, through decoder, printers, filter and statistics, and
 * through what cuts chains. The first byte chooses the link type, the second how
 * much was cut off, the two behind the first 60 how long a first packet is.
 */
#include <stdio.h>
#include <stdlib.h>
#include "chain.h"
#include "conn.h"
#include "filter.h"
#include "frag.h"
#include "print.h"
#include "show.h"
#include "stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each packet of a chain is one of the frame's parts, and is cut no more. */
static void cut(const struct frame *whole, const struct roce_pkt *whole_pkt,
		uint32_t gso_size)
{
	static struct chain chain;
	struct roce_pkt pkt;
	struct frame frame;
	uint32_t sum = 0;

	if (gso_size ? !chain_begin(&chain, whole, gso_size) :
	    !chain_find(&chain, whole, whole_pkt))
		return;
	while (chain_next(&chain, &frame)) {
		roce_decode(&frame, &pkt);
		if (frame.caplen > frame.len || !pkt.has_bth ||
		    (gso_size && !sum && pkt.udp_len != 8 + gso_size))
			abort();
		sum += pkt.udp_len - 8;
	}
	if (sum != whole_pkt->udp_len - 8u || chain.nr < 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int linktypes[] = {
		LINKTYPE_ETHERNET, LINKTYPE_RAW, LINKTYPE_LINUX_SLL,
		LINKTYPE_LINUX_SLL2, LINKTYPE_IPV6, LINKTYPE_NULL,
		LINKTYPE_LOOP, LINKTYPE_PPP, LINKTYPE_PPP_HDLC,
		LINKTYPE_PPP_PPPD, LINKTYPE_PPP_WITH_DIR, 127,
	};
	static const struct print_opts opts = {
		.verbose = 2, .link = true, .hex = 1,
	};
	static const struct print_opts ascii = { .ascii = 1 };
	static struct stat_table *stat;
	static struct frag_table frags;
	static struct conn_table *conns;
	static unsigned int runs;
	static FILE *null;
	struct iface iface = { .name = "fuzz" };
	struct filter filter = { .by_psn = 1, .psn_last = 1000, .nr_hosts = 1 };
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
	frame.dir = link_direction(&frame);
	if (frame.dir == DIR_UNKNOWN)
		frame.dir = data[0] % 3;
	frame.ns = runs * 1000ull;
	roce_decode(&frame, &pkt);
	conn_packet(&conns, &pkt);
	text_packet(null, &frame, &pkt, &opts);
	show_after(null, &frame, &pkt, &opts);
	show_after(null, &frame, &pkt, &ascii);
	json_packet(null, &frame, &pkt, &opts);
	filter_packet(&filter, &frame, &pkt);
	frag_is_roce(&frags, &pkt);
	stat_packet(stat, &frame, &pkt);
	cut(&frame, &pkt, 0);
	if (size > 64)
		cut(&frame, &pkt, data[62] << 8 | data[63]);
	if (runs % 4096 == 0)
		stat_print(stat, null, runs % 8192 == 0);
	return 0;
}
