// SPDX-License-Identifier: GPL-2.0
/*
 * Write into the queues that RXE shares with user space what libibverbs would
 * not: each field of a WQE, the indices, while the kernel works with them.
 *
 * Both ends live in this process, as in rxe_xfer. All memory that may leave A
 * holds one byte, all of B's another one: any third one in B's memory is from
 * the kernel.
 *
 * Exit status: 0 all as it should be, 1 not so.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_rxe.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BUF_SIZE	65536
#define LEN		64
#define SENT		0x5a
#define UNTOUCHED	0xa5
#define QKEY		0x11223344
#define NR_SEND		15
#define NR_RECV		7
#define MAX_SGE		4
#define GRH_LEN		40
#define WR_ID		0x1234

#define IB_WR_REG_MR		0x20
#define IB_WR_FLUSH		14
#define IB_WR_ATOMIC_WRITE	15
#define WR_LOCAL_OP_MASK	0x20
/* enum wqe_state */
#define STATE_DONE		3

struct ring {
	struct rxe_queue_buf *buf;
};

struct end {
	const char *dev;
	union ibv_gid gid;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_srq *srq;
	struct ibv_mr *mr;
	struct ibv_ah *ah;
	uint8_t *buf;
	int sgid_index;
	struct ring sq, rq;
};

static struct end a, b;
static enum ibv_qp_type type;
static bool use_srq;
static const char *now = "set-up";
static const char *only;		/* this case of those in a table */

#define die(fmt, ...) do {						\
	fprintf(stderr, "%s: " fmt "\n", now, ##__VA_ARGS__);		\
	exit(1);							\
} while (0)

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* The queue of this many slots that was mapped last by this device. */
static struct ring find_ring(unsigned int mask)
{
	static void *known[4096];
	static unsigned int nr;
	struct ring ring = {};
	char line[512];
	unsigned int i;
	void *start;
	FILE *f;

	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "uverbs") || sscanf(line, "%p", &start) != 1)
			continue;
		if (((struct rxe_queue_buf *)start)->index_mask != mask)
			continue;
		for (i = 0; i < nr && known[i] != start; i++)
			;
		if (i == nr && nr < ARRAY_SIZE(known)) {
			ring.buf = start;
			known[nr++] = start;
		}
	}
	if (f)
		fclose(f);
	/* an address that was unmapped is used again: forget all */
	if (!ring.buf && nr) {
		nr = 0;
		return find_ring(mask);
	}
	if (!ring.buf)
		die("no queue of %u slots is mapped", mask + 1);
	return ring;
}

static void *ring_slot(struct ring *r, uint32_t index)
{
	struct rxe_queue_buf *q = r->buf;

	return q->data + ((index & q->index_mask) << q->log2_elem_size);
}

static void ring_advance(struct ring *r)
{
	uint32_t next = (r->buf->producer_index + 1) & r->buf->index_mask;

	__atomic_store_n(&r->buf->producer_index, next, __ATOMIC_RELEASE);
}

static int uverbs_write(struct end *e, unsigned int command, void *cmd,
			size_t len, size_t out)
{
	struct ib_uverbs_cmd_hdr *hdr = cmd;

	hdr->command = command;
	hdr->in_words = len / 4;
	hdr->out_words = out / 4;
	return write(e->ctx->cmd_fd, cmd, len) == (ssize_t)len ? 0 : errno;
}

static void doorbell(struct end *e)
{
	struct ib_uverbs_post_send_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send cmd;
	} cmd = {
		.cmd = {
			.response = (uintptr_t)&resp,
			.qp_handle = e->qp->handle,
			.wqe_size = sizeof(struct ib_uverbs_send_wr),
		},
	};

	uverbs_write(e, IB_USER_VERBS_CMD_POST_SEND, &cmd, sizeof(cmd),
		     sizeof(resp));
}

static void find_gid(struct end *e)
{
	uint64_t end = now_ms() + 5000;
	union ibv_gid gid;
	int i;

	do {
		for (i = 0; i < 64; i++)
			if (!ibv_query_gid(e->ctx, 1, i, &gid) &&
			    !memcmp(&gid, &e->gid, sizeof(gid))) {
				e->sgid_index = i;
				return;
			}
		usleep(10000);
	} while (now_ms() < end);
	die("%s has no GID for its address", e->dev);
}

static void open_end(struct end *e, const char *dev, const char *ip)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int i;

	e->dev = dev;
	e->gid.raw[10] = 0xff;
	e->gid.raw[11] = 0xff;
	if (inet_pton(AF_INET, ip, &e->gid.raw[12]) != 1)
		die("%s is no IPv4 address", ip);
	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), dev))
			e->ctx = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	e->pd = e->ctx ? ibv_alloc_pd(e->ctx) : NULL;
	e->buf = aligned_alloc(4096, BUF_SIZE);
	e->mr = e->pd && e->buf ?
		ibv_reg_mr(e->pd, e->buf, BUF_SIZE, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			   IBV_ACCESS_REMOTE_ATOMIC) : NULL;
	if (!e->mr)
		die("%s: no device, PD or MR", dev);
	find_gid(e);
}

static void create(struct end *e)
{
	struct ibv_srq_init_attr srq = {
		.attr = { .max_wr = NR_RECV, .max_sge = MAX_SGE },
	};
	struct ibv_qp_init_attr init = {
		.qp_type = type,
		.cap = {
			.max_send_wr = NR_SEND, .max_send_sge = MAX_SGE,
			.max_recv_wr = NR_RECV, .max_recv_sge = MAX_SGE,
		},
		.sq_sig_all = 1,
	};

	e->cq = ibv_create_cq(e->ctx, 63, NULL, NULL, 0);
	if (use_srq && e == &b) {
		e->srq = ibv_create_srq(e->pd, &srq);
		if (!e->srq)
			die("%s: create_srq: %s", e->dev, strerror(errno));
	}
	init.send_cq = e->cq;
	init.recv_cq = e->cq;
	init.srq = e->srq;
	e->qp = e->cq ? ibv_create_qp(e->pd, &init) : NULL;
	if (!e->qp)
		die("%s: create_qp: %s", e->dev, strerror(errno));
	e->sq = find_ring(NR_SEND);
	e->rq = find_ring(NR_RECV);
}

static void destroy(struct end *e)
{
	if (e->ah)
		ibv_destroy_ah(e->ah);
	if (ibv_destroy_qp(e->qp) || (e->srq && ibv_destroy_srq(e->srq)) ||
	    ibv_destroy_cq(e->cq))
		die("%s: a QP, SRQ or CQ stays", e->dev);
	e->ah = NULL;
	e->srq = NULL;
}

static struct ibv_ah_attr ah_attr(struct end *e, struct end *peer)
{
	struct ibv_ah_attr ah = {
		.is_global = 1,
		.port_num = 1,
		.grh = { .sgid_index = e->sgid_index, .hop_limit = 64 },
	};

	ah.grh.dgid = peer->gid;
	return ah;
}

static void modify(struct end *e, struct ibv_qp_attr *attr, int mask)
{
	int err = ibv_modify_qp(e->qp, attr, mask | IBV_QP_STATE);

	if (err)
		die("%s: modify_qp to %d: %s", e->dev, attr->qp_state,
		    strerror(err));
}

static void connect_end(struct end *e, struct end *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qkey = QKEY,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 4, .max_rd_atomic = 4,
		.min_rnr_timer = 1, .rnr_retry = 2,
		.timeout = 12, .retry_cnt = 3,
		.ah_attr = ah_attr(e, peer),
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE,
	};
	int rtr = IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	int rts = IBV_QP_SQ_PSN;

	if (type == IBV_QPT_RC) {
		attr.qp_access_flags |= IBV_ACCESS_REMOTE_READ |
					IBV_ACCESS_REMOTE_ATOMIC;
		rtr |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
		rts |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			IBV_QP_MAX_QP_RD_ATOMIC;
	} else if (type == IBV_QPT_UD) {
		rtr = 0;
	}
	modify(e, &attr, IBV_QP_PKEY_INDEX | IBV_QP_PORT |
	       (type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS));
	attr.qp_state = IBV_QPS_RTR;
	modify(e, &attr, rtr);
	attr.qp_state = IBV_QPS_RTS;
	modify(e, &attr, rts);
}

static void connect_ends(void)
{
	struct ibv_ah_attr ah = ah_attr(&a, &b);

	create(&a);
	create(&b);
	connect_end(&a, &b);
	connect_end(&b, &a);
	if (type == IBV_QPT_UD)
		a.ah = ibv_create_ah(a.pd, &ah);
	memset(a.buf, SENT, BUF_SIZE);
	memset(b.buf, UNTOUCHED, BUF_SIZE);
}

static void disconnect_ends(void)
{
	destroy(&a);
	destroy(&b);
}

/* rdma-core's provider keeps the number of an address handle behind the
 * address vector.
 */
static uint32_t ah_num(void)
{
	struct {
		struct ibv_ah ibv_ah;
		struct rxe_av av;
		int ah_num;
	} *ah = (void *)a.ah;

	return ah->ah_num;
}

/* A valid WQE: LEN bytes by WRITE, or by SEND where that is impossible. */
static void fill_wqe(struct rxe_send_wqe *wqe)
{
	memset(wqe, 0, sizeof(*wqe) + MAX_SGE * sizeof(wqe->dma.sge[0]));
	wqe->wr.wr_id = WR_ID;
	wqe->wr.opcode = IBV_WR_RDMA_WRITE;
	wqe->wr.wr.rdma.remote_addr = (uintptr_t)b.buf;
	wqe->wr.wr.rdma.rkey = b.mr->rkey;
	if (type == IBV_QPT_UD) {
		wqe->wr.opcode = IBV_WR_SEND;
		wqe->wr.wr.ud.remote_qpn = b.qp->qp_num;
		wqe->wr.wr.ud.remote_qkey = QKEY;
		wqe->wr.wr.ud.ah_num = ah_num();
	}
	wqe->iova = (uintptr_t)b.buf;
	wqe->dma.length = LEN;
	wqe->dma.resid = LEN;
	wqe->dma.num_sge = 1;
	wqe->dma.sge[0].addr = (uintptr_t)a.buf;
	wqe->dma.sge[0].length = LEN;
	wqe->dma.sge[0].lkey = a.mr->lkey;
}

static void fill_inline(struct rxe_send_wqe *w)
{
	w->wr.send_flags |= IBV_SEND_INLINE;
	memset(w->dma.inline_data, SENT, MAX_SGE * sizeof(w->dma.sge[0]));
}

static void fill_recv(struct rxe_recv_wqe *w)
{
	memset(w, 0, sizeof(*w) + MAX_SGE * sizeof(w->dma.sge[0]));
	w->wr_id = WR_ID;
	w->dma.length = LEN + GRH_LEN;
	w->dma.resid = LEN + GRH_LEN;
	w->dma.num_sge = 1;
	w->dma.sge[0].addr = (uintptr_t)b.buf;
	w->dma.sge[0].length = LEN + GRH_LEN;
	w->dma.sge[0].lkey = b.mr->lkey;
}

static void post_recv(void)
{
	fill_recv(ring_slot(&b.rq, b.rq.buf->producer_index));
	ring_advance(&b.rq);
}

/* The next completion, -1 if none comes. */
static int next_status(struct end *e, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(e->cq, 1, &wc);
		if (n > 0)
			return wc.status;
	} while (now_ms() < end);
	return -1;
}

static enum ibv_qp_state state_of(struct end *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	if (ibv_query_qp(e->qp, &attr, IBV_QP_STATE, &init))
		die("%s: query_qp failed", e->dev);
	return attr.qp_state;
}

/* flip_send() runs. What it writes to the length of an SGE is payload if the WQE is
 * an inline one, whose data are at the same place.
 */
static bool flipping;

static bool is_flipped(unsigned int i)
{
	const unsigned int at = offsetof(struct rxe_sge, length);

	return flipping && i >= at && i < at + sizeof(__u32);
}

/* How many bytes B has got; no byte of the kernel is among them. */
static unsigned int arrived(void)
{
	unsigned int i, n = 0;

	/* what RXE puts before a datagram */
	if (type == IBV_QPT_UD)
		memset(b.buf, UNTOUCHED, GRH_LEN);
	for (i = 0; i < BUF_SIZE; i++) {
		if (b.buf[i] == SENT)
			n++;
		else if (b.buf[i] != UNTOUCHED && !is_flipped(i))
			die("byte %u is %#x: it is from the kernel", i, b.buf[i]);
	}
	return n;
}

/* Fields that are the kernel's: what is there does not matter. */
static void own_mask(struct rxe_send_wqe *w)   { w->mask = ~0; }
static void own_state(struct rxe_send_wqe *w)  { w->state = STATE_DONE; }
static void own_state2(struct rxe_send_wqe *w) { w->state = ~0; }
static void own_status(struct rxe_send_wqe *w) { w->status = 5; }
static void own_psn(struct rxe_send_wqe *w)    { w->last_psn = 99; }
static void own_atomic(struct rxe_send_wqe *w) { w->has_rd_atomic = 1; }
static void own_iova(struct rxe_send_wqe *w)   { w->iova = 0x4141; }
static void own_resid(struct rxe_send_wqe *w)  { w->dma.resid = 32768; }
static void own_cur(struct rxe_send_wqe *w)    { w->dma.cur_sge = 1000000; }
static void own_offset(struct rxe_send_wqe *w) { w->dma.sge_offset = 0x7ffff000; }
static void own_flags(struct rxe_send_wqe *w)  { w->wr.send_flags = ~0xb; }

static void own_inline(struct rxe_send_wqe *w)
{
	fill_inline(w);
	w->dma.sge_offset = 4096;
}

static void own_inline_resid(struct rxe_send_wqe *w)
{
	fill_inline(w);
	w->dma.resid = 1024;
}

static void op_unknown(struct rxe_send_wqe *w) { w->wr.opcode = 0x21; }
static void op_wild(struct rxe_send_wqe *w)    { w->wr.opcode = 0x7fffffff; }
static void op_neg(struct rxe_send_wqe *w)     { w->wr.opcode = 0x80000000; }
static void op_none(struct rxe_send_wqe *w)    { w->wr.opcode = 13; }
static void op_write(struct rxe_send_wqe *w)   { w->wr.opcode = IBV_WR_RDMA_WRITE; }
static void num_sge(struct rxe_send_wqe *w)    { w->dma.num_sge = ~0; }
static void too_long(struct rxe_send_wqe *w)   { w->dma.length = ~0; }
static void not_sum(struct rxe_send_wqe *w)    { w->dma.length = LEN + 1; }
static void bad_ah(struct rxe_send_wqe *w)     { w->wr.wr.ud.ah_num = 0xffffff; }

static void reg_mr(struct rxe_send_wqe *w)
{
	w->wr.opcode = IB_WR_REG_MR;
	w->mask = WR_LOCAL_OP_MASK;
	/* wr.reg.mr */
	w->wr.wr.rdma.remote_addr = 0x4141414141414141;
}

static void sum_wraps(struct rxe_send_wqe *w)
{
	w->dma.num_sge = 2;
	w->dma.sge[0].length = 0x80000000;
	w->dma.sge[1] = w->dma.sge[0];
	w->dma.sge[1].length = 0x80000000 + LEN;
}

static void inline_long(struct rxe_send_wqe *w)
{
	fill_inline(w);
	w->dma.length = 1024;
	w->dma.resid = 1024;
}

static void inline_read(struct rxe_send_wqe *w)
{
	w->wr.opcode = IBV_WR_RDMA_READ;
	fill_inline(w);
}

static void atomic_short(struct rxe_send_wqe *w)
{
	w->wr.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
	w->wr.wr.atomic.rkey = b.mr->rkey;
	w->dma.length = 4;
	w->dma.resid = 4;
	w->dma.sge[0].length = 4;
}

static void atomic_write_long(struct rxe_send_wqe *w)
{
	w->wr.opcode = IB_WR_ATOMIC_WRITE;
	memset(w->dma.atomic_wr, SENT, 8);
	w->dma.length = 1024;
	w->dma.resid = 1024;
}

static void flush_long(struct rxe_send_wqe *w)
{
	w->wr.opcode = IB_WR_FLUSH;
	w->dma.length = ~0;
	w->dma.resid = ~0;
}

static void bad_av(struct rxe_send_wqe *w)
{
	w->wr.wr.ud.ah_num = 0;
	memset(&w->wr.wr.ud.av, 0x41, sizeof(w->wr.wr.ud.av));
	w->wr.wr.ud.av.grh.sgid_index = a.sgid_index;
}

static const struct send_case {
	const char *name;
	void (*spoil)(struct rxe_send_wqe *wqe);
	int status;
	enum ibv_qp_type type;		/* 0: all */
	bool lost;			/* what it sends does not arrive */
} send_cases[] = {
	{ "valid", NULL, IBV_WC_SUCCESS },
	{ "mask", own_mask, IBV_WC_SUCCESS },
	{ "state done", own_state, IBV_WC_SUCCESS },
	{ "state unknown", own_state2, IBV_WC_SUCCESS },
	{ "status", own_status, IBV_WC_SUCCESS },
	{ "PSNs", own_psn, IBV_WC_SUCCESS },
	{ "has_rd_atomic", own_atomic, IBV_WC_SUCCESS },
	{ "iova", own_iova, IBV_WC_SUCCESS },
	{ "resid", own_resid, IBV_WC_SUCCESS },
	{ "cur_sge", own_cur, IBV_WC_SUCCESS },
	{ "sge_offset", own_offset, IBV_WC_SUCCESS },
	{ "send_flags", own_flags, IBV_WC_SUCCESS },
	{ "inline, sge_offset", own_inline, IBV_WC_SUCCESS },
	{ "inline, resid", own_inline_resid, IBV_WC_SUCCESS },
	{ "inline, length", inline_long, IBV_WC_LOC_LEN_ERR },
	{ "inline READ", inline_read, IBV_WC_LOC_QP_OP_ERR },
	{ "opcode 0x21", op_unknown, IBV_WC_LOC_QP_OP_ERR },
	{ "opcode 0x7fffffff", op_wild, IBV_WC_LOC_QP_OP_ERR },
	{ "opcode 0x80000000", op_neg, IBV_WC_LOC_QP_OP_ERR },
	{ "opcode 13", op_none, IBV_WC_LOC_QP_OP_ERR },
	{ "REG_MR", reg_mr, IBV_WC_LOC_QP_OP_ERR },
	{ "num_sge", num_sge, IBV_WC_LOC_QP_OP_ERR },
	{ "length", too_long, IBV_WC_LOC_LEN_ERR },
	{ "length, sum", not_sum, IBV_WC_LOC_QP_OP_ERR },
	{ "sum wraps", sum_wraps, IBV_WC_LOC_QP_OP_ERR },
	{ "atomic of 4 bytes", atomic_short, IBV_WC_LOC_LEN_ERR, IBV_QPT_RC },
	{ "atomic write", atomic_write_long, IBV_WC_LOC_LEN_ERR, IBV_QPT_RC },
	{ "flush", flush_long, IBV_WC_LOC_LEN_ERR, IBV_QPT_RC },
	{ "WRITE", op_write, IBV_WC_LOC_QP_OP_ERR, IBV_QPT_UD },
	{ "ah_num", bad_ah, IBV_WC_LOC_QP_OP_ERR, IBV_QPT_UD },
	{ "address vector", bad_av, IBV_WC_SUCCESS, IBV_QPT_UD, true },
};

static void check_status(struct end *e, int status, int got)
{
	enum ibv_qp_state state;

	if (got != status)
		die("%s: status %d (%s), not %d", e->dev, got,
		    got < 0 ? "nothing" : ibv_wc_status_str(got), status);
	state = state_of(e);
	if (state != (status ? IBV_QPS_ERR : IBV_QPS_RTS))
		die("%s: state %d after status %d", e->dev, state, status);
}

/* UC and UD have no ACK to wait for. */
static void wait_arrival(unsigned int bytes)
{
	uint64_t end = now_ms() + 2000;
	unsigned int n;

	do
		n = arrived();
	while (n < bytes && now_ms() < end);
	if (n != bytes)
		die("%u bytes arrived, not %u", n, bytes);
}

static void run_send(const struct send_case *c)
{
	struct rxe_send_wqe *wqe;

	if (only && strcmp(only, c->name))
		return;
	now = c->name;
	connect_ends();
	if (type == IBV_QPT_UD)
		post_recv();
	/* an index that is out of range is the one within */
	__atomic_store_n(&a.sq.buf->producer_index, 0xabcd0000,
			 __ATOMIC_RELEASE);
	wqe = ring_slot(&a.sq, 0);
	fill_wqe(wqe);
	if (c->spoil)
		c->spoil(wqe);
	__atomic_store_n(&a.sq.buf->producer_index, 0xabcd0001,
			 __ATOMIC_RELEASE);
	doorbell(&a);
	check_status(&a, c->status, next_status(&a, 2000));
	wait_arrival(c->status || c->lost ? 0 : LEN);
	disconnect_ends();
}

static void run_sends(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(send_cases); i++)
		if (!send_cases[i].type || send_cases[i].type == type)
			run_send(&send_cases[i]);
}

static void recv_own(struct rxe_recv_wqe *w)
{
	w->dma.cur_sge = 1000000;
	w->dma.sge_offset = 0x7ffff000;
	w->dma.resid = ~0;
}

static void recv_num(struct rxe_recv_wqe *w)  { w->dma.num_sge = ~0; }
static void recv_num1(struct rxe_recv_wqe *w) { w->dma.num_sge = MAX_SGE + 1; }
static void recv_sum(struct rxe_recv_wqe *w)  { w->dma.length++; }

static const struct recv_case {
	const char *name;
	void (*spoil)(struct rxe_recv_wqe *wqe);
	int status;
} recv_cases[] = {
	{ "receive: valid", NULL, IBV_WC_SUCCESS },
	{ "receive: kernel's fields", recv_own, IBV_WC_SUCCESS },
	{ "receive: num_sge", recv_num, IBV_WC_LOC_QP_OP_ERR },
	{ "receive: num_sge + 1", recv_num1, IBV_WC_LOC_QP_OP_ERR },
	{ "receive: length", recv_sum, IBV_WC_LOC_QP_OP_ERR },
};

static void post_send(void)
{
	struct rxe_send_wqe *wqe = ring_slot(&a.sq, a.sq.buf->producer_index);

	fill_wqe(wqe);
	wqe->wr.opcode = IBV_WR_SEND;
	ring_advance(&a.sq);
	doorbell(&a);
}

static void run_recv(const struct recv_case *c)
{
	struct rxe_recv_wqe *wqe;

	if (only && strcmp(only, c->name))
		return;
	now = c->name;
	connect_ends();
	wqe = ring_slot(&b.rq, b.rq.buf->producer_index);
	fill_recv(wqe);
	if (c->spoil)
		c->spoil(wqe);
	ring_advance(&b.rq);
	post_send();
	check_status(&b, c->status, next_status(&b, 2000));
	wait_arrival(c->status ? 0 : LEN);
	disconnect_ends();
}

static void run_recvs(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(recv_cases); i++)
		run_recv(&recv_cases[i]);
}

/* What a thread writes while the kernel reads. */
static struct {
	pthread_t thread;
	void (*what)(unsigned int n);
	bool stop;
} flip;

static void flip_send(unsigned int n)
{
	struct rxe_send_wqe *w = ring_slot(&a.sq, n);

	switch (n / 16 % 12) {
	case 0:
		w->dma.sge_offset = n;
		break;
	case 1:
		w->dma.resid = 512 + n % 512;
		break;
	case 2:
		w->dma.num_sge = n % 2 ? ~0 : 1;
		break;
	case 3:
		w->dma.cur_sge = n % 2 ? n : 0;
		break;
	case 4:
		w->state = n % 5;
		break;
	case 5:
		w->mask = n;
		break;
	case 6:
		/* to set it would send the SGE's own bytes */
		w->wr.send_flags &= ~IBV_SEND_INLINE;
		break;
	case 7:
		w->dma.length = n % 2 ? LEN : n;
		break;
	case 8:
		w->last_psn = n;
		break;
	case 9:
		w->has_rd_atomic = n % 2;
		break;
	case 10:
		w->wr.wr.ud.av.network_type = n % 3;
		break;
	case 11:
		w->dma.sge[0].length = n % 2 ? LEN : n;
		break;
	}
}

static void flip_recv(unsigned int n)
{
	struct rxe_recv_wqe *w = ring_slot(&b.rq, n);

	switch (n / 8 % 5) {
	case 0:
		w->dma.num_sge = n % 2 ? ~0 : 1;
		break;
	case 1:
		w->dma.cur_sge = n;
		break;
	case 2:
		w->dma.sge_offset = n;
		break;
	case 3:
		w->dma.length = n % 2 ? LEN + GRH_LEN : n;
		break;
	case 4:
		w->dma.sge[0].length = n % 2 ? LEN + GRH_LEN : n;
		break;
	}
}

/* index by index, forwards and out of range */
static void flip_index(unsigned int n)
{
	struct ring *r = n % 2 ? &a.sq : &b.rq;

	r->buf->consumer_index = n * 7;
	__atomic_store_n(&r->buf->producer_index, n % 64 ? n : n << 20,
			 __ATOMIC_RELEASE);
}

static void *flipper(void *arg)
{
	unsigned int n;

	for (n = 0; !__atomic_load_n(&flip.stop, __ATOMIC_RELAXED); n++)
		flip.what(n);
	return NULL;
}

static void flip_start(void (*what)(unsigned int n))
{
	flip.what = what;
	flip.stop = false;
	if (pthread_create(&flip.thread, NULL, flipper, NULL))
		die("no thread");
}

static void flip_stop(void)
{
	__atomic_store_n(&flip.stop, true, __ATOMIC_RELAXED);
	pthread_join(flip.thread, NULL);
}

/* One life of two QPs whose queues are written by another thread. */
static void flip_round(void (*what)(unsigned int n))
{
	struct rxe_send_wqe *wqe;
	unsigned int i, j;

	connect_ends();
	for (i = 0; i < NR_SEND; i++)
		fill_inline(ring_slot(&a.sq, i));
	flip_start(what);
	for (i = 0; i < 8; i++) {
		post_recv();
		for (j = 0; j < 4; j++) {
			wqe = ring_slot(&a.sq, a.sq.buf->producer_index);
			fill_wqe(wqe);
			if (j % 2)
				fill_inline(wqe);
			if (j == 2 || what == flip_recv)
				wqe->wr.opcode = IBV_WR_SEND;
			ring_advance(&a.sq);
		}
		doorbell(&a);
		next_status(&a, 1);
		while (!next_status(&b, 0))
			;
	}
	flip_stop();
	/* a post_send after an error has the queues flushed, once and no more */
	doorbell(&a);
	arrived();
	disconnect_ends();
}

static void run_flip(const char *name, void (*what)(unsigned int n),
		     unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	now = name;
	flipping = what == flip_send;
	do
		flip_round(what);
	while (now_ms() < end);
	flipping = false;
}

/* A QP that is in the error state, while its user goes on posting. */
static void run_flush(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	unsigned int i;

	now = "flush";
	connect_ends();
	flip_start(flip_index);
	modify(&a, &attr, 0);
	modify(&b, &attr, 0);
	for (i = 0; i < 100; i++)
		doorbell(&a);
	flip_stop();
	disconnect_ends();
}

/* They are for kernel users, who are trusted with the indices. */
static void refuse_post_recv(struct end *e, unsigned int command,
			     uint32_t handle)
{
	static struct ib_uverbs_post_recv_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_recv cmd;
		struct ib_uverbs_recv_wr wr;
	} cmd = {
		.cmd = {
			.response = (uintptr_t)&resp,
			.qp_handle = handle,
			.wr_count = 1,
			.wqe_size = sizeof(struct ib_uverbs_recv_wr),
		},
	};
	int err;

	e->rq.buf->producer_index = 0x00800000;
	err = uverbs_write(e, command, &cmd, sizeof(cmd),
			   sizeof(resp));
	if (err != EOPNOTSUPP)
		die("post_recv: %s", strerror(err));
}

static void refuse_poll(struct end *e)
{
	static uint8_t resp[sizeof(struct ib_uverbs_poll_cq_resp) +
			    sizeof(struct ib_uverbs_wc)];
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_poll_cq cmd;
	} cmd = {
		.cmd = {
			.response = (uintptr_t)resp,
			.cq_handle = e->cq->handle,
			.ne = 1,
		},
	};
	struct ring cq = find_ring(63);
	int err;

	cq.buf->consumer_index = 0x00800000;
	err = uverbs_write(e, IB_USER_VERBS_CMD_POLL_CQ, &cmd, sizeof(cmd),
			   sizeof(resp));
	cq.buf->consumer_index = 0;
	if (err != EOPNOTSUPP)
		die("poll_cq: %s", strerror(err));
}

static void run_refused(void)
{
	now = "kernel's verbs";
	connect_ends();
	refuse_post_recv(&a, IB_USER_VERBS_CMD_POST_RECV, a.qp->handle);
	if (b.srq)
		refuse_post_recv(&b, IB_USER_VERBS_CMD_POST_SRQ_RECV,
				 b.srq->handle);
	refuse_poll(&b);
	disconnect_ends();
}

static void *resizer(void *arg)
{
	struct ibv_srq_attr attr = {};
	unsigned int n;

	for (n = 0; !__atomic_load_n(&flip.stop, __ATOMIC_RELAXED); n++) {
		attr.max_wr = n % 2 ? 100 : 1000;
		ibv_modify_srq(b.srq, &attr, IBV_SRQ_MAX_WR);
		ibv_resize_cq(b.cq, n % 2 ? 100 : 1000);
	}
	return NULL;
}

/* The queues of an SRQ and a CQ are exchanged while others ask for them. */
static void run_resize(void)
{
	struct ibv_srq_attr attr;
	unsigned int i;

	now = "resize";
	use_srq = true;
	connect_ends();
	flip.stop = false;
	if (pthread_create(&flip.thread, NULL, resizer, NULL))
		die("no thread");
	for (i = 0; i < 300; i++) {
		if (ibv_query_srq(b.srq, &attr))
			die("query_srq failed");
		ibv_req_notify_cq(b.cq, 0);
	}
	flip_stop();
	disconnect_ends();
}

static void run_type(const char *what, unsigned int ms)
{
	if (!strcmp(what, "send")) {
		run_sends();
	} else if (!strcmp(what, "recv")) {
		run_recvs();
	} else if (!strcmp(what, "flip")) {
		run_flip("changing send WQEs", flip_send, ms);
		run_flip("changing receive WQEs", flip_recv, ms);
		run_flip("changing indices", flip_index, ms);
	} else if (!strcmp(what, "flush")) {
		run_flush();
	} else if (!strcmp(what, "refused")) {
		run_refused();
	} else if (!strcmp(what, "resize")) {
		run_resize();
	} else {
		die("no such case: %s", what);
	}
}

int main(int argc, char **argv)
{
	if (argc != 8 && argc != 9) {
		fprintf(stderr,
			"usage: %s send|recv|flip|flush|refused|resize rc|uc|ud|srq MS RXE_A IP_A RXE_B IP_B [CASE]\n",
			argv[0]);
		return 1;
	}
	only = argv[8];
	use_srq = !strcmp(argv[2], "srq");
	type = !strcmp(argv[2], "uc") ? IBV_QPT_UC :
	       !strcmp(argv[2], "ud") ? IBV_QPT_UD : IBV_QPT_RC;
	open_end(&a, argv[4], argv[5]);
	open_end(&b, argv[6], argv[7]);
	run_type(argv[1], atoi(argv[3]));
	return 0;
}
