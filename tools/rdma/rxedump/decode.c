// SPDX-License-Identifier: GPL-2.0
/*
 * From a frame to the fields of a RoCE v2 packet. Each header is looked at
 * only when all of it was captured; what contradicts itself is said, not
 * guessed at.
 */
#include <string.h>
#include "cm.h"
#include "decode.h"

#define IPV4_LEN	20
#define IPV6_LEN	40
#define UDP_LEN		8
#define AH_LEN		12
#define PROTO_AH	51

#define MAX_IPV6_EXTENSIONS	8

/* It proves who sent the packet, and hides nothing. */
static bool decode_ah(struct roce_pkt *pkt, struct cursor *c)
{
	size_t len;

	if (!have(pkt, c, AH_LEN, ROCE_NOT, "no authentication header"))
		return false;
	len = (c->p[1] + 2) * 4;
	if (len < AH_LEN)
		return give_up(pkt, ROCE_NOT, "not an authentication header");
	if (!have(pkt, c, len, ROCE_NOT, "no authentication header"))
		return false;
	pkt->protocol = c->p[0];
	pkt->has_ah = true;
	pkt->ah_spi = get32(c->p + 4);
	skip(c, len);
	return true;
}

static bool decode_ipv4(struct roce_pkt *pkt, struct cursor *c)
{
	size_t ihl, total;
	uint16_t frag;

	if (!have(pkt, c, IPV4_LEN, ROCE_NOT, "no IP header"))
		return false;
	ihl = (c->p[0] & 15) * 4;
	total = get16(c->p + 2);
	if (c->p[0] >> 4 != 4 || ihl < IPV4_LEN || total < ihl)
		return give_up(pkt, ROCE_NOT, "lengths of the IP header");
	pkt->ip_version = 4;
	pkt->dsfield = c->p[1];
	pkt->ttl = c->p[8];
	pkt->protocol = c->p[9];
	pkt->ident = get16(c->p + 4);
	pkt->has_ident = true;
	frag = get16(c->p + 6);
	pkt->df = frag & 0x4000;
	pkt->more_frags = frag & 0x2000;
	pkt->frag_offset = (frag & 0x1fff) * 8;
	/* inside of IPv6 there is something in all of their bytes */
	memset(pkt->src, 0, sizeof(pkt->src));
	memset(pkt->dst, 0, sizeof(pkt->dst));
	memcpy(pkt->src, c->p + 12, 4);
	memcpy(pkt->dst, c->p + 16, 4);
	pkt->has_ip = true;
	pkt->overlong = total > c->wire;
	limit(c, total);
	if (!have(pkt, c, ihl, ROCE_NOT, "no IP options"))
		return false;
	skip(c, ihl);
	if (pkt->protocol == PROTO_AH && !pkt->frag_offset)
		return decode_ah(pkt, c);
	return true;
}

static bool decode_ipv6_frag(struct roce_pkt *pkt, struct cursor *c)
{
	uint16_t frag;

	if (!have(pkt, c, 8, ROCE_NOT, "no fragment header"))
		return false;
	frag = get16(c->p + 2);
	pkt->more_frags = frag & 1;
	pkt->frag_offset = frag & 0xfff8;
	pkt->ident = get32(c->p + 4);
	pkt->has_ident = true;
	return true;
}

/* Extension headers, up to what is none. */
static bool decode_extensions(struct roce_pkt *pkt, struct cursor *c)
{
	unsigned int n;
	uint8_t next;
	size_t len;

	for (n = 0; !pkt->frag_offset; n++) {
		next = pkt->protocol;
		if (next != 0 && next != 43 && next != 44 && next != 60 &&
		    next != PROTO_AH)
			return true;
		if (n == MAX_IPV6_EXTENSIONS)
			return give_up(pkt, ROCE_NOT, "not UDP");
		if (next == PROTO_AH) {
			if (!decode_ah(pkt, c))
				return false;
			continue;
		}
		if (!have(pkt, c, 8, ROCE_NOT, "no extension header"))
			return false;
		if (next == 44 && !decode_ipv6_frag(pkt, c))
			return false;
		len = next == 44 ? 8 : (c->p[1] + 1) * 8;
		pkt->protocol = c->p[0];
		if (!have(pkt, c, len, ROCE_NOT, "no extension header"))
			return false;
		skip(c, len);
	}
	return true;
}

static bool decode_ipv6(struct roce_pkt *pkt, struct cursor *c)
{
	size_t len;

	if (!have(pkt, c, IPV6_LEN, ROCE_NOT, "no IP header"))
		return false;
	len = get16(c->p + 4);
	if (c->p[0] >> 4 != 6)
		return give_up(pkt, ROCE_NOT, "lengths of the IP header");
	pkt->ip_version = 6;
	pkt->dsfield = get16(c->p) >> 4;
	pkt->flow = get32(c->p) & 0xfffff;
	pkt->protocol = c->p[6];
	pkt->ttl = c->p[7];
	memcpy(pkt->src, c->p + 8, 16);
	memcpy(pkt->dst, c->p + 24, 16);
	pkt->has_ip = true;
	/* inside of IPv4, which has them */
	pkt->has_ident = false;
	pkt->df = false;
	pkt->overlong = IPV6_LEN + len > c->wire;
	limit(c, IPV6_LEN + len);
	skip(c, IPV6_LEN);
	return decode_extensions(pkt, c);
}

static bool decode_udp_header(struct roce_pkt *pkt, struct cursor *c)
{
	pkt->udp = c->p;
	if (pkt->frag_offset)
		return give_up(pkt, ROCE_FRAGMENT,
			       "a later fragment of a datagram");
	if (!have(pkt, c, UDP_LEN, ROCE_NOT, "no UDP header"))
		return false;
	pkt->sport = get16(c->p);
	pkt->dport = get16(c->p + 2);
	pkt->udp_len = get16(c->p + 4);
	pkt->udp_csum = get16(c->p + 6);
	pkt->has_udp = true;
	return true;
}

/* Through what tunnels there are, to the UDP header of a packet. */
static bool decode_ip(struct roce_pkt *pkt, struct cursor *c, uint16_t type)
{
	for (;;) {
		if (!tunnel_of_type(pkt, c, &type))
			return false;
		pkt->ip = c->p;
		if (type == ETHERTYPE_IPV4 ? !decode_ipv4(pkt, c) :
					     !decode_ipv6(pkt, c))
			return false;
		if (pkt->protocol != PROTO_UDP) {
			if (!tunnel_of_protocol(pkt, c, pkt->protocol, &type))
				return false;
			continue;
		}
		if (!decode_udp_header(pkt, c))
			return false;
		if (pkt->dport == ROCE_PORT)
			return true;
		if (!tunnel_of_port(pkt, c, &type))
			return false;
	}
}

static bool decode_udp(struct roce_pkt *pkt, struct cursor *c)
{
	if (pkt->overlong)
		return give_up(pkt, ROCE_BAD, "IP length");
	if (pkt->more_frags)
		return give_up(pkt, ROCE_FRAGMENT,
			       "the first fragment of a datagram");
	if (pkt->udp_len < UDP_LEN || pkt->udp_len > c->wire)
		return give_up(pkt, ROCE_BAD, "UDP length");
	limit(c, pkt->udp_len);
	skip(c, UDP_LEN);
	return true;
}

static bool decode_bth(struct roce_pkt *pkt, struct cursor *c)
{
	if (!have(pkt, c, BTH_LEN, ROCE_BAD, "too short for a BTH"))
		return false;
	pkt->opcode = c->p[0];
	pkt->op = &roce_opcodes[pkt->opcode];
	pkt->se = c->p[1] & 0x80;
	pkt->mig = c->p[1] & 0x40;
	pkt->pad = c->p[1] >> 4 & 3;
	pkt->tver = c->p[1] & 15;
	pkt->pkey = get16(c->p + 2);
	pkt->fecn = c->p[4] & 0x80;
	pkt->becn = c->p[4] & 0x40;
	pkt->qpn = get24(c->p + 5);
	pkt->ack_req = c->p[8] & 0x80;
	pkt->psn = get24(c->p + 9);
	pkt->has_bth = true;
	skip(c, BTH_LEN);
	return true;
}

static bool decode_hdrs(struct roce_pkt *pkt, struct cursor *c)
{
	unsigned int i;

	for (i = 0; i < NR_HDRS; i++) {
		if (!(pkt->op->hdrs & 1 << i))
			continue;
		if (!have(pkt, c, roce_hdrs[i].len, ROCE_BAD,
			  "too short for its opcode"))
			return false;
		pkt->hdr[i] = c->p;
		skip(c, roce_hdrs[i].len);
	}
	pkt->has_hdrs = true;
	return true;
}

static void decode_payload(struct roce_pkt *pkt, struct cursor *c)
{
	size_t rest = c->wire;

	if (rest < (size_t)ICRC_LEN + pkt->pad) {
		give_up(pkt, ROCE_BAD, "too short for pad bytes and ICRC");
		return;
	}
	pkt->payload = c->p;
	pkt->payload_len = rest - ICRC_LEN - pkt->pad;
	pkt->payload_caplen = c->cap < pkt->payload_len ? c->cap :
			      pkt->payload_len;
	cm_find(pkt);
}

static void check_icrc(struct roce_pkt *pkt, const struct frame *frame)
{
	size_t udp_offset = pkt->udp - pkt->ip;
	size_t len = udp_offset + pkt->udp_len - ICRC_LEN;

	if (len + ICRC_LEN > frame->caplen - (size_t)(pkt->ip - frame->data))
		return;
	pkt->icrc = get32(pkt->ip + len);
	pkt->icrc_want = roce_icrc(pkt->ip, len, pkt->ip_version, udp_offset);
	pkt->icrc_state = pkt->icrc == pkt->icrc_want ? ICRC_OK : ICRC_BAD;
}

/**
 * roce_decode_headers() - Decode a frame, but do not look at its ICRC
 * @frame: the frame; the packet points into its data
 * @pkt: is filled as far as the frame can be understood
 */
void roce_decode_headers(const struct frame *frame, struct roce_pkt *pkt)
{
	struct cursor c = { frame->data, frame->caplen, frame->len };
	uint16_t type;

	memset(pkt, 0, offsetof(struct roce_pkt, tunnels));
	/* files lie */
	if (c.wire < c.cap)
		c.wire = c.cap;
	if (!link_decode(pkt, &c, frame->iface->linktype, &type))
		return;
	if (!decode_ip(pkt, &c, type) || !decode_udp(pkt, &c) ||
	    !decode_bth(pkt, &c))
		return;
	if (!pkt->op->name)
		give_up(pkt, ROCE_BAD, "unknown opcode");
	else if (decode_hdrs(pkt, &c))
		decode_payload(pkt, &c);
}

/**
 * roce_decode() - Decode a frame
 * @frame: the frame; the packet points into its data
 * @pkt: is filled as far as the frame can be understood
 */
void roce_decode(const struct frame *frame, struct roce_pkt *pkt)
{
	roce_decode_headers(frame, pkt);
	/* the ICRC was made before the authentication header came between */
	if (pkt->has_bth && !pkt->has_ah &&
	    pkt->udp_len >= UDP_LEN + BTH_LEN + ICRC_LEN)
		check_icrc(pkt, frame);
}
