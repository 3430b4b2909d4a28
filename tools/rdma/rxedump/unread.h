/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a capture file has and we do not decode, by name.
 */
#ifndef RXEDUMP_UNREAD_H
#define RXEDUMP_UNREAD_H

#include "roce.h"

#define MAX_UNREAD	64

struct unread_entry {
	char iface[IFACE_NAME_LEN];	/* of a link type */
	int linktype;
	const char *tunnel;		/* NULL: it is the link type */
	uint64_t frames;
};

struct unread {
	unsigned int nr;
	uint64_t frames;		/* all of them */
	uint64_t others;		/* frames that found no entry */
	struct unread_entry entries[MAX_UNREAD];
};

void unread_link(struct unread *u, const struct iface *iface);
void unread_tunnel(struct unread *u, const char *name);
void unread_say(const struct unread *u, const char *file);

#endif
