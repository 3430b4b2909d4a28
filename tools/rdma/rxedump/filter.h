/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_FILTER_H
#define RXEDUMP_FILTER_H

#include "roce.h"
#include "shared.h"

/* Parse an option's value; false after saying what is wrong with it. */
bool filter_add_qps(struct filter *f, const char *text);
bool filter_add_opcodes(struct filter *f, const char *text);
bool filter_add_hosts(struct filter *f, const char *text);
bool filter_set_psn(struct filter *f, const char *text);
bool filter_set_size(struct filter *f, const char *text);

bool filter_is_empty(const struct filter *f);
bool filter_packet(const struct filter *f, const struct frame *frame,
		   const struct roce_pkt *pkt);

/* A pcap-filter(7) expression, compiled for each link type as it comes. */
struct expression;

struct expression *expression_compile(const char *text);
bool expression_match(struct expression *e, const struct frame *frame);
bool expression_failed(const struct expression *e);
void expression_free(struct expression *e);

#endif
