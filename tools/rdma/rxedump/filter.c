// SPDX-License-Identifier: GPL-2.0
/*
 * The filter's options, and pcap-filter expressions.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include "filter.h"
#include "say.h"

static bool bad(const char *option, const char *text, const char *wanted)
{
	say("%s %s: %s", option, text, wanted);
	return false;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end && *value <= max;
}

/* "N", "N-M", "N-", "-M" */
static bool parse_range(const char *text, uint64_t max, uint32_t *first,
			uint32_t *last)
{
	const char *dash = strchr(text, '-');
	uint64_t a = 0, b = max;
	char buf[32];

	if (!dash) {
		if (!parse_number(text, max, &a))
			return false;
		b = a;
	} else {
		if (dash - text >= (int)sizeof(buf) || !strcmp(text, "-"))
			return false;
		memcpy(buf, text, dash - text);
		buf[dash - text] = 0;
		if ((*buf && !parse_number(buf, max, &a)) ||
		    (dash[1] && !parse_number(dash + 1, max, &b)))
			return false;
	}
	*first = a;
	*last = b;
	return true;
}

/* Call @add for each part between commas. */
static bool each(const char *option, struct filter *f, const char *text,
		 bool (*add)(struct filter *f, const char *option,
			     const char *part))
{
	char *copy = strdup(text), *rest = copy, *part;
	bool ok = copy;

	while (ok && (part = strsep(&rest, ",")))
		ok = add(f, option, part);
	free(copy);
	return ok;
}

static bool add_qp(struct filter *f, const char *option, const char *part)
{
	uint64_t qpn;

	if (!parse_number(part, 0xffffff, &qpn))
		return bad(option, part, "not a QP number (24 bits)");
	if (f->nr_qps == MAX_FILTER_QPS)
		return bad(option, part, "more than 16 QPs");
	f->qps[f->nr_qps++] = qpn;
	return true;
}

bool filter_add_qps(struct filter *f, const char *text)
{
	return each("--qp", f, text, add_qp);
}

static bool add_opcode(struct filter *f, const char *option, const char *part)
{
	uint64_t set[4];
	unsigned int i;

	memcpy(set, f->opcodes, sizeof(set));
	if (!roce_opcode_find(part, set))
		return bad(option, part,
			   "no such opcode or class; the man page lists them");
	for (i = 0; i < 4; i++)
		f->opcodes[i] = set[i];
	f->by_opcode = 1;
	return true;
}

bool filter_add_opcodes(struct filter *f, const char *text)
{
	return each("--opcode", f, text, add_opcode);
}

static void set_mask(uint32_t mask[4], unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < 128; i++)
		if (i < bits)
			((uint8_t *)mask)[i / 8] |= 0x80 >> i % 8;
}

static bool add_host(struct filter *f, const char *option, const char *part)
{
	struct filter_host *h = &f->hosts[f->nr_hosts];
	char buf[INET6_ADDRSTRLEN];
	const char *slash = strchr(part, '/');
	size_t len = slash ? (size_t)(slash - part) : strlen(part);
	uint64_t bits;
	unsigned int all;

	if (f->nr_hosts == MAX_FILTER_HOSTS)
		return bad(option, part, "more than 8 hosts");
	if (len >= sizeof(buf))
		return bad(option, part, "not an IP address or prefix");
	memcpy(buf, part, len);
	buf[len] = 0;
	memset(h, 0, sizeof(*h));
	if (inet_pton(AF_INET, buf, &h->addr[3]) == 1) {
		h->addr[2] = htonl(0xffff);
		all = 32;
	} else if (inet_pton(AF_INET6, buf, h->addr) == 1) {
		all = 128;
	} else {
		return bad(option, part, "not an IP address or prefix");
	}
	bits = all;
	if (slash && !parse_number(slash + 1, all, &bits))
		return bad(option, part, "not an IP address or prefix");
	set_mask(h->mask, bits + 128 - all);
	f->nr_hosts++;
	return true;
}

bool filter_add_hosts(struct filter *f, const char *text)
{
	return each("--host", f, text, add_host);
}

bool filter_set_psn(struct filter *f, const char *text)
{
	if (!parse_range(text, PSN_MASK, &f->psn_first, &f->psn_last))
		return bad("--psn", text, "not a range of PSNs (24 bits)");
	f->by_psn = 1;
	return true;
}

bool filter_set_size(struct filter *f, const char *text)
{
	if (!parse_range(text, UINT32_MAX, &f->size_min, &f->size_max) ||
	    f->size_min > f->size_max)
		return bad("--size", text, "not a range of frame sizes");
	f->by_size = 1;
	return true;
}

bool filter_is_empty(const struct filter *f)
{
	return !f->nr_qps && !f->nr_hosts && !f->by_opcode && !f->by_psn &&
	       !f->by_size;
}

static void key_addr(uint32_t key[4], unsigned int ip_version,
		     const uint8_t *addr)
{
	if (ip_version == 6) {
		memcpy(key, addr, 16);
		return;
	}
	key[0] = 0;
	key[1] = 0;
	key[2] = htonl(0xffff);
	memcpy(&key[3], addr, 4);
}

/* A host may be the end of a tunnel. */
static bool match_outer(const struct filter *f, struct filter_key *key,
			const struct roce_pkt *pkt)
{
	const struct roce_tunnel *t;
	unsigned int i;

	for (i = 0; i < pkt->nr_tunnels; i++) {
		t = &pkt->tunnels[i];
		if (!t->ip_version)
			continue;
		key_addr(key->src, t->ip_version, roce_outer_src(t));
		key_addr(key->dst, t->ip_version, roce_outer_dst(t));
		if (filter_match(f, key))
			return true;
	}
	return false;
}

/**
 * filter_packet() - Does a packet of a file pass?
 * @f: the filter
 * @frame: the frame
 * @pkt: the same, decoded
 *
 * Return: what the BPF program would have decided.
 */
bool filter_packet(const struct filter *f, const struct frame *frame,
		   const struct roce_pkt *pkt)
{
	struct filter_key key = {
		.qpn = pkt->qpn,
		.psn = pkt->psn,
		.len = frame->len,
		.opcode = pkt->opcode,
	};

	if (filter_is_empty(f))
		return true;
	if (!pkt->has_bth)
		return false;
	key_addr(key.src, pkt->ip_version, pkt->src);
	key_addr(key.dst, pkt->ip_version, pkt->dst);
	return filter_match(f, &key) || match_outer(f, &key, pkt);
}

/* compiled for a link type */
struct program {
	struct program *next;
	int linktype;
	bool ok;
	struct bpf_program prog;
};

struct expression {
	const char *text;
	bool failed;			/* for a link type */
	struct program *programs;
};

/* @p is filled; false: what is wrong goes to @err */
static bool compile(struct program *p, const char *text, int linktype,
		    char err[PCAP_ERRBUF_SIZE])
{
	int dlt = linktype == LINKTYPE_RAW ? DLT_RAW : linktype;
	pcap_t *pcap = pcap_open_dead(dlt, MAX_FRAME);

	p->linktype = linktype;
	p->ok = pcap && !pcap_compile(pcap, &p->prog, text, 1,
				      PCAP_NETMASK_UNKNOWN);
	if (!p->ok)
		snprintf(err, PCAP_ERRBUF_SIZE, "%s",
			 pcap ? pcap_geterr(pcap) : "no memory");
	if (pcap)
		pcap_close(pcap);
	return p->ok;
}

/**
 * expression_compile() - Compile a pcap-filter expression
 * @text: the expression; must stay
 *
 * Return: the expression, or NULL after saying why.
 */
struct expression *expression_compile(const char *text)
{
	struct expression *e = calloc(1, sizeof(*e));
	struct program *p = calloc(1, sizeof(*p));
	char err[PCAP_ERRBUF_SIZE] = "no memory";

	if (!e || !p || !compile(p, text, LINKTYPE_ETHERNET, err)) {
		say("filter '%s': %s", text, err);
		free(p);
		free(e);
		return NULL;
	}
	e->text = text;
	e->programs = p;
	return e;
}

/* Compiled once, and what is wrong is said once. */
static struct program *program_for(struct expression *e, int linktype)
{
	char err[PCAP_ERRBUF_SIZE];
	const char *name;
	struct program *p;

	for (p = e->programs; p; p = p->next)
		if (p->linktype == linktype)
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->next = e->programs;
	e->programs = p;
	if (!compile(p, e->text, linktype, err)) {
		name = pcap_datalink_val_to_name(linktype == LINKTYPE_RAW ?
						 DLT_RAW : linktype);
		say("filter '%s': nothing of link type %s matches: %s", e->text,
		    name ? name : "?", err);
		e->failed = true;
	}
	return p;
}

bool expression_match(struct expression *e, const struct frame *frame)
{
	struct program *p = program_for(e, frame->iface->linktype);
	struct pcap_pkthdr hdr = {
		.caplen = frame->caplen,
		.len = frame->len,
	};

	return p && p->ok && pcap_offline_filter(&p->prog, &hdr, frame->data);
}

/* Did a frame come that it makes no sense for? */
bool expression_failed(const struct expression *e)
{
	return e->failed;
}

void expression_free(struct expression *e)
{
	struct program *p;

	if (!e)
		return;
	while ((p = e->programs)) {
		e->programs = p->next;
		if (p->ok)
			pcap_freecode(&p->prog);
		free(p);
	}
	free(e);
}
