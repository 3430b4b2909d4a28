/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of the connection manager: how two QPs become a connection.
 */
#ifndef RXEDUMP_CM_H
#define RXEDUMP_CM_H

#include <stdio.h>
#include "roce.h"

/* Sets @pkt->mad if its payload is a management datagram. */
void cm_find(struct roce_pkt *pkt);

/* What a REQ or a REP says of the end that sent it. */
struct cm_ends {
	bool rep;
	uint32_t comm_id;
	uint32_t remote_comm_id;	/* of a REP */
	uint32_t qpn;
};

/* false: it is neither of them, or was not captured so far */
bool cm_ends(const struct roce_pkt *pkt, struct cm_ends *ends);

/* If it has one: in a line, all of its fields, as members of an object */
void cm_line(FILE *out, const struct roce_pkt *pkt);
void cm_all(FILE *out, const struct roce_pkt *pkt);
void cm_json(FILE *out, const struct roce_pkt *pkt);

#endif
