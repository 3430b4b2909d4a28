/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which QPs are one connection, from the messages that made it one.
 */
#ifndef RXEDUMP_CONN_H
#define RXEDUMP_CONN_H

#include "roce.h"

struct conn_table;

/* Learn from a packet, or tell its source QP: sets @pkt->src_qpn. *@t is NULL
 * until there is something to know.
 */
void conn_packet(struct conn_table **t, struct roce_pkt *pkt);
void conn_free(struct conn_table *t);

#endif
