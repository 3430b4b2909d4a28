/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_CAPTURE_H
#define RXEDUMP_CAPTURE_H

#include "options.h"
#include "shared.h"

struct capture;

typedef void (*capture_fn)(const struct frame *frame, void *arg);

struct capture *capture_open(const struct options *o, capture_fn fn, void *arg);
int capture_poll(struct capture *c, int timeout_ms);
/* detach, and deliver what is still in the buffer */
void capture_stop(struct capture *c);
void capture_close(struct capture *c);

unsigned int capture_nr_ifaces(const struct capture *c);
const struct iface *capture_iface(const struct capture *c, unsigned int i);
void capture_counts(const struct capture *c, unsigned int i,
		    uint64_t counts[NR_COUNTS + 1]);
/* What it takes to go on capturing: PRIV_... */
uint64_t capture_privileges(const struct options *o);
/* LINKTYPE_..., or -1: a kind that we cannot read, or no interface */
int capture_linktype(const char *dev);
/* Call fn for each interface that can be captured on: 0, or -1 and errno. */
int capture_each(void (*fn)(unsigned int ifindex, const char *name));

#endif
