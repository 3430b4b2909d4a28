// SPDX-License-Identifier: GPL-2.0
/*
 * What a capture file has and we do not decode: how many frames of which link
 * type of which interface, and of which tunnel. To be silent about these would
 * say that there is no RoCE in them.
 */
#include <pcap/pcap.h>
#include <string.h>
#include "say.h"
#include "unread.h"

static bool same(const struct unread_entry *a, const struct unread_entry *b)
{
	if (a->tunnel || b->tunnel)
		return a->tunnel && b->tunnel && !strcmp(a->tunnel, b->tunnel);
	return a->linktype == b->linktype && !strcmp(a->iface, b->iface);
}

static void count(struct unread *u, const struct unread_entry *entry)
{
	unsigned int i;

	u->frames++;
	for (i = 0; i < u->nr && !same(&u->entries[i], entry); i++)
		;
	if (i == MAX_UNREAD) {
		u->others++;
		return;
	}
	if (i == u->nr)
		u->entries[u->nr++] = *entry;
	u->entries[i].frames++;
}

/* A frame of @iface, whose link type is none of ours. */
void unread_link(struct unread *u, const struct iface *iface)
{
	struct unread_entry entry = { .linktype = iface->linktype };

	memcpy(entry.iface, iface->name, sizeof(entry.iface));
	count(u, &entry);
}

/* A frame of a tunnel of this name, or in one. */
void unread_tunnel(struct unread *u, const char *name)
{
	struct unread_entry entry = { .tunnel = name };

	count(u, &entry);
}

static void say_entry(const struct unread_entry *e, const char *file)
{
	unsigned long long frames = e->frames;
	const char *name = pcap_datalink_val_to_name(e->linktype);

	if (e->tunnel)
		say("%s: not decoded: %llu frames of %s", file, frames,
		    e->tunnel);
	else
		say("%s: not decoded: %llu frames%s%s of link type %d%s%s%s",
		    file, frames, e->iface[0] ? " of interface " : "", e->iface,
		    e->linktype, name ? " (" : "", name ? name : "",
		    name ? ")" : "");
}

/**
 * unread_say() - Say what was not decoded
 * @u: the counts
 * @file: what is being read
 */
void unread_say(const struct unread *u, const char *file)
{
	unsigned int i;

	for (i = 0; i < u->nr; i++)
		say_entry(&u->entries[i], file);
	if (u->others)
		say("%s: not decoded: %llu frames of more kinds", file,
		    (unsigned long long)u->others);
}
