// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions on RXE, above all those of dma-bufs: data, errors, refusals,
 * revocation.
 *
 * Both ends live in this process, as in rxe_xfer: RDMA devices are shared
 * between network namespaces.
 *
 * usage: rxe_mr DEV_A ADDR_A DEV_B ADDR_B CASE [ARGUMENT...]
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <rdma/ib_user_verbs.h>
#include "rxe_mr.h"

#define MAX_SGE		4
#define DEPTH		64

struct end {
	const char *dev;
	struct in6_addr addr;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_port_attr port;
	int sgid_index;
	uint64_t iova;
};

/* One operation and how it ended. */
struct xfer {
	struct end *from;
	int op;				/* enum ibv_wr_opcode */
	struct ibv_sge sge[MAX_SGE];
	int num_sge;
	uint64_t raddr;
	uint32_t rkey;
	uint64_t swap, compare;
	struct ibv_sge recv_sge[MAX_SGE];
	int num_recv_sge;
	struct ibv_wc wc, recv_wc;
};

static struct end a = { .iova = 0x100000000000 }, b = { .iova = 0x2000 };

static struct end *peer_of(struct end *e)
{
	return e == &a ? &b : &a;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* ---- devices and queue pairs ---- */

static void open_dev(struct end *e)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	union ibv_gid gid;
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), e->dev))
			e->ctx = ibv_open_device(list[i]);
	if (!e->ctx || ibv_query_port(e->ctx, 1, &e->port))
		die("cannot open %s", e->dev);
	ibv_free_device_list(list);
	for (i = 0; i < e->port.gid_tbl_len; i++)
		if (!ibv_query_gid(e->ctx, 1, i, &gid) &&
		    !memcmp(&gid, &e->addr, sizeof(gid)))
			break;
	if (i == e->port.gid_tbl_len)
		die("%s has no GID for its address", e->dev);
	e->sgid_index = i;
	e->pd = ibv_alloc_pd(e->ctx);
	e->cq = ibv_create_cq(e->ctx, 4 * DEPTH, NULL, NULL, 0);
	if (!e->pd || !e->cq)
		die_errno("%s: no PD or CQ", e->dev);
}

static void create_qp(struct end *e)
{
	struct ibv_qp_init_attr_ex init = {
		.qp_type = IBV_QPT_RC,
		.send_cq = e->cq,
		.recv_cq = e->cq,
		.sq_sig_all = 1,
		.cap = {
			.max_send_wr = DEPTH,
			.max_recv_wr = DEPTH,
			.max_send_sge = MAX_SGE,
			.max_recv_sge = MAX_SGE,
		},
		.comp_mask = IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = e->pd,
		.send_ops_flags = IBV_QP_EX_WITH_ATOMIC_WRITE |
			IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD |
			IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP,
	};

	e->qp = ibv_create_qp_ex(e->ctx, &init);
	if (!e->qp)
		die_errno("%s: no QP", e->dev);
}

static void modify(struct end *e, struct ibv_qp_attr *attr, int mask)
{
	if (ibv_modify_qp(e->qp, attr, mask | IBV_QP_STATE))
		die_errno("%s: modify_qp to %d", e->dev, attr->qp_state);
}

static void connect_qp(struct end *e)
{
	struct end *peer = peer_of(e);
	struct ibv_qp_attr init = {
		.qp_state = IBV_QPS_INIT, .port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
			IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
	};
	struct ibv_qp_attr rtr = {
		.qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 16, .min_rnr_timer = 1,
		.ah_attr = {
			.is_global = 1, .port_num = 1,
			.grh = { .sgid_index = e->sgid_index, .hop_limit = 64 },
		},
	};
	/* 4.096 us * 2^timeout, half a second */
	const char *timeout = getenv("RXE_MR_TIMEOUT") ?: "17";
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS, .timeout = atoi(timeout), .retry_cnt = 7,
		.rnr_retry = 7, .max_rd_atomic = 16,
	};

	memcpy(&rtr.ah_attr.grh.dgid, &peer->addr, sizeof(peer->addr));
	modify(e, &init, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	modify(e, &rtr, IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
	       IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
	       IBV_QP_MIN_RNR_TIMER);
	modify(e, &rts, IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
	       IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

static void disconnect(void)
{
	struct ibv_wc wc;

	if (a.qp && (ibv_destroy_qp(a.qp) || ibv_destroy_qp(b.qp)))
		die_errno("destroy_qp");
	while (ibv_poll_cq(a.cq, 1, &wc) > 0 || ibv_poll_cq(b.cq, 1, &wc) > 0)
		;
}

/* a new pair of QPs: after an error, too */
static void reconnect(void)
{
	disconnect();
	create_qp(&a);
	create_qp(&b);
	connect_qp(&a);
	connect_qp(&b);
}

/* ---- operations ---- */

static bool poll_for(struct end *e, struct ibv_wc *wc, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int n;

	do {
		n = ibv_poll_cq(e->cq, 1, wc);
		if (n < 0)
			die("%s: poll_cq", e->dev);
		if (n)
			return true;
		usleep(20);
	} while (now_ms() < end);
	return false;
}

static bool takes_recv(int op)
{
	return op == IBV_WR_SEND || op == IBV_WR_SEND_WITH_IMM ||
	       op == IBV_WR_RDMA_WRITE_WITH_IMM;
}

static const int all_ops[] = {
	IBV_WR_SEND, IBV_WR_SEND_WITH_IMM, IBV_WR_RDMA_WRITE,
	IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ,
	IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_ATOMIC_CMP_AND_SWP,
	IBV_WR_ATOMIC_WRITE,
};

#define NR_DATA_OPS	5

static const char *op_name(int op)
{
	switch (op) {
	case IBV_WR_SEND: return "SEND";
	case IBV_WR_SEND_WITH_IMM: return "SEND with immediate";
	case IBV_WR_RDMA_WRITE: return "WRITE";
	case IBV_WR_RDMA_WRITE_WITH_IMM: return "WRITE with immediate";
	case IBV_WR_RDMA_READ: return "READ";
	case IBV_WR_ATOMIC_CMP_AND_SWP: return "CMP_SWAP";
	case IBV_WR_ATOMIC_FETCH_AND_ADD: return "FETCH_ADD";
	case IBV_WR_ATOMIC_WRITE: return "ATOMIC_WRITE";
	}
	return "?";
}

static bool is_atomic(int op)
{
	return op == IBV_WR_ATOMIC_CMP_AND_SWP || op == IBV_WR_ATOMIC_WRITE ||
	       op == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

/* By the newer interface: the older one does not know the atomic write, and
 * does not let misaligned ones through to the kernel.
 */
static void post_atomic(struct xfer *x)
{
	struct ibv_qp_ex *qpx = ibv_qp_to_qp_ex(x->from->qp);

	ibv_wr_start(qpx);
	qpx->wr_id = 1;
	qpx->wr_flags = IBV_SEND_SIGNALED;
	if (x->op == IBV_WR_ATOMIC_WRITE)
		ibv_wr_atomic_write(qpx, x->rkey, x->raddr, &x->swap);
	else if (x->op == IBV_WR_ATOMIC_CMP_AND_SWP)
		ibv_wr_atomic_cmp_swp(qpx, x->rkey, x->raddr, x->compare,
				      x->swap);
	else
		ibv_wr_atomic_fetch_add(qpx, x->rkey, x->raddr, x->compare);
	if (x->op != IBV_WR_ATOMIC_WRITE)
		ibv_wr_set_sge(qpx, x->sge[0].lkey, x->sge[0].addr,
			       x->sge[0].length);
	if (ibv_wr_complete(qpx))
		die("%s: cannot post %s", x->from->dev, op_name(x->op));
}

static void post_xfer(struct xfer *x)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = 1, .sg_list = x->sge, .num_sge = x->num_sge,
		.opcode = x->op, .imm_data = htonl(0x12345678),
		.wr.rdma.remote_addr = x->raddr, .wr.rdma.rkey = x->rkey,
	};

	if (is_atomic(x->op))
		post_atomic(x);
	else if (ibv_post_send(x->from->qp, &wr, &bad))
		die("%s: cannot post %s", x->from->dev, op_name(x->op));
}

static void post_recv(struct xfer *x)
{
	struct ibv_recv_wr *bad, wr = {
		.wr_id = 2, .sg_list = x->recv_sge,
		.num_sge = x->num_recv_sge,
	};

	if (ibv_post_recv(peer_of(x->from)->qp, &wr, &bad))
		die("cannot post a receive");
}

/* Post, wait for both sides; the status of the requester. */
static enum ibv_wc_status run_xfer(struct xfer *x)
{
	struct end *peer = peer_of(x->from);

	if (takes_recv(x->op))
		post_recv(x);
	post_xfer(x);
	if (!poll_for(x->from, &x->wc, 30000))
		die("no completion");
	/* the receive of what was never sent stays posted */
	memset(&x->recv_wc, 0, sizeof(x->recv_wc));
	if (takes_recv(x->op) && (x->wc.status == IBV_WC_LOC_PROT_ERR ||
				  x->wc.status == IBV_WC_LOC_QP_OP_ERR))
		return x->wc.status;
	if (takes_recv(x->op) && !poll_for(peer, &x->recv_wc, 10000))
		die("no completion of the receive");
	return x->wc.status;
}

static void expect(enum ibv_wc_status is, enum ibv_wc_status want,
		   const char *what)
{
	if (is != want)
		die("%s: %s, expected %s", what, ibv_wc_status_str(is),
		    ibv_wc_status_str(want));
}

static struct ibv_sge sge_of(struct mr *mr, uint64_t pos, uint32_t len)
{
	return (struct ibv_sge) {
		.addr = mr->iova + pos, .length = len, .lkey = mr->lkey,
	};
}

/* len bytes at pos in pieces of odd sizes */
static int split(struct ibv_sge *sge, struct mr *mr, uint64_t pos, uint32_t len,
		 int pieces)
{
	uint32_t part;
	int n;

	for (n = 0; n < pieces - 1; n++) {
		part = len / (pieces + 1);
		sge[n] = sge_of(mr, pos, part);
		pos += part;
		len -= part;
	}
	sge[n] = sge_of(mr, pos, len);
	return pieces;
}

/* x with the local MR, the remote one, and places in both */
static struct xfer make_xfer(struct end *from, int op, struct mr *local,
			     uint64_t lpos, struct mr *remote, uint64_t rpos,
			     uint32_t len, int pieces)
{
	struct xfer x = { .from = from, .op = op };

	x.num_sge = split(x.sge, local, lpos, len, pieces);
	x.raddr = remote->iova + rpos;
	x.rkey = remote->rkey;
	if (op == IBV_WR_SEND || op == IBV_WR_SEND_WITH_IMM)
		x.num_recv_sge = split(x.recv_sge, remote, rpos, len,
				       pieces > 1 ? pieces - 1 : 1);
	return x;
}

/* One message between two MRs: every byte of both buffers is checked. */
static void move(struct end *from, int op, struct mr *local, uint64_t lpos,
		 struct mr *remote, uint64_t rpos, uint32_t len)
{
	static uint32_t seed;
	struct mr *src = op == IBV_WR_RDMA_READ ? remote : local;
	struct mr *dst = op == IBV_WR_RDMA_READ ? local : remote;
	uint64_t spos = op == IBV_WR_RDMA_READ ? rpos : lpos;
	uint64_t dpos = op == IBV_WR_RDMA_READ ? lpos : rpos;
	struct xfer x = make_xfer(from, op, local, lpos, remote, rpos, len, 3);
	char what[80];

	snprintf(what, sizeof(what), "%s of %u bytes, %llu to %llu, from %s",
		 op_name(op), len, (unsigned long long)spos,
		 (unsigned long long)dpos, from->dev);
	buf_fill(src->buf, ++seed, src->offset + spos, len);
	memcpy(dst->buf->want + dst->offset + dpos,
	       src->buf->want + src->offset + spos, len);
	expect(run_xfer(&x), IBV_WC_SUCCESS, what);
	if (takes_recv(op))
		expect(x.recv_wc.status, IBV_WC_SUCCESS, what);
	buf_check(src->buf, what);
	buf_check(dst->buf, what);
}

/* ---- the usual set-up: a buffer and an MR at each end ---- */

#define SIZE	(192 * 1024)
#define OFFSET	(2 * 4096 + 1000)
#define LENGTH	(SIZE - OFFSET - 4096 - 123)

static struct buf buf_a, buf_b;
static struct mr mr_a, mr_b;

static void set_up_end(struct end *e, const char *kind, const char *how,
		       struct buf *buf, struct mr *mr)
{
	uint64_t iova = e->iova + OFFSET % 4096;

	buf_open(buf, kind, SIZE);
	if (how && !strcmp(how, "va"))
		iova = (uintptr_t)buf->cpu + OFFSET;
	reg_buf(e->pd, buf, OFFSET, LENGTH, iova, how, mr);
}

/* how: NULL; "reg_mr"; "va", that with addresses of this process as the iova */
static void set_up(const char *kind_a, const char *kind_b, const char *how)
{
	set_up_end(&a, kind_a, how, &buf_a, &mr_a);
	set_up_end(&b, kind_b, how, &buf_b, &mr_b);
	reconnect();
}

/* What the exporter has seen of us is in order, and all is given back. */
static void check_test_buf(struct buf *buf)
{
	struct dmabuf_test_stat stat;

	if (buf->fd < 0 || buf->cpu)
		return;
	stat = test_stat(buf->fd);
	if (stat.attached || stat.pinned || stat.mapped)
		die("left behind: %u attachments, %u pins, %u mappings",
		    stat.attached, stat.pinned, stat.mapped);
	if (!stat.begun || stat.begun != stat.ended || stat.unsynced)
		die("%u begin, %u end, %u accesses outside", stat.begun,
		    stat.ended, stat.unsynced);
	if (stat.late || stat.touched)
		die("accessed after the revocation");
}

static void tear_down(void)
{
	disconnect();
	a.qp = NULL;
	must_dereg(&mr_a);
	must_dereg(&mr_b);
	check_test_buf(&buf_a);
	check_test_buf(&buf_b);
	buf_close(&buf_a);
	buf_close(&buf_b);
}

/* ---- cases ---- */

/* data KIND_A KIND_B [HOW] */
static void case_data(char **arg)
{
	static const uint32_t sizes[] = {
		1, 3, 8, 255, 1024, 4096, 4097, 65536, 150001,
	};
	struct mr *mrs[] = { &mr_a, &mr_b };
	struct end *ends[] = { &a, &b };
	unsigned int dir, op, n, turn = 0;

	set_up(arg[0], arg[1], arg[2]);
	for (dir = 0; dir < 2; dir++)
		for (n = 0; n < ARRAY_SIZE(sizes); n++)
			for (op = 0; op < NR_DATA_OPS; op++, turn++)
				move(ends[dir], all_ops[op], mrs[dir],
				     turn * 37 % 1999, mrs[!dir],
				     turn * 91 % 2003, sizes[n]);
	/* the first byte, the last one, and all of it */
	for (op = 0; op < NR_DATA_OPS; op++) {
		move(&a, all_ops[op], &mr_a, 0, &mr_b, LENGTH - 3, 3);
		move(&b, all_ops[op], &mr_b, LENGTH - 3, &mr_a, 0, 3);
		move(&a, all_ops[op], &mr_a, 0, &mr_b, 0, LENGTH);
	}
	tear_down();
}

/* calls of begin_cpu_access for one message that is read from src */
static void few_accesses(struct buf *src, struct xfer x)
{
	unsigned int packets = LENGTH / 1024, before = test_stat(src->fd).begun;
	unsigned int count;

	expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(x.op));
	count = test_stat(src->fd).begun - before;
	if (!count || count > packets / 2)
		die("%s of %u packets: %u times access", op_name(x.op), packets,
		    count);
}

/* few-accesses KIND: the exporter is not asked for each packet. It is for each
 * run of a task, and a task that is fast has runs of one packet: not so one that
 * sends.
 */
static void case_few_accesses(char **arg)
{
	set_up(arg[0], arg[0], NULL);
	few_accesses(&buf_a, make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b,
				       0, LENGTH, 1));
	few_accesses(&buf_b, make_xfer(&a, IBV_WR_RDMA_READ, &mr_a, 0, &mr_b,
				       0, LENGTH, 1));
	tear_down();
}

static sig_atomic_t signals;

static void on_alarm(int sig)
{
	signals++;
}

/* signals KIND: the process that registers and posts has signals all the time.
 * Their handlers run, and nothing fails.
 */
static void case_signals(char **arg)
{
	struct sigaction action = {
		.sa_handler = on_alarm, .sa_flags = SA_RESTART,
	};
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = {};
	struct mr third;
	unsigned int n;

	set_up(arg[0], "plain", NULL);
	if (sigaction(SIGALRM, &action, NULL))
		die_errno("sigaction");
	for (n = 0; n < 10; n++) {
		setitimer(ITIMER_REAL, &often, NULL);
		reg_buf(a.pd, &buf_a, OFFSET, 4096, OFFSET % 4096, false,
			&third);
		must_dereg(&third);
		move(&a, IBV_WR_RDMA_WRITE, &mr_a, n * 8, &mr_b, n * 8, 8);
		move(&a, IBV_WR_RDMA_READ, &mr_a, n * 8, &mr_b, n * 8, 8);
		move(&a, IBV_WR_SEND, &mr_a, n * 8, &mr_b, n * 8, 300);
		setitimer(ITIMER_REAL, &never, NULL);
	}
	if (signals < 30)
		die("%d signals", (int)signals);
	tear_down();
}

static uint64_t want_u64(struct buf *buf, size_t offset)
{
	uint64_t value;

	memcpy(&value, buf->want + offset, 8);
	return value;
}

static void set_want(struct buf *buf, size_t offset, uint64_t value)
{
	memcpy(buf->want + offset, &value, 8);
}

/* one atomic operation on B's 8 bytes at pos, the old value to lpos at A */
static void atomic(int op, uint64_t pos, uint64_t lpos, uint64_t compare,
		   uint64_t swap)
{
	struct xfer x = make_xfer(&a, op, &mr_a, lpos, &mr_b, pos, 8, 1);
	uint64_t old = want_u64(&buf_b, OFFSET + pos), new;

	x.compare = compare;
	x.swap = swap;
	expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(op));
	new = op == IBV_WR_ATOMIC_WRITE ? swap :
	      op == IBV_WR_ATOMIC_FETCH_AND_ADD ? old + compare :
	      old == compare ? swap : old;
	set_want(&buf_b, OFFSET + pos, new);
	if (op != IBV_WR_ATOMIC_WRITE)
		set_want(&buf_a, OFFSET + lpos, old);
	buf_check(&buf_a, op_name(op));
	buf_check(&buf_b, op_name(op));
}

/* Atomics are 8-byte aligned in the iova; OFFSET % 4096 is 1000, so are we. */
static void case_atomic(char **arg)
{
	static const int ops[] = {
		IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_ATOMIC_CMP_AND_SWP,
		IBV_WR_ATOMIC_WRITE,
	};
	uint64_t pos, big = 0xfedcba9876543210;
	struct xfer x;
	unsigned int n;

	set_up(arg[0], arg[1], arg[2]);
	for (pos = 0; pos < 8192; pos += 808) {
		atomic(IBV_WR_ATOMIC_FETCH_AND_ADD, pos, pos + 3, 5 + pos, 0);
		atomic(IBV_WR_ATOMIC_FETCH_AND_ADD, pos, pos + 11, big, 0);
		atomic(IBV_WR_ATOMIC_CMP_AND_SWP, pos, 0, big, 1);
		atomic(IBV_WR_ATOMIC_CMP_AND_SWP, pos, 8,
		       want_u64(&buf_b, OFFSET + pos), big + pos);
		atomic(IBV_WR_ATOMIC_WRITE, pos, 0, 0, ~big + pos);
	}
	for (n = 0; n < ARRAY_SIZE(ops); n++) {
		x = make_xfer(&a, ops[n], &mr_a, 0, &mr_b, 4, 8, 1);
		expect(run_xfer(&x), IBV_WC_REM_INV_REQ_ERR, "misaligned");
		reconnect();
		x = make_xfer(&a, ops[n], &mr_a, 0, &mr_b,
			      LENGTH / 8 * 8, 8, 1);
		expect(run_xfer(&x), IBV_WC_REM_ACCESS_ERR, "over the end");
		reconnect();
	}
	buf_check(&buf_b, "refused atomics");
	tear_down();
}

/* Zero bytes move nothing, and a key that does not exist does not matter. */
static void case_zero(char **arg)
{
	struct xfer x;
	unsigned int op;

	set_up(arg[0], arg[1], arg[2]);
	for (op = 0; op < NR_DATA_OPS; op++) {
		x = make_xfer(&a, all_ops[op], &mr_a, 0, &mr_b, 0, 0, 1);
		expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(x.op));
		x.rkey = 0;
		x.raddr = 0;
		expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(x.op));
	}
	buf_check(&buf_a, "zero bytes");
	buf_check(&buf_b, "zero bytes");
	tear_down();
}

static void fails(struct xfer x, enum ibv_wc_status want, const char *what)
{
	expect(run_xfer(&x), want, what);
	reconnect();
	buf_check(&buf_a, what);
	buf_check(&buf_b, what);
}

/* what lies beside the MR, in the buffer or not, is out of reach */
static void case_bounds(char **arg)
{
	static const uint64_t bad[] = { LENGTH, -1ull, LENGTH - 3, 1ull << 40 };
	unsigned int n;

	set_up(arg[0], arg[1], arg[2]);
	for (n = 0; n < ARRAY_SIZE(bad); n++) {
		fails(make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b, bad[n],
				4, 1), IBV_WC_REM_ACCESS_ERR, "WRITE");
		fails(make_xfer(&a, IBV_WR_RDMA_READ, &mr_a, 0, &mr_b, bad[n],
				4, 1), IBV_WC_REM_ACCESS_ERR, "READ");
		fails(make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_a, bad[n], &mr_b, 0,
				4, 1), IBV_WC_LOC_QP_OP_ERR, "local WRITE");
		fails(make_xfer(&a, IBV_WR_RDMA_READ, &mr_a, bad[n], &mr_b, 0,
				4, 1), IBV_WC_LOC_PROT_ERR, "local READ");
		fails(make_xfer(&a, IBV_WR_SEND, &mr_a, 0, &mr_b, bad[n], 4, 1),
		      IBV_WC_REM_OP_ERR, "receive");
	}
	tear_down();
}

/* an MR grants what it was registered with, and no more */
static void case_access(char **arg)
{
	static const struct {
		uint32_t access;
		int op;
	} cases[] = {
		{ IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
		  IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_RDMA_WRITE },
		{ IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		  IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_RDMA_READ },
		{ IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		  IBV_ACCESS_REMOTE_READ, IBV_WR_ATOMIC_FETCH_AND_ADD },
		{ IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
		  IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_ATOMIC_WRITE },
	};
	struct reg r = { .length = 4096, .iova = 0x5000 };
	struct mr mr;
	unsigned int n;

	set_up(arg[0], arg[1], NULL);
	r.fd = buf_b.fd;
	for (n = 0; n < ARRAY_SIZE(cases); n++) {
		r.access = cases[n].access;
		if (do_reg(b.pd, &r, &mr))
			die("registration");
		fails(make_xfer(&a, cases[n].op, &mr_a, 0, &mr, 0, 8, 1),
		      IBV_WC_REM_ACCESS_ERR, op_name(cases[n].op));
		must_dereg(&mr);
	}
	/* for reading only: gather works, scatter does not */
	r.access = 0;
	r.fd = buf_a.fd;
	if (do_reg(a.pd, &r, &mr))
		die("registration");
	mr.buf = &buf_a;
	move(&a, IBV_WR_RDMA_WRITE, &mr, 0, &mr_b, 0, 4096);
	fails(make_xfer(&a, IBV_WR_RDMA_READ, &mr, 0, &mr_b, 0, 8, 1),
	      IBV_WC_LOC_PROT_ERR, "READ into a read-only MR");
	must_dereg(&mr);
	tear_down();
}

/* several MRs on one buffer, on both devices */
static void case_shared(char **arg)
{
	struct mr mrs[4];
	struct buf buf;
	unsigned int n;

	buf_open(&buf, arg[0], SIZE);
	for (n = 0; n < 4; n++)
		reg_buf(n < 2 ? a.pd : b.pd, &buf, n * 40000, 40000,
			0x1000 * (n + 1) + n * 40000 % 4096, n % 2, &mrs[n]);
	reconnect();
	for (n = 0; n < NR_DATA_OPS; n++) {
		move(&a, all_ops[n], &mrs[0], 11, &mrs[2], 5, 39000);
		move(&a, all_ops[n], &mrs[1], 0, &mrs[3], 0, 40000);
		move(&b, all_ops[n], &mrs[3], 1, &mrs[0], 2, 30000);
	}
	/* one goes, the others stay */
	must_dereg(&mrs[2]);
	for (n = 0; n < NR_DATA_OPS; n++)
		move(&a, all_ops[n], &mrs[0], 3, &mrs[3], 0, 20000);
	disconnect();
	a.qp = NULL;
	must_dereg(&mrs[0]);
	must_dereg(&mrs[1]);
	must_dereg(&mrs[3]);
	check_test_buf(&buf);
	buf_close(&buf);
}

/* the MR alone keeps the buffer */
static void case_closed(char **arg)
{
	unsigned int n;
	int fd[2];

	set_up(arg[0], arg[1], arg[2]);
	for (n = 0; n < NR_DATA_OPS; n++)
		move(&a, all_ops[n], &mr_a, 0, &mr_b, 0, 50000);
	/* the mappings of this process keep a reference, too: let them go */
	fd[0] = dup(buf_a.fd);
	munmap(buf_a.cpu, SIZE);
	munmap(buf_b.cpu, SIZE);
	close(buf_a.fd);
	close(fd[0]);
	close(buf_b.fd);
	for (n = 0; n < NR_DATA_OPS; n++) {
		struct xfer x = make_xfer(&a, all_ops[n], &mr_a, 0, &mr_b, 0,
					  50000, 2);

		expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(x.op));
	}
	/* what is in B's buffer comes to ordinary memory of A's */
	{
		struct buf plain;
		struct mr mr;
		struct xfer x;

		buf_open(&plain, "plain", SIZE);
		reg_buf(a.pd, &plain, OFFSET, LENGTH, 0x9000 + OFFSET % 4096,
			true, &mr);
		x = make_xfer(&a, IBV_WR_RDMA_READ, &mr, 0, &mr_b, 0, LENGTH,
			      1);
		memcpy(plain.want + OFFSET, buf_b.want + OFFSET, LENGTH);
		expect(run_xfer(&x), IBV_WC_SUCCESS, "READ");
		buf_check(&plain, "what a closed buffer holds");
		must_dereg(&mr);
		buf_close(&plain);
	}
	disconnect();
	must_dereg(&mr_a);
	must_dereg(&mr_b);
}

/* ---- what must not work ---- */

static int rereg(struct mr *mr, struct ibv_pd *pd, uint32_t flags,
		 uint32_t access)
{
	struct ib_uverbs_rereg_mr_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_rereg_mr req;
	} cmd = {
		.hdr = {
			.command = IB_USER_VERBS_CMD_REREG_MR,
			.in_words = sizeof(cmd) / 4,
			.out_words = sizeof(resp) / 4,
		},
		.req = {
			.response = (uintptr_t)&resp,
			.mr_handle = mr->handle,
			.flags = flags,
			.access_flags = access,
			.pd_handle = pd->handle,
		},
	};

	return write(mr->ctx->cmd_fd, &cmd, sizeof(cmd)) == sizeof(cmd) ?
	       0 : errno;
}

static void errno_is(int is, int want, const char *what)
{
	if (is != want)
		die("%s: %s, expected %s", what, is ? strerror(is) : "success",
		    strerror(want));
}

static void case_refused(char **arg)
{
	struct ibv_send_wr *bad, wr = { .opcode = IBV_WR_BIND_MW };
	struct ibv_wc wc;
	struct ibv_mw *mw;
	struct ibv_mr fake;

	set_up(arg[0], arg[1], NULL);
	errno_is(rereg(&mr_a, a.pd, IBV_REREG_MR_CHANGE_ACCESS, ACCESS_ALL |
		       IBV_ACCESS_MW_BIND), EOPNOTSUPP, "rereg of the access");
	errno_is(rereg(&mr_a, a.pd, IBV_REREG_MR_CHANGE_PD, 0), EOPNOTSUPP,
		 "rereg of the PD");

	mw = ibv_alloc_mw(a.pd, IBV_MW_TYPE_2);
	if (!mw)
		die_errno("alloc_mw");
	fake = (struct ibv_mr) {
		.context = a.ctx, .pd = a.pd, .handle = mr_a.handle,
		.lkey = mr_a.lkey, .rkey = mr_a.rkey,
	};
	wr.bind_mw.mw = mw;
	wr.bind_mw.rkey = mw->rkey;
	wr.bind_mw.bind_info.mr = &fake;
	wr.bind_mw.bind_info.addr = mr_a.iova;
	wr.bind_mw.bind_info.length = 4096;
	wr.bind_mw.bind_info.mw_access_flags = IBV_ACCESS_REMOTE_WRITE;
	if (ibv_post_send(a.qp, &wr, &bad) || !poll_for(&a, &wc, 10000))
		die("cannot post the binding of an MW");
	expect(wc.status, IBV_WC_MW_BIND_ERR, "binding an MW");
	ibv_dealloc_mw(mw);
	tear_down();
}

struct bad_reg {
	const char *what;
	int err;
	struct reg r;
};

/* IB_UVERBS_ACCESS_FLUSH_*: older user space does not know them */
#define FLUSH_GLOBAL		0x100
#define FLUSH_PERSISTENT	0x200

#define GOOD	.length = 8192, .iova = 0x7000, .access = ACCESS_ALL

static const struct bad_reg bad_regs[] = {
	{ "fd not open", EBADF, { GOOD, .fd = 999 } },
	{ "REG_MR, fd not open", EBADF, { GOOD, .reg_mr = 1, .fd = 999 } },
	{ "fd -1", EBADF, { GOOD, .fd = -1 } },
	{ "length 0", EINVAL, { .iova = 0x7000, .access = ACCESS_ALL } },
	{ "REG_MR, length 0", EINVAL,
	  { .reg_mr = 1, .iova = 0x7000, .access = ACCESS_ALL } },
	{ "longer than the buffer", EINVAL,
	  { .length = SIZE + 1, .iova = 0x7000, .access = ACCESS_ALL } },
	{ "over the end", EINVAL,
	  { .offset = 4096, .length = SIZE - 4095, .iova = 0x7000,
	    .access = ACCESS_ALL } },
	{ "begins at the end", EINVAL, { GOOD, .offset = SIZE } },
	{ "offset + length overflows", EINVAL,
	  { GOOD, .offset = -4096ull } },
	{ "offset + length is 2^64", EINVAL,
	  { .offset = -8192ull, .length = 8192, .iova = 0x7000,
	    .access = ACCESS_ALL } },
	{ "length of 2^64 - 1", EINVAL,
	  { .length = -1ull, .iova = 0x7000, .access = ACCESS_ALL } },
	{ "offset in the page is not the iova's", EINVAL,
	  { .offset = 8, .length = 100, .iova = 0x7000,
	    .access = ACCESS_ALL } },
	{ "REG_MR, offset in the page is not the iova's", EINVAL,
	  { .reg_mr = 1, .offset = 8, .length = 100, .iova = 0x7010,
	    .access = ACCESS_ALL } },
	{ "remote write without local", EINVAL,
	  { .length = 8192, .access = IBV_ACCESS_REMOTE_WRITE } },
	{ "remote atomic without local", EINVAL,
	  { .length = 8192, .access = IBV_ACCESS_REMOTE_ATOMIC } },
	{ "MW bind", EINVAL,
	  { .length = 8192, .access = ACCESS_ALL | IBV_ACCESS_MW_BIND } },
	{ "REG_MR, MW bind", EINVAL,
	  { .reg_mr = 1, .length = 8192,
	    .access = ACCESS_ALL | IBV_ACCESS_MW_BIND } },
	{ "on demand", EINVAL,
	  { .length = 8192, .access = ACCESS_ALL | IBV_ACCESS_ON_DEMAND } },
	{ "REG_MR, on demand", EINVAL,
	  { .reg_mr = 1, .length = 8192,
	    .access = ACCESS_ALL | IBV_ACCESS_ON_DEMAND } },
	{ "zero based", EINVAL,
	  { .length = 8192, .access = ACCESS_ALL | IBV_ACCESS_ZERO_BASED } },
	{ "flush, global", EINVAL,
	  { .length = 8192, .access = ACCESS_ALL | FLUSH_GLOBAL } },
	{ "flush, persistent", EINVAL,
	  { .length = 8192,
	    .access = ACCESS_ALL | FLUSH_PERSISTENT } },
	{ "unknown access flag", EINVAL,
	  { .length = 8192, .access = ACCESS_ALL | 1 << 30 } },
	{ "REG_MR, fd with address", EINVAL,
	  { GOOD, .reg_mr = 1, .with_addr = 1 } },
	{ "REG_MR, fd without offset", EINVAL,
	  { GOOD, .reg_mr = 1, .no_offset = 1 } },
};

/* No fault of the caller's leaves anything behind. */
static void case_errno(char **arg)
{
	struct reg r = { GOOD };
	unsigned int n;
	struct buf buf;
	struct mr mr;
	int err;

	buf_open(&buf, arg[0], SIZE);
	for (n = 0; n < ARRAY_SIZE(bad_regs); n++) {
		r = bad_regs[n].r;
		if (!r.fd)
			r.fd = buf.fd;
		errno_is(do_reg(a.pd, &r, &mr), bad_regs[n].err,
			 bad_regs[n].what);
	}
	r = (struct reg) { GOOD, .fd = open("/dev/null", O_RDWR) };
	errno_is(do_reg(a.pd, &r, &mr), EINVAL, "fd of something else");
	r.reg_mr = true;
	errno_is(do_reg(a.pd, &r, &mr), EINVAL, "REG_MR, fd of something else");
	close(r.fd);
	/* and then the same with nothing wrong */
	for (n = 0; n < 4; n++) {
		r = (struct reg) {
			.reg_mr = n % 2, .fd = buf.fd,
			.access = ACCESS_ALL | IBV_ACCESS_RELAXED_ORDERING,
			.offset = n < 2 ? 0 : SIZE - 1, .length = n < 2 ? SIZE : 1,
			.iova = n < 2 ? 0 : 4095,
		};
		err = do_reg(a.pd, &r, &mr);
		if (err)
			die("good registration %u: %s", n, strerror(err));
		must_dereg(&mr);
	}
	buf_close(&buf);
}

/* advise_mr on an MR that is pinned anyway */
static void case_advise(char **arg)
{
	static const int advices[] = {
		IBV_ADVISE_MR_ADVICE_PREFETCH,
		IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
		IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT,
	};
	struct ibv_sge sge;
	unsigned int n;

	set_up(arg[0], arg[1], arg[2]);
	sge = sge_of(&mr_a, 0, LENGTH);
	for (n = 0; n < ARRAY_SIZE(advices); n++) {
		errno_is(advise_mr(a.pd, advices[n],
				   IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1),
			 EINVAL, "advise_mr");
		errno_is(advise_mr(a.pd, advices[n], 0, &sge, 1), EINVAL,
			 "advise_mr, asynchronous");
	}
	tear_down();
}

/* advise_mr on an MR that is on demand */
static void case_prefetch(char **arg)
{
	struct ibv_sge sge;
	unsigned int n;

	set_up(arg[0], "plain", arg[1]);
	for (n = 0; n < 2; n++) {
		sge = sge_of(&mr_a, n * 5000, 20000);
		errno_is(advise_mr(a.pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
				   n ? 0 : IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1),
			 0, "advise_mr");
	}
	sge = sge_of(&mr_a, LENGTH + 8192, 8);
	errno_is(advise_mr(a.pd, IBV_ADVISE_MR_ADVICE_PREFETCH,
			   IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1), EFAULT,
		 "advise_mr, over the end");
	move(&b, IBV_WR_RDMA_WRITE, &mr_b, 0, &mr_a, 5000, 20000);
	tear_down();
}

/* plain REG_MR: length and address are those that were asked for */
static void case_query(char **arg)
{
	uint64_t length = 0, iova = 0;

	set_up(arg[0], arg[1], arg[2]);
	errno_is(query_mr(&mr_b, &length, &iova), 0, "query_mr");
	if (length != LENGTH || iova != mr_b.iova)
		die("query_mr: %llu bytes at %#llx", (unsigned long long)length,
		    (unsigned long long)iova);
	tear_down();
}

/* ---- buffers that are taken away, or fail ---- */

/* what an operation from A ends with when A's memory is not there */
static enum ibv_wc_status local_status(int op)
{
	return IBV_WC_LOC_PROT_ERR;
}

/* the same for B's memory */
static enum ibv_wc_status remote_status(int op)
{
	return op == IBV_WR_SEND || op == IBV_WR_SEND_WITH_IMM ?
	       IBV_WC_REM_OP_ERR : IBV_WC_REM_ACCESS_ERR;
}

/* Each operation fails, with what says so at each side. */
static void all_fail(bool local, const char *why)
{
	struct xfer x;
	char what[80];
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(all_ops); n++) {
		/* an atomic write has no memory of A's */
		if (local && all_ops[n] == IBV_WR_ATOMIC_WRITE)
			continue;
		x = make_xfer(&a, all_ops[n], &mr_a, 0, &mr_b, 0, 8, 1);
		snprintf(what, sizeof(what), "%s: %s", why, op_name(x.op));
		expect(run_xfer(&x), local ? local_status(x.op) :
		       remote_status(x.op), what);
		if (!local && (x.op == IBV_WR_SEND ||
			       x.op == IBV_WR_SEND_WITH_IMM))
			expect(x.recv_wc.status, IBV_WC_LOC_QP_OP_ERR, what);
		reconnect();
	}
}

/* The key of a revoked MR is nobody else's before it is deregistered. */
static void key_is_kept(struct mr *mr, struct end *e)
{
	struct buf other;
	struct mr mrs[64];
	unsigned int n;

	buf_open(&other, "plain", 4096);
	for (n = 0; n < ARRAY_SIZE(mrs); n++) {
		reg_buf(e->pd, &other, 0, 4096, 0, true, &mrs[n]);
		if (mrs[n].rkey >> 8 == mr->rkey >> 8)
			die("the key of a revoked MR is in use again");
	}
	for (n = 0; n < ARRAY_SIZE(mrs); n++)
		must_dereg(&mrs[n]);
	buf_close(&other);
}

/* revoke KIND: between operations */
static void case_revoke(char **arg)
{
	struct reg r = { GOOD };
	struct mr mr;

	set_up("plain", arg[0], NULL);
	move(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b, 0, 10000);
	test_do(buf_b.fd, DMABUF_TEST_REVOKE);
	all_fail(false, "revoked");
	key_is_kept(&mr_b, &b);
	r.fd = buf_b.fd;
	errno_is(do_reg(b.pd, &r, &mr), ENODEV, "registering again");
	/* twice is harmless */
	test_do(buf_b.fd, DMABUF_TEST_MOVE);
	tear_down();

	set_up(arg[0], "plain", "reg_mr");
	move(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b, 0, 10000);
	test_do(buf_a.fd, DMABUF_TEST_REVOKE);
	all_fail(true, "revoked");
	key_is_kept(&mr_a, &a);
	tear_down();
}

/* The rest of the operations: well done, then one that says what is wrong, and
 * flushed ones. rxe flushes those that wait for an acknowledge before the one
 * that cannot be sent.
 */
static void drain(struct end *e, unsigned int posted, bool local,
		  enum ibv_wc_status want, const char *what)
{
	unsigned int n, told = 0, flushed = 0;
	struct ibv_wc wc;

	for (n = 0; n < posted; n++) {
		if (!poll_for(e, &wc, 30000))
			die("%s: no completion", what);
		if (wc.status == IBV_WC_SUCCESS && !told && !flushed)
			continue;
		if (!told && wc.status == want) {
			told++;
			continue;
		}
		if (!told && !local)
			expect(wc.status, want, what);
		expect(wc.status, IBV_WC_WR_FLUSH_ERR, what);
		flushed++;
	}
	if (!told)
		die("%s: nobody says what failed", what);
}

/* Requests are under way, of many packets each; then something happens to the
 * memory of one side.
 */
static void under_traffic(int op, bool local, void (*event)(void),
			  const char *what)
{
	struct xfer x = make_xfer(&a, op, &mr_a, 0, &mr_b, 0, 100000, 2);
	struct ibv_wc wc;
	unsigned int n;

	for (n = 0; n < DEPTH / 2; n++) {
		if (takes_recv(op))
			post_recv(&x);
		post_xfer(&x);
	}
	if (!poll_for(&a, &wc, 30000))
		die("%s: no completion", what);
	expect(wc.status, IBV_WC_SUCCESS, what);
	event();
	/* one more, should all others be done already on a busy machine */
	if (takes_recv(op))
		post_recv(&x);
	post_xfer(&x);
	drain(&a, n, local, local ? local_status(op) : remote_status(op), what);
	disconnect();
	a.qp = NULL;
}

static void revoke_a(void)
{
	test_do(buf_a.fd, DMABUF_TEST_REVOKE);
}

static void revoke_b(void)
{
	test_do(buf_b.fd, DMABUF_TEST_REVOKE);
}

/* revoke-traffic KIND: in the middle of messages */
static void case_revoke_traffic(char **arg)
{
	unsigned int n, round;

	for (round = 0; round < 2; round++) {
		for (n = 0; n < NR_DATA_OPS; n++) {
			set_up("plain", arg[0], round ? "reg_mr" : NULL);
			under_traffic(all_ops[n], false, revoke_b,
				      op_name(all_ops[n]));
			tear_down();
			set_up(arg[0], "plain", round ? "reg_mr" : NULL);
			under_traffic(all_ops[n], true, revoke_a,
				      op_name(all_ops[n]));
			tear_down();
		}
	}
}

static void dereg_b(void)
{
	must_dereg(&mr_b);
	check_test_buf(&buf_b);
}

/* dereg-traffic KIND: the owner of the memory has enough */
static void case_dereg_traffic(char **arg)
{
	unsigned int n;

	for (n = 0; n < NR_DATA_OPS; n++) {
		set_up("plain", arg[0], NULL);
		under_traffic(all_ops[n], false, dereg_b, op_name(all_ops[n]));
		must_dereg(&mr_a);
		buf_close(&buf_a);
		buf_close(&buf_b);
	}
}

/* fail KIND: the exporter cannot give access, or cannot finish it */
static void case_fail(char **arg)
{
	static const struct {
		uint32_t what;
		const char *name;
	} ways[] = {
		{ DMABUF_TEST_FAIL_BEGIN, "begin_cpu_access fails" },
		{ DMABUF_TEST_FAIL_END, "end_cpu_access fails" },
	};
	struct reg r = { GOOD };
	struct mr mr;
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(ways); n++) {
		set_up("plain", arg[0], NULL);
		test_do(buf_b.fd, ways[n].what);
		all_fail(false, ways[n].name);
		r.fd = buf_b.fd;
		errno_is(do_reg(b.pd, &r, &mr), EIO, "registration");
		tear_down();
		set_up(arg[0], "plain", NULL);
		test_do(buf_a.fd, ways[n].what);
		all_fail(true, ways[n].name);
		tear_down();
	}
}

/* fence KIND: nobody reads or writes while others' work is under way */
static void case_fence(char **arg)
{
	static const int ops[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ, IBV_WR_ATOMIC_WRITE,
	};
	struct ibv_wc wc;
	struct xfer x;
	unsigned int n;

	set_up("plain", arg[0], NULL);
	for (n = 0; n < ARRAY_SIZE(ops); n++) {
		test_do(buf_b.fd, DMABUF_TEST_FENCE);
		x = make_xfer(&a, ops[n], &mr_a, 0, &mr_b, 0, 8, 1);
		post_xfer(&x);
		if (poll_for(&a, &wc, 300))
			die("%s did not wait", op_name(ops[n]));
		test_do(buf_b.fd, DMABUF_TEST_SIGNAL);
		if (!poll_for(&a, &wc, 30000))
			die("%s: no completion", op_name(ops[n]));
		expect(wc.status, IBV_WC_SUCCESS, op_name(ops[n]));
	}
	tear_down();
}

/* fence-stuck KIND: whoever does not finish does not block RXE for ever */
static void case_fence_stuck(char **arg)
{
	struct xfer x;

	set_up("plain", arg[0], NULL);
	test_do(buf_b.fd, DMABUF_TEST_FENCE);
	x = make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b, 0, 8, 1);
	expect(run_xfer(&x), IBV_WC_REM_ACCESS_ERR, "a fence for ever");
	test_do(buf_b.fd, DMABUF_TEST_SIGNAL);
	tear_down();
}

/* no-vmap KIND ERRNO */
static void case_no_vmap(char **arg)
{
	struct reg r = { GOOD };
	struct dmabuf_test_stat stat;
	struct mr mr;

	r.fd = fd_of(arg[0], SIZE);
	for (r.reg_mr = 0; ; r.reg_mr = 1) {
		errno_is(do_reg(a.pd, &r, &mr), atoi(arg[1]), arg[0]);
		if (r.reg_mr)
			break;
	}
	stat = test_stat(r.fd);
	if (stat.attached || stat.pinned || stat.mapped)
		die("something left behind");
	close(r.fd);
}

#define BIG	(5ull << 30)
#define BLOCK	(4ull << 20)		/* what DMABUF_TEST_REPEAT repeats */

/* an MR of more than 4 GiB */
static void case_big(char **arg)
{
	static const uint64_t at[] = {
		0, (1ull << 32) - 2500, (1ull << 32) + 100000, BIG - 4096 - 5000,
	};
	struct buf big = { .size = BIG }, plain;
	struct mr mr, mr_plain;
	uint8_t is[5000];
	struct xfer x;
	unsigned int n, i;

	big.fd = test_fd(BIG, DMABUF_TEST_REPEAT);
	reg_buf(b.pd, &big, 4096, BIG - 4096, 1ull << 33, false, &mr);
	buf_open(&plain, "plain", SIZE);
	reg_buf(a.pd, &plain, 0, SIZE, 0, true, &mr_plain);
	reconnect();
	for (n = 0; n < ARRAY_SIZE(at); n++) {
		buf_fill(&plain, n, 0, sizeof(is));
		x = make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_plain, 0, &mr, at[n],
			      sizeof(is), 1);
		expect(run_xfer(&x), IBV_WC_SUCCESS, "WRITE");
		for (i = 0; i < sizeof(is); i++)
			test_copy(&big, (4096 + at[n] + i) % BLOCK, is + i, 1,
				  false);
		if (memcmp(is, plain.want, sizeof(is)))
			die("wrong data at %#llx", (unsigned long long)at[n]);
		x = make_xfer(&a, IBV_WR_RDMA_READ, &mr_plain, 10000, &mr,
			      at[n], sizeof(is), 1);
		expect(run_xfer(&x), IBV_WC_SUCCESS, "READ");
		memcpy(plain.want + 10000, plain.want, sizeof(is));
		buf_check(&plain, "READ");
	}
	x = make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_plain, 0, &mr, BIG - 4096 - 4,
		      5, 1);
	expect(run_xfer(&x), IBV_WC_REM_ACCESS_ERR, "over the end");
	disconnect();
	must_dereg(&mr);
	must_dereg(&mr_plain);
	buf_close(&plain);
	close(big.fd);
}

/* ---- processes that go ---- */

static void send_fd(int sock, int fd)
{
	char byte = 0, space[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		die_errno("sendmsg");
}

static int recv_fd(int sock)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		die_errno("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* exporter-dies KIND: another process made the buffer, and is killed */
static void case_exporter_dies(char **arg)
{
	struct buf plain;
	struct mr mr_plain, mr;
	struct buf foreign = { .size = SIZE };
	int sock[2];
	pid_t pid;
	unsigned int n;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock))
		die_errno("socketpair");
	pid = fork();
	if (!pid) {
		send_fd(sock[1], fd_of(arg[0], SIZE));
		pause();
		_exit(1);
	}
	foreign.fd = recv_fd(sock[0]);
	reg_buf(b.pd, &foreign, 0, SIZE, 0, false, &mr);
	close(foreign.fd);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die_errno("waitpid");

	buf_open(&plain, "plain", SIZE);
	reg_buf(a.pd, &plain, 0, SIZE, 0, true, &mr_plain);
	reconnect();
	for (n = 0; n < 2; n++) {
		struct xfer x = make_xfer(&a, n ? IBV_WR_RDMA_READ :
					  IBV_WR_RDMA_WRITE, &mr_plain,
					  n * 80000, &mr, 0, 80000, 1);

		expect(run_xfer(&x), IBV_WC_SUCCESS, op_name(x.op));
	}
	memcpy(plain.want + 80000, plain.want, 80000);
	buf_check(&plain, "what the dead process's buffer holds");
	disconnect();
	must_dereg(&mr);
	must_dereg(&mr_plain);
	buf_close(&plain);
}

/* traffic KIND_A KIND_B: until SIGTERM, whose default ends us as SIGKILL does */
static void case_traffic(char **arg)
{
	unsigned int n;

	set_up(arg[0], arg[1], NULL);
	for (n = 0; ; n++) {
		move(&a, all_ops[n % NR_DATA_OPS], &mr_a, 0, &mr_b, 0, 100000);
		if (n == NR_DATA_OPS) {
			puts("ready");
			fflush(stdout);
		}
	}
}

/* ---- where packets are processed ---- */

/* how many packets E has processed in softirq */
static unsigned long in_place(struct end *e)
{
	unsigned long count;
	char name[128];
	FILE *f;

	usleep(30000);	/* the kernel takes its figures every 10 ms at most */
	snprintf(name, sizeof(name),
		 "/sys/class/infiniband/%s/ports/1/hw_counters/rcvd_in_place",
		 e->dev);
	f = fopen(name, "r");
	if (!f || fscanf(f, "%lu", &count) != 1)
		die_errno("%s", name);
	fclose(f);
	return count;
}

static void is_in_place(struct end *e, unsigned long before, bool want,
			const char *what)
{
	if ((in_place(e) != before) != want)
		die("%s: processed %s at %s", what,
		    want ? "on the workqueue" : "in place", e->dev);
}

/* A posts to B: who processes what it gets in place? */
static void runs(enum ibv_wr_opcode op, struct mr *local, struct mr *remote,
		 uint32_t len, bool request, bool response, const char *what)
{
	unsigned long at_a = in_place(&a), at_b = in_place(&b);

	move(&a, op, local, 0, remote, 0, len);
	is_in_place(&a, at_a, response, what);
	is_in_place(&b, at_b, request, what);
}

static void write_runs(struct mr *src, struct mr *dst, uint32_t len,
		       bool request, bool response, const char *what)
{
	runs(IBV_WR_RDMA_WRITE, src, dst, len, request, response, what);
}

static void reg_third(struct ibv_pd *pd, struct buf *buf, struct mr *mr)
{
	reg_buf(pd, buf, OFFSET, LENGTH, 0x700000 + OFFSET % 4096, false, mr);
}

/* in-place KIND: an MR that may sleep comes into a PD, and goes */
static void case_in_place(char **arg)
{
	struct buf buf;
	struct mr mr;

	set_up("plain", "plain", NULL);
	buf_open(&buf, arg[0], SIZE);
	write_runs(&mr_a, &mr_b, 8, true, true, "a short message");
	write_runs(&mr_a, &mr_b, LENGTH, false, true, "a long message");

	reg_third(b.pd, &buf, &mr);
	write_runs(&mr_a, &mr_b, 8, false, true, "beside such an MR");
	write_runs(&mr_a, &mr, 8, false, true, "into such an MR");
	must_dereg(&mr);
	write_runs(&mr_a, &mr_b, 8, true, true, "after it at the target");

	reg_third(a.pd, &buf, &mr);
	write_runs(&mr, &mr_b, 8, true, true, "an ACK touches no MR");
	runs(IBV_WR_RDMA_READ, &mr, &mr_b, 8, true, false, "into such an MR");
	runs(IBV_WR_RDMA_READ, &mr_a, &mr_b, 8, true, false,
	     "a response beside such an MR");
	must_dereg(&mr);
	write_runs(&mr_a, &mr_b, 8, true, true, "after it at the source");
	check_test_buf(&buf);
	buf_close(&buf);
	tear_down();
}

/* in-place-rereg KIND: such an MR changes its PD */
static void case_in_place_rereg(char **arg)
{
	struct ibv_pd *other = ibv_alloc_pd(b.ctx);
	struct buf buf;
	struct mr mr;

	if (!other)
		die_errno("alloc_pd");
	set_up("plain", "plain", NULL);
	buf_open(&buf, arg[0], SIZE);
	reg_third(other, &buf, &mr);
	write_runs(&mr_a, &mr_b, 8, true, true, "beside an MR of another PD");
	errno_is(rereg(&mr, b.pd, IBV_REREG_MR_CHANGE_PD, 0), 0, "rereg");
	write_runs(&mr_a, &mr, 8, false, true, "into an MR that has come");
	errno_is(rereg(&mr, other, IBV_REREG_MR_CHANGE_PD, 0), 0, "rereg");
	write_runs(&mr_a, &mr_b, 8, true, true, "after the MR has left");
	must_dereg(&mr);
	buf_close(&buf);
	tear_down();
	ibv_dealloc_pd(other);
}

/* in-place-traffic KIND ROUNDS: such MRs come and go at either end, and are used
 * as soon as they are there, while packets arrive
 */
static void case_in_place_traffic(char **arg)
{
	unsigned int round, n, rounds = atoi(arg[1]);
	struct xfer first, then;
	enum ibv_wr_opcode op;
	struct ibv_wc wc;
	struct buf buf;
	struct mr mr;

	set_up("plain", "plain", NULL);
	buf_open(&buf, arg[0], SIZE);
	for (round = 0; round < rounds; round++) {
		first = make_xfer(&a, IBV_WR_RDMA_WRITE, &mr_a, 0, &mr_b, 0, 8,
				  1);
		for (n = 0; n < DEPTH - 8; n++)
			post_xfer(&first);
		reg_third(round % 2 ? a.pd : b.pd, &buf, &mr);
		for (n = 0; n < 8; n++) {
			op = n % 3 ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ;
			then = round % 2 ?
			       make_xfer(&a, op, &mr, 0, &mr_b, 0, 8, 1) :
			       make_xfer(&a, op, &mr_a, 0, &mr, 0, 8, 1);
			post_xfer(&then);
		}
		for (n = 0; n < DEPTH; n++) {
			if (!poll_for(&a, &wc, 30000))
				die("no completion");
			expect(wc.status, IBV_WC_SUCCESS, "completion");
		}
		must_dereg(&mr);
	}
	check_test_buf(&buf);
	buf_close(&buf);
	tear_down();
}

/* ---- main ---- */

static void parse_addr(const char *text, struct in6_addr *addr)
{
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
	if (inet_pton(AF_INET6, text, addr) != 1 &&
	    inet_pton(AF_INET6, mapped, addr) != 1)
		die("bad address '%s'", text);
}

static const struct {
	const char *name;
	void (*run)(char **arg);
	int args;
} cases[] = {
	{ "data", case_data, 2 },
	{ "few-accesses", case_few_accesses, 1 },
	{ "signals", case_signals, 1 },
	{ "atomic", case_atomic, 2 },
	{ "zero", case_zero, 2 },
	{ "bounds", case_bounds, 2 },
	{ "access", case_access, 2 },
	{ "shared", case_shared, 1 },
	{ "closed", case_closed, 2 },
	{ "refused", case_refused, 2 },
	{ "errno", case_errno, 1 },
	{ "query", case_query, 2 },
	{ "advise", case_advise, 2 },
	{ "prefetch", case_prefetch, 1 },
	{ "revoke", case_revoke, 1 },
	{ "revoke-traffic", case_revoke_traffic, 1 },
	{ "dereg-traffic", case_dereg_traffic, 1 },
	{ "fail", case_fail, 1 },
	{ "fence", case_fence, 1 },
	{ "fence-stuck", case_fence_stuck, 1 },
	{ "no-vmap", case_no_vmap, 2 },
	{ "big", case_big, 0 },
	{ "exporter-dies", case_exporter_dies, 1 },
	{ "traffic", case_traffic, 2 },
	{ "in-place", case_in_place, 1 },
	{ "in-place-rereg", case_in_place_rereg, 1 },
	{ "in-place-traffic", case_in_place_traffic, 2 },
};

int main(int argc, char **argv)
{
	unsigned int n;

	if (argc < 6)
		die("usage: DEV_A ADDR_A DEV_B ADDR_B CASE [ARGUMENT...]");
	a.dev = argv[1];
	parse_addr(argv[2], &a.addr);
	b.dev = argv[3];
	parse_addr(argv[4], &b.addr);
	open_dev(&a);
	open_dev(&b);
	for (n = 0; n < ARRAY_SIZE(cases); n++) {
		if (strcmp(argv[5], cases[n].name) || argc < 6 + cases[n].args)
			continue;
		cases[n].run(argv + 6);
		return 0;
	}
	die("no such case: %s", argv[5]);
}
