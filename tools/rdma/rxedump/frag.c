// SPDX-License-Identifier: GPL-2.0
/*
 * A later fragment has no port to tell by: it is RoCE's if the first fragment
 * of its datagram was.
 */
#include <string.h>
#include "frag.h"

static bool same_datagram(const struct frag_key *a, const struct roce_pkt *b)
{
	return a->ident == b->ident && a->ip_version == b->ip_version &&
	       !memcmp(a->src, b->src, 16) && !memcmp(a->dst, b->dst, 16);
}

static struct frag_key *find(struct frag_table *t, const struct roce_pkt *pkt)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		if (same_datagram(&t->datagrams[i], pkt))
			return &t->datagrams[i];
	return NULL;
}

static void remember(struct frag_table *t, const struct roce_pkt *pkt)
{
	struct frag_key *key = &t->datagrams[t->next];

	memcpy(key->src, pkt->src, sizeof(key->src));
	memcpy(key->dst, pkt->dst, sizeof(key->dst));
	key->ident = pkt->ident;
	key->ip_version = pkt->ip_version;
	t->next = (t->next + 1) % MAX_DATAGRAMS;
	if (t->nr < MAX_DATAGRAMS)
		t->nr++;
}

/* The number of a datagram is used again, for another port, too. */
static void forget(struct frag_key *key)
{
	if (key)
		key->ip_version = 0;
}

/**
 * frag_is_roce() - Take a packet into account
 * @t: the table
 * @pkt: a decoded packet
 *
 * Return: false if it is a later fragment of a datagram that is not RoCE, or of
 * one whose first fragment did not come before.
 */
bool frag_is_roce(struct frag_table *t, const struct roce_pkt *pkt)
{
	/* each protocol has numbers of its own */
	if (pkt->protocol != PROTO_UDP)
		return true;
	if (pkt->frag_offset)
		return pkt->kind != ROCE_FRAGMENT || find(t, pkt);
	if (!pkt->more_frags)
		return true;
	if (!pkt->has_udp || pkt->dport != ROCE_PORT)
		forget(find(t, pkt));
	else if (!find(t, pkt))
		remember(t, pkt);
	return true;
}
