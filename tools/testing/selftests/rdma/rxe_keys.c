// SPDX-License-Identifier: GPL-2.0
/*
 * Try what a peer may do by a key: of a memory region (MR) or of a memory
 * window (MW).
 *
 * usage: rxe_keys CASE RXE_A GID_A RXE_B GID_B NETNS_A NETDEV_A
 *
 * A asks, B has the memory. Both ends live in this process. Where a request is
 * meant that no requester would send, one of A's own frames is changed and sent
 * from NETDEV_A again.
 *
 * Exit status: 0 all was as the specification has it, 1 something was not.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define PAGE		4096ul
#define PAGES		4
#define MTU		1024
#define TIMEOUT_MS	20000

/* libibverbs has no names for these before rdma-core 46 */
#define FLUSH_GLOBAL		0x100
#define FLUSH_PERSISTENT	0x200

#define ACCESS_MR	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | \
			 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC | \
			 IBV_ACCESS_MW_BIND)
#define ACCESS_MW	(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | \
			 IBV_ACCESS_REMOTE_ATOMIC)
#define ACCESS_QP	(ACCESS_MR | FLUSH_GLOBAL | FLUSH_PERSISTENT)

#define die(fmt, ...) do {						\
	fprintf(stderr, "rxe_keys: " fmt "\n", ##__VA_ARGS__);		\
	exit(1);							\
} while (0)

#define die_errno(fmt, ...) die(fmt ": %s", ##__VA_ARGS__, strerror(errno))

enum op { WRITE, READ, ADD, ATOMIC_WRITE };

static const char * const op_names[] = {
	"WRITE", "READ", "FETCH_ADD", "ATOMIC_WRITE",
};

struct end {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	union ibv_gid gid;
	int gid_index;
};

/* two QPs that are connected, one at each end */
struct pair {
	struct ibv_cq *cq_a, *cq_b;
	struct ibv_qp *a, *b;
	uint32_t psn;
};

static struct end a, b;
static struct pair one;
static const char *netns, *netdev;

static uint8_t *mem;			/* B's */
static struct ibv_mr *mr;		/* of it */
static uint8_t *local;			/* A's */
static struct ibv_mr *local_mr;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static void open_end(struct end *end, const char *name, const char *gid_index)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			end->ctx = ibv_open_device(list[i]);
	if (!end->ctx)
		die("cannot open %s", name);
	ibv_free_device_list(list);

	end->gid_index = atoi(gid_index);
	if (ibv_query_gid(end->ctx, 1, end->gid_index, &end->gid))
		die_errno("%s has no GID %s", name, gid_index);
	end->pd = ibv_alloc_pd(end->ctx);
	if (!end->pd)
		die_errno("ibv_alloc_pd");
}

static void *pages(unsigned int n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die_errno("mmap");
	return p;
}

static struct ibv_mr *reg(struct ibv_pd *pd, void *addr, size_t length,
			  int access)
{
	struct ibv_mr *new = ibv_reg_mr(pd, addr, length, access);

	if (!new)
		die_errno("ibv_reg_mr with access %#x", access);
	return new;
}

static struct ibv_qp *new_qp(struct end *end, struct ibv_pd *pd,
			     struct ibv_cq *cq)
{
	struct ibv_qp_init_attr_ex init = {
		.qp_type = IBV_QPT_RC,
		.send_cq = cq,
		.recv_cq = cq,
		.cap = { 16, 16, 1, 1, 0 },
		.sq_sig_all = 1,
		.comp_mask = IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = pd,
		.send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE |
				  IBV_QP_EX_WITH_RDMA_READ |
				  IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD |
				  IBV_QP_EX_WITH_ATOMIC_WRITE |
				  IBV_QP_EX_WITH_SEND |
				  IBV_QP_EX_WITH_SEND_WITH_INV |
				  IBV_QP_EX_WITH_BIND_MW |
				  IBV_QP_EX_WITH_LOCAL_INV,
	};
	struct ibv_qp *qp = ibv_create_qp_ex(end->ctx, &init);

	if (!qp)
		die_errno("ibv_create_qp_ex");
	return qp;
}

static struct ibv_cq *new_cq(struct end *end)
{
	struct ibv_cq *cq = ibv_create_cq(end->ctx, 64, NULL, NULL, 0);

	if (!cq)
		die_errno("ibv_create_cq");
	return cq;
}

static void connect_qp(struct ibv_qp *qp, struct end *end, struct end *peer,
		       uint32_t peer_qpn, uint32_t psn)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	int err;

	err = ibv_modify_qp(qp, &attr, IBV_QP_STATE);

	attr.qp_state = IBV_QPS_INIT;
	attr.port_num = 1;
	attr.qp_access_flags = ACCESS_QP & ~IBV_ACCESS_MW_BIND;
	err = err ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PORT |
				   IBV_QP_PKEY_INDEX | IBV_QP_ACCESS_FLAGS);

	attr.qp_state = IBV_QPS_RTR;
	attr.path_mtu = IBV_MTU_1024;
	attr.dest_qp_num = peer_qpn;
	attr.rq_psn = psn;
	attr.max_dest_rd_atomic = 1;
	attr.min_rnr_timer = 1;
	attr.ah_attr.is_global = 1;
	attr.ah_attr.port_num = 1;
	attr.ah_attr.grh.dgid = peer->gid;
	attr.ah_attr.grh.sgid_index = end->gid_index;
	attr.ah_attr.grh.hop_limit = 64;
	err = err ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV |
				   IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				   IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				   IBV_QP_MIN_RNR_TIMER);

	attr.qp_state = IBV_QPS_RTS;
	attr.sq_psn = psn;
	attr.max_rd_atomic = 1;
	attr.timeout = 17;
	attr.retry_cnt = 7;
	attr.rnr_retry = 7;
	err = err ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN |
				   IBV_QP_MAX_QP_RD_ATOMIC | IBV_QP_TIMEOUT |
				   IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY);
	if (err)
		die("ibv_modify_qp: %s", strerror(err));
}

static void drain(struct ibv_cq *cq)
{
	struct ibv_wc wc;

	while (ibv_poll_cq(cq, 1, &wc) > 0)
		;
}

/* after a refusal, too: what was bound to the QPs stays */
static void reconnect(struct pair *p)
{
	p->psn = (p->psn + 1000) & 0xffffff;
	connect_qp(p->b, &b, &a, p->a->qp_num, p->psn);
	connect_qp(p->a, &a, &b, p->b->qp_num, p->psn);
	drain(p->cq_a);
	drain(p->cq_b);
}

static void new_pair(struct pair *p, struct ibv_pd *pd_b)
{
	p->cq_a = new_cq(&a);
	p->cq_b = new_cq(&b);
	p->a = new_qp(&a, a.pd, p->cq_a);
	p->b = new_qp(&b, pd_b, p->cq_b);
	p->psn = 0xff0000;
	reconnect(p);
}

static enum ibv_wc_status wait_cq(struct ibv_cq *cq)
{
	uint64_t end = now_ms() + TIMEOUT_MS;
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, &wc);
		if (n > 0)
			return wc.status;
	} while (!n && now_ms() < end);
	die("no completion");
}

static enum ibv_wc_status complete(struct ibv_qp_ex *qp, struct ibv_cq *cq)
{
	int err = ibv_wr_complete(qp);

	if (err)
		die("ibv_wr_complete: %s", strerror(err));
	return wait_cq(cq);
}

/* a request of A, whose QPs are as new afterwards if it fails */
static enum ibv_wc_status ask(struct pair *p, enum op what, uint32_t rkey,
			      uint64_t va, uint32_t length)
{
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(p->a);
	enum ibv_wc_status status;

	ibv_wr_start(qp);
	qp->wr_flags = IBV_SEND_SIGNALED;
	switch (what) {
	case WRITE:
		ibv_wr_rdma_write(qp, rkey, va);
		break;
	case READ:
		ibv_wr_rdma_read(qp, rkey, va);
		break;
	case ADD:
		ibv_wr_atomic_fetch_add(qp, rkey, va, 1);
		break;
	case ATOMIC_WRITE:
		ibv_wr_atomic_write(qp, rkey, va, local);
		break;
	default:
		die("no such request");
	}
	if (what != ATOMIC_WRITE)
		ibv_wr_set_sge(qp, local_mr->lkey, (uintptr_t)local, length);
	status = complete(qp, p->cq_a);
	if (status != IBV_WC_SUCCESS)
		reconnect(p);
	return status;
}

#define is_done(...)	is_done_at(__LINE__, __VA_ARGS__)
#define is_refused(...)	is_refused_at(__LINE__, __VA_ARGS__)

static void is_done_at(int line, struct pair *p, enum op what, uint32_t rkey,
		       uint64_t va, uint32_t length)
{
	enum ibv_wc_status status = ask(p, what, rkey, va, length);

	if (status != IBV_WC_SUCCESS)
		die("line %d: %s of %u bytes at %#lx was refused: %s", line,
		    op_names[what], length, (long)va, ibv_wc_status_str(status));
}

static void is_refused_at(int line, struct pair *p, enum op what, uint32_t rkey,
			  uint64_t va, uint32_t length)
{
	enum ibv_wc_status status = ask(p, what, rkey, va, length);

	if (status != IBV_WC_REM_ACCESS_ERR)
		die("line %d: %s of %u bytes at %#lx: %s", line, op_names[what],
		    length, (long)va, ibv_wc_status_str(status));
}

static struct ibv_mw *new_mw(struct ibv_pd *pd, enum ibv_mw_type type)
{
	struct ibv_mw *mw = ibv_alloc_mw(pd, type);

	if (!mw)
		die_errno("ibv_alloc_mw");
	return mw;
}

static void dealloc(struct ibv_mw *mw)
{
	int err = ibv_dealloc_mw(mw);

	if (err)
		die("ibv_dealloc_mw: %s", strerror(err));
}

static void dereg(struct ibv_mr *old)
{
	int err = ibv_dereg_mr(old);

	if (err)
		die("ibv_dereg_mr: %s", strerror(err));
}

static enum ibv_wc_status try_bind(struct pair *p, struct ibv_mw *mw,
				   struct ibv_mr *to, uint64_t addr,
				   uint64_t length, int access)
{
	struct ibv_mw_bind_info info = { to, addr, length, access };
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(p->b);
	uint32_t rkey = ibv_inc_rkey(mw->rkey);
	enum ibv_wc_status status;

	ibv_wr_start(qp);
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_bind_mw(qp, mw, rkey, &info);
	status = complete(qp, p->cq_b);
	if (status == IBV_WC_SUCCESS)
		mw->rkey = rkey;
	else
		reconnect(p);
	return status;
}

#define bind_to(...)		bind_at(__LINE__, IBV_WC_SUCCESS, __VA_ARGS__)
#define cannot_bind(...)	bind_at(__LINE__, IBV_WC_MW_BIND_ERR, \
					__VA_ARGS__)

static void bind_at(int line, enum ibv_wc_status want, struct pair *p,
		    struct ibv_mw *mw, struct ibv_mr *to, uint64_t addr,
		    uint64_t length, int access)
{
	enum ibv_wc_status status = try_bind(p, mw, to, addr, length, access);

	if (status != want)
		die("line %d: bind: %s", line, ibv_wc_status_str(status));
}

#define local_inv(...)		inv_at(__LINE__, IBV_WC_SUCCESS, __VA_ARGS__)
#define cannot_inv(...)		inv_at(__LINE__, IBV_WC_LOC_QP_OP_ERR, \
				       __VA_ARGS__)

static void inv_at(int line, enum ibv_wc_status want, struct pair *p,
		   uint32_t rkey)
{
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(p->b);
	enum ibv_wc_status status;

	ibv_wr_start(qp);
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_local_inv(qp, rkey);
	status = complete(qp, p->cq_b);
	if (status != want)
		die("line %d: LOCAL_INV: %s", line, ibv_wc_status_str(status));
	if (status != IBV_WC_SUCCESS)
		reconnect(p);
}

static void fill(void)
{
	size_t i;

	for (i = 0; i < PAGES * PAGE; i++)
		mem[i] = i * 7 + i / PAGE + 1;
}

/* what is not [from, to) has to be what fill() left there */
static void only_changed(size_t from, size_t to)
{
	size_t i;

	for (i = 0; i < PAGES * PAGE; i++) {
		if (i >= from && i < to)
			continue;
		if (mem[i] != (uint8_t)(i * 7 + i / PAGE + 1))
			die("byte %zu of the MR was written", i);
	}
}

/*
 * Requests at and across each edge of what a key is for: length bytes that the
 * peer knows as start and that are at mem + at.
 */
static void edges(struct pair *p, uint32_t rkey, uint64_t start, size_t at,
		  uint64_t length)
{
	static const struct {
		enum op which;
		uint32_t size;
	} what[] = {
		{ WRITE, 8 }, { WRITE, 3 * MTU }, { READ, 8 },
		{ READ, 3 * MTU }, { ADD, 8 }, { ATOMIC_WRITE, 8 },
	};
	unsigned int i, k;

	fill();
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		uint32_t size = what[i].size;
		const uint64_t bad[] = {
			start - 8, start - size, start + length - size + 8,
			start + length, start + length + PAGE, -(uint64_t)8,
			start + (1ull << 63),
		};

		is_done(p, what[i].which, rkey, start, size);
		is_done(p, what[i].which, rkey, start + length - size, size);
		for (k = 0; k < ARRAY_SIZE(bad); k++)
			is_refused(p, what[i].which, rkey, bad[k], size);
	}
	is_refused(p, READ, rkey, start, length + 1);
	is_refused(p, WRITE, rkey, start, length + 1);
	/* the first packet would be right */
	is_refused(p, WRITE, rkey, start + length - MTU, MTU + 1);
	is_refused(p, READ, rkey, start + length - MTU, MTU + 1);
	only_changed(at, at + length);
}

static void window(enum ibv_mw_type type, int access, int mr_access)
{
	struct ibv_mr *old = mr;
	struct ibv_mw *mw = new_mw(b.pd, type);
	uint64_t addr = (uintptr_t)mem + PAGE;

	mr = reg(b.pd, mem, PAGES * PAGE, ACCESS_MR | mr_access);
	bind_to(&one, mw, mr, addr, PAGE, ACCESS_MW | access);
	edges(&one, mw->rkey, access & IBV_ACCESS_ZERO_BASED ? 0 : addr, PAGE,
	      PAGE);
	/* the MR's own key is for more */
	is_done(&one, READ, mr->rkey, (uintptr_t)mem, PAGES * PAGE);
	dealloc(mw);
	dereg(mr);
	mr = old;
}

static void case_window_1(void)
{
	window(IBV_MW_TYPE_1, 0, 0);
}

static void case_window_2(void)
{
	window(IBV_MW_TYPE_2, 0, 0);
}

static void case_window_zero_based(void)
{
	window(IBV_MW_TYPE_2, IBV_ACCESS_ZERO_BASED, 0);
}

static void case_window_odp(void)
{
	window(IBV_MW_TYPE_1, 0, IBV_ACCESS_ON_DEMAND);
	window(IBV_MW_TYPE_2, IBV_ACCESS_ZERO_BASED, IBV_ACCESS_ON_DEMAND);
}

static void case_mr(void)
{
	struct ibv_mr *part = reg(b.pd, mem + PAGE, PAGE, ACCESS_MR);

	edges(&one, part->rkey, (uintptr_t)mem + PAGE, PAGE, PAGE);
	dereg(part);
}

/*
 * The responder sends the NAK before it goes to the error state. What resets
 * its QP in between must find it reset.
 */
static void case_reset(void)
{
	unsigned int i;

	for (i = 0; i < 2000; i++)
		is_refused(&one, WRITE, mr->rkey, (uintptr_t)mem - PAGE,
			   3 * MTU);
}

static void case_rights(void)
{
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_1);
	uint64_t addr = (uintptr_t)mem;

	bind_to(&one, mw, mr, addr, PAGE, IBV_ACCESS_REMOTE_READ);
	is_done(&one, READ, mw->rkey, addr, 8);
	is_refused(&one, WRITE, mw->rkey, addr, 8);
	is_refused(&one, ADD, mw->rkey, addr, 8);
	is_refused(&one, ATOMIC_WRITE, mw->rkey, addr, 8);

	bind_to(&one, mw, mr, addr, PAGE, IBV_ACCESS_REMOTE_WRITE);
	is_done(&one, WRITE, mw->rkey, addr, 8);
	is_done(&one, ATOMIC_WRITE, mw->rkey, addr, 8);
	is_refused(&one, READ, mw->rkey, addr, 8);
	is_refused(&one, ADD, mw->rkey, addr, 8);
	dealloc(mw);
}

/* a window of B's PD by QPs that are not its own */
static void case_other_qp(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(b.ctx);
	struct ibv_mw *mw1 = new_mw(b.pd, IBV_MW_TYPE_1);
	struct ibv_mw *mw2 = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem;
	struct pair two, other;

	new_pair(&two, b.pd);
	new_pair(&other, pd);
	bind_to(&one, mw1, mr, addr, PAGE, ACCESS_MW);
	bind_to(&one, mw2, mr, addr, PAGE, ACCESS_MW);

	is_done(&one, WRITE, mw1->rkey, addr, 8);
	is_done(&one, WRITE, mw2->rkey, addr, 8);
	is_done(&two, WRITE, mw1->rkey, addr, 8);
	is_refused(&two, WRITE, mw2->rkey, addr, 8);
	is_refused(&other, WRITE, mw1->rkey, addr, 8);
	is_refused(&other, READ, mw2->rkey, addr, 8);
	is_refused(&other, READ, mr->rkey, addr, 8);
	dealloc(mw1);
	dealloc(mw2);
}

/* what a window must not be bound to, of one type */
static void bad_binds(enum ibv_mw_type type, int access)
{
	struct ibv_mr *plain = reg(b.pd, mem, PAGE, ACCESS_MR &
				   ~IBV_ACCESS_MW_BIND);
	struct ibv_mr *rdonly = reg(b.pd, mem, PAGE, IBV_ACCESS_MW_BIND |
				    IBV_ACCESS_REMOTE_READ);
	struct ibv_pd *pd = ibv_alloc_pd(b.ctx);
	struct ibv_mr *foreign = reg(pd, mem, PAGE, ACCESS_MR);
	struct ibv_mw *mw = new_mw(b.pd, type);
	uint64_t addr = (uintptr_t)mem, size = PAGES * PAGE;
	const uint64_t bad[][2] = {
		{ addr - 1, 8 }, { addr - PAGE, PAGE }, { addr, size + 1 },
		{ addr + size - 8, 9 }, { addr + size, 1 }, { 0, 8 },
		{ addr + 8, -(uint64_t)8 }, { addr + 8, -(uint64_t)9 },
		{ addr, -(uint64_t)1 }, { -(uint64_t)8, 16 },
		{ addr + (1ull << 63), 1ull << 63 },
	};
	unsigned int i;
	uint32_t rkey;
	struct pair p;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		cannot_bind(&one, mw, mr, bad[i][0], bad[i][1],
			    ACCESS_MW | access);
	cannot_bind(&one, mw, plain, addr, 8, ACCESS_MW | access);
	cannot_bind(&one, mw, foreign, addr, 8, ACCESS_MW | access);
	cannot_bind(&one, mw, rdonly, addr, 8,
		    IBV_ACCESS_REMOTE_WRITE | access);
	cannot_bind(&one, mw, rdonly, addr, 8,
		    IBV_ACCESS_REMOTE_ATOMIC | access);
	cannot_bind(&one, mw, mr, addr, 8, FLUSH_PERSISTENT | access);
	cannot_bind(&one, mw, mr, addr, 8, FLUSH_GLOBAL | access);
	new_pair(&p, pd);
	cannot_bind(&p, mw, mr, addr, 8, ACCESS_MW | access);
	cannot_bind(&p, mw, foreign, addr, 8, ACCESS_MW | access);

	rkey = mw->rkey;
	mw->rkey = ibv_inc_rkey(rkey);
	cannot_bind(&one, mw, mr, addr, 8, ACCESS_MW | access);
	mw->rkey = rkey;

	bind_to(&one, mw, rdonly, addr, 8, IBV_ACCESS_REMOTE_READ | access);
	if (type == IBV_MW_TYPE_2) {
		cannot_bind(&one, mw, mr, addr, 8, ACCESS_MW | access);
		local_inv(&one, mw->rkey);
		cannot_bind(&one, mw, mr, addr, 0, ACCESS_MW | access);
		bind_to(&one, mw, mr, addr, size, ACCESS_MW | access);
	}
	dealloc(mw);
	dereg(plain);
	dereg(rdonly);
	dereg(foreign);
}

static void case_bind(void)
{
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_1);

	bad_binds(IBV_MW_TYPE_1, 0);
	bad_binds(IBV_MW_TYPE_2, 0);
	bad_binds(IBV_MW_TYPE_2, IBV_ACCESS_ZERO_BASED);
	cannot_bind(&one, mw, mr, (uintptr_t)mem, 8,
		    ACCESS_MW | IBV_ACCESS_ZERO_BASED);
	dealloc(mw);
}

static void case_rebind(void)
{
	struct ibv_mr *first = reg(b.pd, mem, PAGE, ACCESS_MR);
	struct ibv_mr *next = reg(b.pd, mem + PAGE, PAGE, ACCESS_MR);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_1);
	uint64_t addr = (uintptr_t)mem;
	uint32_t old;

	is_refused(&one, READ, mw->rkey, addr, 8);
	bind_to(&one, mw, first, addr, PAGE, ACCESS_MW);
	old = mw->rkey;
	is_done(&one, READ, old, addr, PAGE);
	bind_to(&one, mw, next, addr + PAGE, PAGE, ACCESS_MW);
	is_refused(&one, READ, old, addr, 8);
	is_refused(&one, READ, mw->rkey, addr, 8);
	is_done(&one, READ, mw->rkey, addr + PAGE, PAGE);
	dereg(first);

	/* no length: unbound */
	bind_to(&one, mw, next, 0, 0, 0);
	is_refused(&one, READ, mw->rkey, addr + PAGE, 8);
	dereg(next);
	dealloc(mw);
}

static void case_invalidate(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(b.ctx);
	struct ibv_mw *mw1 = new_mw(b.pd, IBV_MW_TYPE_1);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem;
	struct pair two, other;

	new_pair(&two, b.pd);
	new_pair(&other, pd);
	cannot_inv(&one, mw->rkey);
	bind_to(&one, mw, mr, addr, PAGE, ACCESS_MW);
	cannot_inv(&two, mw->rkey);
	cannot_inv(&other, mw->rkey);
	cannot_inv(&one, ibv_inc_rkey(mw->rkey));
	is_done(&one, READ, mw->rkey, addr, PAGE);
	local_inv(&one, mw->rkey);
	is_refused(&one, READ, mw->rkey, addr, 8);
	cannot_inv(&one, mw->rkey);

	bind_to(&one, mw1, mr, addr, PAGE, ACCESS_MW);
	cannot_inv(&one, mw1->rkey);
	cannot_inv(&one, mr->rkey);
	is_done(&one, READ, mw1->rkey, addr, PAGE);
	dealloc(mw);
	dealloc(mw1);
}

#define send_inv(...)	send_inv_at(__LINE__, IBV_WC_SUCCESS, __VA_ARGS__)
#define no_send_inv(...)	send_inv_at(__LINE__, IBV_WC_REM_INV_REQ_ERR, \
					    __VA_ARGS__)

/* a peer's SEND with invalidate, of which the responder knows the result */
static void send_inv_at(int line, enum ibv_wc_status want, struct pair *p,
			uint32_t rkey)
{
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(p->a);
	struct ibv_recv_wr recv = {}, *bad;
	enum ibv_wc_status status;

	if (ibv_post_recv(p->b, &recv, &bad))
		die("ibv_post_recv");
	ibv_wr_start(qp);
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_send_inv(qp, rkey);
	if (ibv_wr_complete(qp))
		die("ibv_wr_complete");
	status = wait_cq(p->cq_b);
	if (status != want)
		die("line %d: SEND_WITH_INV: %s", line,
		    ibv_wc_status_str(status));
	wait_cq(p->cq_a);
	if (status != IBV_WC_SUCCESS)
		reconnect(p);
}

static void case_send_inv(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(b.ctx);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem;
	struct pair two, other;

	new_pair(&two, b.pd);
	new_pair(&other, pd);
	no_send_inv(&one, mw->rkey);
	bind_to(&one, mw, mr, addr, PAGE, ACCESS_MW);
	no_send_inv(&two, mw->rkey);
	no_send_inv(&other, mw->rkey);
	no_send_inv(&one, mr->rkey);
	is_done(&one, READ, mw->rkey, addr, PAGE);
	send_inv(&one, mw->rkey);
	is_refused(&one, READ, mw->rkey, addr, 8);
	no_send_inv(&one, mw->rkey);
	dealloc(mw);
}

static void case_dereg(void)
{
	struct ibv_mr *bound = reg(b.pd, mem, PAGE, ACCESS_MR);
	struct ibv_mw *mw1 = new_mw(b.pd, IBV_MW_TYPE_1);
	struct ibv_mw *mw2 = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem;
	uint32_t old;

	bind_to(&one, mw1, bound, addr, PAGE, ACCESS_MW);
	bind_to(&one, mw2, bound, addr, PAGE, ACCESS_MW);
	if (!ibv_dereg_mr(bound))
		die("an MR with two windows is gone");
	is_done(&one, WRITE, mw1->rkey, addr, PAGE);
	old = mw1->rkey;
	dealloc(mw1);
	is_refused(&one, WRITE, old, addr, 8);
	if (!ibv_dereg_mr(bound))
		die("an MR with a window is gone");
	is_done(&one, WRITE, mw2->rkey, addr, PAGE);
	local_inv(&one, mw2->rkey);
	dereg(bound);
	dealloc(mw2);
}

/* the provider has no such operation; 0 or an errno */
static int rereg(struct ibv_mr *what, struct ibv_pd *pd, int access)
{
	struct ib_uverbs_rereg_mr_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_rereg_mr cmd;
	} req = {
		.hdr.command = IB_USER_VERBS_CMD_REREG_MR,
		.hdr.in_words = sizeof(req) / 4,
		.hdr.out_words = sizeof(resp) / 4,
		.cmd.response = (uintptr_t)&resp,
		.cmd.mr_handle = what->handle,
		.cmd.flags = pd ? IBV_REREG_MR_CHANGE_PD :
				  IBV_REREG_MR_CHANGE_ACCESS,
		.cmd.pd_handle = pd ? pd->handle : 0,
		.cmd.access_flags = access,
	};

	return write(what->context->cmd_fd, &req, sizeof(req)) < 0 ? errno : 0;
}

static void case_rereg(void)
{
	struct ibv_mr *bound = reg(b.pd, mem, PAGE, ACCESS_MR);
	struct ibv_pd *pd = ibv_alloc_pd(b.ctx);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_1);
	uint64_t addr = (uintptr_t)mem;

	bind_to(&one, mw, bound, addr, PAGE, ACCESS_MW);
	if (!rereg(bound, NULL, IBV_ACCESS_MW_BIND))
		die("an MR with a window is read-only");
	if (!rereg(bound, pd, 0))
		die("an MR with a window has another PD");
	is_done(&one, WRITE, mw->rkey, addr, PAGE);

	bind_to(&one, mw, bound, 0, 0, 0);
	if (rereg(bound, NULL, IBV_ACCESS_MW_BIND))
		die("an MR without a window is not registered anew");
	cannot_bind(&one, mw, bound, addr, PAGE, ACCESS_MW);
	bind_to(&one, mw, bound, addr, PAGE, IBV_ACCESS_REMOTE_READ);
	dealloc(mw);
	if (rereg(bound, pd, 0))
		die("the PD stays");
	dereg(bound);
}

static void case_destroy_qp(void)
{
	struct ibv_mr *bound = reg(b.pd, mem, PAGE, ACCESS_MR);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	struct ibv_mw *gone = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem, start;
	struct pair two;

	new_pair(&two, b.pd);
	bind_to(&two, mw, bound, addr, PAGE, ACCESS_MW);
	bind_to(&two, gone, bound, addr, PAGE, ACCESS_MW);
	is_done(&two, WRITE, mw->rkey, addr, PAGE);
	dealloc(gone);
	start = now_ms();
	if (ibv_destroy_qp(two.b))
		die("a QP with a window stays");
	if (now_ms() - start > 20000)
		die("a QP with a window took %ld ms to go",
		    (long)(now_ms() - start));
	is_refused(&one, WRITE, mw->rkey, addr, 8);
	dereg(bound);
	bind_to(&one, mw, mr, addr, PAGE, ACCESS_MW);
	is_done(&one, WRITE, mw->rkey, addr, PAGE);
	dealloc(mw);
}

static void case_overlap(void)
{
	struct ibv_mw *low = new_mw(b.pd, IBV_MW_TYPE_2);
	struct ibv_mw *high = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t addr = (uintptr_t)mem;

	bind_to(&one, low, mr, addr, 2 * PAGE, ACCESS_MW);
	bind_to(&one, high, mr, addr + PAGE, 2 * PAGE, IBV_ACCESS_REMOTE_READ);
	is_done(&one, WRITE, low->rkey, addr + PAGE, PAGE);
	is_refused(&one, WRITE, high->rkey, addr + PAGE, PAGE);
	is_refused(&one, READ, high->rkey, addr, 2 * PAGE);
	local_inv(&one, low->rkey);
	is_refused(&one, READ, low->rkey, addr + PAGE, 8);
	is_done(&one, READ, high->rkey, addr + PAGE, 2 * PAGE);
	dealloc(low);
	dealloc(high);
}

/* B takes the right to read away while its response is on the way */
static bool read_cut_short(size_t size, uint8_t *from, uint8_t *to)
{
	struct ibv_mr *mr_b = reg(b.pd, from, size, ACCESS_MR);
	struct ibv_mr *mr_a = reg(a.pd, to, size, IBV_ACCESS_LOCAL_WRITE);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	struct ibv_qp_ex *qp = ibv_qp_to_qp_ex(one.a);
	uint64_t end = now_ms() + TIMEOUT_MS;
	enum ibv_wc_status status;
	int err;

	memset(from, 1, size);
	memset(to, 0, size);
	bind_to(&one, mw, mr_b, (uintptr_t)from, size, ACCESS_MW);
	ibv_wr_start(qp);
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_read(qp, mw->rkey, (uintptr_t)from);
	ibv_wr_set_sge(qp, mr_a->lkey, (uintptr_t)to, size);
	err = ibv_wr_complete(qp);
	if (err)
		die("ibv_wr_complete: %s", strerror(err));
	while (!__atomic_load_n(to, __ATOMIC_RELAXED))
		if (now_ms() > end)
			die("no response");
	local_inv(&one, mw->rkey);
	status = wait_cq(one.cq_a);
	if (status != IBV_WC_SUCCESS && status != IBV_WC_REM_ACCESS_ERR)
		die("READ: %s", ibv_wc_status_str(status));
	if (status != IBV_WC_SUCCESS && to[size - 1])
		die("all was read, and the READ has failed");
	reconnect(&one);
	dealloc(mw);
	dereg(mr_a);
	dereg(mr_b);
	return status != IBV_WC_SUCCESS;
}

static void case_mid_read(void)
{
	size_t size = 8 << 20;
	uint8_t *from = pages(size / PAGE), *to = pages(size / PAGE);
	unsigned int i;

	for (i = 0; i < 20; i++)
		if (read_cut_short(size, from, to))
			return;
	die("no READ was in the middle of its response");
}

/*
 * Frames of A's
 */
#define BTH		(14 + 20 + 8)
#define BODY		(BTH + 12)
#define OP_WRITE_ONLY	0x0a
#define OP_READ		0x0c
#define OP_READ_ONLY	0x10
#define OP_ACK		0x11
#define OP_FLUSH	0x1c
#define OP_ADD		0x14
#define NAK_INVALID	0x61
#define NAK_ACCESS	0x62

static int sock;
static uint8_t request_frame[2048];	/* a READ that A has sent */

static void sniff(void)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int own = open("/proc/self/ns/net", O_RDONLY);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY);
	if (own < 0 || fd < 0 || setns(fd, CLONE_NEWNET))
		die_errno("%s", path);
	sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	addr.sll_ifindex = if_nametoindex(netdev);
	if (sock < 0 || bind(sock, (void *)&addr, sizeof(addr)))
		die_errno("no packet socket at %s", netdev);
	if (setns(own, CLONE_NEWNET))
		die_errno("setns");
	close(fd);
	close(own);
}

/* the next RoCE frame that left NETDEV_A, or came to it; its size, or 0 */
static size_t next_frame(bool sent, uint8_t *frame, size_t room, int wait_ms)
{
	uint64_t end = now_ms() + wait_ms;
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	struct sockaddr_ll addr;
	socklen_t len;
	bool is_sent;
	ssize_t n;

	do {
		if (poll(&pfd, 1, wait_ms) <= 0)
			break;
		len = sizeof(addr);
		n = recvfrom(sock, frame, room, 0, (void *)&addr, &len);
		is_sent = addr.sll_pkttype == PACKET_OUTGOING;
		if (n >= BODY + 4 && frame[12] == 8 && !frame[13] &&
		    frame[23] == IPPROTO_UDP && frame[36] == 0x12 &&
		    frame[37] == 0xb7 && sent == is_sent)
			return n;
	} while (now_ms() < end);
	return 0;
}

static uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n)
{
	int bit;

	while (n--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static void put_icrc(uint8_t *frame, size_t size)
{
	uint8_t masked[2048];
	uint32_t crc;

	memset(masked, 0xff, 8);
	memcpy(masked + 8, frame + 14, size - 4 - 14);
	masked[8 + 1] = 0xff;			/* TOS */
	masked[8 + 8] = 0xff;			/* TTL */
	memset(masked + 8 + 10, 0xff, 2);	/* checksums */
	memset(masked + 8 + 20 + 6, 0xff, 2);
	masked[8 + 28 + 4] = 0xff;		/* reserved in the BTH */
	crc = ~crc32(~0u, masked, 8 + size - 4 - 14);
	memcpy(frame + size - 4, &crc, 4);
}

static void put_u16(uint8_t *p, uint16_t v)
{
	v = htons(v);
	memcpy(p, &v, 2);
}

static void put_u32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static void put_reth(uint8_t *p, uint64_t va, uint32_t rkey, uint32_t length)
{
	put_u32(p, va >> 32);
	put_u32(p + 4, va);
	put_u32(p + 8, rkey);
	put_u32(p + 12, length);
}

static void put_csum(uint8_t *ip)
{
	uint32_t sum = 0;
	int i;

	put_u16(ip + 10, 0);
	for (i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put_u16(ip + 10, ~(sum + (sum >> 16)));
}

static uint32_t psn_of(const uint8_t *frame)
{
	return frame[BTH + 9] << 16 | frame[BTH + 10] << 8 | frame[BTH + 11];
}

/* a request as A's, of an opcode, with what follows the BTH */
static void send_raw(uint8_t opcode, uint32_t psn, const uint8_t *body,
		     size_t length)
{
	uint8_t frame[2048];
	size_t size = BODY + length + 4;

	memcpy(frame, request_frame, BODY);
	memcpy(frame + BODY, body, length);
	frame[BTH] = opcode;
	put_u32(frame + BTH + 8, 1u << 31 | (psn & 0xffffff));
	put_u16(frame + 16, size - 14);
	put_csum(frame + 14);
	put_u16(frame + 38, size - 34);
	put_u16(frame + 40, 0);
	put_icrc(frame, size);
	if (send(sock, frame, size, 0) != (ssize_t)size)
		die_errno("send");
}

static void send_read(uint32_t psn, uint64_t va, uint32_t rkey,
		      uint32_t length)
{
	uint8_t reth[16];

	put_reth(reth, va, rkey, length);
	send_raw(OP_READ, psn, reth, sizeof(reth));
}

/* A reads; its frame, to be changed; returns the PSN */
static uint32_t real_read(uint64_t va, uint32_t rkey, uint32_t length)
{
	uint8_t frame[2048];

	if (!sock)
		sniff();
	while (next_frame(false, frame, sizeof(frame), 0))
		;
	is_done(&one, READ, rkey, va, length);
	do {
		if (!next_frame(true, request_frame, sizeof(request_frame),
				TIMEOUT_MS))
			die("no READ was seen");
	} while (request_frame[BTH] != OP_READ);
	return psn_of(request_frame);
}

/* the answer to a raw request: its payload, or minus what a NAK says */
static int get_answer(int line, uint32_t psn)
{
	uint8_t frame[2048];
	size_t size;

	do {
		size = next_frame(false, frame, sizeof(frame), TIMEOUT_MS);
		if (!size)
			die("line %d: no answer", line);
	} while (psn_of(frame) != (psn & 0xffffff));
	if (frame[BTH] == OP_ACK)
		return frame[BODY] & 0x60 ? -frame[BODY] : 0;
	if (frame[BTH] != OP_READ_ONLY)
		die("line %d: an answer of opcode %#x", line, frame[BTH]);
	return size - BODY - 4 - 4;
}

/* Responses of A's own READ that are still in the socket do not count. */
static void forget_frames(void)
{
	uint8_t frame[2048];

	while (next_frame(false, frame, sizeof(frame), 100))
		;
}

/*
 * Nobody answers a raw READ: the next answer is that to a good one of 8 bytes,
 * and the only one.
 */
#define is_silent(...)	is_silent_at(__LINE__, __VA_ARGS__)

static void is_silent_at(int line, uint32_t good_psn, uint64_t good_va,
			 uint32_t rkey)
{
	uint8_t frame[2048];
	int got;

	send_read(good_psn, good_va, rkey, 8);
	got = get_answer(line, good_psn);
	if (got != 8)
		die("line %d: what should be dropped was answered: %d", line,
		    got);
	if (next_frame(false, frame, sizeof(frame), 100))
		die("line %d: there is more than one answer", line);
}

#define is_answered(...)	is_answered_at(__LINE__, __VA_ARGS__)

static void is_answered_at(int line, uint32_t psn, int want)
{
	int got = get_answer(line, psn);

	if (got != want)
		die("line %d: an answer of %d, not %d", line, got, want);
}

static void case_dup_wrap(void)
{
	uint64_t va = (uintptr_t)mem;
	uint32_t psn = real_read(va, mr->rkey, 64);

	forget_frames();
	send_read(psn, va, mr->rkey, 64);
	is_answered(psn, 64);
	/* address and length have a sum that is in the range */
	send_read(psn, -(uint64_t)16, mr->rkey, 32);
	is_silent(psn, va, mr->rkey);
	send_read(psn, -(uint64_t)1, mr->rkey, 64);
	is_silent(psn, va, mr->rkey);
	send_read(psn, va - 8, mr->rkey, 64);
	is_silent(psn, va, mr->rkey);
	send_read(psn, va, mr->rkey, 65);
	is_silent(psn, va, mr->rkey);
	send_read(psn, va, ibv_inc_rkey(mr->rkey), 64);
	is_silent(psn, va, mr->rkey);
	reconnect(&one);
	is_done(&one, READ, mr->rkey, va, 64);
}

static void case_dup_walk(void)
{
	uint64_t va = (uintptr_t)mem;
	uint32_t psn = real_read(va, mr->rkey, 64);

	forget_frames();
	send_read(psn, va + 32, mr->rkey, 32);
	is_answered(psn, 32);
	send_read(psn, va + 64, mr->rkey, 32);
	is_silent(psn, va, mr->rkey);
}

static void case_dup_zero(void)
{
	uint64_t va = (uintptr_t)mem;
	uint32_t psn = real_read(va, mr->rkey, 0);

	forget_frames();
	send_read(psn, va, mr->rkey, 0);
	is_answered(psn, 0);
	psn = real_read(va, mr->rkey, 64);
	is_done(&one, WRITE, mr->rkey, va, 0);
	forget_frames();
	send_read(psn, va, mr->rkey, 64);
	is_answered(psn, 64);
}

/* an atomic operation is no READ, though the address is right */
static void case_dup_type(void)
{
	uint64_t va = (uintptr_t)mem;
	uint32_t psn = real_read(va, mr->rkey, 64);
	uint8_t frame[2048];

	memcpy(mem + PAGE, &va, sizeof(va));
	is_done(&one, ADD, mr->rkey, va + PAGE, 8);
	forget_frames();
	send_read(psn + 1, va, mr->rkey, 64);
	send_read(psn + 2, va, mr->rkey, 8);
	if (!next_frame(false, frame, sizeof(frame), TIMEOUT_MS))
		die("no answer to the next request");
	if (psn_of(frame) != ((psn + 2) & 0xffffff))
		die("an atomic operation was answered as a READ");
}

static void case_dup_zero_based(void)
{
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t va = (uintptr_t)mem;
	uint32_t psn;

	bind_to(&one, mw, mr, va + PAGE, PAGE,
		ACCESS_MW | IBV_ACCESS_ZERO_BASED);
	psn = real_read(64, mw->rkey, 128);
	forget_frames();
	send_read(psn, 64, mw->rkey, 128);
	is_answered(psn, 128);
	dealloc(mw);
}

/* whoever loses the right to read gets nothing for a duplicate, either */
static void case_dup_revoked(void)
{
	struct ibv_mr *own = reg(b.pd, mem, PAGE, ACCESS_MR);
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	uint64_t va = (uintptr_t)mem;
	uint32_t psn;

	bind_to(&one, mw, mr, va, PAGE, ACCESS_MW);
	psn = real_read(va, mw->rkey, 64);
	local_inv(&one, mw->rkey);
	forget_frames();
	send_read(psn, va, mw->rkey, 64);
	is_answered(psn, -NAK_ACCESS);
	reconnect(&one);

	psn = real_read(va, own->rkey, 64);
	if (rereg(own, NULL, IBV_ACCESS_LOCAL_WRITE))
		die("an MR is not registered anew");
	forget_frames();
	send_read(psn, va, own->rkey, 64);
	is_answered(psn, -NAK_ACCESS);
	dealloc(mw);
	dereg(own);
}

static void send_flush(uint32_t psn, uint32_t type, uint32_t level,
		       uint64_t va, uint32_t rkey, uint32_t length)
{
	uint8_t body[20];

	put_u32(body, level << 4 | type);
	put_reth(body + 4, va, rkey, length);
	send_raw(OP_FLUSH, psn, body, sizeof(body));
}

#define GLOBAL		1
#define PERSISTENT	2
#define RANGE		0
#define WHOLE		1

static void flush(struct ibv_mw *mw, uint64_t start)
{
	static const int64_t bad[] = { -8, PAGE - 56, PAGE, 1ll << 62 };
	uint64_t va = (uintptr_t)mem;
	unsigned int i;
	uint32_t psn;

	psn = real_read(va, mr->rkey, 8) + 1;
	forget_frames();
	send_flush(psn, GLOBAL, RANGE, start, mw->rkey, PAGE);
	is_answered(psn, 0);
	send_flush(psn, GLOBAL, RANGE, start, mw->rkey, PAGE);
	is_answered(psn, 0);
	/* the page behind the window is not there */
	send_flush(++psn, PERSISTENT, WHOLE, 0, mw->rkey, 0);
	is_answered(psn, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		reconnect(&one);
		psn = real_read(va, mr->rkey, 8) + 1;
		forget_frames();
		send_flush(psn, GLOBAL, RANGE, start + bad[i], mw->rkey, 64);
		is_answered(psn, -NAK_ACCESS);
	}
	reconnect(&one);
	psn = real_read(va, mr->rkey, 8) + 1;
	forget_frames();
	send_flush(psn, GLOBAL, WHOLE, 0, mr->rkey, 0);
	is_answered(psn, -NAK_ACCESS);
	reconnect(&one);
}

static void case_flush(void)
{
	int access = ACCESS_MR | FLUSH_GLOBAL | FLUSH_PERSISTENT;
	struct ibv_mw *mw = new_mw(b.pd, IBV_MW_TYPE_2);
	uint8_t *hole = pages(3);
	uint64_t addr = (uintptr_t)hole + PAGE;
	struct ibv_mr *odp;

	odp = reg(b.pd, hole, 3 * PAGE, access | IBV_ACCESS_ON_DEMAND);
	if (munmap(hole + 2 * PAGE, PAGE))
		die_errno("munmap");
	access = FLUSH_GLOBAL | FLUSH_PERSISTENT;
	bind_to(&one, mw, odp, addr, PAGE, access);
	flush(mw, addr);
	local_inv(&one, mw->rkey);
	bind_to(&one, mw, odp, addr, PAGE, access | IBV_ACCESS_ZERO_BASED);
	flush(mw, 0);
	dealloc(mw);
	dereg(odp);
}

/* an RETH of no bytes, with a payload */
static void case_write_zero(void)
{
	uint8_t body[16 + 64] = {};
	uint64_t va = (uintptr_t)mem;
	uint32_t psn = real_read(va, mr->rkey, 8) + 1;

	forget_frames();
	put_reth(body, va, mr->rkey, 0);
	send_raw(OP_WRITE_ONLY, psn, body, sizeof(body));
	is_answered(psn, -NAK_INVALID);
}

/* MRs that end where addresses do, and such as would go on behind that */
static void end_of_addresses(int access)
{
	static const uint64_t start = -(uint64_t)1024;
	struct ibv_mr *last;

	last = ibv_reg_mr_iova(b.pd, mem + PAGE - 1024, 1024, start,
			       ACCESS_MR | access);
	if (!last)
		die_errno("ibv_reg_mr_iova");
	fill();
	is_done(&one, WRITE, last->rkey, start, 1024);
	is_done(&one, READ, last->rkey, start, 1024);
	is_done(&one, ADD, last->rkey, -(uint64_t)8, 8);
	is_refused(&one, WRITE, last->rkey, start - 8, 8);
	is_refused(&one, WRITE, last->rkey, start, 1032);
	is_refused(&one, WRITE, last->rkey, -(uint64_t)8, 16);
	is_refused(&one, READ, last->rkey, 0, 8);
	is_refused(&one, ADD, last->rkey, 0, 8);
	only_changed(PAGE - 1024, PAGE);
	dereg(last);

	last = ibv_reg_mr_iova(b.pd, mem + PAGE - 1024, PAGE, start,
			       ACCESS_MR | access);
	if (last)
		die("an MR wraps around");
}

static void case_end(void)
{
	end_of_addresses(0);
	end_of_addresses(IBV_ACCESS_ON_DEMAND);
}

/* the provider has no such operation; 0 or an errno */
static int prefetch(struct ibv_mr *of, uint64_t addr, uint32_t length,
		    uint32_t flags)
{
	struct ibv_sge sge = { addr, length, of->lkey };
	struct ib_uverbs_attr attrs[4] = {
		{
			.attr_id = UVERBS_ATTR_ADVISE_MR_PD_HANDLE,
			.data = b.pd->handle,
		}, {
			.attr_id = UVERBS_ATTR_ADVISE_MR_ADVICE,
			.len = 8,
			.data = IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
		}, {
			.attr_id = UVERBS_ATTR_ADVISE_MR_FLAGS,
			.len = 4,
			.data = flags,
		}, {
			.attr_id = UVERBS_ATTR_ADVISE_MR_SGE_LIST,
			.len = sizeof(sge),
			.data = (uintptr_t)&sge,
		},
	};
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attrs[4];
	} cmd = {
		.hdr.length = sizeof(cmd),
		.hdr.object_id = UVERBS_OBJECT_MR,
		.hdr.method_id = UVERBS_METHOD_ADVISE_MR,
		.hdr.num_attrs = ARRAY_SIZE(attrs),
		.hdr.driver_id = RDMA_DRIVER_RXE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		attrs[i].flags = UVERBS_ATTR_F_MANDATORY;
		cmd.attrs[i] = attrs[i];
	}
	return ioctl(b.ctx->cmd_fd, RDMA_VERBS_IOCTL, &cmd) ? errno : 0;
}

static void case_prefetch(void)
{
	uint64_t addr = (uintptr_t)mem;
	struct ibv_mr *odp = reg(b.pd, mem, PAGES * PAGE,
				 ACCESS_MR | IBV_ACCESS_ON_DEMAND);
	const struct {
		uint64_t addr;
		uint32_t length;
	} bad[] = {
		{ addr - 8, 16 }, { addr + PAGES * PAGE - 8, 16 },
		{ addr + PAGES * PAGE, 1 }, { addr, 1u << 31 },
		{ addr, -1u }, { addr + PAGE, -4096u }, { -8ull, 16 },
		{ 0, 8 },
	};
	unsigned int i;

	if (prefetch(odp, addr, PAGES * PAGE, IBV_ADVISE_MR_FLAG_FLUSH) ||
	    prefetch(odp, addr + 8, 8, 0))
		die("no prefetch");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (!prefetch(odp, bad[i].addr, bad[i].length, 0) ||
		    !prefetch(odp, bad[i].addr, bad[i].length,
			      IBV_ADVISE_MR_FLAG_FLUSH))
			die("a prefetch of %u bytes at %#lx", bad[i].length,
			    (long)bad[i].addr);
	dereg(odp);
}

/* the kernel counts pages by more than 31 bits */
static void case_large(void)
{
	size_t size = 3ul << 30;
	struct ibv_mr *odp;
	void *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die_errno("mmap");
	odp = reg(b.pd, p, size, ACCESS_MR | IBV_ACCESS_ON_DEMAND);
	is_done(&one, WRITE, odp->rkey, (uintptr_t)p + size - 64, 64);
	dereg(odp);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "bind", case_bind },
	{ "dereg", case_dereg },
	{ "destroy-qp", case_destroy_qp },
	{ "dup-revoked", case_dup_revoked },
	{ "dup-type", case_dup_type },
	{ "dup-walk", case_dup_walk },
	{ "dup-wrap", case_dup_wrap },
	{ "dup-zero", case_dup_zero },
	{ "dup-zero-based", case_dup_zero_based },
	{ "end", case_end },
	{ "flush", case_flush },
	{ "invalidate", case_invalidate },
	{ "large", case_large },
	{ "mid-read", case_mid_read },
	{ "mr", case_mr },
	{ "other-qp", case_other_qp },
	{ "overlap", case_overlap },
	{ "prefetch", case_prefetch },
	{ "rebind", case_rebind },
	{ "rereg", case_rereg },
	{ "reset", case_reset },
	{ "rights", case_rights },
	{ "send-inv", case_send_inv },
	{ "window-1", case_window_1 },
	{ "window-2", case_window_2 },
	{ "window-odp", case_window_odp },
	{ "window-zero-based", case_window_zero_based },
	{ "write-zero", case_write_zero },
};

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 8)
		die("usage: rxe_keys CASE RXE_A GID_A RXE_B GID_B NETNS_A NETDEV_A");
	open_end(&a, argv[2], argv[3]);
	open_end(&b, argv[4], argv[5]);
	netns = argv[6];
	netdev = argv[7];

	mem = (uint8_t *)pages(PAGES + 2) + PAGE;
	mr = reg(b.pd, mem, PAGES * PAGE, ACCESS_MR);
	local = pages(PAGES);
	local_mr = reg(a.pd, local, PAGES * PAGE, IBV_ACCESS_LOCAL_WRITE);
	new_pair(&one, b.pd);

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].run();
		return 0;
	}
	die("no case %s", argv[1]);
}
