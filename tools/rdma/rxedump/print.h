/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_PRINT_H
#define RXEDUMP_PRINT_H

#include <netinet/in.h>
#include <stdio.h>
#include "roce.h"

/* as tcpdump's -t, -tt, -tttt */
enum time_style { TIME_DAY, TIME_NONE, TIME_EPOCH, TIME_DATE };

struct print_opts {
	enum time_style time;
	unsigned int verbose;
};

void text_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts);
void json_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts);

/* both printers' */
void print_epoch(FILE *out, int64_t ns);
void print_json_string(FILE *out, const char *s);
const char *print_addr(const struct roce_pkt *pkt, const uint8_t *addr,
		       char *buf, size_t size);
void print_outer(const struct roce_tunnel *t, char src[INET6_ADDRSTRLEN],
		 char dst[INET6_ADDRSTRLEN]);
const char *print_dir(enum direction dir);
const char *print_icrc(enum icrc_state state);

#endif
