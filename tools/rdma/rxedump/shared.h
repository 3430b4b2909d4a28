/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF program and user space share: the event, the counts and the
 * filter, which is evaluated in the kernel when capturing and here when
 * reading a file, by the same function.
 */
#ifndef RXEDUMP_SHARED_H
#define RXEDUMP_SHARED_H

#include <linux/types.h>

/* What became of a frame: each is in one of these, but the last ones count some of
 * the captured again. Of a chain, each packet counts.
 */
enum count {
	CNT_NOT_ROCE,
	CNT_FRAGMENT,		/* a later one: no port to tell by */
	CNT_FILTERED,		/* RoCE that the filter refused */
	CNT_RING_FULL,
	CNT_UNREADABLE,		/* not a byte of it */
	CNT_CAPTURED,
	CNT_CUT,		/* longer than an event can be */
	CNT_IN_DEVICE,		/* the rest is in device memory */
	CNT_CHAINED,		/* shares the event of the packet before it */
	NR_COUNTS,
	CNT_SEEN = NR_COUNTS	/* the sum, made in user space */
};

/* A tag that the device took off. */
enum event_vlan { VLAN_NONE, VLAN_8021Q, VLAN_8021AD };

struct event {
	__u64 tai_ns;
	__u32 len;		/* of the frame */
	__u32 caplen;		/* of data */
	__u16 iface;		/* our number */
	__u16 gso_size;		/* of a chain; 0: a single packet */
	__u16 vlan_tci;
	__u8 vlan;		/* enum event_vlan */
	__u8 out;
	__u8 data[];
};

#define MAX_EVENT_DATA	65536

/* An address, IPv4 as ::ffff:a.b.c.d, and the bits of it that count. */
struct filter_host {
	__u32 addr[4];
	__u32 mask[4];
};

#define MAX_FILTER_QPS		16
#define MAX_FILTER_HOSTS	8

/* All that are there must match; of a list, one entry. */
struct filter {
	__u32 nr_qps;
	__u32 qps[MAX_FILTER_QPS];
	__u32 nr_hosts;
	struct filter_host hosts[MAX_FILTER_HOSTS];
	__u32 by_opcode;
	__u32 by_psn;
	__u64 opcodes[4];
	__u32 psn_first, psn_last;	/* may wrap around */
	__u32 by_size;
	__u32 size_min, size_max;
};

/* What a filter looks at. */
struct filter_key {
	__u32 src[4], dst[4];
	__u32 qpn;
	__u32 psn;
	__u32 len;
	__u32 opcode;
};

static __always_inline int filter_host_match(const volatile struct filter_host *h,
					     const __u32 *addr)
{
	return !(((h->addr[0] ^ addr[0]) & h->mask[0]) |
		 ((h->addr[1] ^ addr[1]) & h->mask[1]) |
		 ((h->addr[2] ^ addr[2]) & h->mask[2]) |
		 ((h->addr[3] ^ addr[3]) & h->mask[3]));
}

/* What differs between the packets of a chain. */
static __always_inline int filter_packet_match(const volatile struct filter *f,
					       const struct filter_key *key)
{
	if (f->by_opcode &&
	    !(f->opcodes[key->opcode / 64 & 3] >> (key->opcode & 63) & 1))
		return 0;
	if (f->by_size && (key->len < f->size_min || key->len > f->size_max))
		return 0;
	if (f->by_psn && ((key->psn - f->psn_first) & 0xffffff) >
			 ((f->psn_last - f->psn_first) & 0xffffff))
		return 0;
	return 1;
}

/* What all packets of a chain have in common. */
static __always_inline int filter_flow_match(const volatile struct filter *f,
					     const struct filter_key *key)
{
	int found, i;

	if (f->nr_qps) {
		found = 0;
		for (i = 0; i < MAX_FILTER_QPS && !found; i++) {
			if ((__u32)i >= f->nr_qps)
				break;
			found = f->qps[i] == key->qpn;
		}
		if (!found)
			return 0;
	}
	if (f->nr_hosts) {
		found = 0;
		for (i = 0; i < MAX_FILTER_HOSTS && !found; i++) {
			if ((__u32)i >= f->nr_hosts)
				break;
			found = filter_host_match(&f->hosts[i], key->src) ||
				filter_host_match(&f->hosts[i], key->dst);
		}
		if (!found)
			return 0;
	}
	return 1;
}

static __always_inline int filter_match(const volatile struct filter *f,
					const struct filter_key *key)
{
	return filter_packet_match(f, key) && filter_flow_match(f, key);
}

#endif
