// SPDX-License-Identifier: GPL-2.0
/*
 * A packet as a line, with -v all of its fields, with -vv its payload.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <time.h>
#include "cm.h"
#include "print.h"

const char *print_addr(const struct roce_pkt *pkt, const uint8_t *addr,
		       char *buf, size_t size)
{
	return inet_ntop(pkt->ip_version == 6 ? AF_INET6 : AF_INET, addr, buf,
			 size);
}

/* the addresses in front of a tunnel */
void print_outer(const struct roce_tunnel *t, char src[INET6_ADDRSTRLEN],
		 char dst[INET6_ADDRSTRLEN])
{
	int family = t->ip_version == 6 ? AF_INET6 : AF_INET;

	inet_ntop(family, roce_outer_src(t), src, INET6_ADDRSTRLEN);
	inet_ntop(family, roce_outer_dst(t), dst, INET6_ADDRSTRLEN);
}

const char *print_dir(enum direction dir)
{
	return dir == DIR_IN ? "in" : dir == DIR_OUT ? "out" : "?";
}

const char *print_icrc(enum icrc_state state)
{
	return state == ICRC_OK ? "ok" : state == ICRC_BAD ? "bad" : "absent";
}

/* with its sign in front of all of it */
void print_epoch(FILE *out, int64_t ns)
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	fprintf(out, "%s%" PRIu64 ".%09u", ns < 0 ? "-" : "",
		size / NS_PER_SECOND, (unsigned int)(size % NS_PER_SECOND));
}

static void print_time(FILE *out, const struct frame *frame,
		       enum time_style style)
{
	time_t sec = whole_seconds(frame->ns);
	char buf[64] = "";
	struct tm tm;

	if (style == TIME_NONE)
		return;
	if (frame->untimed) {
		fputs("- ", out);
		return;
	}
	if (style == TIME_EPOCH) {
		print_epoch(out, frame->ns);
		fputc(' ', out);
		return;
	}
	if (localtime_r(&sec, &tm))
		strftime(buf, sizeof(buf), style == TIME_DATE ?
			 "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	fprintf(out, "%s.%09u ", buf, rest_of_second(frame->ns));
}

static void print_tags(FILE *out, const uint8_t *vlans, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fprintf(out, "vlan %u ", roce_vlan(vlans, i) & 0xfff);
}

/* what a tunnel's name does not say: its numbers */
static void print_numbers(FILE *out, const struct roce_tunnel *t)
{
	unsigned int i;

	if (t->id_name)
		fprintf(out, " %u", t->id);
	for (i = 0; i < t->nr_labels; i++)
		fprintf(out, "%c%u", i ? '/' : ' ', roce_label(t, i));
}

static void print_tunnel(FILE *out, const struct roce_tunnel *t)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	print_tags(out, t->vlans, t->nr_vlans);
	if (t->ip_version) {
		print_outer(t, src, dst);
		fprintf(out, "%s > %s ", src, dst);
	}
	fputs(t->name, out);
	print_numbers(out, t);
	fputs(": ", out);
}

static void print_where(FILE *out, const struct frame *frame,
			const struct roce_pkt *pkt)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	unsigned int i;

	if (frame->iface->name[0])
		fprintf(out, "%s ", frame->iface->name);
	if (frame->dir != DIR_UNKNOWN)
		fprintf(out, "%s ", print_dir(frame->dir));
	for (i = 0; i < pkt->nr_tunnels; i++)
		print_tunnel(out, &pkt->tunnels[i]);
	print_tags(out, pkt->vlans, pkt->nr_vlans);
	if (pkt->has_ip)
		fprintf(out, "%s > %s ",
			print_addr(pkt, pkt->src, src, sizeof(src)),
			print_addr(pkt, pkt->dst, dst, sizeof(dst)));
}

static void print_value(FILE *out, const struct roce_field *field,
			const uint8_t *hdr)
{
	uint64_t value = roce_get(hdr, field);

	fprintf(out, field->format == FMT_DEC ? " %s %" PRIu64 :
		" %s 0x%" PRIx64, field->text, value);
}

/* what a syndrome means, instead of its number */
static void print_aeth(FILE *out, const struct roce_pkt *pkt)
{
	unsigned int value = roce_aeth_value(pkt), timer;

	switch (roce_aeth_type(pkt)) {
	case AETH_ACK:
		fputs(" ack", out);
		break;
	case AETH_RNR:
		timer = roce_rnr_timer(value);
		fprintf(out, " rnr-nak %u.%02u ms", timer / 100, timer % 100);
		break;
	case AETH_NAK:
		fprintf(out, " nak %s", roce_nak_name(value));
		break;
	default:
		fputs(" aeth-reserved", out);
	}
	print_value(out, &roce_hdrs[HDR_AETH].fields[1], pkt->hdr[HDR_AETH]);
}

static void print_hdrs(FILE *out, const struct roce_pkt *pkt)
{
	const struct roce_field *field;
	unsigned int i;

	for (i = 0; i < NR_HDRS; i++) {
		if (!pkt->hdr[i])
			continue;
		if (i == HDR_AETH) {
			print_aeth(out, pkt);
			continue;
		}
		for (field = roce_hdrs[i].fields; field->text; field++)
			print_value(out, field, pkt->hdr[i]);
	}
}

static void print_flags(FILE *out, const struct roce_pkt *pkt)
{
	const char *sep = " [";

#define FLAG(set, name) do {						\
	if (set) {							\
		fprintf(out, "%s%s", sep, name);			\
		sep = " ";						\
	}								\
} while (0)
	FLAG(pkt->se, "SE");
	FLAG(pkt->ack_req, "A");
	FLAG(pkt->mig, "M");
	FLAG(pkt->fecn, "FECN");
	FLAG(pkt->becn, "BECN");
#undef FLAG
	if (sep[1] != '[')
		fputc(']', out);
}

static void print_bth(FILE *out, const struct roce_pkt *pkt)
{
	if (pkt->op->name)
		fputs(pkt->op->name, out);
	else
		fprintf(out, "opcode 0x%02x", pkt->opcode);
	fprintf(out, " qp 0x%x", pkt->qpn);
	if (pkt->has_src_qpn)
		fprintf(out, " from 0x%x", pkt->src_qpn);
	fprintf(out, " psn %u", pkt->psn);
	print_flags(out, pkt);
}

static void print_mac(FILE *out, const uint8_t *mac)
{
	fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}

/* -e */
static void print_eth(FILE *out, const struct frame *frame,
		      const struct roce_pkt *pkt)
{
	if (pkt->has_eth) {
		print_mac(out, pkt->eth_src);
		fputs(" > ", out);
		print_mac(out, pkt->eth_dst);
		fputs(", ", out);
	}
	fprintf(out, "length %u: ", frame->len);
}

static void print_vlans(FILE *out, const uint8_t *vlans, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		fprintf(out, ", vlan %u priority %u",
			roce_vlan(vlans, i) & 0xfff, roce_vlan(vlans, i) >> 13);
}

/* the lines of -v */
static void print_link(FILE *out, const struct frame *frame,
		       const struct roce_pkt *pkt)
{
	fprintf(out, "\tframe %u bytes, %u captured", frame->len,
		frame->caplen);
	if (pkt->has_eth) {
		fputs(", eth ", out);
		print_mac(out, pkt->eth_src);
		fputs(" > ", out);
		print_mac(out, pkt->eth_dst);
	}
	print_vlans(out, pkt->vlans, pkt->nr_vlans);
	fputc('\n', out);
}

static void print_outer_line(FILE *out, const struct roce_tunnel *t)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	fprintf(out, "\t%s", t->name);
	if (t->id_name)
		fprintf(out, " %s", t->id_name);
	print_numbers(out, t);
	print_vlans(out, t->vlans, t->nr_vlans);
	if (t->ip_version) {
		print_outer(t, src, dst);
		fprintf(out, ", ip%u %s > %s", t->ip_version, src, dst);
	}
	if (t->has_ah)
		fprintf(out, ", ah spi 0x%x", t->ah_spi);
	fputc('\n', out);
}

static void print_ip(FILE *out, const struct roce_pkt *pkt)
{
	fprintf(out, "\tip%u class 0x%02x ttl %u", pkt->ip_version,
		pkt->dsfield, pkt->ttl);
	if (pkt->ip_version == 6)
		fprintf(out, " flow 0x%05x", pkt->flow);
	if (pkt->has_ident)
		fprintf(out, " ident 0x%x", pkt->ident);
	if (pkt->df)
		fputs(" DF", out);
	if (pkt->more_frags || pkt->frag_offset)
		fprintf(out, " fragment offset %u%s", pkt->frag_offset,
			pkt->more_frags ? " more" : " last");
	if (pkt->has_ah)
		fprintf(out, ", ah spi 0x%x", pkt->ah_spi);
	if (pkt->has_udp)
		fprintf(out, ", udp %u > %u length %u checksum 0x%04x",
			pkt->sport, pkt->dport, pkt->udp_len, pkt->udp_csum);
	fputc('\n', out);
}

static void print_all_hdrs(FILE *out, const struct roce_pkt *pkt)
{
	const struct roce_field *field;
	unsigned int i;

	fprintf(out,
		"\tbth opcode 0x%02x se %d m %d pad %u tver %u pkey 0x%04x fecn %d becn %d destqp 0x%06x a %d psn %u\n",
		pkt->opcode, pkt->se, pkt->mig, pkt->pad, pkt->tver, pkt->pkey,
		pkt->fecn, pkt->becn, pkt->qpn, pkt->ack_req, pkt->psn);
	for (i = 0; i < NR_HDRS; i++) {
		if (!pkt->hdr[i])
			continue;
		fprintf(out, "\t%s", roce_hdrs[i].name);
		for (field = roce_hdrs[i].fields; field->text; field++)
			print_value(out, field, pkt->hdr[i]);
		fputc('\n', out);
	}
	if (pkt->icrc_state == ICRC_BAD)
		fprintf(out, "\ticrc 0x%08x, not 0x%08x\n", pkt->icrc,
			pkt->icrc_want);
	else if (pkt->icrc_state == ICRC_OK)
		fprintf(out, "\ticrc 0x%08x\n", pkt->icrc);
}

void print_hex(FILE *out, const uint8_t *p, uint32_t len, bool ascii)
{
	uint32_t at, i;

	for (at = 0; at < len; at += 16) {
		fprintf(out, "\t0x%04x: ", at);
		for (i = at; i < at + 16 && (ascii || i < len); i++) {
			if (i < len)
				fprintf(out, "%s%02x", i % 2 ? "" : " ", p[i]);
			else
				fprintf(out, "%s  ", i % 2 ? "" : " ");
		}
		fputs(ascii ? "  " : "", out);
		for (i = at; ascii && i < at + 16 && i < len; i++)
			fputc(isascii(p[i]) && isprint(p[i]) ? p[i] : '.',
			      out);
		fputc('\n', out);
	}
}

/**
 * text_packet() - Print a packet as text
 * @out: where to
 * @frame: the frame
 * @pkt: what roce_decode() made of it
 * @opts: how the user wants it
 */
void text_packet(FILE *out, const struct frame *frame,
		 const struct roce_pkt *pkt, const struct print_opts *opts)
{
	unsigned int i;

	print_time(out, frame, opts->time);
	if (opts->link)
		print_eth(out, frame, pkt);
	print_where(out, frame, pkt);
	if (pkt->has_bth) {
		print_bth(out, pkt);
		print_hdrs(out, pkt);
		if (pkt->mad)
			cm_line(out, pkt);
		if (pkt->payload)
			fprintf(out, " payload %u", pkt->payload_len);
		fprintf(out, " icrc %s", print_icrc(pkt->icrc_state));
	}
	if (pkt->why)
		fprintf(out, "%s(%s%s)", pkt->has_bth ? " " : "",
			pkt->kind == ROCE_NOT ? "not RoCE: " :
			pkt->kind == ROCE_BAD ? "malformed: " : "", pkt->why);
	if (pkt->kind == ROCE_FRAGMENT)
		fprintf(out, " ident 0x%x offset %u", pkt->ident,
			pkt->frag_offset);
	fputc('\n', out);
	if (opts->verbose) {
		for (i = 0; i < pkt->nr_tunnels; i++)
			print_outer_line(out, &pkt->tunnels[i]);
		print_link(out, frame, pkt);
		if (pkt->has_ip)
			print_ip(out, pkt);
		if (pkt->has_bth)
			print_all_hdrs(out, pkt);
		if (pkt->mad)
			cm_all(out, pkt);
	}
	if (opts->verbose > 1 && pkt->payload)
		print_hex(out, pkt->payload, pkt->payload_caplen, true);
}
