// SPDX-License-Identifier: GPL-2.0
/*
 * Who else is at our hooks?
 *
 * The kernel tells nobody that a program was attached, but it counts the changes
 * of each hook's list of programs: we ask for that number now and then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "hook.h"
#include "say.h"

#define MAX_PROGS	64	/* what a hook has room for */
/* Somebody else may want to be the first one as much as we do. */
#define MAX_MOVES	3
#define NAME_LEN	48

static const char *hook_name(const struct hook *h)
{
	return h->type == BPF_TCX_INGRESS ? "ingress" : "egress";
}

int hook_attach(struct hook *h, const struct bpf_program *prog, int ifindex)
{
	LIBBPF_OPTS(bpf_tcx_opts, first, .flags = BPF_F_BEFORE);
	struct bpf_link_info info = {};
	struct bpf_link *link;
	__u32 len = sizeof(info);

	link = bpf_program__attach_tcx(prog, ifindex, &first);
	if (!link)
		return -errno;
	/* the old one sees what is on its way until the new one is there */
	hook_detach(h);
	h->link = link;
	bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &len);
	h->link_id = info.id;
	return 0;
}

void hook_detach(struct hook *h)
{
	bpf_link__destroy(h->link);
	h->link = NULL;
}

/* A link to a netdev that went away knows no netdev. */
bool hook_alive(const struct hook *h)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return !h->link ||
	       bpf_link_get_info_by_fd(bpf_link__fd(h->link), &info, &len) ||
	       info.tcx.ifindex;
}

/* Its number, and its name if we may ask for that (CAP_SYS_ADMIN). */
static void prog_name(uint32_t id, char name[NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &len))
		info.name[0] = 0;
	if (fd >= 0)
		close(fd);
	snprintf(name, NAME_LEN, "%s%s%u", info.name, *info.name ? ", " : "",
		 id);
}

/* Another rxedump lets everything pass and changes nothing. */
static bool is_rxedump(const char *name)
{
	return !strncmp(name, "rxedump_", 8);
}

/* How many of the programs @ids are not an rxedump's, and the name of one. */
static unsigned int others(const uint32_t *ids, unsigned int nr,
			   char name[NAME_LEN])
{
	char one[NAME_LEN];
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		prog_name(ids[i], one);
		if (is_rxedump(one))
			continue;
		if (!n++)
			memcpy(name, one, NAME_LEN);
	}
	return n;
}

/* True if ours is to move to the front again. */
static bool say_before(struct hook *h, const char *iface, const char *name)
{
	const char *packets = h->type == BPF_TCX_INGRESS ? "incoming" :
			      "outgoing";

	if (h->moves > MAX_MOVES)
		return false;
	if (h->moves++ < MAX_MOVES) {
		note("%s: BPF program %s came before ours at %s: "
		     "%s packets may be missing; ours goes to the front again",
		     iface, name, hook_name(h), packets);
		return true;
	}
	note("%s: BPF program %s stays before ours at %s: "
	     "%s packets that it ends are hidden from now on",
	     iface, name, hook_name(h), packets);
	return false;
}

static void say_after(struct hook *h, const char *iface, const char *name,
		      unsigned int nr)
{
	if (nr > h->after)
		note("%s: %u other BPF program%s (%s) after ours at %s: what is "
		     "dropped, redirected or changed there is shown as it was",
		     iface, nr, nr == 1 ? "" : "s", name, hook_name(h));
	h->after = nr;
}

bool hook_look(struct hook *h, int ifindex, const char *iface)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);
	uint32_t progs[MAX_PROGS], links[MAX_PROGS];
	char name[NAME_LEN] = "";
	unsigned int ours, behind;

	if (!h->link || bpf_prog_query_opts(ifindex, h->type, &query) ||
	    query.revision == h->revision)
		return false;
	query.prog_ids = progs;
	query.link_ids = links;
	query.count = MAX_PROGS;
	if (bpf_prog_query_opts(ifindex, h->type, &query))
		return false;
	h->revision = query.revision;
	for (ours = 0; ours < query.count; ours++)
		if (links[ours] == h->link_id)
			break;
	if (ours == query.count)
		return false;
	behind = query.count - ours - 1;
	behind = others(progs + ours + 1, behind, name);
	say_after(h, iface, name, behind);
	return others(progs, ours, name) && say_before(h, iface, name);
}
