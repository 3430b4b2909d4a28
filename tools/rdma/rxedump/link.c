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
uint16_t roce_vlan(const struct roce_pkt *pkt, unsigned int i)
{
	return get16(pkt->vlans + i * VLAN_LEN);
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

static bool decode_raw(struct roce_pkt *pkt, struct cursor *c, uint16_t *type)
{
	if (!have(pkt, c, 1, ROCE_NOT, "empty"))
		return false;
	*type = c->p[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
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
		return decode_raw(pkt, c, type);
	default:
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
	default:
		return DIR_UNKNOWN;
	}
}
