/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decoder: from a frame to the fields of a RoCE v2 packet.
 *
 * What headers an opcode has is a table, and so is what fields a header has:
 * both printers, the filter and the statistics go by these two.
 */
#ifndef RXEDUMP_ROCE_H
#define RXEDUMP_ROCE_H

#include <stddef.h>
#include "frame.h"

#define PROTO_UDP	17
#define ROCE_PORT	4791
#define BTH_LEN		12
#define ICRC_LEN	4
#define PSN_MASK	0xffffff

/* Headers behind the BTH, in the order in which they stand. */
enum roce_hdr {
	HDR_RDETH, HDR_XRCETH, HDR_DETH, HDR_FETH, HDR_RETH, HDR_ATOMICETH,
	HDR_AETH, HDR_ATOMICACKETH, HDR_IMMDT, HDR_IETH, NR_HDRS
};

enum roce_format { FMT_DEC, FMT_HEX, FMT_HEX64 };

struct roce_field {
	const char *text;	/* in a line */
	const char *json;	/* as Wireshark has it */
	uint8_t offset, bytes;
	uint8_t shift, bits;	/* within these bytes; 0 bits: all */
	uint8_t format;
};

struct roce_hdr_desc {
	const char *name;
	uint8_t len;
	const struct roce_field *fields;	/* ends with a NULL text */
};

extern const struct roce_hdr_desc roce_hdrs[NR_HDRS];

uint64_t roce_get(const uint8_t *hdr, const struct roce_field *field);

/* What an opcode is; a set of these is a class of opcodes. */
#define OPC_RC		(1 << 0)
#define OPC_UC		(1 << 1)
#define OPC_RD		(1 << 2)
#define OPC_UD		(1 << 3)
#define OPC_XRC		(1 << 4)
#define OPC_CNP		(1 << 5)
#define OPC_SEND	(1 << 6)
#define OPC_WRITE	(1 << 7)
#define OPC_READ	(1 << 8)
#define OPC_ATOMIC	(1 << 9)
#define OPC_FLUSH	(1 << 10)
#define OPC_ACK		(1 << 11)
#define OPC_REQUEST	(1 << 12)
#define OPC_RESPONSE	(1 << 13)
#define OPC_FIRST	(1 << 14)	/* more packets follow */
#define OPC_MIDDLE	(1 << 15)

struct roce_opcode {
	const char *name;	/* NULL: no such opcode */
	uint32_t is;
	uint16_t hdrs;		/* 1 << HDR_... */
};

extern const struct roce_opcode roce_opcodes[256];

unsigned int roce_hdrs_len(uint16_t hdrs);

enum roce_kind {
	ROCE_OK,
	ROCE_NOT,		/* something else */
	ROCE_FRAGMENT,		/* of an IP packet: only a part is here */
	ROCE_CUT,		/* the capture ends within the headers */
	ROCE_BAD,		/* lengths contradict each other */
};

#define MAX_TUNNELS	8

/* A tunnel that a packet is in, and what was in front of it. */
struct roce_tunnel {
	const char *name;
	const char *id_name;		/* NULL: it has no number */
	uint32_t id;
	unsigned int nr_labels;		/* of MPLS */
	const uint8_t *labels;		/* see roce_label() */

	unsigned int nr_vlans;
	const uint8_t *vlans;
	unsigned int ip_version;	/* 0: no IP header of its own */
	const uint8_t *ip;
	bool has_ah;
	uint32_t ah_spi;
};

enum icrc_state { ICRC_ABSENT, ICRC_OK, ICRC_BAD };

struct roce_pkt {
	enum roce_kind kind;
	const char *why;	/* unless ROCE_OK: what is wrong */

	/* how far decoding got */
	bool has_eth, has_ip, has_udp, has_bth, has_hdrs;
	bool unread_link;		/* a link type that we cannot read */
	const char *unread_tunnel;	/* its name; NULL: it is none */

	uint8_t eth_dst[6], eth_src[6];
	unsigned int nr_vlans;
	const uint8_t *vlans;		/* see roce_vlan() */

	unsigned int ip_version;
	uint8_t src[16], dst[16];	/* IPv4: the first four bytes */
	uint8_t dsfield, ttl;
	uint32_t flow;			/* IPv6 */
	uint32_t ident;
	bool has_ident, df, more_frags;
	bool overlong;			/* more than the frame has */
	uint32_t frag_offset;
	uint8_t protocol;
	bool has_ah;			/* an authentication header */
	uint32_t ah_spi;

	const uint8_t *ip, *udp;	/* the headers, once they were read */
	uint16_t sport, dport, udp_len, udp_csum;

	uint8_t opcode, pad, tver;
	bool se, mig, ack_req, fecn, becn;
	uint16_t pkey;
	uint32_t qpn, psn;
	bool has_src_qpn;
	uint32_t src_qpn;		/* if conn.h knows it */
	const struct roce_opcode *op;

	const uint8_t *hdr[NR_HDRS];	/* NULL: not there */
	const uint8_t *payload;
	uint32_t payload_len;		/* without pad bytes */
	uint32_t payload_caplen;
	const uint8_t *mad;		/* the payload, if it is one; cm.h */

	enum icrc_state icrc_state;
	uint32_t icrc, icrc_want;	/* as numbers, wire order */

	unsigned int nr_tunnels;
	/* the outermost one first; the last member: it is large */
	struct roce_tunnel tunnels[MAX_TUNNELS];
};

void roce_decode(const struct frame *frame, struct roce_pkt *pkt);
void roce_decode_headers(const struct frame *frame, struct roce_pkt *pkt);

/* link.c: the TCI of tag number @i; the direction by the link header */
uint16_t roce_vlan(const uint8_t *vlans, unsigned int i);
enum direction link_direction(const struct frame *frame);

/* tunnel.c: label number @i of MPLS; addresses of the header in front */
uint32_t roce_label(const struct roce_tunnel *t, unsigned int i);
const uint8_t *roce_outer_src(const struct roce_tunnel *t);
const uint8_t *roce_outer_dst(const struct roce_tunnel *t);

/* icrc.c: over @len bytes from the IP header to before the ICRC */
uint32_t roce_icrc(const uint8_t *ip, size_t len, unsigned int version,
		   size_t udp_offset);

/* opcode.c: names for users */
bool roce_opcode_find(const char *name, uint64_t set[4]);
bool roce_is_request(const struct roce_pkt *pkt);

enum aeth_type { AETH_ACK, AETH_RNR, AETH_RESERVED, AETH_NAK };
enum { NAK_PSN, NAK_INVALID, NAK_ACCESS, NAK_OPERATION, NAK_RD, NR_NAKS };

enum aeth_type roce_aeth_type(const struct roce_pkt *pkt);
unsigned int roce_aeth_value(const struct roce_pkt *pkt);
const char *roce_nak_name(unsigned int value);
/* RNR timer codes in units of 10 us; 0 means 655.36 ms */
unsigned int roce_rnr_timer(unsigned int value);

#endif
