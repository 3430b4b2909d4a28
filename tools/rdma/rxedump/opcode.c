// SPDX-License-Identifier: GPL-2.0
/*
 * The opcodes of the InfiniBand architecture, their headers and the fields of
 * these. Names are those of include/rdma/ib_pack.h without IB_OPCODE_.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "roce.h"

#define H(name)		(1 << HDR_##name)

#define OP(name_, is_, hdrs_) { .name = name_, .is = is_, .hdrs = hdrs_ }

#define REQ(t, kind)	(OPC_##t | OPC_##kind | OPC_REQUEST)
#define RSP(t, kind)	(OPC_##t | OPC_##kind | OPC_RESPONSE)

/* SEND and RDMA WRITE: RC, UC, RD, XRC; @pre are the transport's headers */
#define SENDS(t, base, pre)						\
	[(base) + 0x00] = OP(#t "_SEND_FIRST",				\
			     REQ(t, SEND) | OPC_FIRST, pre),		\
	[(base) + 0x01] = OP(#t "_SEND_MIDDLE",				\
			     REQ(t, SEND) | OPC_MIDDLE, pre),		\
	[(base) + 0x02] = OP(#t "_SEND_LAST", REQ(t, SEND), pre),	\
	[(base) + 0x03] = OP(#t "_SEND_LAST_WITH_IMMEDIATE",		\
			     REQ(t, SEND), (pre) | H(IMMDT)),		\
	[(base) + 0x04] = OP(#t "_SEND_ONLY", REQ(t, SEND), pre),	\
	[(base) + 0x05] = OP(#t "_SEND_ONLY_WITH_IMMEDIATE",		\
			     REQ(t, SEND), (pre) | H(IMMDT))

#define WRITES(t, base, pre)						\
	[(base) + 0x06] = OP(#t "_RDMA_WRITE_FIRST",			\
			     REQ(t, WRITE) | OPC_FIRST, (pre) | H(RETH)), \
	[(base) + 0x07] = OP(#t "_RDMA_WRITE_MIDDLE",			\
			     REQ(t, WRITE) | OPC_MIDDLE, pre),		\
	[(base) + 0x08] = OP(#t "_RDMA_WRITE_LAST", REQ(t, WRITE), pre), \
	[(base) + 0x09] = OP(#t "_RDMA_WRITE_LAST_WITH_IMMEDIATE",	\
			     REQ(t, WRITE), (pre) | H(IMMDT)),		\
	[(base) + 0x0a] = OP(#t "_RDMA_WRITE_ONLY",			\
			     REQ(t, WRITE), (pre) | H(RETH)),		\
	[(base) + 0x0b] = OP(#t "_RDMA_WRITE_ONLY_WITH_IMMEDIATE",	\
			     REQ(t, WRITE), (pre) | H(RETH) | H(IMMDT))

/* What only the acknowledged transports have; @post are the headers that a
 * transport's responses have.
 */
#define READS(t, base, pre, post)					\
	[(base) + 0x0c] = OP(#t "_RDMA_READ_REQUEST",			\
			     REQ(t, READ), (pre) | H(RETH)),		\
	[(base) + 0x0d] = OP(#t "_RDMA_READ_RESPONSE_FIRST",		\
			     RSP(t, READ) | OPC_FIRST, (post) | H(AETH)), \
	[(base) + 0x0e] = OP(#t "_RDMA_READ_RESPONSE_MIDDLE",		\
			     RSP(t, READ) | OPC_MIDDLE, post),		\
	[(base) + 0x0f] = OP(#t "_RDMA_READ_RESPONSE_LAST",		\
			     RSP(t, READ), (post) | H(AETH)),		\
	[(base) + 0x10] = OP(#t "_RDMA_READ_RESPONSE_ONLY",		\
			     RSP(t, READ), (post) | H(AETH)),		\
	[(base) + 0x11] = OP(#t "_ACKNOWLEDGE",				\
			     RSP(t, ACK), (post) | H(AETH)),		\
	[(base) + 0x12] = OP(#t "_ATOMIC_ACKNOWLEDGE",			\
			     RSP(t, ATOMIC),				\
			     (post) | H(AETH) | H(ATOMICACKETH)),	\
	[(base) + 0x13] = OP(#t "_COMPARE_SWAP",			\
			     REQ(t, ATOMIC), (pre) | H(ATOMICETH)),	\
	[(base) + 0x14] = OP(#t "_FETCH_ADD",				\
			     REQ(t, ATOMIC), (pre) | H(ATOMICETH)),	\
	[(base) + 0x1c] = OP(#t "_FLUSH", REQ(t, FLUSH),		\
			     (pre) | H(FETH) | H(RETH)),		\
	[(base) + 0x1d] = OP(#t "_ATOMIC_WRITE", REQ(t, ATOMIC),	\
			     (pre) | H(RETH))

#define INVALIDATES(t, base, pre)					\
	[(base) + 0x16] = OP(#t "_SEND_LAST_WITH_INVALIDATE",		\
			     REQ(t, SEND), (pre) | H(IETH)),		\
	[(base) + 0x17] = OP(#t "_SEND_ONLY_WITH_INVALIDATE",		\
			     REQ(t, SEND), (pre) | H(IETH))

const struct roce_opcode roce_opcodes[256] = {
	SENDS(RC, 0x00, 0),
	WRITES(RC, 0x00, 0),
	READS(RC, 0x00, 0, 0),
	INVALIDATES(RC, 0x00, 0),
	SENDS(UC, 0x20, 0),
	WRITES(UC, 0x20, 0),
	SENDS(RD, 0x40, H(RDETH) | H(DETH)),
	WRITES(RD, 0x40, H(RDETH) | H(DETH)),
	READS(RD, 0x40, H(RDETH) | H(DETH), H(RDETH)),
	[0x55] = OP("RD_RESYNC", OPC_RD | OPC_REQUEST, H(RDETH) | H(DETH)),
	[0x64] = OP("UD_SEND_ONLY", REQ(UD, SEND), H(DETH)),
	[0x65] = OP("UD_SEND_ONLY_WITH_IMMEDIATE", REQ(UD, SEND),
		    H(DETH) | H(IMMDT)),
	[0x81] = OP("CNP", OPC_CNP, 0),
	SENDS(XRC, 0xa0, H(XRCETH)),
	WRITES(XRC, 0xa0, H(XRCETH)),
	READS(XRC, 0xa0, H(XRCETH), 0),
	INVALIDATES(XRC, 0xa0, H(XRCETH)),
};

#define FIELD(text_, json_, offset_, bytes_, format_)			\
	{ .text = text_, .json = json_, .offset = offset_,		\
	  .bytes = bytes_, .format = FMT_##format_ }

static const struct roce_field rdeth[] = {
	FIELD("ee", "eecnxt", 1, 3, HEX), {}
};

static const struct roce_field xrceth[] = {
	FIELD("xrcsrq", "xrcsrq", 1, 3, HEX), {}
};

static const struct roce_field deth[] = {
	FIELD("qkey", "q_key", 0, 4, HEX),
	FIELD("srcqp", "srcqp", 5, 3, HEX), {}
};

static const struct roce_field feth[] = {
	{ .text = "sel", .json = "sel", .offset = 3, .bytes = 1,
	  .shift = 4, .bits = 2 },
	{ .text = "plt", .json = "plt", .offset = 3, .bytes = 1, .bits = 4 },
	{}
};

static const struct roce_field reth[] = {
	FIELD("va", "va", 0, 8, HEX64),
	FIELD("rkey", "r_key", 8, 4, HEX),
	FIELD("len", "dmalen", 12, 4, DEC), {}
};

static const struct roce_field atomiceth[] = {
	FIELD("va", "va", 0, 8, HEX64),
	FIELD("rkey", "r_key", 8, 4, HEX),
	FIELD("swap", "swapdt", 12, 8, HEX64),
	FIELD("cmp", "cmpdt", 20, 8, HEX64), {}
};

static const struct roce_field aeth[] = {
	FIELD("syndrome", "syndrome", 0, 1, HEX),
	FIELD("msn", "msn", 1, 3, DEC), {}
};

static const struct roce_field atomicacketh[] = {
	FIELD("orig", "origremdt", 0, 8, HEX64), {}
};

static const struct roce_field immdt[] = {
	FIELD("imm", "immdt", 0, 4, HEX), {}
};

static const struct roce_field ieth[] = {
	FIELD("inv", "ieth", 0, 4, HEX), {}
};

#define HDR(name_, len_) { .name = #name_, .len = len_, .fields = name_ }

const struct roce_hdr_desc roce_hdrs[NR_HDRS] = {
	[HDR_RDETH] = HDR(rdeth, 4),
	[HDR_XRCETH] = HDR(xrceth, 4),
	[HDR_DETH] = HDR(deth, 8),
	[HDR_FETH] = HDR(feth, 4),
	[HDR_RETH] = HDR(reth, 16),
	[HDR_ATOMICETH] = HDR(atomiceth, 28),
	[HDR_AETH] = HDR(aeth, 4),
	[HDR_ATOMICACKETH] = HDR(atomicacketh, 8),
	[HDR_IMMDT] = HDR(immdt, 4),
	[HDR_IETH] = HDR(ieth, 4),
};

/**
 * roce_get() - The value of a header's field
 * @hdr: the header
 * @field: one of its fields
 *
 * Return: the value, in host order.
 */
uint64_t roce_get(const uint8_t *hdr, const struct roce_field *field)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < field->bytes; i++)
		value = value << 8 | hdr[field->offset + i];
	if (field->bits)
		value = value >> field->shift & ((1u << field->bits) - 1);
	return value;
}

/**
 * roce_hdrs_len() - Length of the headers behind the BTH
 * @hdrs: a set of them, 1 << HDR_...
 *
 * Return: bytes.
 */
unsigned int roce_hdrs_len(uint16_t hdrs)
{
	unsigned int len = 0, i;

	for (i = 0; i < NR_HDRS; i++)
		if (hdrs & 1 << i)
			len += roce_hdrs[i].len;
	return len;
}

static const struct {
	const char *name;
	uint32_t is;
} classes[] = {
	{ "rc", OPC_RC }, { "uc", OPC_UC }, { "rd", OPC_RD },
	{ "ud", OPC_UD }, { "xrc", OPC_XRC }, { "cnp", OPC_CNP },
	{ "send", OPC_SEND }, { "write", OPC_WRITE }, { "read", OPC_READ },
	{ "atomic", OPC_ATOMIC }, { "flush", OPC_FLUSH }, { "ack", OPC_ACK },
	{ "request", OPC_REQUEST }, { "response", OPC_RESPONSE },
};

/* '-' is as good as '_', and IB_OPCODE_ may stand in front. */
static bool same_name(const char *a, const char *b)
{
	if (!strncasecmp(a, "IB_OPCODE_", 10))
		a += 10;
	for (; *a && *b; a++, b++)
		if (strncasecmp(*a == '-' ? "_" : a, b, 1))
			return false;
	return *a == *b;
}

static void add(uint64_t set[4], unsigned int opcode)
{
	set[opcode / 64] |= 1ull << opcode % 64;
}

/**
 * roce_opcode_find() - Opcodes by a name that a user gave
 * @name: name of an opcode, its number, or a class of opcodes
 * @set: these are added to this bitmap
 *
 * Return: false if there are none.
 */
bool roce_opcode_find(const char *name, uint64_t set[4])
{
	unsigned long value;
	bool found = false;
	unsigned int i, c;
	char *end;

	value = strtoul(name, &end, 0);
	if (*name >= '0' && *name <= '9') {
		if (*end || value > 255)
			return false;
		add(set, value);
		return true;
	}
	for (c = 0; c < ARRAY_SIZE(classes); c++) {
		if (!same_name(name, classes[c].name))
			continue;
		for (i = 0; i < 256; i++)
			if (roce_opcodes[i].is & classes[c].is)
				add(set, i);
		return true;
	}
	for (i = 0; i < 256; i++) {
		if (roce_opcodes[i].name &&
		    same_name(name, roce_opcodes[i].name)) {
			add(set, i);
			found = true;
		}
	}
	return found;
}

bool roce_is_request(const struct roce_pkt *pkt)
{
	return pkt->op->is & OPC_REQUEST;
}

/* Only for packets with an AETH. */
enum aeth_type roce_aeth_type(const struct roce_pkt *pkt)
{
	return pkt->hdr[HDR_AETH][0] >> 5 & 3;
}

/* Credits of an ACK, timer of an RNR NAK, code of a NAK */
unsigned int roce_aeth_value(const struct roce_pkt *pkt)
{
	return pkt->hdr[HDR_AETH][0] & 0x1f;
}

const char *roce_nak_name(unsigned int value)
{
	static const char * const names[NR_NAKS] = {
		[NAK_PSN] = "psn-sequence",
		[NAK_INVALID] = "invalid-request",
		[NAK_ACCESS] = "remote-access",
		[NAK_OPERATION] = "remote-operation",
		[NAK_RD] = "invalid-rd",
	};

	return value < NR_NAKS ? names[value] : "reserved";
}

unsigned int roce_rnr_timer(unsigned int value)
{
	static const uint16_t timers[32] = {
		0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
		256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192,
		12288, 16384, 24576, 32768, 49152,
	};

	return timers[value & 31] ? timers[value & 31] : 65536;
}
