/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_STAT_H
#define RXEDUMP_STAT_H

#include <stdio.h>
#include "roce.h"

struct stat_table;

struct stat_table *stat_new(void);
void stat_packet(struct stat_table *t, const struct frame *frame,
		 const struct roce_pkt *pkt);
void stat_print(const struct stat_table *t, FILE *out, bool json);
void stat_free(struct stat_table *t);

#endif
