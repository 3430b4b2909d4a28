/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of our programs at a hook of a netdev, tcx ingress or egress, and who
 * stands before it and after it there.
 *
 * A program before ours hides what it ends from us: ours is the first one. A
 * program after ours may drop, redirect or change what we have seen.
 */
#ifndef RXEDUMP_HOOK_H
#define RXEDUMP_HOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/bpf.h>

struct bpf_link;
struct bpf_program;

struct hook {
	enum bpf_attach_type type;
	struct bpf_link *link;		/* NULL: none of ours is here */
	uint32_t link_id;
	uint64_t revision;		/* of the list of programs, as last seen */
	unsigned int moves, after;
};

/* Attach @prog before all others: 0 or a negative error. */
int hook_attach(struct hook *h, const struct bpf_program *prog, int ifindex);
void hook_detach(struct hook *h);
/* Does the netdev still exist? */
bool hook_alive(const struct hook *h);
/* Say what is new about other programs; true if ours is to move to the front.
 * In the netdev's namespace.
 */
bool hook_look(struct hook *h, int ifindex, const char *iface);

#endif
