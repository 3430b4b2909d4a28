/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tcpdump's users have around a packet: its number, times that are relative to
 * other packets, its bytes.
 */
#ifndef RXEDUMP_SHOW_H
#define RXEDUMP_SHOW_H

#include "print.h"

struct show {
	uint64_t nr;
	int64_t first_ns, last_ns;
};

void show_before(struct show *show, FILE *out, const struct frame *frame,
		 const struct print_opts *opts);
void show_after(FILE *out, const struct frame *frame,
		const struct roce_pkt *pkt, const struct print_opts *opts);

#endif
