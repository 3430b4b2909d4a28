/* SPDX-License-Identifier: GPL-2.0 */
/*
 * While capturing, the kernel has a VLAN tag beside the frame, and we put it back
 * into the frame. libpcap, which looks into the kernel's frame, lets only the word
 * vlan look at such a tag: all else in an expression means what is behind it.
 */
#ifndef RXEDUMP_UNTAG_H
#define RXEDUMP_UNTAG_H

#include "frame.h"
#include "shared.h"

struct untag {
	bool wanted;		/* the expression does not ask for tags */
	struct frame frame;
	uint8_t data[MAX_EVENT_DATA];
};

void untag_init(struct untag *u, const char *expression);
/* What the expression is to look at; valid until the next call. */
const struct frame *untag(struct untag *u, const struct frame *frame);

#endif
