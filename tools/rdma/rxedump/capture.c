// SPDX-License-Identifier: GPL-2.0
/*
 * Live capture: a pair of BPF programs on each interface, at tcx ingress and
 * egress, all with one ring buffer. The links end with this process, however
 * it ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "capture.h"
#include "chain.h"
#include "hook.h"
#include "place.h"
#include "priv.h"
#include "rxedump.skel.h"
#include "say.h"

#define VLAN_LEN		4
#define MACS_LEN		12
#define DRAIN_TRIES		100
#define BUDGET			16384	/* frames before we look up */
#define MAX_SOURCES		65536	/* an event has 16 bits for its source */

/* The links are what keeps the programs, so the skeleton lives no longer than it
 * takes to attach them: an interface costs three descriptors.
 */
struct source {
	struct iface iface;
	unsigned int id;
	const struct place *place;
	int ifindex;
	struct hook in, out;
	int counts_fd;			/* of the map, or -1: counts has them */
	uint64_t counts[NR_COUNTS];
	uint64_t filtered;		/* by us, of what the kernel let pass */
	bool gone;
};

struct capture {
	const struct options *o;
	capture_fn fn;
	void *arg;
	struct source **sources;
	unsigned int nr;
	struct place *places;		/* the first one: where we began */
	unsigned int nr_places;
	const struct place *where;	/* we are */
	int ring_fd, data_ring_fd;
	struct ring_buffer *ring;
	int epoll;
	uint64_t tai_offset;		/* ns */
	uint64_t delivered, budget;
	unsigned int nr_cpus;
	uint64_t *per_cpu;		/* values of a count */
	time_t next_look;
	struct chain chain;
	uint8_t tagged[MAX_EVENT_DATA + VLAN_LEN];
};

static bool libbpf_speaks;

static int print_libbpf(enum libbpf_print_level level, const char *fmt,
			va_list args)
{
	if (!libbpf_speaks || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, args);
}

static uint64_t capabilities(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long caps = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (file)
		fclose(file);
	return caps;
}

uint64_t capture_privileges(const struct options *o)
{
	uint64_t privileges = PRIV_BPF | PRIV_NET_ADMIN;
	unsigned int i;

	for (i = 0; i < o->nr_ifaces; i++)
		if (o->ifaces[i].netns)
			privileges |= PRIV_SYS_ADMIN;
	return privileges;
}

static bool have_privileges(const struct options *o)
{
	uint64_t missing = capture_privileges(o), caps = capabilities();

	if (caps & PRIV_SYS_ADMIN)
		caps |= PRIV_BPF;
	missing &= ~caps;
	if (!missing)
		return true;
	say("no permission to capture; missing:%s%s%s",
	    missing & PRIV_BPF ? " CAP_BPF" : "",
	    missing & PRIV_NET_ADMIN ? " CAP_NET_ADMIN" : "",
	    missing & PRIV_SYS_ADMIN ? " CAP_SYS_ADMIN (for --netns)" : "");
	return false;
}

/* 0, or -1 after saying why. */
static int enter(struct capture *c, const struct place *p)
{
	if (c->where == p)
		return 0;
	if (place_enter(p))
		return -1;
	c->where = p;
	return 0;
}

/* -1: frames of a kind that we cannot read */
static int linktype_of(const char *dev)
{
	struct ifreq req = {};
	int fd, err;

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", dev);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	err = ioctl(fd, SIOCGIFHWADDR, &req);
	close(fd);
	if (err)
		return -1;
	switch (req.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return LINKTYPE_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_PPP:
		return LINKTYPE_RAW;
	default:
		return -1;
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_source(struct source *s)
{
	hook_detach(&s->in);
	hook_detach(&s->out);
	close_fd(&s->counts_fd);
}

static struct source *add_source(struct capture *c, const char *dev,
				 const struct place *p)
{
	struct source **list, *s = calloc(1, sizeof(*s));
	const char *netns = p->netns;

	if (c->nr == MAX_SOURCES) {
		say("-i %s: more than %d interfaces", dev, MAX_SOURCES);
		free(s);
		return NULL;
	}
	list = realloc(c->sources, (c->nr + 1) * sizeof(*list));
	if (list)
		c->sources = list;
	if (!s || !list) {
		say("-i %s: %s", dev, strerror(ENOMEM));
		free(s);
		return NULL;
	}
	s->place = p;
	s->in.type = BPF_TCX_INGRESS;
	s->out.type = BPF_TCX_EGRESS;
	s->counts_fd = -1;
	snprintf(s->iface.name, sizeof(s->iface.name), "%.*s%s%.40s",
		 IF_NAMESIZE - 1, dev, netns ? "@" : "", netns ? netns : "");
	s->iface.snaplen = c->o->snaplen;
	s->id = c->nr;
	c->sources[c->nr++] = s;
	return s;
}

/* A name, or a number as -D prints it: the name, or NULL and errno. */
static const char *iface_name(const char *given, char name[IF_NAMESIZE])
{
	unsigned long number = if_nametoindex(given);
	char *end;

	if (!number && *given >= '1' && *given <= '9') {
		number = strtoul(given, &end, 10);
		if (*end || number > INT_MAX)
			number = 0;
	}
	if (!number)
		errno = ENODEV;
	return number ? if_indextoname(number, name) : NULL;
}

/* The kernel wants a power of two of pages. */
static uint32_t ring_size(unsigned int kib)
{
	uint32_t size = 4096;

	while (size < kib * 1024ull)
		size *= 2;
	return size;
}

/* How much is wanted of what is behind the BTH? */
static uint32_t wanted_len(const struct options *o, uint8_t opcode)
{
	return o->headers_only ? roce_hdrs_len(roce_opcodes[opcode].hdrs) :
	       MAX_EVENT_DATA;
}

static void configure(const struct capture *c, const struct source *s,
		      struct rxedump_bpf *skel)
{
	struct rxedump_bpf__rodata *ro = skel->rodata;
	const struct options *o = c->o;
	unsigned int i;

	memcpy((void *)&ro->filter, &o->filter, sizeof(o->filter));
	ro->filtering = !filter_is_empty(&o->filter);
	ro->iface_id = s->id;
	ro->raw_ip = s->iface.linktype == LINKTYPE_RAW;
	ro->snaplen = o->snaplen < MAX_EVENT_DATA ? o->snaplen : MAX_EVENT_DATA;
	ro->quarter = ring_size(o->ring_kib) / 4;
	for (i = 0; i < 256; i++)
		ro->wanted[i] = wanted_len(o, i);
}

/* The map that we have already, if we do. */
static int reuse(struct bpf_map *map, int fd)
{
	return fd < 0 ? 0 : bpf_map__reuse_fd(map, fd);
}

/* The ring, and the count of what went into it, are the first interface's. */
static int share_maps(struct capture *c, struct source *s,
		      struct rxedump_bpf *skel)
{
	uint32_t size = ring_size(c->o->ring_kib);
	int err;

	err = c->ring_fd < 0 ? bpf_map__set_max_entries(skel->maps.ring, size) :
	      reuse(skel->maps.ring, c->ring_fd);
	if (!err)
		err = reuse(skel->maps.data_ring, c->data_ring_fd);
	if (!err)
		err = reuse(skel->maps.counts, s->counts_fd);
	return err;
}

static int keep_map(int *fd, const struct bpf_map *map)
{
	if (*fd < 0)
		*fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

static int keep_maps(struct capture *c, struct source *s,
		     const struct rxedump_bpf *skel)
{
	int err;

	err = keep_map(&c->ring_fd, skel->maps.ring);
	if (!err)
		err = keep_map(&c->data_ring_fd, skel->maps.data_ring);
	if (!err)
		err = keep_map(&s->counts_fd, skel->maps.counts);
	return err;
}

/* The programs for a source, or NULL after saying why. */
static struct rxedump_bpf *load(struct capture *c, struct source *s)
{
	struct rxedump_bpf *skel = rxedump_bpf__open();
	int err;

	if (!skel) {
		say("-i %s: cannot open the BPF program: %s", s->iface.name,
		    strerror(errno));
		return NULL;
	}
	configure(c, s, skel);
	err = share_maps(c, s, skel);
	if (!err)
		err = rxedump_bpf__load(skel);
	if (!err)
		err = keep_maps(c, s, skel);
	if (!err)
		return skel;
	say("-i %s: the kernel refuses the BPF program: %s (-vvv tells more)",
	    s->iface.name, strerror(-err));
	rxedump_bpf__destroy(skel);
	return NULL;
}

/* To the front, so that no other program hides a frame from ours. */
static int attach_source(struct capture *c, struct source *s, bool in, bool out)
{
	struct rxedump_bpf *skel = load(c, s);
	int err = 0;

	if (!skel)
		return -1;
	if (in)
		err = hook_attach(&s->in, skel->progs.rxedump_in, s->ifindex);
	if (out && !err)
		err = hook_attach(&s->out, skel->progs.rxedump_out,
				  s->ifindex);
	rxedump_bpf__destroy(skel);
	if (err && err != -ENODEV)
		say("-i %s: cannot attach: %s", s->iface.name, strerror(-err));
	return err;
}

/* -ENODEV, of which nothing is said, if there is no such netdev any more. */
static int open_source(struct capture *c, const char *dev, int ifindex,
		       const struct place *p)
{
	int linktype = linktype_of(dev), err;
	struct source *s;

	if (linktype < 0) {
		if (!if_nametoindex(dev))
			return -ENODEV;
		say("-i %s: neither Ethernet nor IP without a link header",
		    dev);
		return -1;
	}
	s = add_source(c, dev, p);
	if (!s)
		return -1;
	s->iface.linktype = linktype;
	s->ifindex = ifindex;
	err = attach_source(c, s, c->o->in, c->o->out);
	if (err)
		close_source(s);
	s->gone = err;
	return err;
}

static bool is_wanted(const struct options *o, int linktype)
{
	return o->linktype < 0 || o->linktype == linktype;
}

static int open_named(struct capture *c, const char *given,
		      const struct place *p)
{
	char dev[IF_NAMESIZE];
	int err = -ENODEV;

	if (iface_name(given, dev) && linktype_of(dev) >= 0 &&
	    !is_wanted(c->o, linktype_of(dev))) {
		say("-i %s: its link type is not what -y says", dev);
		return -1;
	}
	if (iface_name(given, dev))
		err = open_source(c, dev, if_nametoindex(dev), p);
	if (err == -ENODEV)
		say("-i %s: %s", given, strerror(ENODEV));
	return err;
}

static bool is_open(const struct capture *c, const struct place *p, int ifindex)
{
	unsigned int i;

	for (i = 0; i < c->nr; i++)
		if (!c->sources[i]->gone && c->sources[i]->place == p &&
		    c->sources[i]->ifindex == ifindex)
			return true;
	return false;
}

/* A file of the classic format that is being written has one link type only. */
static bool fits(const struct capture *c, const char *dev)
{
	int linktype = linktype_of(dev);

	return linktype >= 0 && is_wanted(c->o, linktype) &&
	       (!c->ring || !c->o->classic ||
		linktype == c->sources[0]->iface.linktype);
}

/* All of a namespace that are not open yet; what vanishes meanwhile is no error. */
static int open_new(struct capture *c, const struct place *p)
{
	struct if_nameindex *list = if_nameindex(), *i;
	int err = 0;

	if (!list) {
		say("-i any: %s", strerror(errno));
		return -1;
	}
	for (i = list; i->if_index && (!err || err == -ENODEV); i++)
		if (!is_open(c, p, i->if_index) && fits(c, i->if_name))
			err = open_source(c, i->if_name, i->if_index, p);
	if_freenameindex(list);
	return err == -ENODEV ? 0 : err;
}

static int open_any(struct capture *c, struct place *p)
{
	unsigned int nr = c->nr;

	/* first: who comes while we look is heard of */
	if (place_watch(p) || open_new(c, p))
		return -1;
	if (c->nr > nr)
		return 0;
	say("-i any: no interface");
	return -1;
}

/* The namespace @netns, open already or now; NULL after saying why. */
static struct place *find_place(struct capture *c, const char *netns)
{
	struct place *p;

	for (p = c->places; p < c->places + c->nr_places; p++)
		if (p->netns == netns)
			return p;
	if (place_open(p, netns))
		return NULL;
	c->nr_places++;
	return p;
}

static int open_arg(struct capture *c, const struct iface_arg *arg)
{
	struct place *p = find_place(c, arg->netns);

	if (!p || enter(c, p))
		return -1;
	return strcmp(arg->name, "any") ? open_named(c, arg->name, p) :
	       open_any(c, p);
}

/* Each interface needs some, and the soft limit is for users of select(). */
static void want_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_all(struct capture *c)
{
	unsigned int i;
	int err = 0;

	want_descriptors();
	c->places = calloc(c->o->nr_ifaces + 1, sizeof(*c->places));
	if (!c->places)
		return -1;
	c->where = find_place(c, NULL);
	for (i = 0; !err && i < c->o->nr_ifaces; i++)
		err = open_arg(c, &c->o->ifaces[i]);
	return err ? err : enter(c, c->places);
}

/* A tag that the device took off goes back to where it was. */
static void put_tag(struct capture *c, const struct event *e,
		    struct frame *frame)
{
	uint16_t proto = htons(e->vlan == VLAN_8021AD ? ETH_P_8021AD :
			       ETH_P_8021Q);

	frame->len += VLAN_LEN;
	if (frame->caplen < MACS_LEN)
		return;
	memcpy(c->tagged, e->data, MACS_LEN);
	memcpy(c->tagged + MACS_LEN, &proto, 2);
	c->tagged[MACS_LEN + 2] = e->vlan_tci >> 8;
	c->tagged[MACS_LEN + 3] = e->vlan_tci;
	memcpy(c->tagged + MACS_LEN + VLAN_LEN, e->data + MACS_LEN,
	       frame->caplen - MACS_LEN);
	frame->data = c->tagged;
	frame->caplen += VLAN_LEN;
	frame->tag_put_back = true;
}

static void limit(struct frame *frame, uint32_t len)
{
	if (frame->caplen > len)
		frame->caplen = len;
}

/* Do with a packet of a chain what the kernel does with one that comes alone. */
static void take_packet(struct capture *c, struct frame *frame)
{
	struct filter_key key = {
		.opcode = c->chain.opcode,
		.psn = c->chain.psn,
		.len = frame->len,
	};

	/* hosts and QPs are the first one's */
	if (!filter_packet_match(&c->o->filter, &key)) {
		c->sources[frame->iface_id]->filtered++;
		return;
	}
	limit(frame, c->chain.hdrs_len + BTH_LEN +
		     wanted_len(c->o, c->chain.opcode));
	limit(frame, frame->iface->snaplen);
	c->fn(frame, c->arg);
}

static void take_frame(struct capture *c, struct frame *frame,
		       uint32_t gso_size)
{
	struct frame packet;

	if (gso_size && chain_begin(&c->chain, frame, gso_size)) {
		while (chain_next(&c->chain, &packet))
			take_packet(c, &packet);
		return;
	}
	/* readers refuse a frame of more than its interface is said to give */
	limit(frame, frame->iface->snaplen);
	c->fn(frame, c->arg);
}

static int take_event(void *arg, void *data, size_t size)
{
	const struct event *e = data;
	struct capture *c = arg;
	struct frame frame = {
		.iface_id = e->iface,
		.dir = e->out ? DIR_OUT : DIR_IN,
		.ns = e->tai_ns - c->tai_offset,
		.len = e->len,
		.caplen = e->caplen,
		.data = e->data,
	};

	(void)size;
	frame.iface = &c->sources[e->iface]->iface;
	if (e->vlan && frame.iface->linktype == LINKTYPE_ETHERNET)
		put_tag(c, e, &frame);
	c->delivered++;
	take_frame(c, &frame, e->gso_size);
	/* libbpf goes on for as long as there is something new */
	return c->budget-- ? 0 : -EINTR;
}

/* whole seconds, set by whoever sets the clock */
static uint64_t tai_offset(void)
{
	struct timex t = {};

	return adjtimex(&t) < 0 ? 0 : t.tai * 1000000000ull;
}

/* libbpf's own epoll reports a buffer as long as there is something in it; we want
 * to hear of it when the BPF program calls.
 */
static int open_epoll(struct capture *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		return -1;
	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->ring_fd, &event);
}

/**
 * capture_open() - Attach to all interfaces of the options
 * @o: the options
 * @fn: is called for each frame, from capture_poll() and capture_stop()
 * @arg: for @fn
 *
 * Return: the capture, or NULL after saying why.
 */
struct capture *capture_open(const struct options *o, capture_fn fn, void *arg)
{
	struct capture *c;

	libbpf_speaks = o->style.verbose > 2;
	libbpf_set_print(print_libbpf);
	if (!have_privileges(o))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->o = o;
	c->fn = fn;
	c->arg = arg;
	c->epoll = -1;
	c->ring_fd = -1;
	c->data_ring_fd = -1;
	c->tai_offset = tai_offset();
	c->nr_cpus = libbpf_num_possible_cpus();
	c->per_cpu = calloc(c->nr_cpus, sizeof(*c->per_cpu));
	if (!c->per_cpu)
		goto err_close;
	if (open_all(c))
		goto err_close;
	c->ring = ring_buffer__new(c->ring_fd, take_event, c, NULL);
	if (!c->ring || open_epoll(c)) {
		say("cannot map the ring buffer: %s", strerror(errno));
		goto err_close;
	}
	return c;

err_close:
	capture_close(c);
	return NULL;
}

/* A program of another's that came before ours gets behind it again. */
static void look_at_hooks(struct capture *c, struct source *s)
{
	bool in, out;

	if (enter(c, s->place))
		return;
	in = hook_look(&s->in, s->ifindex, s->iface.name);
	out = hook_look(&s->out, s->ifindex, s->iface.name);
	if (in || out)
		attach_source(c, s, in, out);
}

static void kernel_counts(const struct capture *c, unsigned int i,
			  uint64_t counts[NR_COUNTS])
{
	int fd = c->sources[i]->counts_fd;
	unsigned int cpu;
	__u32 n;

	if (fd < 0) {
		memcpy(counts, c->sources[i]->counts,
		       sizeof(c->sources[i]->counts));
		return;
	}
	for (n = 0; n < NR_COUNTS; n++) {
		counts[n] = 0;
		if (bpf_map_lookup_elem(fd, &n, c->per_cpu))
			continue;
		for (cpu = 0; cpu < c->nr_cpus; cpu++)
			counts[n] += c->per_cpu[cpu];
	}
}

/* Its counts are the last thing of it. */
static void close_gone(struct capture *c, struct source *s)
{
	note("%s: the interface is gone", s->iface.name);
	kernel_counts(c, s->id, s->counts);
	close_source(s);
	s->gone = true;
}

/* Once a second: how many interfaces are left, and is ours the first program? */
static unsigned int look_at_ifaces(struct capture *c)
{
	unsigned int i, left = 0;

	for (i = 0; i < c->nr; i++) {
		struct source *s = c->sources[i];

		if (s->gone)
			continue;
		if (!hook_alive(&s->in) || !hook_alive(&s->out)) {
			close_gone(c, s);
			continue;
		}
		look_at_hooks(c, s);
		left++;
	}
	return left;
}

/* What came since -i any, which need not be up yet, is captured on, too. */
static unsigned int look_for_new(struct capture *c)
{
	unsigned int watched = 0;
	struct place *p;

	for (p = c->places; p < c->places + c->nr_places; p++) {
		watched += p->netlink >= 0;
		if (!place_changed(p))
			continue;
		if (enter(c, p) || open_new(c, p)) {
			note("-i any: what comes later is not captured on");
			place_unwatch(p);
		}
	}
	return watched;
}

/* Is there still something to come? */
static bool look_around(struct capture *c)
{
	time_t now = time(NULL);
	unsigned int left = look_for_new(c);

	if (now >= c->next_look) {
		c->next_look = now + 1;
		c->tai_offset = tai_offset();
		left += look_at_ifaces(c);
	} else {
		left++;
	}
	return !enter(c, c->places) && left;
}

/**
 * capture_poll() - Deliver frames
 * @c: the capture
 * @timeout_ms: how long to let them gather while the buffer has room
 *
 * Return: 0, or -1 after saying why.
 */
int capture_poll(struct capture *c, int timeout_ms)
{
	struct epoll_event event;
	int err;

	/* there are more already if the budget was used up */
	if (c->budget != UINT64_MAX)
		epoll_wait(c->epoll, &event, 1, timeout_ms);
	c->budget = BUDGET;
	err = ring_buffer__consume(c->ring);
	if (err < 0 && err != -EINTR) {
		say("ring buffer: %s", strerror(-err));
		return -1;
	}
	return look_around(c) ? 0 : -1;
}

/* How many events are in the ring, or were? */
static uint64_t captured(const struct capture *c)
{
	uint64_t counts[NR_COUNTS], sum = 0;
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		kernel_counts(c, i, counts);
		sum += counts[CNT_CAPTURED] - counts[CNT_CHAINED];
	}
	return sum;
}

void capture_stop(struct capture *c)
{
	struct timespec nap = { .tv_nsec = 1000000 };
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		hook_detach(&c->sources[i]->in);
		hook_detach(&c->sources[i]->out);
	}
	/* a program may still be running on another CPU */
	c->budget = UINT64_MAX;
	for (i = 0; i < DRAIN_TRIES; i++) {
		ring_buffer__consume(c->ring);
		if (c->delivered >= captured(c))
			return;
		nanosleep(&nap, NULL);
	}
}

void capture_close(struct capture *c)
{
	unsigned int i;

	close_fd(&c->epoll);
	ring_buffer__free(c->ring);
	for (i = 0; i < c->nr; i++) {
		close_source(c->sources[i]);
		free(c->sources[i]);
	}
	for (i = 0; i < c->nr_places; i++)
		place_close(&c->places[i]);
	close_fd(&c->ring_fd);
	close_fd(&c->data_ring_fd);
	free(c->places);
	free(c->sources);
	free(c->per_cpu);
	free(c);
}

unsigned int capture_nr_ifaces(const struct capture *c)
{
	return c->nr;
}

const struct iface *capture_iface(const struct capture *c, unsigned int i)
{
	return &c->sources[i]->iface;
}

void capture_counts(const struct capture *c, unsigned int i,
		    uint64_t counts[NR_COUNTS + 1])
{
	uint64_t filtered = c->sources[i]->filtered;
	unsigned int n;

	kernel_counts(c, i, counts);
	/* it counts a packet when we may have it already */
	if (filtered > counts[CNT_CAPTURED])
		filtered = counts[CNT_CAPTURED];
	counts[CNT_CAPTURED] -= filtered;
	counts[CNT_FILTERED] += filtered;
	counts[CNT_SEEN] = 0;
	for (n = 0; n < CNT_CUT; n++)
		counts[CNT_SEEN] += counts[n];
}

int capture_linktype(const char *given)
{
	char dev[IF_NAMESIZE];

	return iface_name(given, dev) ? linktype_of(dev) : -1;
}

int capture_each(void (*fn)(unsigned int ifindex, const char *name))
{
	struct if_nameindex *list = if_nameindex();
	unsigned int i;

	if (!list)
		return -1;
	for (i = 0; list[i].if_index; i++)
		if (linktype_of(list[i].if_name) >= 0)
			fn(list[i].if_index, list[i].if_name);
	if_freenameindex(list);
	return 0;
}
