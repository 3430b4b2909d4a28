// SPDX-License-Identifier: GPL-2.0
/*
 * What an expression sees of a frame that has a VLAN tag.
 */
#include <ctype.h>
#include <string.h>
#include "untag.h"

#define MACS_LEN	12
#define VLAN_LEN	4

/* of a word or a name */
static bool goes_on(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.", c));
}

static bool mentions_vlan(const char *text)
{
	const char *at = text;

	while ((at = strstr(at, "vlan"))) {
		if ((at == text || !goes_on(at[-1])) && !goes_on(at[4]))
			return true;
		at += 4;
	}
	return false;
}

void untag_init(struct untag *u, const char *expression)
{
	u->wanted = !mentions_vlan(expression);
}

const struct frame *untag(struct untag *u, const struct frame *frame)
{
	uint32_t caplen = frame->caplen - VLAN_LEN;

	if (!u->wanted || !frame->tag_put_back || caplen > sizeof(u->data) ||
	    frame->caplen < MACS_LEN + VLAN_LEN)
		return frame;
	u->frame = *frame;
	u->frame.len -= VLAN_LEN;
	u->frame.caplen = caplen;
	u->frame.data = u->data;
	memcpy(u->data, frame->data, MACS_LEN);
	memcpy(u->data + MACS_LEN, frame->data + MACS_LEN + VLAN_LEN,
	       caplen - MACS_LEN);
	return &u->frame;
}
