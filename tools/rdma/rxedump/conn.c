// SPDX-License-Identifier: GPL-2.0
/*
 * A BTH names only the destination QP. A REQ and its REP name both QPs: from
 * then on a packet to one of them, from the other one's host, is from the other
 * one.
 */
#include <stdlib.h>
#include <string.h>
#include "cm.h"
#include "conn.h"

#define NR_BUCKETS	1024
#define MAX_CONNS	4096

struct conn_end {
	struct conn_end *next;		/* in its bucket */
	bool known;			/* and in its bucket */
	uint8_t addr[16];
	uint32_t qpn;
};

/* The active end sent the REQ. */
struct conn {
	uint32_t comm_id;		/* the active end's */
	struct conn_end active, passive;
};

/* The oldest one makes room. */
struct conn_table {
	unsigned int nr, next;
	struct conn conns[MAX_CONNS];
	struct conn_end *buckets[NR_BUCKETS];
};

static struct conn_end **bucket_of(struct conn_table *t, const uint8_t *addr,
				   uint32_t qpn)
{
	uint32_t hash = qpn;
	unsigned int i;

	for (i = 0; i < 16; i++)
		hash = hash * 31 + addr[i];
	return &t->buckets[(hash ^ hash >> 16) % NR_BUCKETS];
}

static void forget(struct conn_table *t, struct conn_end *end)
{
	struct conn_end **p = bucket_of(t, end->addr, end->qpn);

	if (!end->known)
		return;
	while (*p != end)
		p = &(*p)->next;
	*p = end->next;
	end->known = false;
}

/* The newest one is found first: numbers of QPs are used again. */
static void know(struct conn_table *t, struct conn_end *end, const uint8_t *addr,
		 uint32_t qpn)
{
	struct conn_end **bucket = bucket_of(t, addr, qpn);

	forget(t, end);
	memcpy(end->addr, addr, sizeof(end->addr));
	end->qpn = qpn;
	end->next = *bucket;
	end->known = true;
	*bucket = end;
}

static struct conn *by_comm_id(struct conn_table *t, const uint8_t *addr,
			       uint32_t comm_id)
{
	unsigned int i;

	/* from the newest one back */
	for (i = 1; i <= t->nr; i++) {
		struct conn *c = &t->conns[(t->next + MAX_CONNS - i) %
					   MAX_CONNS];

		if (c->comm_id == comm_id &&
		    !memcmp(c->active.addr, addr, sizeof(c->active.addr)))
			return c;
	}
	return NULL;
}

static void take_req(struct conn_table *t, const struct roce_pkt *pkt,
		     const struct cm_ends *ends)
{
	struct conn *c = by_comm_id(t, pkt->src, ends->comm_id);

	if (!c || c->active.qpn != ends->qpn) {
		c = &t->conns[t->next];
		t->next = (t->next + 1) % MAX_CONNS;
		if (t->nr < MAX_CONNS)
			t->nr++;
		forget(t, &c->active);
		forget(t, &c->passive);
	}
	c->comm_id = ends->comm_id;
	know(t, &c->active, pkt->src, ends->qpn);
}

static void take_rep(struct conn_table *t, const struct roce_pkt *pkt,
		     const struct cm_ends *ends)
{
	struct conn *c = by_comm_id(t, pkt->dst, ends->remote_comm_id);

	if (c)
		know(t, &c->passive, pkt->src, ends->qpn);
}

/* The other end of the connection with this one. */
static const struct conn_end *other_end(const struct conn_table *t,
					const struct conn_end *end)
{
	size_t offset = (const uint8_t *)end - (const uint8_t *)t->conns;
	const struct conn *c = &t->conns[offset / sizeof(*c)];

	return end == &c->active ? &c->passive : &c->active;
}

static void find_source(struct conn_table *t, struct roce_pkt *pkt)
{
	const struct conn_end *end, *other;

	for (end = *bucket_of(t, pkt->dst, pkt->qpn); end; end = end->next) {
		if (end->qpn != pkt->qpn ||
		    memcmp(end->addr, pkt->dst, sizeof(end->addr)))
			continue;
		other = other_end(t, end);
		if (!other->known ||
		    memcmp(other->addr, pkt->src, sizeof(other->addr)))
			continue;
		pkt->src_qpn = other->qpn;
		pkt->has_src_qpn = true;
		return;
	}
}

void conn_packet(struct conn_table **t, struct roce_pkt *pkt)
{
	struct cm_ends ends;

	if (pkt->mad && cm_ends(pkt, &ends)) {
		if (!*t)
			*t = calloc(1, sizeof(**t));
		if (*t && ends.rep)
			take_rep(*t, pkt, &ends);
		else if (*t)
			take_req(*t, pkt, &ends);
	} else if (*t && pkt->has_hdrs && !(pkt->op->is & OPC_UD)) {
		find_source(*t, pkt);
	}
}

void conn_free(struct conn_table *t)
{
	free(t);
}
