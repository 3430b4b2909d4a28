/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the decoder share: the bytes that are left of a frame.
 */
#ifndef RXEDUMP_DECODE_H
#define RXEDUMP_DECODE_H

#include "roce.h"

#define ETHERTYPE_IPV4	0x0800
#define ETHERTYPE_IPV6	0x86dd
#define ETHERTYPE_MPLS	0x8847
#define ETHERTYPE_MPLS_MULTICAST	0x8848

/* The bytes that are left, and how many there were on the wire. */
struct cursor {
	const uint8_t *p;
	size_t cap;
	size_t wire;
};

static inline uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get24(const uint8_t *p)
{
	return p[0] << 16 | p[1] << 8 | p[2];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | get24(p + 1);
}

static inline bool give_up(struct roce_pkt *pkt, enum roce_kind kind,
			   const char *why)
{
	pkt->kind = kind;
	pkt->why = why;
	return false;
}

/* Are the next bytes here? If not, was that the capture or the frame? */
static inline bool have(struct roce_pkt *pkt, struct cursor *c, size_t len,
			enum roce_kind kind, const char *why)
{
	if (len <= c->cap)
		return true;
	if (len <= c->wire)
		return give_up(pkt, ROCE_CUT, "the capture ends in the headers");
	return give_up(pkt, kind, why);
}

static inline void skip(struct cursor *c, size_t len)
{
	c->p += len;
	c->cap -= len;
	c->wire -= len;
}

/* A header said how long the rest is: what is behind is padding. */
static inline void limit(struct cursor *c, size_t len)
{
	if (c->wire > len)
		c->wire = len;
	if (c->cap > len)
		c->cap = len;
}

/* link.c: up to the network layer, whose Ethertype goes to @type */
bool link_decode(struct roce_pkt *pkt, struct cursor *c, int linktype,
		 uint16_t *type);
bool link_ppp(struct roce_pkt *pkt, struct cursor *c, uint16_t *type);
bool link_ethernet(struct roce_pkt *pkt, struct cursor *c, uint16_t *type);
bool link_raw(struct roce_pkt *pkt, struct cursor *c, uint16_t *type);

/* tunnel.c: into a tunnel, up to its network layer, whose Ethertype goes to @type */
bool tunnel_of_type(struct roce_pkt *pkt, struct cursor *c, uint16_t *type);
bool tunnel_of_protocol(struct roce_pkt *pkt, struct cursor *c,
			unsigned int protocol, uint16_t *type);
bool tunnel_of_port(struct roce_pkt *pkt, struct cursor *c, uint16_t *type);

#endif
