// SPDX-License-Identifier: GPL-2.0
/*
 * From a frame to the fields of a RoCE v2 packet. Each header is looked at
 * only when all of it was captured; what contradicts itself is said, not
 * guessed at.
 */
#include <string.h>
#include "decode.h"

#define IPV4_LEN	20
#define IPV6_LEN	40
#define UDP_LEN		8
#define PROTO_UDP	17

#define MAX_IPV6_EXTENSIONS	8

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
	if (c->p[9] != PROTO_UDP)
		return give_up(pkt, ROCE_NOT, "not UDP");
	pkt->ip_version = 4;
	pkt->dsfield = c->p[1];
	pkt->ttl = c->p[8];
	pkt->ident = get16(c->p + 4);
	pkt->has_ident = true;
	frag = get16(c->p + 6);
	pkt->df = frag & 0x4000;
	pkt->more_frags = frag & 0x2000;
	pkt->frag_offset = (frag & 0x1fff) * 8;
	memcpy(pkt->src, c->p + 12, 4);
	memcpy(pkt->dst, c->p + 16, 4);
	pkt->has_ip = true;
	pkt->overlong = total > c->wire;
	limit(c, total);
	if (!have(pkt, c, ihl, ROCE_NOT, "no IP options"))
		return false;
	skip(c, ihl);
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

static bool decode_ipv6(struct roce_pkt *pkt, struct cursor *c)
{
	unsigned int n;
	uint8_t next;
	size_t len;

	if (!have(pkt, c, IPV6_LEN, ROCE_NOT, "no IP header"))
		return false;
	len = get16(c->p + 4);
	if (c->p[0] >> 4 != 6)
		return give_up(pkt, ROCE_NOT, "lengths of the IP header");
	pkt->ip_version = 6;
	pkt->dsfield = get16(c->p) >> 4;
	pkt->flow = get32(c->p) & 0xfffff;
	pkt->ttl = c->p[7];
	memcpy(pkt->src, c->p + 8, 16);
	memcpy(pkt->dst, c->p + 24, 16);
	pkt->has_ip = true;
	next = c->p[6];
	pkt->overlong = IPV6_LEN + len > c->wire;
	limit(c, IPV6_LEN + len);
	skip(c, IPV6_LEN);
	for (n = 0; next != PROTO_UDP; n++) {
		if (n == MAX_IPV6_EXTENSIONS ||
		    (next != 0 && next != 43 && next != 44 && next != 60))
			return give_up(pkt, ROCE_NOT, "not UDP");
		if (!have(pkt, c, 8, ROCE_NOT, "no extension header"))
			return false;
		if (next == 44 && !decode_ipv6_frag(pkt, c))
			return false;
		len = next == 44 ? 8 : (c->p[1] + 1) * 8;
		next = c->p[0];
		if (pkt->frag_offset && next != PROTO_UDP)
			return give_up(pkt, ROCE_NOT, "not UDP");
		if (!have(pkt, c, len, ROCE_NOT, "no extension header"))
			return false;
		skip(c, len);
	}
	return true;
}

static bool decode_udp(struct roce_pkt *pkt, struct cursor *c)
{
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
	if (pkt->dport != ROCE_PORT)
		return give_up(pkt, ROCE_NOT, "another UDP port");
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

	memset(pkt, 0, sizeof(*pkt));
	/* files lie */
	if (c.wire < c.cap)
		c.wire = c.cap;
	if (!link_decode(pkt, &c, frame->iface->linktype, &type))
		return;
	pkt->ip = c.p;
	if (type == 0x0800) {
		if (!decode_ipv4(pkt, &c))
			return;
	} else if (type == 0x86dd) {
		if (!decode_ipv6(pkt, &c))
			return;
	} else {
		give_up(pkt, ROCE_NOT, "not IP");
		return;
	}
	pkt->udp = c.p;
	if (!decode_udp(pkt, &c) || !decode_bth(pkt, &c))
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
	if (pkt->has_bth && pkt->udp_len >= UDP_LEN + BTH_LEN + ICRC_LEN)
		check_icrc(pkt, frame);
}
