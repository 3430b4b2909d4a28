// SPDX-License-Identifier: GPL-2.0
/*
 * Several packets in one frame: cut it into the frames that a wire would have
 * carried. Nothing is cut that does not come out even.
 */
#include <string.h>
#include "chain.h"

#define UDP_LEN		8
#define IPV6_LEN	40
#define BTH_AND_ICRC	(BTH_LEN + ICRC_LEN)

static uint32_t get24(const uint8_t *p)
{
	return p[0] << 16 | p[1] << 8 | p[2];
}

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = value >> 8;
	p[1] = value;
}

static bool more_follow(const struct roce_opcode *op)
{
	return op->is & (OPC_FIRST | OPC_MIDDLE);
}

/* What one message's opcodes have in common. */
static bool same_kind(const struct roce_opcode *a, const struct roce_opcode *b)
{
	return !((a->is ^ b->is) & ~(OPC_FIRST | OPC_MIDDLE));
}

/* The packet at @at, number @nr: the length of its UDP payload, 0 if it cannot be
 * the next one of this message.
 */
static uint32_t packet_len(const struct chain *c, uint32_t at, unsigned int nr)
{
	const uint8_t *bth = c->whole->data + at;
	const struct roce_opcode *op;
	uint32_t max, min;

	if (c->end - at < BTH_AND_ICRC || at + BTH_LEN > c->whole->caplen)
		return 0;
	op = &roce_opcodes[bth[0]];
	if (!op->name || !same_kind(op, c->first.op) ||
	    get24(bth + 5) != c->first.qpn)
		return 0;
	if (c->guessed && nr && op->is & OPC_FIRST)
		return 0;
	if (c->guessed && get24(bth + 9) != ((c->first.psn + nr) & PSN_MASK))
		return 0;
	min = BTH_AND_ICRC + roce_hdrs_len(op->hdrs);
	max = min + c->mtu;
	if (more_follow(op))
		return max <= c->end - at ? max : 0;
	min += bth[1] >> 4 & 3;
	if (c->end - at < min || c->end - at > max)
		return 0;
	return c->end - at;
}

static bool comes_out_even(const struct chain *c)
{
	uint32_t at = c->hdrs_len, len;
	unsigned int nr;

	for (nr = 0; at < c->end; nr++) {
		len = packet_len(c, at, nr);
		if (!len)
			return false;
		at += len;
	}
	return nr > 1;
}

/* Headers that can be in front of several packets? */
static bool chain_init(struct chain *c, const struct frame *whole,
		       const struct roce_pkt *pkt)
{
	/* the lengths of outer headers would be those of the whole */
	if (!pkt->has_hdrs || !more_follow(pkt->op) || pkt->nr_tunnels ||
	    pkt->has_ah)
		return false;
	c->whole = whole;
	c->first = *pkt;
	c->hdrs_len = pkt->udp - whole->data + UDP_LEN;
	c->end = c->hdrs_len + pkt->udp_len - UDP_LEN;
	c->at = c->hdrs_len;
	c->nr = 0;
	return c->hdrs_len <= MAX_CHAIN_HDRS;
}

/**
 * chain_begin() - Begin to cut a frame that has several packets
 * @c: what the others need
 * @whole: the frame; must stay until the last chain_next()
 * @gso_size: the length of its first packet's UDP payload, as the kernel has it
 *
 * Return: false if the frame does not come out even: it is to be taken as it is.
 */
bool chain_begin(struct chain *c, const struct frame *whole, uint32_t gso_size)
{
	struct roce_pkt pkt;
	uint32_t around;

	roce_decode_headers(whole, &pkt);
	if (!chain_init(c, whole, &pkt))
		return false;
	around = BTH_AND_ICRC + roce_hdrs_len(pkt.op->hdrs);
	if (gso_size <= around)
		return false;
	c->mtu = gso_size - around;
	c->guessed = false;
	return comes_out_even(c);
}

/* One ICRC that is right is proof enough; the others may be damaged. */
static bool has_good_packet(struct chain *c)
{
	struct frame frame;
	struct roce_pkt pkt;
	bool good = false;

	while (!good && chain_next(c, &frame)) {
		roce_decode(&frame, &pkt);
		good = pkt.icrc_state == ICRC_OK;
	}
	c->at = c->hdrs_len;
	c->nr = 0;
	return good;
}

/**
 * chain_find() - The same for a frame of which nobody says whether it has several
 * @c: what the others need
 * @whole: the frame; must stay until the last chain_next()
 * @pkt: the frame decoded, as if it were a single packet
 *
 * Return: true if one of RoCE's MTUs makes packets of it.
 */
bool chain_find(struct chain *c, const struct frame *whole,
		const struct roce_pkt *pkt)
{
	/* not a packet by itself, and all of it is here */
	if (pkt->icrc_state != ICRC_BAD || !chain_init(c, whole, pkt))
		return false;
	c->guessed = true;
	for (c->mtu = 256; c->mtu <= 4096; c->mtu *= 2)
		if (comes_out_even(c) && has_good_packet(c))
			return true;
	return false;
}

static void put_ipv4_checksum(uint8_t *ip, unsigned int len)
{
	uint32_t sum = 0;
	unsigned int i;

	put16(ip + 10, 0);
	for (i = 0; i < len; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

/* The lengths of this packet, and its number. */
static void put_headers(struct chain *c, uint32_t len)
{
	size_t ip_offset = c->first.ip - c->whole->data;
	size_t udp_offset = c->hdrs_len - UDP_LEN;
	uint8_t *ip = c->data + ip_offset;

	memcpy(c->data, c->whole->data, c->hdrs_len);
	put16(c->data + udp_offset + 4, UDP_LEN + len);
	len += c->hdrs_len - ip_offset;
	if (c->first.ip_version == 6) {
		put16(ip + 4, len - IPV6_LEN);
		return;
	}
	put16(ip + 2, len);
	put16(ip + 4, c->first.ident + c->nr);
	put_ipv4_checksum(ip, (ip[0] & 15) * 4);
}

/**
 * chain_next() - The next packet of a chain as a frame of its own
 * @c: from chain_begin() or chain_find() that returned true
 * @frame: is filled; valid until the next call
 *
 * Return: false if there are no more.
 */
bool chain_next(struct chain *c, struct frame *frame)
{
	uint32_t len, caplen;

	if (c->at == c->end)
		return false;
	len = packet_len(c, c->at, c->nr);
	caplen = c->whole->caplen - c->at;
	if (caplen > len)
		caplen = len;
	put_headers(c, len);
	memcpy(c->data + c->hdrs_len, c->whole->data + c->at, caplen);
	c->opcode = c->whole->data[c->at];
	c->psn = get24(c->whole->data + c->at + 9);

	*frame = *c->whole;
	frame->data = c->data;
	frame->len = c->hdrs_len + len;
	frame->caplen = c->hdrs_len + caplen;
	c->at += len;
	c->nr++;
	return true;
}
