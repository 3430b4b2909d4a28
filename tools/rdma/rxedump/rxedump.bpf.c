// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks: each frame is looked at, RoCE v2 that the filter lets through is
 * copied to a ring buffer. Nothing is changed, delayed or dropped.
 *
 * Only __sk_buff and helpers: no kernel types, so that no BTF is needed, and
 * nothing that wants a JIT.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "shared.h"

#define MAX_TAGS	8	/* the decoder takes any number */
#define ROCE_PORT	4791
#define UDP_LEN		8
#define MAX_EXTENSIONS	8
#define MAX_HEADERS	512	/* of a frame whose payload cannot be read */
#define MIN_CHAIN	300	/* two packets, with 256 bytes of data in the first */

/* Set before the program is loaded; one program for each interface. */
const volatile struct filter filter = {};
const volatile __u32 filtering;
const volatile __u32 iface_id;
const volatile __u32 raw_ip;		/* frames start with the IP header */
const volatile __u32 snaplen = MAX_EVENT_DATA;	/* or less */
const volatile __u32 quarter = 1024;	/* of the ring, in bytes */
const volatile __u32 wanted[256];	/* bytes behind the BTH, by opcode */

/* Not a global array: without CAP_PERFMON no index may vary there. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12);
} ring SEC(".maps");

/* How much went into the ring, in bytes; of all interfaces, as the ring is. */
SEC(".data.ring") __u64 added;

struct udp_bth {
	__be16 source, dest, len, check;
	__u8 opcode, flags;
	__be16 pkey;
	__be32 qpn, psn;
};

struct where {
	__u32 l4;			/* offset of the UDP header */
	struct filter_key key;
};

/* How nearly all RoCE looks: no IP options. */
struct plain {
	__u8 version, tos;
	__be16 len, ident, frag;
	__u8 ttl, protocol;
	__be16 check;
	__be32 src, dst;
	struct udp_bth l4;
} __attribute__((packed, aligned(2)));

static __always_inline void count(__u32 which, __u32 packets)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &which);

	if (value)
		*value += packets;
}

/* 1: the UDP header is next; else why not, as a count */
#define FOUND		NR_COUNTS
/* several packets, which the filter lets through, or not */
#define CHAIN		(NR_COUNTS + 1)
#define CHAIN_FILTERED	(NR_COUNTS + 2)

static __always_inline int parse_ipv4(struct __sk_buff *skb, struct where *w,
				      bool *fragment)
{
	__u8 ip[20];
	__u16 frag;

	if (bpf_skb_load_bytes(skb, w->l4, ip, sizeof(ip)))
		return CNT_NOT_ROCE;
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || ip[9] != IPPROTO_UDP)
		return CNT_NOT_ROCE;
	frag = ip[6] << 8 | ip[7];
	if (frag & 0x1fff)
		return CNT_FRAGMENT;
	*fragment = frag & 0x2000;
	w->l4 += (ip[0] & 15) * 4;
	w->key.src[2] = bpf_htonl(0xffff);
	w->key.dst[2] = bpf_htonl(0xffff);
	__builtin_memcpy(&w->key.src[3], ip + 12, 4);
	__builtin_memcpy(&w->key.dst[3], ip + 16, 4);
	return FOUND;
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, struct where *w,
				      bool *fragment)
{
	__u8 ext[8], next;
	int i;

	if (bpf_skb_load_bytes(skb, w->l4 + 8, w->key.src, 16) ||
	    bpf_skb_load_bytes(skb, w->l4 + 24, w->key.dst, 16) ||
	    bpf_skb_load_bytes(skb, w->l4, ext, 8))
		return CNT_NOT_ROCE;
	if (ext[0] >> 4 != 6)
		return CNT_NOT_ROCE;
	next = ext[6];
	w->l4 += 40;
	for (i = 0; i < MAX_EXTENSIONS; i++) {
		if (next == IPPROTO_UDP)
			return FOUND;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_DSTOPTS)
			return CNT_NOT_ROCE;
		if (bpf_skb_load_bytes(skb, w->l4, ext, 8))
			return CNT_NOT_ROCE;
		if (next == IPPROTO_FRAGMENT) {
			if (ext[2] || ext[3] & 0xf8)
				return ext[0] == IPPROTO_UDP ? CNT_FRAGMENT :
				       CNT_NOT_ROCE;
			*fragment = ext[3] & 1;
			w->l4 += 8;
		} else {
			w->l4 += (ext[1] + 1) * 8;
		}
		next = ext[0];
	}
	return next == IPPROTO_UDP ? FOUND : CNT_NOT_ROCE;
}

/* Tags in the frame; one that the device took off is in the metadata. */
static __always_inline int parse_link(struct __sk_buff *skb, struct where *w,
				      __be16 *proto)
{
	__u8 first;
	int i;

	if (raw_ip) {
		if (bpf_skb_load_bytes(skb, 0, &first, 1))
			return CNT_NOT_ROCE;
		*proto = first >> 4 == 6 ? bpf_htons(ETH_P_IPV6) :
			 bpf_htons(ETH_P_IP);
		return FOUND;
	}
	w->l4 = ETH_HLEN;
	if (bpf_skb_load_bytes(skb, 12, proto, 2))
		return CNT_NOT_ROCE;
	for (i = skb->vlan_present ? 1 : 0; i < MAX_TAGS; i++) {
		if (*proto != bpf_htons(ETH_P_8021Q) &&
		    *proto != bpf_htons(ETH_P_8021AD) &&
		    *proto != bpf_htons(ETH_P_QINQ1))
			break;
		if (bpf_skb_load_bytes(skb, w->l4 + 2, proto, 2))
			return CNT_NOT_ROCE;
		w->l4 += 4;
	}
	return FOUND;
}

/* Where is the UDP header, and what does it say? FOUND, or why not. */
static __always_inline int parse(struct __sk_buff *skb, struct where *w,
				 struct udp_bth *h, bool *whole)
{
	bool fragment = false;
	__be16 proto = 0;
	int ret;

	ret = parse_link(skb, w, &proto);
	if (ret != FOUND)
		return ret;
	if (proto == bpf_htons(ETH_P_IP))
		ret = parse_ipv4(skb, w, &fragment);
	else if (proto == bpf_htons(ETH_P_IPV6))
		ret = parse_ipv6(skb, w, &fragment);
	else
		ret = CNT_NOT_ROCE;
	if (ret != FOUND)
		return ret;
	if (bpf_skb_load_bytes(skb, w->l4, h, UDP_LEN) ||
	    h->dest != bpf_htons(ROCE_PORT))
		return CNT_NOT_ROCE;
	*whole = !fragment && !bpf_skb_load_bytes(skb, w->l4, h, sizeof(*h));
	return FOUND;
}

/* RXE sends the packets of a message as one frame where it can: their headers
 * but the first one's are not looked at here.
 */
static __always_inline bool is_chain(struct __sk_buff *skb)
{
	return skb->len >= MIN_CHAIN && skb->gso_segs > 1;
}

static __always_inline bool passes(struct __sk_buff *skb,
				   struct filter_key *key, __u8 opcode,
				   __be32 qpn, __be32 psn)
{
	key->opcode = opcode;
	key->qpn = bpf_ntohl(qpn) & 0xffffff;
	key->psn = bpf_ntohl(psn) & 0xffffff;
	key->len = skb->len + (skb->vlan_present ? 4 : 0);
	return filter_match(&filter, key);
}

/* Opcode, PSN and size are looked at in user space. */
static __always_inline int classify_chain(struct filter_key *key, __be32 qpn)
{
	key->qpn = bpf_ntohl(qpn) & 0xffffff;
	return filtering && !filter_flow_match(&filter, key) ? CHAIN_FILTERED :
	       CHAIN;
}

static __always_inline __u32 wanted_len(__u32 l4, __u8 opcode)
{
	__u32 len = l4 + sizeof(struct udp_bth) + wanted[opcode];
	__u32 max = snaplen;

	return len < max ? len : max;
}

/* Is it RoCE that is wanted? FOUND, CHAIN, or why not; *cut: how much is wanted */
static __always_inline int classify(struct __sk_buff *skb, __u32 *cut)
{
	struct where w = {};
	struct udp_bth h = {};
	bool whole = true;
	int ret;

	ret = parse(skb, &w, &h, &whole);
	if (ret != FOUND)
		return ret;
	/* no whole packet: said by the decoder, passed by no filter */
	if (!whole) {
		*cut = snaplen;
		return filtering ? CNT_FILTERED : FOUND;
	}
	if (is_chain(skb))
		return classify_chain(&w.key, h.qpn);
	if (filtering && !passes(skb, &w.key, h.opcode, h.qpn, h.psn))
		return CNT_FILTERED;
	*cut = wanted_len(w.l4, h.opcode);
	return FOUND;
}

/* The headers, if they are plain and lie where they can be read without a helper;
 * else NULL: look closer.
 */
static __always_inline const struct plain *plain(struct __sk_buff *skb, bool raw)
{
	const void *data = (void *)(long)skb->data;
	const void *end = (void *)(long)skb->data_end;
	const struct plain *p = data;

	if (!raw) {
		p = data + ETH_HLEN;
		/* no select: an offset in a register wants CAP_PERFMON */
		barrier_var(p);
	}
	if ((const void *)(p + 1) > end || p->version != 0x45 ||
	    p->protocol != IPPROTO_UDP || p->frag & bpf_htons(0x3fff))
		return NULL;
	if (!raw && *(const __be16 *)(data + 12) != bpf_htons(ETH_P_IP))
		return NULL;
	return p;
}

/* As classify(), in a fraction of its time. */
static __always_inline int classify_plain(struct __sk_buff *skb,
					  const struct plain *p, bool raw,
					  __u32 *cut)
{
	if (p->l4.dest != bpf_htons(ROCE_PORT))
		return CNT_NOT_ROCE;
	if (filtering) {
		struct filter_key key = {
			.src = { 0, 0, bpf_htonl(0xffff), p->src },
			.dst = { 0, 0, bpf_htonl(0xffff), p->dst },
		};

		if (is_chain(skb))
			return classify_chain(&key, p->l4.qpn);
		if (!passes(skb, &key, p->l4.opcode, p->l4.qpn, p->l4.psn))
			return CNT_FILTERED;
	} else if (is_chain(skb)) {
		return CHAIN;
	}
	*cut = wanted_len((raw ? 0 : ETH_HLEN) + offsetof(struct plain, l4),
			  p->l4.opcode);
	return FOUND;
}

static __always_inline void fill(struct __sk_buff *skb, struct event *e,
				 __u32 caplen, __u16 gso_size, bool out)
{
	e->tai_ns = bpf_ktime_get_tai_ns();
	e->len = skb->len;
	e->caplen = caplen;
	e->iface = iface_id;
	e->gso_size = gso_size;
	e->vlan_tci = 0;
	e->vlan = VLAN_NONE;
	e->out = out;
	if (skb->vlan_present) {
		e->vlan = skb->vlan_proto == bpf_htons(ETH_P_8021AD) ?
			  VLAN_8021AD : VLAN_8021Q;
		e->vlan_tci = skb->vlan_tci;
	}
}

/* Who reads the ring looks into it by itself from time to time: to be woken costs
 * more than to take a packet, and who is awake all the time is in the way of those
 * who send. But it is called by the frame that begins one more quarter of the ring,
 * whoever adds it: it finds a quarter at most, and what was added since the call.
 */
static __always_inline __u64 wake_up(__u64 size)
{
	__u64 before = __sync_fetch_and_add(&added, size);

	return (before ^ (before + size)) >= quarter ? BPF_RB_FORCE_WAKEUP :
						       BPF_RB_NO_WAKEUP;
}

#define IN_RING(size)	(BPF_RINGBUF_HDR_SZ + sizeof(struct event) + (size))

/* What is reserved must have a constant size: the smallest that does. */
#define COPY(size) do {							\
	if (len <= (size)) {						\
		e = bpf_ringbuf_reserve(&ring, sizeof(*e) + (size), 0);	\
		if (!e)							\
			return CNT_RING_FULL;				\
		fill(skb, e, len, gso_size, out);			\
		if (bpf_skb_load_bytes(skb, 0, e->data, len)) {		\
			bpf_ringbuf_discard(e, wake_up(IN_RING(size)));	\
			return CNT_UNREADABLE;				\
		}							\
		bpf_ringbuf_submit(e, wake_up(IN_RING(size)));		\
		return CNT_CAPTURED;					\
	}								\
} while (0)

/* more than a packet at an MTU of 1500 has */
#define COPY_LONG do {							\
	COPY(2144);							\
	COPY(4192);							\
	COPY(9216);							\
	COPY(16384);							\
	COPY(32768);							\
	COPY(MAX_EVENT_DATA);						\
} while (0)

static __always_inline int copy(struct __sk_buff *skb, __u32 len, bool out)
{
	const __u16 gso_size = 0;
	struct event *e;

	if (!len)
		return CNT_NOT_ROCE;
	COPY(56);	/* the headers of a frame that has none behind its BTH */
	COPY(96);
	COPY(160);
	COPY(352);
	COPY(736);
	COPY(1120);
	COPY(1632);
	COPY_LONG;
	return CNT_UNREADABLE;
}

/* A NIC may put the payload where only devices can read it: take what is before it,
 * which is some headers. How much that is goes by way of the event's memory, where
 * it is any number to the verifier, which would try each otherwise.
 */
static __noinline int copy_headers(struct __sk_buff *skb, bool out)
{
	volatile __u32 *caplen;
	struct event *e;
	__u32 step;
	__u8 byte;

	e = bpf_ringbuf_reserve(&ring, sizeof(*e) + MAX_HEADERS, 0);
	if (!e)
		return CNT_RING_FULL;
	fill(skb, e, 0, 0, out);
	caplen = &e->caplen;
	for (step = MAX_HEADERS / 2; step; step /= 2)
		if (!bpf_skb_load_bytes(skb, *caplen + step - 1, &byte, 1))
			*caplen += step;
	step = *caplen;
	if (!step || step > MAX_HEADERS ||
	    bpf_skb_load_bytes(skb, 0, e->data, step)) {
		bpf_ringbuf_discard(e, wake_up(IN_RING(MAX_HEADERS)));
		return CNT_UNREADABLE;
	}
	bpf_ringbuf_submit(e, wake_up(IN_RING(MAX_HEADERS)));
	count(CNT_IN_DEVICE, 1);
	return CNT_CAPTURED;
}

/* All of it, since each packet is cut by itself, in user space. */
static __always_inline int copy_chain(struct __sk_buff *skb, bool out)
{
	const __u16 gso_size = skb->gso_size;
	__u32 len = skb->len;
	struct event *e;

	if (len > MAX_EVENT_DATA) {
		count(CNT_CUT, 1);
		len = MAX_EVENT_DATA;
	}
	if (len < MIN_CHAIN)
		return CNT_UNREADABLE;
	COPY_LONG;
	return CNT_UNREADABLE;
}

static __always_inline int observe_chain(struct __sk_buff *skb, bool wanted,
					 bool out)
{
	const __u32 packets = skb->gso_segs;
	int what = CNT_FILTERED;

	if (wanted)
		what = copy_chain(skb, out);
	if (what == CNT_UNREADABLE) {
		/* nobody can read where the others are */
		count(CNT_UNREADABLE, packets - 1);
		count(copy_headers(skb, out), 1);
		return TCX_NEXT;
	}
	if (what == CNT_CAPTURED)
		count(CNT_CHAINED, packets - 1);
	count(what, packets);
	return TCX_NEXT;
}

static __always_inline int observe(struct __sk_buff *skb, bool out)
{
	const bool raw = raw_ip;
	const struct plain *p = plain(skb, raw);
	__u32 len = skb->len, cut = 0;
	int what;

	what = p ? classify_plain(skb, p, raw, &cut) : classify(skb, &cut);
	if (what == FOUND) {
		if (len > cut) {
			if (cut == MAX_EVENT_DATA)
				count(CNT_CUT, 1);
			len = cut;
		}
		what = copy(skb, len, out);
		if (what == CNT_UNREADABLE)
			what = copy_headers(skb, out);
	} else if (what >= CHAIN) {
		return observe_chain(skb, what == CHAIN, out);
	}
	count(what, 1);
	return TCX_NEXT;
}

SEC("tcx/ingress")
int rxedump_in(struct __sk_buff *skb)
{
	return observe(skb, false);
}

SEC("tcx/egress")
int rxedump_out(struct __sk_buff *skb)
{
	return observe(skb, true);
}

char _license[] SEC("license") = "GPL";
