/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fragments of IP datagrams: which of the later ones are RoCE's?
 */
#ifndef RXEDUMP_FRAG_H
#define RXEDUMP_FRAG_H

#include "roce.h"

#define MAX_DATAGRAMS	256

struct frag_key {
	uint8_t src[16], dst[16];
	uint32_t ident;
	unsigned int ip_version;
};

/* RoCE's datagrams whose first fragment was seen; the oldest one makes room. */
struct frag_table {
	unsigned int nr, next;
	struct frag_key datagrams[MAX_DATAGRAMS];
};

bool frag_is_roce(struct frag_table *t, const struct roce_pkt *pkt);

#endif
