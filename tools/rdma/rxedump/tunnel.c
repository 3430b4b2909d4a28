// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnels: from an outer header to the network layer of the packet in it. A
 * header of a tunnel that does not keep to its format ends the decoding. What
 * we know by name only is named.
 */
#include <string.h>
#include "decode.h"

#define UDP_LEN			8
#define VXLAN_LEN		8
#define GENEVE_LEN		8
#define GRE_LEN			4
#define ERSPAN2_LEN		8
#define ERSPAN3_LEN		12
#define ERSPAN3_SUBHEADER_LEN	8
#define ETHERIP_LEN		2
#define LABEL_LEN		4
#define CONTROL_WORD_LEN	4
#define PPPOE_LEN		6

#define ETHERTYPE_TEB		0x6558	/* an Ethernet frame */
#define ETHERTYPE_PPPOE		0x8864
#define ETHERTYPE_PPTP		0x880b
#define ETHERTYPE_ERSPAN	0x88be
#define ETHERTYPE_ERSPAN3	0x22eb

#define GRE_CSUM	0x8000
#define GRE_ROUTING	0x4000
#define GRE_KEY		0x2000
#define GRE_SEQ		0x1000
#define GRE_ACK		0x0080
#define GRE_VERSION	0x0007

struct name {
	unsigned int number;
	const char *name;
};

static const struct name ethertypes[] = {
	{ 0x22f3, "TRILL" }, { 0x88e5, "MACsec" },
	{ 0x88e7, "provider backbone bridges" },
	{ 0x8915, "RoCE version 1" }, { 0x894f, "NSH" }, {}
};

static const struct name protocols[] = {
	{ 50, "ESP" }, { 108, "IPComp" }, { 115, "L2TP" }, {}
};

static const struct name ports[] = {
	{ 1701, "L2TP" }, { 2152, "GTP-U" }, { 3544, "Teredo" },
	{ 4341, "LISP" }, { 4500, "ESP in UDP" }, { 6080, "GUE" },
	{ 51820, "WireGuard" }, {}
};

static bool unread(struct roce_pkt *pkt, const char *name)
{
	pkt->unread_tunnel = name;
	return give_up(pkt, ROCE_NOT, "a tunnel that is not read");
}

/* None of those that are decoded: perhaps one that has a name. */
static bool other(struct roce_pkt *pkt, const struct name *names,
		  unsigned int number, const char *why)
{
	for (; names->name; names++)
		if (names->number == number)
			return unread(pkt, names->name);
	return give_up(pkt, ROCE_NOT, why);
}

/* What was in front of the tunnel is its outer header from now on. */
static bool enter(struct roce_pkt *pkt, const char *name, const char *id_name,
		  uint32_t id)
{
	if (pkt->nr_tunnels == MAX_TUNNELS)
		return unread(pkt, "more than 8 tunnels, one in another");
	if (pkt->more_frags)
		return unread(pkt, "tunnels whose datagram is in fragments");
	pkt->tunnels[pkt->nr_tunnels++] = (struct roce_tunnel){
		.name = name, .id_name = id_name, .id = id,
		.nr_vlans = pkt->nr_vlans, .vlans = pkt->vlans,
		.ip_version = pkt->has_ip ? pkt->ip_version : 0,
		.ip = pkt->ip, .has_ah = pkt->has_ah, .ah_spi = pkt->ah_spi,
	};
	pkt->nr_vlans = 0;
	pkt->has_ip = false;
	pkt->has_udp = false;
	pkt->has_ah = false;
	return true;
}

uint32_t roce_label(const struct roce_tunnel *t, unsigned int i)
{
	return get24(t->labels + i * LABEL_LEN) >> 4;
}

const uint8_t *roce_outer_src(const struct roce_tunnel *t)
{
	return t->ip + (t->ip_version == 6 ? 8 : 12);
}

const uint8_t *roce_outer_dst(const struct roce_tunnel *t)
{
	return t->ip + (t->ip_version == 6 ? 24 : 16);
}

/* Up to the label at the bottom of the stack. Nothing says what is behind. */
static bool enter_mpls(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	struct roce_tunnel *t;
	bool bottom = false;

	if (!enter(pkt, "mpls", NULL, 0))
		return false;
	t = &pkt->tunnels[pkt->nr_tunnels - 1];
	for (t->labels = c->p; !bottom; t->nr_labels++) {
		if (!have(pkt, c, LABEL_LEN, ROCE_NOT, "no MPLS label"))
			return false;
		bottom = c->p[2] & 1;
		skip(c, LABEL_LEN);
	}
	if (!have(pkt, c, 2, ROCE_NOT, "nothing behind MPLS"))
		return false;
	if (c->p[0] >> 4 == 4 || c->p[0] >> 4 == 6) {
		*type = c->p[0] >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
		return true;
	}
	/* a pseudowire: a control word has a reserved half in front */
	if (!get16(c->p)) {
		if (!have(pkt, c, CONTROL_WORD_LEN, ROCE_NOT,
			  "no control word"))
			return false;
		skip(c, CONTROL_WORD_LEN);
	}
	return link_ethernet(pkt, c, type);
}

static bool enter_pppoe(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	size_t len;

	if (!have(pkt, c, PPPOE_LEN, ROCE_NOT, "no PPPoE header"))
		return false;
	if (get16(c->p) != 0x1100)
		return give_up(pkt, ROCE_NOT, "not PPPoE");
	if (!enter(pkt, "pppoe", "session", get16(c->p + 2)))
		return false;
	len = get16(c->p + 4);
	skip(c, PPPOE_LEN);
	limit(c, len);
	return link_ppp(pkt, c, type);
}

/**
 * tunnel_of_type() - Decode what is between a link header and an IP header
 * @pkt: gets the tunnels
 * @c: behind the link header; afterwards the IP header
 * @type: the Ethertype; afterwards that of the IP header
 *
 * Return: false if there is no IP header.
 */
bool tunnel_of_type(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	for (;;) {
		switch (*type) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return true;
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_MULTICAST:
			if (!enter_mpls(pkt, c, type))
				return false;
			break;
		case ETHERTYPE_PPPOE:
			if (!enter_pppoe(pkt, c, type))
				return false;
			break;
		default:
			return other(pkt, ethertypes, *type, "not IP");
		}
	}
}

/* The switch had no room for all of the frame, as a capture with -s. */
static void cut_by_switch(struct cursor *c)
{
	c->wire += UINT16_MAX;
}

static bool enter_erspan2(struct roce_pkt *pkt, struct cursor *c,
			  uint16_t *type)
{
	if (!have(pkt, c, ERSPAN2_LEN, ROCE_NOT, "no ERSPAN header"))
		return false;
	if (c->p[0] >> 4 != 1)
		return give_up(pkt, ROCE_NOT, "not ERSPAN");
	if (!enter(pkt, "erspan2", "session", get16(c->p + 2) & 0x3ff))
		return false;
	if (c->p[2] & 4)
		cut_by_switch(c);
	skip(c, ERSPAN2_LEN);
	return link_ethernet(pkt, c, type);
}

static bool enter_erspan3(struct roce_pkt *pkt, struct cursor *c,
			  uint16_t *type)
{
	unsigned int kind;
	size_t len;

	if (!have(pkt, c, ERSPAN3_LEN, ROCE_NOT, "no ERSPAN header"))
		return false;
	if (c->p[0] >> 4 != 2)
		return give_up(pkt, ROCE_NOT, "not ERSPAN");
	kind = c->p[10] >> 2 & 31;
	len = ERSPAN3_LEN + (c->p[11] & 1 ? ERSPAN3_SUBHEADER_LEN : 0);
	if (!have(pkt, c, len, ROCE_NOT, "no ERSPAN header") ||
	    !enter(pkt, "erspan3", "session", get16(c->p + 2) & 0x3ff))
		return false;
	if (c->p[2] & 4)
		cut_by_switch(c);
	skip(c, len);
	if (!kind)
		return link_ethernet(pkt, c, type);
	if (kind != 2)
		return give_up(pkt, ROCE_NOT, "not Ethernet in ERSPAN");
	return link_raw(pkt, c, type);
}

/* What GRE or Geneve carries, by its Ethertype. */
static bool enter_payload(struct roce_pkt *pkt, struct cursor *c,
			  uint16_t *type)
{
	if (*type == ETHERTYPE_TEB)
		return link_ethernet(pkt, c, type);
	return true;
}

/* Of PPTP: the key is a length and the number of a call. */
static bool enter_pptp(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	unsigned int flags = get16(c->p);
	size_t len = GRE_LEN + 4;

	len += flags & GRE_SEQ ? 4 : 0;
	len += flags & GRE_ACK ? 4 : 0;
	if (!have(pkt, c, len, ROCE_NOT, "no GRE header"))
		return false;
	if (*type != ETHERTYPE_PPTP || !(flags & GRE_KEY))
		return give_up(pkt, ROCE_NOT, "not GRE");
	if (!enter(pkt, "pptp", "call", get16(c->p + 6)))
		return false;
	skip(c, len);
	return link_ppp(pkt, c, type);
}

/* The first type of ERSPAN has no header of its own, and no number. */
static bool enter_erspan(struct roce_pkt *pkt, struct cursor *c, uint16_t *type,
			 unsigned int flags)
{
	if (*type == ETHERTYPE_ERSPAN3)
		return enter_erspan3(pkt, c, type);
	if (flags & GRE_SEQ)
		return enter_erspan2(pkt, c, type);
	if (!enter(pkt, "erspan1", NULL, 0))
		return false;
	return link_ethernet(pkt, c, type);
}

static bool enter_gre(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	size_t len = GRE_LEN, key_at;
	unsigned int flags;
	bool key;

	if (!have(pkt, c, GRE_LEN, ROCE_NOT, "no GRE header"))
		return false;
	flags = get16(c->p);
	*type = get16(c->p + 2);
	if ((flags & GRE_VERSION) == 1)
		return enter_pptp(pkt, c, type);
	if (flags & GRE_VERSION)
		return give_up(pkt, ROCE_NOT, "not GRE");
	if (flags & GRE_ROUTING)
		return unread(pkt, "GRE with a route");
	key = flags & GRE_KEY;
	len += flags & GRE_CSUM ? 4 : 0;
	key_at = len;
	len += key ? 4 : 0;
	len += flags & GRE_SEQ ? 4 : 0;
	if (!have(pkt, c, len, ROCE_NOT, "no GRE header"))
		return false;
	if (*type == ETHERTYPE_ERSPAN || *type == ETHERTYPE_ERSPAN3) {
		skip(c, len);
		return enter_erspan(pkt, c, type, flags);
	}
	if (!enter(pkt, "gre", key ? "key" : NULL,
		   key ? get32(c->p + key_at) : 0))
		return false;
	skip(c, len);
	return enter_payload(pkt, c, type);
}

static bool enter_ip(struct roce_pkt *pkt, uint16_t inner, uint16_t *type)
{
	bool inner4 = inner == ETHERTYPE_IPV4;

	*type = inner;
	if (pkt->ip_version == 4)
		return enter(pkt, inner4 ? "4in4" : "6in4", NULL, 0);
	return enter(pkt, inner4 ? "4in6" : "6in6", NULL, 0);
}

static bool enter_etherip(struct roce_pkt *pkt, struct cursor *c,
			  uint16_t *type)
{
	if (!have(pkt, c, ETHERIP_LEN, ROCE_NOT, "no EtherIP header"))
		return false;
	if (get16(c->p) != 0x3000)
		return give_up(pkt, ROCE_NOT, "not EtherIP");
	if (!enter(pkt, "etherip", NULL, 0))
		return false;
	skip(c, ETHERIP_LEN);
	return link_ethernet(pkt, c, type);
}

/**
 * tunnel_of_protocol() - Decode a tunnel that is an IP protocol
 * @pkt: gets the tunnel
 * @c: behind the IP header; afterwards what is in the tunnel
 * @protocol: the IP protocol
 * @type: gets the Ethertype of what is in the tunnel
 *
 * Return: false if it is none, or cannot be decoded.
 */
bool tunnel_of_protocol(struct roce_pkt *pkt, struct cursor *c,
			unsigned int protocol, uint16_t *type)
{
	if (pkt->frag_offset)
		return give_up(pkt, ROCE_NOT, "not UDP");
	switch (protocol) {
	case 4:
		return enter_ip(pkt, ETHERTYPE_IPV4, type);
	case 41:
		return enter_ip(pkt, ETHERTYPE_IPV6, type);
	case 47:
		return enter_gre(pkt, c, type);
	case 97:
		return enter_etherip(pkt, c, type);
	case 137:
		*type = ETHERTYPE_MPLS;
		return enter(pkt, "mpls-in-ip", NULL, 0);
	case 143:
		return enter(pkt, "ethernet-in-ip", NULL, 0) &&
		       link_ethernet(pkt, c, type);
	default:
		return other(pkt, protocols, protocol, "not UDP");
	}
}

static bool enter_vxlan(struct roce_pkt *pkt, struct cursor *c, uint16_t *type,
			bool generic)
{
	unsigned int next = 3;

	if (!have(pkt, c, VXLAN_LEN, ROCE_NOT, "no VXLAN header"))
		return false;
	if (!(c->p[0] & 8))
		return give_up(pkt, ROCE_NOT, "not VXLAN");
	if (generic && c->p[0] & 4)
		next = c->p[3];
	if (!enter(pkt, generic ? "vxlan-gpe" : "vxlan", "vni",
		   get24(c->p + 4)))
		return false;
	skip(c, VXLAN_LEN);
	switch (next) {
	case 1:
		*type = ETHERTYPE_IPV4;
		return true;
	case 2:
		*type = ETHERTYPE_IPV6;
		return true;
	case 3:
		return link_ethernet(pkt, c, type);
	default:
		return unread(pkt, "VXLAN-GPE with neither Ethernet nor IP");
	}
}

static bool enter_geneve(struct roce_pkt *pkt, struct cursor *c,
			 uint16_t *type)
{
	size_t len;

	if (!have(pkt, c, GENEVE_LEN, ROCE_NOT, "no Geneve header"))
		return false;
	len = GENEVE_LEN + (c->p[0] & 0x3f) * 4;
	if (c->p[0] >> 6)
		return give_up(pkt, ROCE_NOT, "not Geneve");
	if (!have(pkt, c, len, ROCE_NOT, "no Geneve options") ||
	    !enter(pkt, "geneve", "vni", get24(c->p + 4)))
		return false;
	*type = get16(c->p + 2);
	skip(c, len);
	return enter_payload(pkt, c, type);
}

/**
 * tunnel_of_port() - Decode a tunnel over UDP
 * @pkt: its UDP header is decoded; gets the tunnel
 * @c: the UDP header; afterwards what is in the tunnel
 * @type: gets the Ethertype of what is in the tunnel
 *
 * Return: false if the port is of none, or it cannot be decoded.
 */
bool tunnel_of_port(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (pkt->udp_len >= UDP_LEN)
		limit(c, pkt->udp_len);
	skip(c, UDP_LEN);
	switch (pkt->dport) {
	case 4789:
	case 8472:		/* Linux' until told otherwise */
		return enter_vxlan(pkt, c, type, false);
	case 4790:
		return enter_vxlan(pkt, c, type, true);
	case 6081:
		return enter_geneve(pkt, c, type);
	case 4754:
		return enter_gre(pkt, c, type);
	case 6635:
		*type = ETHERTYPE_MPLS;
		return enter(pkt, "mpls-in-udp", NULL, 0);
	default:
		return other(pkt, ports, pkt->dport, "another UDP port");
	}
}
