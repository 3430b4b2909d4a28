// SPDX-License-Identifier: GPL-2.0
/*
 * What became of each QP's packets. A flow is all packets from one address to
 * one QP at another: requests, and responses to the requests of that QP.
 *
 * A BTH names only the destination QP. Which flow a response belongs to is
 * learned: the one of the opposite direction that has its PSN outstanding, if
 * there is exactly one; of these the right one if conn.c knows the source QP.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "print.h"
#include "stat.h"

#define NR_BUCKETS	1024
#define MAX_FLOWS	4096
#define WINDOW		1024	/* PSNs that are remembered */
#define SUB_BITS	4	/* of the histogram: steps of 6 % */
#define NR_STEPS	(64 << SUB_BITS)
#define MIN_MTU		256
#define MAX_JUMP	65536	/* of a PSN: more is a QP's new life */

#define MAX_MISSES	16	/* responses to nothing, until we learn anew */

struct sent {
	int64_t ns;
	uint32_t psn, ident;
	uint32_t psns;			/* how many it takes */
	bool valid, answered;
};

struct flow {
	struct flow *next;		/* in its bucket */
	struct flow *requests;		/* whose responses these are */
	unsigned int misses;
	struct roce_pkt id;		/* addresses and QP */
	unsigned int iface_id;
	enum direction dir;
	char iface[IFACE_NAME_LEN];
	uint64_t packets, bytes, bad_icrc, cnps;

	/* requests: the PSN that must follow is one of these */
	bool started;
	uint32_t first, last;
	uint64_t gaps, missing, retransmitted, duplicates, late;
	struct sent sent[WINDOW];

	/* responses */
	uint64_t acks, rnr_naks, naks[NR_NAKS];

	/* from a request to its response */
	uint64_t nr_latencies, max_latency;
	uint32_t latencies[NR_STEPS];
};

struct stat_table {
	struct flow *buckets[NR_BUCKETS];
	unsigned int nr_flows;
	uint64_t others;
	bool ifaces;			/* more than one */
};

/* What passes two interfaces is seen twice, and not sent again. */
static bool same_flow(const struct flow *f, const struct frame *frame,
		      const struct roce_pkt *b)
{
	const struct roce_pkt *a = &f->id;

	return a->qpn == b->qpn && a->ip_version == b->ip_version &&
	       f->iface_id == frame->iface_id && f->dir == frame->dir &&
	       !memcmp(a->src, b->src, 16) && !memcmp(a->dst, b->dst, 16);
}

static unsigned int bucket_of(const struct roce_pkt *pkt)
{
	uint32_t hash = pkt->qpn;
	unsigned int i;

	for (i = 0; i < 16; i++)
		hash = hash * 31 + pkt->src[i] * 7 + pkt->dst[i];
	return (hash ^ hash >> 16) % NR_BUCKETS;
}

static struct flow *find_flow(struct stat_table *t, const struct frame *frame,
			      const struct roce_pkt *pkt)
{
	struct flow **bucket = &t->buckets[bucket_of(pkt)], *f;

	for (f = *bucket; f; f = f->next)
		if (same_flow(f, frame, pkt))
			return f;
	if (t->nr_flows == MAX_FLOWS)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->id = *pkt;
	f->iface_id = frame->iface_id;
	f->dir = frame->dir;
	snprintf(f->iface, sizeof(f->iface), "%s", frame->iface->name);
	t->ifaces |= f->iface_id;
	f->next = *bucket;
	*bucket = f;
	t->nr_flows++;
	return f;
}

/* a - b, of numbers of 24 bits */
static int32_t psn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8) >> 8;
}

/* A READ takes a PSN for each packet of its response. */
static uint32_t max_psns(const struct roce_pkt *pkt)
{
	uint32_t len;

	if (!(pkt->op->is & OPC_READ))
		return 1;
	len = roce_get(pkt->hdr[HDR_RETH], &roce_hdrs[HDR_RETH].fields[2]);
	return len ? (len - 1) / MIN_MTU + 1 : 1;
}

/* A READ is sent anew from where its response was lost. */
static bool within_read(const struct flow *f, uint32_t psn)
{
	unsigned int i;

	for (i = 0; i < WINDOW; i++) {
		const struct sent *s = &f->sent[i];

		if (s->valid && ((psn - s->psn) & PSN_MASK) < s->psns)
			return true;
	}
	return false;
}

static void take_request(struct flow *f, const struct frame *frame,
			 const struct roce_pkt *pkt)
{
	struct sent *s = &f->sent[pkt->psn % WINDOW];
	bool again = s->valid && s->psn == pkt->psn;

	if (f->started && abs(psn_diff(pkt->psn, f->last)) > MAX_JUMP)
		f->started = false;
	if (f->started && psn_diff(pkt->psn, f->first) < 0) {
		/* A copy has the same ident, a packet sent anew another one;
		 * 0 is no ident (IPv6, or a sender that gives none).
		 */
		if (!again && (!(pkt->op->is & OPC_READ) ||
			       !within_read(f, pkt->psn)))
			f->late++;
		else if (again && pkt->ident && s->ident == pkt->ident)
			f->duplicates++;
		else
			f->retransmitted++;
	} else {
		if (f->started && psn_diff(pkt->psn, f->last) > 0) {
			f->gaps++;
			f->missing += psn_diff(pkt->psn, f->last);
		}
		f->started = true;
		f->first = (pkt->psn + 1) & PSN_MASK;
		f->last = (pkt->psn + max_psns(pkt)) & PSN_MASK;
	}
	*s = (struct sent){
		.ns = frame->untimed ? INT64_MAX : frame->ns,
		.psn = pkt->psn, .ident = pkt->ident,
		.psns = max_psns(pkt), .valid = true,
	};
}

static bool opposite(const struct flow *x, const struct flow *y)
{
	const struct roce_pkt *a = &x->id, *b = &y->id;

	return a->ip_version == b->ip_version && x->iface_id == y->iface_id &&
	       (x->dir != y->dir || x->dir == DIR_UNKNOWN) &&
	       !memcmp(a->src, b->dst, 16) && !memcmp(a->dst, b->src, 16);
}

static struct sent *outstanding(struct flow *f, uint32_t psn)
{
	struct sent *s = &f->sent[psn % WINDOW];

	return s->valid && s->psn == psn && !s->answered ? s : NULL;
}

/* The QP that sends responses is the one that gets the requests, if it is known. */
static bool may_answer(const struct flow *requests, const struct roce_pkt *pkt)
{
	return !pkt->has_src_qpn || requests->id.qpn == pkt->src_qpn;
}

static struct flow *learn_requests(struct stat_table *t,
				   const struct flow *responses,
				   const struct roce_pkt *pkt)
{
	struct flow *found = NULL, *f;
	unsigned int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		for (f = t->buckets[i]; f; f = f->next) {
			if (!opposite(f, responses) || !may_answer(f, pkt) ||
			    !outstanding(f, pkt->psn))
				continue;
			if (found)
				return NULL;
			found = f;
		}
	}
	return found;
}

static unsigned int step_of(uint64_t ns)
{
	unsigned int top;

	if (ns < 1 << SUB_BITS)
		return ns;
	top = 63 - __builtin_clzll(ns);
	return (top - SUB_BITS + 1) << SUB_BITS |
	       (ns >> (top - SUB_BITS) & ((1 << SUB_BITS) - 1));
}

/* the least value of a step */
static uint64_t step_value(unsigned int step)
{
	unsigned int top = step >> SUB_BITS;
	uint64_t low = step & ((1 << SUB_BITS) - 1);

	return top ? (low | 1 << SUB_BITS) << (top - 1) : low;
}

static void take_response(struct stat_table *t, struct flow *f,
			  const struct frame *frame,
			  const struct roce_pkt *pkt)
{
	struct sent *s;
	uint64_t ns;

	if (f->requests && !may_answer(f->requests, pkt))
		f->requests = NULL;
	s = f->requests ? outstanding(f->requests, pkt->psn) : NULL;

	/* It may have been learned by chance, or the QP be another one by now.
	 * Most packets of a READ's response answer nothing by themselves.
	 */
	if (!s && (!f->requests || ++f->misses > MAX_MISSES)) {
		struct flow *g = learn_requests(t, f, pkt);

		f->misses = 0;
		if (g) {
			f->requests = g;
			s = outstanding(g, pkt->psn);
		}
	}
	if (!s || frame->untimed || frame->ns < s->ns)
		return;
	f->misses = 0;
	s->answered = true;
	ns = (uint64_t)frame->ns - (uint64_t)s->ns;
	f = f->requests;
	f->latencies[step_of(ns)]++;
	f->nr_latencies++;
	if (ns > f->max_latency)
		f->max_latency = ns;
}

/* true: what was asked for was done */
static bool take_aeth(struct flow *f, const struct roce_pkt *pkt)
{
	unsigned int value = roce_aeth_value(pkt);

	switch (roce_aeth_type(pkt)) {
	case AETH_ACK:
		f->acks++;
		return true;
	case AETH_RNR:
		f->rnr_naks++;
		return false;
	case AETH_NAK:
		if (value < NR_NAKS)
			f->naks[value]++;
		return false;
	default:
		return false;
	}
}

/**
 * stat_packet() - Take a packet into account
 * @t: the table
 * @frame: the frame
 * @pkt: the same, decoded
 */
void stat_packet(struct stat_table *t, const struct frame *frame,
		 const struct roce_pkt *pkt)
{
	bool done = true;
	struct flow *f;

	f = pkt->has_hdrs ? find_flow(t, frame, pkt) : NULL;
	if (!f) {
		t->others++;
		return;
	}
	f->id.has_src_qpn = pkt->has_src_qpn;
	f->id.src_qpn = pkt->src_qpn;
	f->packets++;
	f->bytes += frame->len;
	f->bad_icrc += pkt->icrc_state == ICRC_BAD;
	f->cnps += !!(pkt->op->is & OPC_CNP);
	/* datagrams of many QPs may go to one: their PSNs say nothing */
	if (pkt->op->is & OPC_REQUEST && !(pkt->op->is & OPC_UD))
		take_request(f, frame, pkt);
	if (pkt->hdr[HDR_AETH])
		done = take_aeth(f, pkt);
	if (pkt->op->is & OPC_RESPONSE && done)
		take_response(t, f, frame, pkt);
}

static double percentile(const struct flow *f, unsigned int percent)
{
	uint64_t want = (f->nr_latencies * percent + 99) / 100, seen = 0;
	unsigned int i;

	for (i = 0; i < NR_STEPS; i++) {
		seen += f->latencies[i];
		if (seen >= want)
			return step_value(i) / 1000.0;
	}
	return f->max_latency / 1000.0;
}

static void print_text(const struct stat_table *t, const struct flow *f,
		       FILE *out, const char *src, const char *dst)
{
	unsigned int i;

	if (t->ifaces)
		fprintf(out, "%s ", f->iface);
	fprintf(out, "%s > %s qp 0x%x", src, dst, f->id.qpn);
	if (f->id.has_src_qpn)
		fprintf(out, " from 0x%x", f->id.src_qpn);
	fprintf(out, ": %" PRIu64 " packets, %" PRIu64 " bytes", f->packets,
		f->bytes);
	if (f->bad_icrc)
		fprintf(out, ", %" PRIu64 " with a bad icrc", f->bad_icrc);
	if (f->cnps)
		fprintf(out, ", %" PRIu64 " cnp", f->cnps);
	fputc('\n', out);
	if (f->started)
		fprintf(out, "\trequests: %" PRIu64 " psn gaps (%" PRIu64
			" missing), %" PRIu64 " retransmitted, %" PRIu64
			" duplicates, %" PRIu64 " late\n", f->gaps, f->missing,
			f->retransmitted, f->duplicates, f->late);
	if (f->acks || f->requests) {
		fprintf(out, "\tresponses: %" PRIu64 " ack, %" PRIu64 " rnr",
			f->acks, f->rnr_naks);
		for (i = 0; i < NR_NAKS; i++)
			fprintf(out, ", %" PRIu64 " %s", f->naks[i],
				roce_nak_name(i));
		fputc('\n', out);
	}
	if (f->nr_latencies)
		fprintf(out,
			"\tresponse after us: p50 %.1f p90 %.1f p99 %.1f max %.1f (%"
			PRIu64 ")\n",
			percentile(f, 50), percentile(f, 90),
			percentile(f, 99), f->max_latency / 1000.0,
			f->nr_latencies);
}

static void json_count(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, key, value);
}

static void print_json(const struct flow *f, FILE *out, const char *src,
		       const char *dst)
{
	unsigned int i;

	fputc('{', out);
	if (f->iface[0]) {
		fputs("\"interface\":", out);
		print_json_string(out, f->iface);
		fputc(',', out);
	}
	if (f->dir != DIR_UNKNOWN)
		fprintf(out, "\"direction\":\"%s\",", print_dir(f->dir));
	fprintf(out, "\"src\":\"%s\",\"dst\":\"%s\",\"destqp\":%u", src, dst,
		f->id.qpn);
	if (f->id.has_src_qpn)
		json_count(out, "srcqp", f->id.src_qpn);
	json_count(out, "packets", f->packets);
	json_count(out, "bytes", f->bytes);
	json_count(out, "bad_icrc", f->bad_icrc);
	json_count(out, "cnp", f->cnps);
	json_count(out, "gaps", f->gaps);
	json_count(out, "missing", f->missing);
	json_count(out, "retransmitted", f->retransmitted);
	json_count(out, "duplicates", f->duplicates);
	json_count(out, "late", f->late);
	json_count(out, "ack", f->acks);
	json_count(out, "rnr", f->rnr_naks);
	fputs(",\"nak\":{", out);
	for (i = 0; i < NR_NAKS; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "",
			roce_nak_name(i), f->naks[i]);
	fprintf(out, "},\"latency_us\":{\"count\":%" PRIu64, f->nr_latencies);
	if (f->nr_latencies)
		fprintf(out,
			",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f",
			percentile(f, 50), percentile(f, 90),
			percentile(f, 99), f->max_latency / 1000.0);
	fputs("}}\n", out);
}

static int by_address(const void *a, const void *b)
{
	const struct flow *x = *(const struct flow * const *)a;
	const struct flow *y = *(const struct flow * const *)b;
	int diff = memcmp(x->id.src, y->id.src, 16);

	if (!diff)
		diff = memcmp(x->id.dst, y->id.dst, 16);
	if (!diff)
		diff = (int)x->id.qpn - (int)y->id.qpn;
	return diff ? diff : (int)x->iface_id - (int)y->iface_id;
}

/**
 * stat_print() - Print all flows
 * @t: the table
 * @out: where to
 * @json: as JSON objects, one a line
 */
void stat_print(const struct stat_table *t, FILE *out, bool json)
{
	const struct flow **list = calloc(t->nr_flows + 1, sizeof(*list));
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	unsigned int i, nr = 0;
	const struct flow *f;

	if (!list)
		return;
	for (i = 0; i < NR_BUCKETS; i++)
		for (f = t->buckets[i]; f; f = f->next)
			list[nr++] = f;
	qsort(list, nr, sizeof(*list), by_address);
	for (i = 0; i < nr; i++) {
		f = list[i];
		print_addr(&f->id, f->id.src, src, sizeof(src));
		print_addr(&f->id, f->id.dst, dst, sizeof(dst));
		if (json)
			print_json(f, out, src, dst);
		else
			print_text(t, f, out, src, dst);
	}
	if (t->others)
		fprintf(out, json ? "{\"others\":%" PRIu64 "}\n" :
			"others: %" PRIu64 " packets\n", t->others);
	free(list);
}

struct stat_table *stat_new(void)
{
	return calloc(1, sizeof(struct stat_table));
}

void stat_free(struct stat_table *t)
{
	struct flow *f;
	unsigned int i;

	for (i = 0; i < NR_BUCKETS; i++) {
		while ((f = t->buckets[i])) {
			t->buckets[i] = f->next;
			free(f);
		}
	}
	free(t);
}
