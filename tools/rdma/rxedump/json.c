// SPDX-License-Identifier: GPL-2.0
/*
 * A packet as one JSON object in one line; the schema is in the man page.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include "cm.h"
#include "keep.h"
#include "pcapng.h"
#include "print.h"

/* The character at @p, and how many bytes it has; U+FFFD if it is none. */
static uint32_t utf8_next(const uint8_t *p, size_t left, unsigned int *len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int size = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 :
			    *p < 0xf0 ? 3 : *p < 0xf8 ? 4 : 0, i;
	uint32_t c;

	*len = 1;
	if (size == 1)
		return *p;
	if (!size || size > left)
		return 0xfffd;
	c = *p & (0x7f >> size);
	for (i = 1; i < size; i++) {
		if (p[i] >> 6 != 2)
			return 0xfffd;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*len = size;
	return c;
}

static void json_character(FILE *out, uint32_t c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c >= 0x20 && c < 0x7f)
		fputc(c, out);
	else if (c < 0x10000)
		fprintf(out, "\\u%04x", c);
	else
		fprintf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
			0xdc00 | (c & 0x3ff));
}

static void json_bytes(FILE *out, const uint8_t *p, size_t len)
{
	unsigned int size;

	fputc('"', out);
	for (; len && *p; p += size, len -= size)
		json_character(out, utf8_next(p, len, &size));
	fputc('"', out);
}

/* netdev names may have any byte but '/', ':' and blanks */
void print_json_string(FILE *out, const char *s)
{
	json_bytes(out, (const uint8_t *)s, strlen(s));
}

/* as the file has it, which is not fit for a terminal */
static void json_iface(FILE *out, const struct iface *iface)
{
	struct file_option name;

	if (file_option_find(&iface->options, PCAPNG_IF_NAME, &name))
		json_bytes(out, name.value, name.len);
	else
		print_json_string(out, iface->name);
}

static const char *json_bool(bool value)
{
	return value ? "true" : "false";
}

static void json_mac(FILE *out, const char *key, const uint8_t *mac)
{
	fprintf(out, "\"%s\":\"%02x:%02x:%02x:%02x:%02x:%02x\"", key, mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void json_eth(FILE *out, const struct roce_pkt *pkt)
{
	fputs(",\"eth\":{", out);
	json_mac(out, "src", pkt->eth_src);
	fputc(',', out);
	json_mac(out, "dst", pkt->eth_dst);
	fputs("}", out);
}

static void json_vlans(FILE *out, const uint8_t *vlans, unsigned int nr)
{
	unsigned int i;

	if (!nr)
		return;
	fputs(",\"vlan\":[", out);
	for (i = 0; i < nr; i++)
		fprintf(out, "%s{\"id\":%u,\"priority\":%u}", i ? "," : "",
			roce_vlan(vlans, i) & 0xfff, roce_vlan(vlans, i) >> 13);
	fputc(']', out);
}

static void json_tunnel(FILE *out, const struct roce_tunnel *t)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	unsigned int i;

	fprintf(out, "{\"type\":\"%s\"", t->name);
	if (t->id_name)
		fprintf(out, ",\"%s\":%u", t->id_name, t->id);
	for (i = 0; i < t->nr_labels; i++)
		fprintf(out, "%s%u", i ? "," : ",\"labels\":[",
			roce_label(t, i));
	if (t->nr_labels)
		fputc(']', out);
	json_vlans(out, t->vlans, t->nr_vlans);
	if (t->ip_version) {
		print_outer(t, src, dst);
		fprintf(out, ",\"ip\":{\"version\":%u,\"src\":\"%s\",\"dst\":\"%s\"",
			t->ip_version, src, dst);
		if (t->has_ah)
			fprintf(out, ",\"ah_spi\":%u", t->ah_spi);
		fputc('}', out);
	}
	fputc('}', out);
}

static void json_tunnels(FILE *out, const struct roce_pkt *pkt)
{
	unsigned int i;

	if (!pkt->nr_tunnels)
		return;
	for (i = 0; i < pkt->nr_tunnels; i++) {
		fputs(i ? "," : ",\"tunnels\":[", out);
		json_tunnel(out, &pkt->tunnels[i]);
	}
	fputc(']', out);
}

static void json_ip(FILE *out, const struct roce_pkt *pkt)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	fprintf(out,
		",\"ip\":{\"version\":%u,\"src\":\"%s\",\"dst\":\"%s\",\"dsfield\":%u,\"ttl\":%u",
		pkt->ip_version, print_addr(pkt, pkt->src, src, sizeof(src)),
		print_addr(pkt, pkt->dst, dst, sizeof(dst)), pkt->dsfield,
		pkt->ttl);
	if (pkt->ip_version == 6)
		fprintf(out, ",\"flow\":%u", pkt->flow);
	if (pkt->has_ident)
		fprintf(out, ",\"id\":%u", pkt->ident);
	if (pkt->more_frags || pkt->frag_offset)
		fprintf(out, ",\"frag_offset\":%u,\"mf\":%s",
			pkt->frag_offset, json_bool(pkt->more_frags));
	if (pkt->has_ah)
		fprintf(out, ",\"ah_spi\":%u", pkt->ah_spi);
	fputc('}', out);
	if (pkt->has_udp)
		fprintf(out,
			",\"udp\":{\"srcport\":%u,\"dstport\":%u,\"length\":%u,\"checksum\":%u}",
			pkt->sport, pkt->dport, pkt->udp_len, pkt->udp_csum);
}

static void json_aeth(FILE *out, const struct roce_pkt *pkt)
{
	unsigned int value = roce_aeth_value(pkt);

	switch (roce_aeth_type(pkt)) {
	case AETH_ACK:
		fputs(",\"type\":\"ack\"", out);
		break;
	case AETH_RNR:
		fprintf(out, ",\"type\":\"rnr-nak\",\"timer_us\":%u",
			roce_rnr_timer(value) * 10);
		break;
	case AETH_NAK:
		fprintf(out, ",\"type\":\"nak\",\"nak\":\"%s\"",
			roce_nak_name(value));
		break;
	default:
		fputs(",\"type\":\"reserved\"", out);
	}
}

static void json_hdr(FILE *out, const struct roce_pkt *pkt, unsigned int hdr)
{
	const struct roce_field *field = roce_hdrs[hdr].fields;
	const char *sep = "";

	fprintf(out, ",\"%s\":{", roce_hdrs[hdr].name);
	for (; field->text; field++) {
		uint64_t value = roce_get(pkt->hdr[hdr], field);

		/* more than a double holds */
		fprintf(out, field->format == FMT_HEX64 ?
			"%s\"%s\":\"0x%016" PRIx64 "\"" :
			"%s\"%s\":%" PRIu64, sep, field->json, value);
		sep = ",";
	}
	if (hdr == HDR_AETH)
		json_aeth(out, pkt);
	fputc('}', out);
}

static void json_bth(FILE *out, const struct roce_pkt *pkt)
{
	fprintf(out, ",\"bth\":{\"opcode\":%u", pkt->opcode);
	if (pkt->op->name)
		fprintf(out, ",\"name\":\"%s\"", pkt->op->name);
	fprintf(out, ",\"se\":%s,\"m\":%s,\"padcnt\":%u,\"tver\":%u",
		json_bool(pkt->se), json_bool(pkt->mig), pkt->pad, pkt->tver);
	fprintf(out, ",\"p_key\":%u,\"fecn\":%s,\"becn\":%s,\"destqp\":%u",
		pkt->pkey, json_bool(pkt->fecn), json_bool(pkt->becn),
		pkt->qpn);
	fprintf(out, ",\"a\":%s,\"psn\":%u}", json_bool(pkt->ack_req),
		pkt->psn);
}

static void json_payload(FILE *out, const struct roce_pkt *pkt, bool data)
{
	uint32_t i;

	fprintf(out, ",\"payload\":{\"len\":%u", pkt->payload_len);
	if (data) {
		fputs(",\"data\":\"", out);
		for (i = 0; i < pkt->payload_caplen; i++)
			fprintf(out, "%02x", pkt->payload[i]);
		fputc('"', out);
	}
	fputc('}', out);
}

static void json_icrc(FILE *out, const struct roce_pkt *pkt)
{
	fprintf(out, ",\"icrc\":{\"state\":\"%s\"",
		print_icrc(pkt->icrc_state));
	if (pkt->icrc_state != ICRC_ABSENT)
		fprintf(out, ",\"value\":%u", pkt->icrc);
	if (pkt->icrc_state == ICRC_BAD)
		fprintf(out, ",\"expected\":%u", pkt->icrc_want);
	fputc('}', out);
}

/**
 * json_packet() - Print a packet as a JSON object
 * @out: where to
 * @frame: the frame
 * @pkt: what roce_decode() made of it
 * @opts: how the user wants it
 */
void json_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts)
{
	static const char * const kinds[] = {
		[ROCE_OK] = "roce",
		[ROCE_NOT] = "other",
		[ROCE_FRAGMENT] = "fragment",
		[ROCE_CUT] = "cut",
		[ROCE_BAD] = "malformed",
	};
	unsigned int i;

	fputc('{', out);
	if (!frame->untimed) {
		fputs("\"time\":\"", out);
		print_epoch(out, frame->ns);
		fputs("\",", out);
	}
	if (frame->iface->name[0]) {
		fputs("\"interface\":", out);
		json_iface(out, frame->iface);
		fputc(',', out);
	}
	if (frame->dir != DIR_UNKNOWN)
		fprintf(out, "\"direction\":\"%s\",", print_dir(frame->dir));
	fprintf(out, "\"len\":%u,\"caplen\":%u,\"kind\":\"%s\"", frame->len,
		frame->caplen, kinds[pkt->kind]);
	if (pkt->why)
		fprintf(out, ",\"why\":\"%s\"", pkt->why);
	json_tunnels(out, pkt);
	if (pkt->has_eth)
		json_eth(out, pkt);
	json_vlans(out, pkt->vlans, pkt->nr_vlans);
	if (pkt->has_ip)
		json_ip(out, pkt);
	if (pkt->has_bth) {
		json_bth(out, pkt);
		if (pkt->has_src_qpn)
			fprintf(out, ",\"srcqp\":%u", pkt->src_qpn);
		for (i = 0; i < NR_HDRS; i++)
			if (pkt->hdr[i])
				json_hdr(out, pkt, i);
	}
	if (pkt->mad)
		cm_json(out, pkt);
	if (pkt->payload)
		json_payload(out, pkt, opts->verbose > 1);
	if (pkt->has_bth)
		json_icrc(out, pkt);
	fputs("}\n", out);
}
