// SPDX-License-Identifier: GPL-2.0
/*
 * Move data between two RDMA devices and check every byte that arrives.
 *
 * Both ends live in this process. While RDMA devices are shared between
 * network namespaces (the default mode) one process may open a device of each
 * namespace, so there is no start-up race and every count is exact.
 *
 * Exit status: 0 all arrived intact, 1 transport or set-up error, 3 data
 * arrived that is not what was sent. SIGTERM ends a run with -n 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_user_rxe.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define GRH_LEN		40
#define QKEY		0x11223344
#define EXIT_DATA	3
#define RNR_41_MS	24

/* WRITE_READ: each message is read back without waiting for its write */
enum op { SEND, WRITE, READ, FAA, CAS, WRITE_READ, NR_OPS };

static const char * const op_names[] = {
	"send", "write", "read", "faa", "cas", "write-read"
};

struct end {
	const char *dev;
	struct in6_addr addr;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	struct ibv_ah *ah;
	struct ibv_port_attr port;
	uint8_t *buf;
	int sgid_index;
};

static struct {
	enum ibv_qp_type type;
	int op;				/* NR_OPS: all of them in turn */
	size_t size;			/* of the messages just now */
	size_t sizes[16];		/* one after the other */
	size_t max_size;
	unsigned long count;		/* of each size; 0: until SIGTERM */
	unsigned int window;
	unsigned int wait_ms;
	int mtu;
	int retry;
	int timeout;
	unsigned int recv_delay;	/* of B's first receives, in ms */
	int tclass;
	bool drain;			/* A's send queue, each batch */
	bool loss_ok;
	bool mcast;
	struct in6_addr group;
	bool user_av;
	struct in6_addr user_source;
} opt = {
	.type = IBV_QPT_RC, .op = SEND, .sizes = { 64 }, .count = 100, .window = 1,
	.wait_ms = 30000, .retry = 7, .timeout = 18,
};

static struct end a, b;
static size_t stride;
static uint64_t recv_at;		/* when B posts its first receives */
static uint64_t counter;		/* what B's atomic variable must hold */
static unsigned long sent, arrived, lost, dups, late;

#define die(fmt, ...) do {						\
	fflush(stdout);							\
	fprintf(stderr, "rxe_xfer: " fmt "\n", ##__VA_ARGS__);		\
	exit(1);							\
} while (0)

#define die_errno(fmt, ...) die(fmt ": %s", ##__VA_ARGS__, strerror(errno))

/* SIGTERM is blocked, so that it ends a run between two batches. */
static bool stopped(void)
{
	sigset_t set;

	return !sigpending(&set) && sigismember(&set, SIGTERM);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* Every byte depends on its message and its place, so that a packet that
 * lands elsewhere, twice or not at all shows.
 */
static uint8_t pattern(uint32_t seq, size_t i)
{
	return seq * 131 + i * 7 + (i >> 8) * 3 + (i >> 16) * 5 + 1;
}

static void fill(uint8_t *p, uint32_t seq)
{
	size_t i;

	for (i = 0; i < opt.size; i++)
		p[i] = pattern(seq, i);
}

static void poison(uint8_t *p, uint32_t seq)
{
	size_t i;

	for (i = 0; i < opt.size; i++)
		p[i] = ~pattern(seq, i);
}

static void verify(const uint8_t *p, uint32_t seq, const char *what)
{
	size_t i;

	for (i = 0; i < opt.size; i++) {
		if (p[i] == pattern(seq, i))
			continue;
		fprintf(stderr,
			"rxe_xfer: %s %u of %zu bytes: byte %zu is %#x, not %#x\n",
			what, seq, opt.size, i, p[i], pattern(seq, i));
		exit(EXIT_DATA);
	}
}

/* A's first half is what it sends, its second half what it reads; B's first
 * half is written and read by A, its second half takes receives.
 */
static uint8_t *slot(struct end *e, unsigned int n)
{
	return e->buf + n * stride;
}

static int nr_recv(void)
{
	return 2 * opt.window;
}

static uint8_t *recv_slot(unsigned int n)
{
	return slot(&b, opt.window + n);
}

static struct ibv_context *open_dev(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	int i;

	if (!list)
		die_errno("no RDMA devices");
	for (i = 0; list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	if (!ctx)
		die("cannot open %s", name);
	return ctx;
}

/* The kernel fills the GID table from a work queue: give it time. */
static int find_gid(struct end *e)
{
	uint64_t end = now_ms() + 5000;
	union ibv_gid gid;
	int i;

	do {
		for (i = 0; i < e->port.gid_tbl_len && i < 64; i++)
			if (!ibv_query_gid(e->ctx, 1, i, &gid) &&
			    !memcmp(&gid, &e->addr, sizeof(gid)))
				return i;
		usleep(10000);
	} while (now_ms() < end);
	die("%s has no GID for its address", e->dev);
}

static void open_end(struct end *e)
{
	struct ibv_qp_init_attr init = {
		.qp_type = opt.type,
		.cap = {
			.max_send_wr = 2 * opt.window,
			.max_recv_wr = nr_recv(),
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
		.sq_sig_all = 1,
	};
	size_t len = stride * (opt.window + nr_recv());
	int flags;

	e->ctx = open_dev(e->dev);
	flags = fcntl(e->ctx->async_fd, F_GETFL);
	fcntl(e->ctx->async_fd, F_SETFL, flags | O_NONBLOCK);
	if (ibv_query_port(e->ctx, 1, &e->port))
		die("%s: query_port failed", e->dev);
	e->sgid_index = find_gid(e);
	e->pd = ibv_alloc_pd(e->ctx);
	e->cq = ibv_create_cq(e->ctx, 4 * opt.window + 16, NULL, NULL, 0);
	e->buf = aligned_alloc(4096, (len + 4095) & ~4095ul);
	if (!e->pd || !e->cq || !e->buf)
		die_errno("%s: no PD, CQ or memory", e->dev);
	memset(e->buf, 0, len);
	e->mr = ibv_reg_mr(e->pd, e->buf, len, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			   IBV_ACCESS_REMOTE_ATOMIC);
	if (!e->mr)
		die_errno("%s: reg_mr", e->dev);
	init.send_cq = e->cq;
	init.recv_cq = e->cq;
	e->qp = ibv_create_qp(e->pd, &init);
	if (!e->qp)
		die_errno("%s: create_qp", e->dev);
}

static struct ibv_ah_attr ah_attr(struct end *e, const struct in6_addr *to)
{
	struct ibv_ah_attr ah = {
		.is_global = 1,
		.port_num = 1,
		.grh = {
			.sgid_index = e->sgid_index,
			.hop_limit = 64,
			.traffic_class = opt.tclass,
		},
	};

	memcpy(&ah.grh.dgid, to, sizeof(*to));
	return ah;
}

static void modify(struct end *e, struct ibv_qp_attr *attr, int mask)
{
	int err = ibv_modify_qp(e->qp, attr, mask | IBV_QP_STATE);

	if (err)
		die("%s: modify_qp to state %d: %s", e->dev, attr->qp_state,
		    strerror(err));
}

static void to_init(struct end *e)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qkey = QKEY,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
			IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
	};

	if (opt.type == IBV_QPT_UC)
		attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE;
	modify(e, &attr, IBV_QP_PKEY_INDEX | IBV_QP_PORT |
	       (opt.type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS));
}

static void to_rtr(struct end *e, struct end *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = opt.mtu,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 16,
		.min_rnr_timer = opt.recv_delay ? RNR_41_MS : 1,
		.ah_attr = ah_attr(e, &peer->addr),
	};
	int mask = 0;

	if (opt.type != IBV_QPT_UD)
		mask = IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
			IBV_QP_RQ_PSN;
	if (opt.type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	modify(e, &attr, mask);
}

static void to_rts(struct end *e)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS,
		.timeout = opt.timeout,
		.retry_cnt = opt.retry,
		.rnr_retry = 7,
		.max_rd_atomic = 16,
	};
	int mask = IBV_QP_SQ_PSN;

	if (opt.type == IBV_QPT_RC)
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			IBV_QP_MAX_QP_RD_ATOMIC;
	modify(e, &attr, mask);
}

/* What has been begun ends, what has not waits. The kernel lets the QP leave SQD
 * only then.
 */
static void drain(struct end *e)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD };
	uint64_t end = now_ms() + 5000;

	usleep(1000);
	modify(e, &attr, 0);
	attr.qp_state = IBV_QPS_RTS;
	while (ibv_modify_qp(e->qp, &attr, IBV_QP_STATE)) {
		if (now_ms() > end)
			die("%s: the QP does not leave SQD", e->dev);
		usleep(1000);
	}
}

/* How rdma-core's provider keeps an address handle. Without a number it puts
 * the address vector into each work request, as the providers did that knew no
 * numbers: into memory that the process can write.
 */
struct provider_ah {
	struct ibv_ah ibv_ah;
	struct rxe_av av;
	int ah_num;
};

static void fill_av_ip(struct rxe_av *av)
{
	if (IN6_IS_ADDR_V4MAPPED(&b.addr)) {
		av->network_type = RXE_NETWORK_TYPE_IPV4;
		memcpy(&av->sgid_addr._sockaddr_in.sin_addr,
		       &opt.user_source.s6_addr[12], 4);
		memcpy(&av->dgid_addr._sockaddr_in.sin_addr,
		       &b.addr.s6_addr[12], 4);
	} else {
		av->network_type = RXE_NETWORK_TYPE_IPV6;
		memcpy(&av->sgid_addr._sockaddr_in6.sin6_addr,
		       &opt.user_source, 16);
		memcpy(&av->dgid_addr._sockaddr_in6.sin6_addr, &b.addr, 16);
	}
}

static void use_user_av(void)
{
	struct provider_ah *ah = (struct provider_ah *)a.ah;
	struct rxe_av *av = &ah->av;

	if (!ah->ah_num)
		die("%s: no number in the address handle", a.dev);
	ah->ah_num = 0;
	av->port_num = 1;
	memset(av->dmac, 0x02, sizeof(av->dmac));
	memcpy(av->grh.dgid.raw, &b.addr, sizeof(b.addr));
	av->grh.sgid_index = a.sgid_index;
	av->grh.hop_limit = 64;
	fill_av_ip(av);
}

static void connect_ends(void)
{
	struct ibv_ah_attr ah;
	union ibv_gid group;

	if (!opt.mtu)
		opt.mtu = a.port.active_mtu < b.port.active_mtu ?
			  a.port.active_mtu : b.port.active_mtu;
	to_init(&a);
	to_init(&b);
	to_rtr(&a, &b);
	to_rtr(&b, &a);
	to_rts(&a);
	to_rts(&b);
	if (opt.type != IBV_QPT_UD)
		return;
	ah = ah_attr(&a, opt.mcast ? &opt.group : &b.addr);
	a.ah = ibv_create_ah(a.pd, &ah);
	if (!a.ah)
		die_errno("%s: create_ah", a.dev);
	if (opt.user_av)
		use_user_av();
	memcpy(&group, &opt.group, sizeof(group));
	if (opt.mcast && ibv_attach_mcast(b.qp, &group, 0))
		die_errno("%s: attach_mcast", b.dev);
}

static bool wants_recv(enum op op)
{
	return op == SEND || (op == WRITE && opt.type == IBV_QPT_UC);
}

static void post_recv(unsigned int n)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)recv_slot(n),
		.length = opt.max_size + GRH_LEN,
		.lkey = b.mr->lkey,
	};
	struct ibv_recv_wr wr = { .wr_id = n, .sg_list = &sge, .num_sge = 1 };
	struct ibv_recv_wr *bad;

	memset(recv_slot(n), 0xee, opt.size + GRH_LEN);
	if (ibv_post_recv(b.qp, &wr, &bad))
		die("%s: cannot post a receive", b.dev);
}

static void post(enum op op, uint32_t seq, unsigned int n)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)slot(&a, op == SEND || op == WRITE ? n :
					opt.window + n),
		.length = op == FAA || op == CAS ? 8 : opt.size,
		.lkey = a.mr->lkey,
	};
	struct ibv_send_wr wr = {
		.wr_id = n, .sg_list = &sge, .num_sge = 1,
		.imm_data = htonl(seq),
	};
	uint64_t remote = (uintptr_t)slot(&b, n);
	struct ibv_send_wr *bad;

	switch (op) {
	case SEND:
		wr.opcode = IBV_WR_SEND_WITH_IMM;
		if (opt.type == IBV_QPT_UD) {
			wr.wr.ud.ah = a.ah;
			wr.wr.ud.remote_qpn = opt.mcast ? 0xffffff :
					      b.qp->qp_num;
			wr.wr.ud.remote_qkey = QKEY;
		}
		break;
	case WRITE:
	case READ:
		wr.opcode = op == READ ? IBV_WR_RDMA_READ :
			    wants_recv(op) ? IBV_WR_RDMA_WRITE_WITH_IMM :
			    IBV_WR_RDMA_WRITE;
		wr.wr.rdma.remote_addr = remote;
		wr.wr.rdma.rkey = b.mr->rkey;
		break;
	default:
		wr.opcode = op == FAA ? IBV_WR_ATOMIC_FETCH_AND_ADD :
			    IBV_WR_ATOMIC_CMP_AND_SWP;
		wr.wr.atomic.remote_addr = (uintptr_t)slot(&b, 0);
		wr.wr.atomic.rkey = b.mr->rkey;
		wr.wr.atomic.compare_add = op == FAA ? seq + 1ull :
					   counter + n;
		wr.wr.atomic.swap = counter + n + 1;
	}
	if (ibv_post_send(a.qp, &wr, &bad))
		die("%s: post_send failed", a.dev);
}

/* Buffers before the batch: what is sent, and where it must not be yet. */
static void prepare(enum op op, uint32_t seq)
{
	unsigned int n;

	for (n = 0; n < opt.window; n++) {
		if (op == SEND || op == WRITE || op == WRITE_READ) {
			fill(slot(&a, n), seq + n);
			poison(slot(&b, n), seq + n);
			poison(slot(&a, opt.window + n), seq + n);
		} else if (op == READ) {
			fill(slot(&b, n), seq + n);
			poison(slot(&a, opt.window + n), seq + n);
		} else {
			memset(slot(&a, opt.window + n), 0xee, 8);
		}
	}
	if (op == FAA || op == CAS)
		memcpy(slot(&b, 0), &counter, 8);
}

/* After the batch: RC operations without a receive are checked here. */
static void check(enum op op, uint32_t seq)
{
	uint64_t old, is;
	unsigned int n;

	for (n = 0; n < opt.window; n++) {
		if (op == WRITE && !wants_recv(op)) {
			verify(slot(&b, n), seq + n, "write");
		} else if (op == READ || op == WRITE_READ) {
			verify(slot(&a, opt.window + n), seq + n, "read");
		} else if (op == FAA || op == CAS) {
			memcpy(&old, slot(&a, opt.window + n), 8);
			if (old != counter)
				goto bad;
			counter += op == FAA ? seq + n + 1ull : 1;
		}
	}
	if (op != FAA && op != CAS)
		return;
	memcpy(&is, slot(&b, 0), 8);
	if (is == counter)
		return;
	old = is;
bad:
	fprintf(stderr, "rxe_xfer: %s %u: %llu, not %llu\n", op_names[op], seq,
		(unsigned long long)old, (unsigned long long)counter);
	exit(EXIT_DATA);
}

/* A receive at B: which message it is stands in the immediate data. */
static void received(struct ibv_wc *wc, uint32_t base, uint8_t *seen)
{
	uint32_t seq = ntohl(wc->imm_data);
	const uint8_t *data = recv_slot(wc->wr_id);
	bool write = wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM;

	if (opt.type == IBV_QPT_UD)
		data += GRH_LEN;
	if (seq - base >= opt.window) {
		late++;
	} else {
		if (!write && wc->byte_len != opt.size +
		    (opt.type == IBV_QPT_UD ? GRH_LEN : 0))
			die("message %u has %u bytes", seq, wc->byte_len);
		verify(write ? slot(&b, seq - base) : data, seq,
		       write ? "write" : "send");
		if (seen[seq - base]++)
			dups++;
		else
			arrived++;
	}
	post_recv(wc->wr_id);
}

static void check_async(struct end *e)
{
	struct ibv_async_event ev;

	while (!ibv_get_async_event(e->ctx, &ev)) {
		if (ev.event_type == IBV_EVENT_DEVICE_FATAL)
			die("%s is gone", e->dev);
		ibv_ack_async_event(&ev);
	}
}

static void post_recvs(void)
{
	int n;

	recv_at = 0;
	for (n = 0; n < nr_recv(); n++)
		post_recv(n);
}

/* Nothing to do: look for the death of a device, then sleep a little. */
static void idle(unsigned int rounds)
{
	struct pollfd fds[] = {
		{ .fd = a.ctx->async_fd, .events = POLLIN },
		{ .fd = b.ctx->async_fd, .events = POLLIN },
	};

	if (recv_at && now_ms() >= recv_at)
		post_recvs();
	if (poll(fds, 2, rounds < 500 ? 0 : 1) > 0) {
		check_async(&a);
		check_async(&b);
	}
}

static int poll_end(struct end *e, struct ibv_wc *wc)
{
	int n = ibv_poll_cq(e->cq, 1, wc);

	if (n < 0)
		die("%s: poll_cq failed", e->dev);
	if (n && wc->status != IBV_WC_SUCCESS)
		die("%s: %s (after %lu messages)", e->dev,
		    ibv_wc_status_str(wc->status), sent);
	return n;
}

/* Nothing arrived, and then something does: whoever made that waits for it. */
static void say_again(bool silent)
{
	static bool was_silent;

	if (was_silent && !silent)
		puts("again");
	was_silent = silent;
}

static void batch(enum op op, uint32_t seq)
{
	unsigned int nr = opt.window * (op == WRITE_READ ? 2 : 1);
	unsigned int done = 0, rounds = 0, n;
	unsigned long first = arrived;
	uint8_t seen[opt.window];
	uint64_t end;
	struct ibv_wc wc;

	memset(seen, 0, sizeof(seen));
	prepare(op, seq);
	for (n = 0; n < opt.window; n++) {
		post(op == WRITE_READ ? WRITE : op, seq + n, n);
		if (op == WRITE_READ)
			post(READ, seq + n, n);
	}
	if (opt.drain)
		drain(&a);

	end = now_ms() + opt.wait_ms;
	while (done < nr ||
	       (wants_recv(op) && arrived - first < opt.window)) {
		if (poll_end(&a, &wc)) {
			done++;
		} else if (poll_end(&b, &wc)) {
			received(&wc, seq, seen);
		} else {
			idle(rounds++);
			if (now_ms() > end)
				break;
			continue;
		}
		rounds = 0;
	}
	if (done < nr)
		die("%s: no completion in %u ms (after %lu messages)", a.dev,
		    opt.wait_ms, sent);
	sent += opt.window;
	if (wants_recv(op)) {
		n = opt.window - (arrived - first);
		lost += n;
		say_again(n == opt.window);
		if (n && !opt.loss_ok)
			die("%u messages of %u lost after %lu", n, opt.window,
			    sent);
	} else {
		arrived += opt.window;
	}
	check(op, seq);
}

/* all messages of one size */
static void run_size(size_t size)
{
	unsigned long end = sent + opt.count;
	static uint32_t seq;
	static int turn;

	opt.size = size;
	while (!stopped() && (!opt.count || sent < end)) {
		batch(opt.op == NR_OPS ? turn++ % NR_OPS : opt.op, seq);
		if (!seq)
			puts("ready");
		fflush(stdout);
		seq += opt.window;
	}
}

static void run(void)
{
	int n;

	if (opt.recv_delay)
		recv_at = now_ms() + opt.recv_delay;
	else
		post_recvs();
	for (n = 0; opt.sizes[n]; n++)
		run_size(opt.sizes[n]);
	printf("sent %lu arrived %lu lost %lu duplicate %lu late %lu\n", sent,
	       arrived, lost, dups, late);
}

static void parse_addr(const char *text, struct in6_addr *addr)
{
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
	if (inet_pton(AF_INET6, text, addr) != 1 &&
	    inet_pton(AF_INET6, mapped, addr) != 1)
		die("bad address '%s'", text);
}

static unsigned long parse_num(const char *text, unsigned long max)
{
	unsigned long val;
	char *end;

	errno = 0;
	val = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || val > max)
		die("bad number '%s'", text);
	return val;
}

static void parse_sizes(char *text)
{
	size_t max = ARRAY_SIZE(opt.sizes) - 1, n = 0;
	char *word;

	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		if (n == max)
			die("more than %zu sizes", max);
		opt.sizes[n] = parse_num(word, 1 << 30);
		if (!opt.sizes[n++])
			die("a size of 0");
	}
	opt.sizes[n] = 0;
	if (!n)
		die("no size");
}

static enum ibv_qp_type parse_type(const char *text)
{
	if (!strcmp(text, "rc"))
		return IBV_QPT_RC;
	if (!strcmp(text, "uc"))
		return IBV_QPT_UC;
	if (!strcmp(text, "ud"))
		return IBV_QPT_UD;
	die("bad transport '%s'", text);
}

static int parse_op(const char *text)
{
	int i;

	for (i = 0; i < NR_OPS; i++)
		if (!strcmp(text, op_names[i]))
			return i;
	if (!strcmp(text, "mix"))
		return NR_OPS;
	die("bad operation '%s'", text);
}

static void show_help(void)
{
	fputs("usage: rxe_xfer [options] DEV_A ADDR_A DEV_B ADDR_B\n"
	      "  -t rc|uc|ud         transport (rc)\n"
	      "  -o send|write|read|faa|cas|write-read|mix\n"
	      "                      operation, from A to B (send)\n"
	      "  -s BYTES[,BYTES...] message sizes, one after the other (64)\n"
	      "  -n COUNT            of each size, 0: until SIGTERM (100)\n"
	      "  -w COUNT            messages in flight (1)\n"
	      "  -i MS               wait for a batch at most (30000)\n"
	      "  -q                  A's send queue drains after each batch\n"
	      "  -l                  loss is no error (uc, ud)\n"
	      "  -m 1..5             path MTU as in enum ibv_mtu\n"
	      "  -r COUNT -T EXP     RC retries (7) and timeout exponent (18)\n"
	      "  -d MS               B is not ready to receive for so long\n"
	      "  -c 0..255           traffic class (0)\n"
	      "  -M GROUP            UD to a multicast group that B joins\n"
	      "  -U SOURCE           UD from this address, in the work request\n",
	      stderr);
	exit(1);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "t:o:s:n:w:i:qlm:r:T:d:c:M:U:")) != -1) {
		switch (c) {
		case 't':
			opt.type = parse_type(optarg);
			break;
		case 'o':
			opt.op = parse_op(optarg);
			break;
		case 's':
			parse_sizes(optarg);
			break;
		case 'n':
			opt.count = parse_num(optarg, 1 << 30);
			break;
		case 'w':
			opt.window = parse_num(optarg, 64);
			break;
		case 'i':
			opt.wait_ms = parse_num(optarg, 1 << 30);
			break;
		case 'q':
			opt.drain = true;
			break;
		case 'l':
			opt.loss_ok = true;
			break;
		case 'm':
			opt.mtu = parse_num(optarg, 5);
			break;
		case 'r':
			opt.retry = parse_num(optarg, 7);
			break;
		case 'T':
			opt.timeout = parse_num(optarg, 31);
			break;
		case 'd':
			opt.recv_delay = parse_num(optarg, 1 << 30);
			break;
		case 'c':
			opt.tclass = parse_num(optarg, 255);
			break;
		case 'M':
			opt.mcast = true;
			parse_addr(optarg, &opt.group);
			break;
		case 'U':
			opt.user_av = true;
			parse_addr(optarg, &opt.user_source);
			break;
		default:
			show_help();
		}
	}
	if (argc - optind != 4)
		show_help();
	if (!opt.window)
		die("the window starts at 1");
	if (opt.type != IBV_QPT_RC && opt.op != SEND &&
	    (opt.type != IBV_QPT_UC || opt.op != WRITE))
		die("this transport cannot do this operation");
	if (opt.mcast && opt.type != IBV_QPT_UD)
		die("multicast is UD");
	if (opt.user_av && (opt.type != IBV_QPT_UD || opt.mcast))
		die("an address in the work request is unicast UD");
	a.dev = argv[optind];
	parse_addr(argv[optind + 1], &a.addr);
	b.dev = argv[optind + 2];
	parse_addr(argv[optind + 3], &b.addr);
}

int main(int argc, char **argv)
{
	sigset_t set;
	int n;

	parse(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (n = 0; opt.sizes[n]; n++)
		if (opt.sizes[n] > opt.max_size)
			opt.max_size = opt.sizes[n];
	stride = (opt.max_size + GRH_LEN + 63) & ~63ul;
	open_end(&a);
	open_end(&b);
	connect_ends();
	run();
	return 0;
}
