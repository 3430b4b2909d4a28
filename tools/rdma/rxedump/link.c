// SPDX-License-Identifier: GPL-2.0
/*
 * Link layers of capture files: up to the network layer.
 */
#include <string.h>
#include "decode.h"

#define ETH_LEN		14
#define VLAN_LEN	4
#define SLL_LEN		16
#define SLL2_LEN	20
#define SLL2_PKTTYPE	10
#define SLL_OUTGOING	4
#define FAMILY_LEN	4
#define HDLC_LEN	4

#define PPP_IPV4	0x0021
#define PPP_IPV6	0x0057
#define PPP_MPLS	0x0281
#define PPP_MPLS_MULTICAST	0x0283

static bool is_vlan(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

/* Any number of tags, one behind the other. */
static bool decode_vlans(struct roce_pkt *pkt, struct cursor *c,
			 uint16_t *type)
{
	pkt->vlans = c->p;
	pkt->nr_vlans = 0;
	while (is_vlan(*type)) {
		if (!have(pkt, c, VLAN_LEN, ROCE_NOT, "no VLAN tag"))
			return false;
		pkt->nr_vlans++;
		*type = get16(c->p + 2);
		skip(c, VLAN_LEN);
	}
	return true;
}

/* The TCI of tag number @i */
uint16_t roce_vlan(const uint8_t *vlans, unsigned int i)
{
	return get16(vlans + i * VLAN_LEN);
}

bool link_ethernet(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, ETH_LEN, ROCE_NOT, "no Ethernet header"))
		return false;
	memcpy(pkt->eth_dst, c->p, 6);
	memcpy(pkt->eth_src, c->p + 6, 6);
	*type = get16(c->p + 12);
	pkt->has_eth = true;
	skip(c, ETH_LEN);
	return decode_vlans(pkt, c, type);
}

static bool decode_sll(struct roce_pkt *pkt, struct cursor *c, uint16_t *type,
		       size_t len, size_t type_offset)
{
	if (!have(pkt, c, len, ROCE_NOT, "no cooked header"))
		return false;
	*type = get16(c->p + type_offset);
	skip(c, len);
	return decode_vlans(pkt, c, type);
}

/* By the version of IP. */
bool link_raw(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, 1, ROCE_NOT, "empty"))
		return false;
	*type = c->p[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	return true;
}

/* AF_INET6 is another number on each system. */
static uint16_t type_of_family(uint32_t family)
{
	switch (family) {
	case 2:
		return ETHERTYPE_IPV4;
	case 24:			/* NetBSD, OpenBSD */
	case 28:			/* FreeBSD */
	case 30:			/* Darwin */
		return ETHERTYPE_IPV6;
	default:
		return 0;
	}
}

/* In the byte order of whoever captured it; LOOP always has the network's. */
static bool decode_family(struct roce_pkt *pkt, struct cursor *c,
			  uint16_t *type)
{
	uint32_t family;

	if (!have(pkt, c, FAMILY_LEN, ROCE_NOT, "no address family"))
		return false;
	family = get32(c->p);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	*type = type_of_family(family);
	skip(c, FAMILY_LEN);
	return true;
}

static uint16_t type_of_ppp(uint16_t proto)
{
	switch (proto) {
	case PPP_IPV4:
		return ETHERTYPE_IPV4;
	case PPP_IPV6:
		return ETHERTYPE_IPV6;
	case PPP_MPLS:
		return ETHERTYPE_MPLS;
	case PPP_MPLS_MULTICAST:
		return ETHERTYPE_MPLS_MULTICAST;
	default:
		return 0;
	}
}

/**
 * link_ppp() - Decode a PPP header
 * @pkt: what is wrong goes here
 * @c: the header, with or without address and control; both may be compressed
 * @type: the Ethertype of what is behind, 0 if it has none
 *
 * Return: false if it is too short.
 */
bool link_ppp(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, 2, ROCE_NOT, "no PPP header"))
		return false;
	if (get16(c->p) == 0xff03)
		skip(c, 2);
	if (!have(pkt, c, 1, ROCE_NOT, "no PPP header"))
		return false;
	if (c->p[0] & 1) {
		*type = type_of_ppp(c->p[0]);
		skip(c, 1);
		return true;
	}
	if (!have(pkt, c, 2, ROCE_NOT, "no PPP header"))
		return false;
	*type = type_of_ppp(get16(c->p));
	skip(c, 2);
	return true;
}

/* A byte in front says who sent it. */
static bool decode_ppp_with_dir(struct roce_pkt *pkt, struct cursor *c,
				uint16_t *type)
{
	if (!have(pkt, c, 1, ROCE_NOT, "no PPP header"))
		return false;
	skip(c, 1);
	return link_ppp(pkt, c, type);
}

/* The byte of the address says who sent it. */
static bool decode_pppd(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, 2, ROCE_NOT, "no PPP header"))
		return false;
	skip(c, 2);
	return link_ppp(pkt, c, type);
}

/* Cisco's HDLC has an Ethertype, others have PPP. */
static bool decode_hdlc(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, HDLC_LEN, ROCE_NOT, "no HDLC header"))
		return false;
	if (c->p[0] == 0xff)
		return link_ppp(pkt, c, type);
	*type = get16(c->p + 2);
	skip(c, HDLC_LEN);
	return true;
}

/**
 * link_decode() - Decode the link header of a frame
 * @pkt: gets what the header says
 * @c: the frame, afterwards the network layer
 * @linktype: of the frame's interface
 * @type: the Ethertype of the network layer
 *
 * Return: false if it cannot be decoded.
 */
bool link_decode(struct roce_pkt *pkt, struct cursor *c, int linktype,
		 uint16_t *type)
{
	switch (linktype) {
	case LINKTYPE_ETHERNET:
		return link_ethernet(pkt, c, type);
	case LINKTYPE_LINUX_SLL:
		return decode_sll(pkt, c, type, SLL_LEN, 14);
	case LINKTYPE_LINUX_SLL2:
		return decode_sll(pkt, c, type, SLL2_LEN, 0);
	case LINKTYPE_RAW:
	case LINKTYPE_IPV4:
	case LINKTYPE_IPV6:
		return link_raw(pkt, c, type);
	case LINKTYPE_NULL:
	case LINKTYPE_LOOP:
		return decode_family(pkt, c, type);
	case LINKTYPE_PPP:
		return link_ppp(pkt, c, type);
	case LINKTYPE_PPP_PPPD:
		return decode_pppd(pkt, c, type);
	case LINKTYPE_PPP_WITH_DIR:
		return decode_ppp_with_dir(pkt, c, type);
	case LINKTYPE_PPP_HDLC:
	case LINKTYPE_C_HDLC:
		return decode_hdlc(pkt, c, type);
	default:
		pkt->unread_link = true;
		return give_up(pkt, ROCE_NOT, "unknown link type");
	}
}

/**
 * link_direction() - What a link header says of a frame's direction
 * @frame: the frame
 *
 * Return: the direction, DIR_UNKNOWN if the header has none.
 */
enum direction link_direction(const struct frame *frame)
{
	const uint8_t *p = frame->data;

	switch (frame->iface->linktype) {
	case LINKTYPE_LINUX_SLL:
		if (frame->caplen < SLL_LEN)
			return DIR_UNKNOWN;
		return get16(p) == SLL_OUTGOING ? DIR_OUT : DIR_IN;
	case LINKTYPE_LINUX_SLL2:
		if (frame->caplen < SLL2_LEN)
			return DIR_UNKNOWN;
		return p[SLL2_PKTTYPE] == SLL_OUTGOING ? DIR_OUT : DIR_IN;
	case LINKTYPE_PPP_WITH_DIR:
	case LINKTYPE_PPP_PPPD:
		if (!frame->caplen)
			return DIR_UNKNOWN;
		return p[0] ? DIR_OUT : DIR_IN;
	default:
		return DIR_UNKNOWN;
	}
}
