// SPDX-License-Identifier: GPL-2.0
/*
 * Management datagrams go to QP 1. Those of the connection manager are tables of
 * fields, as the InfiniBand architecture has them in its chapter 12. A field that
 * was not captured is left out.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include "cm.h"

#define GSI_QPN		1
#define MAD_LEN		256
#define MAD_HDR_LEN	24
#define CLASS_CM	7
#define CM_VERSION	2
#define FIRST_MESSAGE	0x10		/* attribute IDs */
#define REQ		0x10
#define REJ		0x12
#define REP		0x13
#define REJ_INFO_AT	(MAD_HDR_LEN + 12)
#define REJ_INFO_LEN	72
#define GID_LEN		16
#define IP_CM_LEN	36

enum {
	FMT_GID = FMT_HEX64 + 1, FMT_MTU, FMT_SERVICE_TYPE, FMT_MESSAGE,
	FMT_REASON,
};

struct cm_field {
	struct roce_field f;		/* its offset is from the MAD's start */
	bool brief;			/* is part of the line */
};

struct cm_message {
	const char *name;
	const struct cm_field *fields;	/* ends with a NULL text */
	uint8_t private_at, private_len;
};

#define MAD_FIELD(text_, json_, offset_, bytes_, format_)		\
	{ .f = { .text = text_, .json = json_, .offset = offset_,	\
		 .bytes = bytes_, .format = FMT_##format_ } }

#define FIELD(text_, json_, offset_, bytes_, format_, brief_)		\
	{ .f = { .text = text_, .json = json_,				\
		 .offset = MAD_HDR_LEN + (offset_), .bytes = bytes_,	\
		 .format = FMT_##format_ }, .brief = brief_ }

/* of a byte, the first bit is the highest one */
#define BITS(text_, json_, offset_, first_, bits_, format_)		\
	{ .f = { .text = text_, .json = json_,				\
		 .offset = MAD_HDR_LEN + (offset_), .bytes = 1,		\
		 .shift = 8 - (first_) - (bits_), .bits = bits_,	\
		 .format = FMT_##format_ } }

#define LOCAL	FIELD("comm", "localcommid", 0, 4, HEX, true)
#define REMOTE	FIELD("remote", "remotecommid", 4, 4, HEX, true)

static const struct cm_field mad_fields[] = {
	MAD_FIELD("class", "mgmtclass", 1, 1, HEX),
	MAD_FIELD("version", "classversion", 2, 1, DEC),
	MAD_FIELD("method", "method", 3, 1, HEX),
	MAD_FIELD("status", "status", 4, 2, HEX),
	MAD_FIELD("tid", "transactionid", 8, 8, HEX64),
	MAD_FIELD("attribute", "attributeid", 16, 2, HEX),
	MAD_FIELD("modifier", "attributemodifier", 20, 4, HEX), {}
};

static const struct cm_field req_fields[] = {
	LOCAL,
	FIELD("service", "serviceid", 8, 8, HEX64, true),
	FIELD("guid", "localcaguid", 16, 8, HEX64, false),
	FIELD("qkey", "localqkey", 28, 4, HEX, false),
	FIELD("qpn", "localqpn", 32, 3, HEX, true),
	FIELD("responder", "responderres", 35, 1, DEC, false),
	FIELD("eecn", "localeecn", 36, 3, HEX, false),
	FIELD("initiator", "initdepth", 39, 1, DEC, false),
	FIELD("remote-eecn", "remoteeecn", 40, 3, HEX, false),
	BITS("remote-timeout", "remoteresptout", 43, 0, 5, DEC),
	BITS("type", "transpsvctype", 43, 5, 2, SERVICE_TYPE),
	BITS("flow-control", "e2eflowctrl", 43, 7, 1, DEC),
	FIELD("psn", "startpsn", 44, 3, DEC, true),
	BITS("local-timeout", "localresptout", 47, 0, 5, DEC),
	BITS("retries", "retrcount", 47, 5, 3, DEC),
	FIELD("pkey", "pkey", 48, 2, HEX, false),
	BITS("mtu", "pppmtu", 50, 0, 4, MTU),
	BITS("rdc", "rdcexist", 50, 4, 1, DEC),
	BITS("rnr-retries", "rnrretrcount", 50, 5, 3, DEC),
	BITS("cm-retries", "maxcmretr", 51, 0, 4, DEC),
	BITS("srq", "srq", 51, 4, 1, DEC),
	BITS("extended", "ext_transport", 51, 5, 3, DEC),
	FIELD("lid", "prim_locallid", 52, 2, HEX, false),
	FIELD("remote-lid", "prim_remotelid", 54, 2, HEX, false),
	FIELD("gid", "prim_localgid", 56, GID_LEN, GID, false),
	FIELD("remote-gid", "prim_remotegid", 72, GID_LEN, GID, false),
	{ .f = { .text = "flow", .json = "prim_flowlabel",
		 .offset = MAD_HDR_LEN + 88, .bytes = 4, .shift = 12,
		 .bits = 20, .format = FMT_HEX } },
	BITS("rate", "prim_pktrate", 91, 2, 6, DEC),
	FIELD("tclass", "prim_tfcclass", 92, 1, HEX, false),
	FIELD("hops", "prim_hoplim", 93, 1, DEC, false),
	BITS("sl", "prim_sl", 94, 0, 4, DEC),
	BITS("subnet-local", "prim_subnetlocal", 94, 4, 1, DEC),
	BITS("ack-timeout", "prim_localacktout", 95, 0, 5, DEC),
	FIELD("alt-gid", "alt_localgid", 100, GID_LEN, GID, false),
	FIELD("alt-remote-gid", "alt_remotegid", 116, GID_LEN, GID, false), {}
};

static const struct cm_field mra_fields[] = {
	LOCAL, REMOTE,
	BITS("of", "msgmraed", 8, 0, 2, MESSAGE),
	BITS("timeout", "servicetout", 9, 0, 5, DEC), {}
};

static const struct cm_field rej_fields[] = {
	LOCAL, REMOTE,
	BITS("of", "msgrej", 8, 0, 2, MESSAGE),
	BITS("info", "rejinfolen", 9, 0, 7, DEC),
	FIELD("reason", "reason", 10, 2, REASON, true), {}
};

static const struct cm_field rep_fields[] = {
	LOCAL, REMOTE,
	FIELD("qkey", "localqkey", 8, 4, HEX, false),
	FIELD("qpn", "localqpn", 12, 3, HEX, true),
	FIELD("eecn", "localeecn", 16, 3, HEX, false),
	FIELD("psn", "startpsn", 20, 3, DEC, true),
	FIELD("responder", "respres", 24, 1, DEC, false),
	FIELD("initiator", "initdepth", 25, 1, DEC, false),
	BITS("ack-delay", "tgtackdelay", 26, 0, 5, DEC),
	BITS("failover", "failoveracc", 26, 5, 2, DEC),
	BITS("flow-control", "e2eflowctrl", 26, 7, 1, DEC),
	BITS("rnr-retries", "rnrretrcount", 27, 0, 3, DEC),
	BITS("srq", "srq", 27, 3, 1, DEC),
	FIELD("guid", "localcaguid", 28, 8, HEX64, false), {}
};

static const struct cm_field id_fields[] = {
	LOCAL, REMOTE, {}
};

static const struct cm_field dreq_fields[] = {
	LOCAL, REMOTE,
	FIELD("remote-qpn", "remoteqpneecn", 8, 3, HEX, true), {}
};

static const struct cm_field sidr_req_fields[] = {
	FIELD("request", "requestid", 0, 4, HEX, true),
	FIELD("pkey", "pkey", 4, 2, HEX, false),
	FIELD("service", "serviceid", 8, 8, HEX64, true), {}
};

static const struct cm_field sidr_rep_fields[] = {
	FIELD("request", "requestid", 0, 4, HEX, true),
	FIELD("status", "status", 4, 1, DEC, true),
	FIELD("qpn", "qpn", 8, 3, HEX, true),
	FIELD("service", "serviceid", 12, 8, HEX64, false),
	FIELD("qkey", "q_key", 20, 4, HEX, true), {}
};

#define MESSAGE(name_, fields_, at_, len_)				\
	{ .name = name_, .fields = fields_,				\
	  .private_at = MAD_HDR_LEN + (at_), .private_len = len_ }

/* by attribute ID */
static const struct cm_message messages[] = {
	MESSAGE("req", req_fields, 140, 92),
	MESSAGE("mra", mra_fields, 10, 222),
	MESSAGE("rej", rej_fields, 84, 148),
	MESSAGE("rep", rep_fields, 36, 196),
	MESSAGE("rtu", id_fields, 8, 224),
	MESSAGE("dreq", dreq_fields, 12, 220),
	MESSAGE("drep", id_fields, 8, 224),
	MESSAGE("sidr-req", sidr_req_fields, 16, 216),
	MESSAGE("sidr-rep", sidr_rep_fields, 96, 136),
	MESSAGE("lap", id_fields, 64, 168),
	MESSAGE("apr", id_fields, 84, 148),
};

static const char *const reasons[] = {
	[1] = "no-qp", [2] = "no-eec", [3] = "no-resources", [4] = "timeout",
	[5] = "unsupported", [6] = "invalid-comm-id",
	[7] = "invalid-comm-instance", [8] = "invalid-service-id",
	[9] = "invalid-transport-type", [10] = "stale-connection",
	[11] = "no-rdc", [12] = "invalid-gid", [13] = "invalid-lid",
	[14] = "invalid-sl", [15] = "invalid-traffic-class",
	[16] = "invalid-hop-limit", [17] = "invalid-packet-rate",
	[18] = "invalid-alt-gid", [19] = "invalid-alt-lid",
	[20] = "invalid-alt-sl", [21] = "invalid-alt-traffic-class",
	[22] = "invalid-alt-hop-limit", [23] = "invalid-alt-packet-rate",
	[24] = "port-and-cm-redirect", [25] = "port-redirect",
	[26] = "invalid-mtu", [27] = "insufficient-responder-resources",
	[28] = "consumer-defined", [29] = "invalid-rnr-retry",
	[30] = "duplicate-comm-id", [31] = "invalid-class-version",
	[32] = "invalid-flow-label", [33] = "invalid-alt-flow-label",
	[35] = "vendor-option-not-supported",
};

void cm_find(struct roce_pkt *pkt)
{
	const uint8_t *mad = pkt->payload;

	if (pkt->qpn == GSI_QPN && pkt->op->is & OPC_UD &&
	    pkt->payload_len == MAD_LEN && pkt->payload_caplen >= MAD_HDR_LEN &&
	    mad[0] == 1)
		pkt->mad = mad;
}

static const struct cm_message *message_of(const struct roce_pkt *pkt)
{
	const uint8_t *mad = pkt->mad;
	unsigned int attribute = mad[16] << 8 | mad[17];

	if (mad[1] != CLASS_CM || mad[2] != CM_VERSION ||
	    attribute < FIRST_MESSAGE ||
	    attribute >= FIRST_MESSAGE + ARRAY_SIZE(messages))
		return NULL;
	return &messages[attribute - FIRST_MESSAGE];
}

static bool was_captured(const struct roce_pkt *pkt,
			 const struct cm_field *field)
{
	return field->f.offset + field->f.bytes <= pkt->payload_caplen;
}

static uint32_t get(const struct roce_pkt *pkt, unsigned int offset,
		    unsigned int bytes)
{
	const struct roce_field field = {
		.offset = MAD_HDR_LEN + offset, .bytes = bytes,
	};

	return roce_get(pkt->mad, &field);
}

bool cm_ends(const struct roce_pkt *pkt, struct cm_ends *ends)
{
	const struct cm_message *m = message_of(pkt);
	bool req = m == &messages[REQ - FIRST_MESSAGE];

	if (!req && m != &messages[REP - FIRST_MESSAGE])
		return false;
	if (pkt->payload_caplen < MAD_HDR_LEN + 35)
		return false;
	ends->rep = !req;
	ends->comm_id = get(pkt, 0, 4);
	ends->remote_comm_id = req ? 0 : get(pkt, 4, 4);
	ends->qpn = get(pkt, req ? 32 : 12, 3);
	return true;
}

/* An IPv4 address is mapped into the end of a GID. */
static const char *gid_text(const uint8_t *gid, char buf[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(gid, mapped, sizeof(mapped)))
		return inet_ntop(AF_INET, gid + 12, buf, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, gid, buf, INET6_ADDRSTRLEN);
}

/* The word for a value, NULL: it is a number. */
static const char *value_name(unsigned int format, uint64_t value)
{
	static const char *const types[] = { "rc", "uc", "rd", "xrc" };
	static const char *const of[] = { "req", "rep", "other", "?" };

	switch (format) {
	case FMT_SERVICE_TYPE:
		return types[value & 3];
	case FMT_MESSAGE:
		return of[value & 3];
	case FMT_REASON:
		return value < ARRAY_SIZE(reasons) ? reasons[value] : NULL;
	default:
		return NULL;
	}
}

static void text_field(FILE *out, const struct roce_pkt *pkt,
		       const struct cm_field *field)
{
	char buf[INET6_ADDRSTRLEN];
	const char *name;
	uint64_t value;

	fprintf(out, " %s ", field->f.text);
	if (field->f.format == FMT_GID) {
		fputs(gid_text(pkt->mad + field->f.offset, buf), out);
		return;
	}
	value = roce_get(pkt->mad, &field->f);
	name = value_name(field->f.format, value);
	if (field->f.format == FMT_MTU && value && value < 6)
		fprintf(out, "%u", 128 << value);
	else if (name)
		fputs(name, out);
	else
		fprintf(out, field->f.format == FMT_HEX ||
			field->f.format == FMT_HEX64 ?
			"0x%" PRIx64 : "%" PRIu64, value);
}

static void text_fields(FILE *out, const struct roce_pkt *pkt,
			const struct cm_field *fields, bool brief)
{
	for (; fields->f.text; fields++)
		if ((!brief || fields->brief) && was_captured(pkt, fields))
			text_field(out, pkt, fields);
}

/* What rdma_cm puts in front of the private data of a request: who talks to
 * which port. The service ID says that it did.
 */
static const uint8_t *ip_cm_of(const struct roce_pkt *pkt,
			       const struct cm_message *m)
{
	static const uint8_t prefix[] = { 0, 0, 0, 0, 1 };
	const uint8_t *ip_cm = pkt->mad + m->private_at;

	if (m != &messages[REQ - FIRST_MESSAGE] ||
	    m->private_at + IP_CM_LEN > (int)pkt->payload_caplen ||
	    memcmp(pkt->mad + MAD_HDR_LEN + 8, prefix, sizeof(prefix)) ||
	    (ip_cm[1] >> 4 != 4 && ip_cm[1] >> 4 != 6))
		return NULL;
	return ip_cm;
}

/* @addr: its 16 bytes; those of IPv4 are the last ones */
static const char *ip_cm_addr(const uint8_t *ip_cm, const uint8_t *addr,
			      char buf[INET6_ADDRSTRLEN])
{
	bool is4 = ip_cm[1] >> 4 == 4;

	return inet_ntop(is4 ? AF_INET : AF_INET6, is4 ? addr + 12 : addr, buf,
			 INET6_ADDRSTRLEN);
}

static unsigned int dport_of(const struct roce_pkt *pkt)
{
	return pkt->mad[MAD_HDR_LEN + 14] << 8 | pkt->mad[MAD_HDR_LEN + 15];
}

static void text_ip_cm(FILE *out, const struct roce_pkt *pkt,
		       const uint8_t *ip_cm)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	fprintf(out, " from %s port %u to %s port %u",
		ip_cm_addr(ip_cm, ip_cm + 4, src), ip_cm[2] << 8 | ip_cm[3],
		ip_cm_addr(ip_cm, ip_cm + 20, dst), dport_of(pkt));
}

void cm_line(FILE *out, const struct roce_pkt *pkt)
{
	const struct cm_message *m = message_of(pkt);
	const uint8_t *ip_cm;

	if (!m) {
		fprintf(out, " mad class 0x%x method 0x%x attribute 0x%x",
			pkt->mad[1], pkt->mad[3],
			pkt->mad[16] << 8 | pkt->mad[17]);
		return;
	}
	fprintf(out, " cm-%s", m->name);
	text_fields(out, pkt, m->fields, true);
	ip_cm = ip_cm_of(pkt, m);
	if (ip_cm)
		text_ip_cm(out, pkt, ip_cm);
}

/* All that is there of it: zeros at its end may be part of it, or not. */
static uint32_t private_len(const struct roce_pkt *pkt,
			    const struct cm_message *m)
{
	uint32_t end = m->private_at + m->private_len;

	if (end > pkt->payload_caplen)
		end = pkt->payload_caplen;
	return end > m->private_at ? end - m->private_at : 0;
}

/* Of a REJ: what would have been right. */
static uint32_t info_len(const struct roce_pkt *pkt, const struct cm_message *m)
{
	uint32_t len = 0;

	if (m == &messages[REJ - FIRST_MESSAGE] &&
	    pkt->payload_caplen >= REJ_INFO_AT + REJ_INFO_LEN)
		len = pkt->mad[MAD_HDR_LEN + 9] >> 1;
	return len < REJ_INFO_LEN ? len : REJ_INFO_LEN;
}

static void put_hex(FILE *out, const uint8_t *p, uint32_t len)
{
	while (len--)
		fprintf(out, "%02x", *p++);
}

void cm_all(FILE *out, const struct roce_pkt *pkt)
{
	const struct cm_message *m = message_of(pkt);
	uint32_t len;

	fputs("\tmad", out);
	text_fields(out, pkt, mad_fields, false);
	fputc('\n', out);
	if (!m)
		return;
	fprintf(out, "\tcm-%s", m->name);
	text_fields(out, pkt, m->fields, false);
	if (info_len(pkt, m)) {
		fputs(" ari ", out);
		put_hex(out, pkt->mad + REJ_INFO_AT, info_len(pkt, m));
	}
	len = private_len(pkt, m);
	/* a line is long enough without the zeros */
	while (len && !pkt->mad[m->private_at + len - 1])
		len--;
	if (len) {
		fputs(" private ", out);
		put_hex(out, pkt->mad + m->private_at, len);
	}
	fputc('\n', out);
}

static void json_field(FILE *out, const struct roce_pkt *pkt,
		       const struct cm_field *field)
{
	char buf[INET6_ADDRSTRLEN];
	const char *name;
	uint64_t value;

	if (field->f.format == FMT_GID) {
		fprintf(out, "\"%s\":\"%s\"", field->f.json,
			gid_text(pkt->mad + field->f.offset, buf));
		return;
	}
	value = roce_get(pkt->mad, &field->f);
	if (field->f.format == FMT_HEX64) {
		fprintf(out, "\"%s\":\"0x%016" PRIx64 "\"", field->f.json,
			value);
		return;
	}
	fprintf(out, "\"%s\":%" PRIu64, field->f.json, value);
	name = value_name(field->f.format, value);
	if (name)
		fprintf(out, ",\"%s_name\":\"%s\"", field->f.json, name);
}

static void json_ip_cm(FILE *out, const struct roce_pkt *pkt,
		       const uint8_t *ip_cm)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	fprintf(out,
		",\"ip_cm\":{\"majv\":%u,\"minv\":%u,\"ipv\":%u,\"sport\":%u,\"dport\":%u,\"sip\":\"%s\",\"dip\":\"%s\"}",
		ip_cm[0] >> 4, ip_cm[0] & 15, ip_cm[1] >> 4,
		ip_cm[2] << 8 | ip_cm[3], dport_of(pkt),
		ip_cm_addr(ip_cm, ip_cm + 4, src),
		ip_cm_addr(ip_cm, ip_cm + 20, dst));
}

static void json_fields(FILE *out, const struct roce_pkt *pkt,
			const struct cm_field *fields, const char *sep)
{
	for (; fields->f.text; fields++) {
		if (!was_captured(pkt, fields))
			continue;
		fputs(sep, out);
		json_field(out, pkt, fields);
		sep = ",";
	}
}

void cm_json(FILE *out, const struct roce_pkt *pkt)
{
	const struct cm_message *m = message_of(pkt);
	const uint8_t *ip_cm;

	fputs(",\"mad\":{", out);
	json_fields(out, pkt, mad_fields, "");
	fputc('}', out);
	if (!m)
		return;
	fprintf(out, ",\"cm\":{\"type\":\"%s\"", m->name);
	json_fields(out, pkt, m->fields, ",");
	ip_cm = ip_cm_of(pkt, m);
	if (ip_cm)
		json_ip_cm(out, pkt, ip_cm);
	if (info_len(pkt, m)) {
		fputs(",\"ari\":\"", out);
		put_hex(out, pkt->mad + REJ_INFO_AT, info_len(pkt, m));
		fputc('"', out);
	}
	if (private_len(pkt, m)) {
		fputs(",\"private\":\"", out);
		put_hex(out, pkt->mad + m->private_at, private_len(pkt, m));
		fputc('"', out);
	}
	fputc('}', out);
}
