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
	bool since_last, since_first;		/* -ttt, -ttttt */
	bool number, link;
	unsigned int hex, hex_ascii, ascii;	/* 2: with the link header */
};

void text_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts);
void json_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts);

void print_hex(FILE *out, const uint8_t *p, uint32_t len, bool ascii);

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
