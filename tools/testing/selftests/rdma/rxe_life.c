// SPDX-License-Identifier: GPL-2.0
/*
 * QPs that go, or are modified, while something of theirs is under way.
 *
 * usage: rxe_life MODE DEV_A GID_INDEX_A DEV_B GID_INDEX_B
 *
 * parked: says "ready", and on SIGUSR1 A WRITEs to B. SIGTERM has it destroy its
 *	   QP, with what was sent still under way, and say how long that took,
 *	   in ms.
 * modify: A has READs and atomics of B, one at a time, while
 *	   max_dest_rd_atomic of B's QP, in SQD, is modified.
 * window: the QP that a type 2 MW is bound to is destroyed before the MW.
 * limit:  max_dest_rd_atomic that the device does not have is refused.
 * overflow: WRITEs with immediate data fill the CQ of B. Its QP is in the error
 *	   state then, and its MR goes before the QP.
 *
 * Exit status: 0 or 1.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <infiniband/verbs.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NR_WR		120
#define LEN		1024
#define READ_LEN	65536
#define MODIFY_MS	2000
#define NR_RECV		8

struct end {
	alignas(64) uint8_t buf[READ_LEN];
	const char *dev;
	int gid_index;
	int nr_cqe;
	union ibv_gid gid;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct ibv_qp *qp;
};

static struct end a = { .nr_cqe = 2 * NR_WR }, b = { .nr_cqe = 1 };
static bool done;

#define die(fmt, ...) do {						\
	fprintf(stderr, "rxe_life: " fmt "\n", ##__VA_ARGS__);		\
	exit(1);							\
} while (0)

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static struct ibv_context *open_dev(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	if (!ctx)
		die("cannot open %s", name);
	ibv_free_device_list(list);
	return ctx;
}

static void open_end(struct end *e, const char *dev, const char *gid_index)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = NR_WR,
			.max_recv_wr = NR_RECV,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
	};

	e->dev = dev;
	e->gid_index = atoi(gid_index);
	e->ctx = open_dev(dev);
	if (ibv_query_gid(e->ctx, 1, e->gid_index, &e->gid))
		die("%s: no GID %d", dev, e->gid_index);
	e->pd = ibv_alloc_pd(e->ctx);
	e->cq = ibv_create_cq(e->ctx, e->nr_cqe, NULL, NULL, 0);
	if (!e->pd || !e->cq)
		die("%s: no PD or CQ", dev);
	e->mr = ibv_reg_mr(e->pd, e->buf, READ_LEN, IBV_ACCESS_LOCAL_WRITE |
			   IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			   IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND);
	init.send_cq = e->cq;
	init.recv_cq = e->cq;
	e->qp = ibv_create_qp(e->pd, &init);
	if (!e->mr || !e->qp)
		die("%s: no MR or QP", dev);
}

static void modify(struct end *e, struct ibv_qp_attr *attr, int mask)
{
	int err = ibv_modify_qp(e->qp, attr, mask);

	if (err)
		die("%s: modify_qp, mask %#x: %s", e->dev, mask, strerror(err));
}

static void connect_end(struct end *e, const struct end *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
			IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 16,
		.min_rnr_timer = 1,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = peer->gid,
				.sgid_index = e->gid_index,
				.hop_limit = 64,
			},
		},
		/* a second: what is lost shows */
		.timeout = 18,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 1,
	};

	modify(e, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
	       IBV_QP_ACCESS_FLAGS);
	attr.qp_state = IBV_QPS_RTR;
	modify(e, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
	       IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
	       IBV_QP_MIN_RNR_TIMER);
	attr.qp_state = IBV_QPS_RTS;
	modify(e, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT |
	       IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC);
}

static void post(enum ibv_wr_opcode opcode, uint32_t len, int flags)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)a.buf,
		.length = len,
		.lkey = a.mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
		.opcode = opcode,
		.send_flags = flags,
		.sg_list = &sge,
		.num_sge = 1,
	};

	if (opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wr.wr.atomic.remote_addr = (uintptr_t)b.buf;
		wr.wr.atomic.rkey = b.mr->rkey;
		wr.wr.atomic.compare_add = 1;
	} else {
		wr.wr.rdma.remote_addr = (uintptr_t)b.buf;
		wr.wr.rdma.rkey = b.mr->rkey;
	}
	if (ibv_post_send(a.qp, &wr, &bad))
		die("post_send");
}

static void wait_completion(void)
{
	uint64_t end = now_ms() + 20000;
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(a.cq, 1, &wc);
	} while (!n && now_ms() < end);
	if (n != 1)
		die("no completion");
	if (wc.status != IBV_WC_SUCCESS)
		die("completion: %s", ibv_wc_status_str(wc.status));
}

static void destroy_qp(struct end *e)
{
	uint64_t start = now_ms();
	int err = ibv_destroy_qp(e->qp);

	if (err)
		die("%s: the QP does not go: %s", e->dev, strerror(err));
	printf("%u\n", (unsigned int)(now_ms() - start));
}

static void run_parked(void)
{
	sigset_t set;
	int i, sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);

	puts("ready");
	fflush(stdout);
	sigwait(&set, &sig);
	for (i = 0; i < NR_WR; i++)
		post(IBV_WR_RDMA_WRITE, LEN, 0);
	if (sig != SIGTERM)
		sigwait(&set, &sig);
	destroy_qp(&a);
}

static void *modify_b(void *arg)
{
	static const uint8_t depth[] = { 16, 1, 2, 2, 4 };
	struct ibv_qp_attr attr = { };
	unsigned int i;

	for (i = 0; !__atomic_load_n(&done, __ATOMIC_RELAXED); i++) {
		attr.max_dest_rd_atomic = depth[i % ARRAY_SIZE(depth)];
		modify(&b, &attr, IBV_QP_MAX_DEST_RD_ATOMIC);
	}
	return NULL;
}

static void run_modify(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD };
	uint64_t end = now_ms() + MODIFY_MS, start, max = 0;
	unsigned int ops = 0;
	pthread_t thread;

	modify(&b, &attr, IBV_QP_STATE);
	if (pthread_create(&thread, NULL, modify_b, NULL))
		die("no thread");
	while (now_ms() < end) {
		start = now_ms();
		if (ops % 2)
			post(IBV_WR_RDMA_READ, READ_LEN,
			     IBV_SEND_SIGNALED);
		else
			post(IBV_WR_ATOMIC_FETCH_AND_ADD, 8, IBV_SEND_SIGNALED);
		wait_completion();
		if (now_ms() - start > max)
			max = now_ms() - start;
		ops++;
	}
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	if (*(uint64_t *)b.buf != (ops + 1) / 2)
		die("%llu atomics of %u",
		    (unsigned long long)*(uint64_t *)b.buf, (ops + 1) / 2);
	/* the peer's timeout is a second, and more */
	if (max > 900)
		die("an operation took %llu ms", (unsigned long long)max);
	printf("%u\n", ops);
}

static void run_window(void)
{
	struct ibv_mw *mw = ibv_alloc_mw(a.pd, IBV_MW_TYPE_2);
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_BIND_MW,
		.send_flags = IBV_SEND_SIGNALED,
	};

	if (!mw)
		die("alloc_mw");
	wr.bind_mw.mw = mw;
	wr.bind_mw.rkey = ibv_inc_rkey(mw->rkey);
	wr.bind_mw.bind_info.mr = a.mr;
	wr.bind_mw.bind_info.addr = (uintptr_t)a.buf;
	wr.bind_mw.bind_info.length = LEN;
	wr.bind_mw.bind_info.mw_access_flags = IBV_ACCESS_REMOTE_READ;
	if (ibv_post_send(a.qp, &wr, &bad))
		die("post_send");
	wait_completion();
	destroy_qp(&a);
	if (ibv_dealloc_mw(mw))
		die("dealloc_mw");
	if (ibv_dereg_mr(a.mr))
		die("dereg_mr");
}

static void run_limit(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD };
	struct ibv_device_attr dev;

	if (ibv_query_device(b.ctx, &dev))
		die("query_device");
	modify(&b, &attr, IBV_QP_STATE);
	attr.max_dest_rd_atomic = dev.max_qp_rd_atom;
	modify(&b, &attr, IBV_QP_MAX_DEST_RD_ATOMIC);
	attr.max_dest_rd_atomic++;
	if (ibv_modify_qp(b.qp, &attr, IBV_QP_MAX_DEST_RD_ATOMIC) != EINVAL)
		die("%u of %d is not refused", attr.max_dest_rd_atomic,
		    dev.max_qp_rd_atom);
}

static void run_overflow(void)
{
	struct ibv_recv_wr *bad, recv = { };
	struct ibv_qp_init_attr init;
	uint64_t end = now_ms() + 20000;
	struct ibv_qp_attr attr = { };
	int i;

	for (i = 0; i < NR_RECV; i++)
		if (ibv_post_recv(b.qp, &recv, &bad))
			die("post_recv");
	for (i = 0; i < NR_RECV; i++)
		post(IBV_WR_RDMA_WRITE_WITH_IMM, LEN, 0);
	while (attr.qp_state != IBV_QPS_ERR && now_ms() < end)
		if (ibv_query_qp(b.qp, &attr, IBV_QP_STATE, &init))
			die("query_qp");
	if (attr.qp_state != IBV_QPS_ERR)
		die("the CQ does not overflow");
	if (ibv_dereg_mr(b.mr))
		die("dereg_mr");
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "parked", run_parked },
	{ "modify", run_modify },
	{ "window", run_window },
	{ "limit", run_limit },
	{ "overflow", run_overflow },
};

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 6)
		die("usage: rxe_life MODE DEV_A GID_INDEX_A DEV_B GID_INDEX_B");
	open_end(&a, argv[2], argv[3]);
	open_end(&b, argv[4], argv[5]);
	connect_end(&a, &b);
	connect_end(&b, &a);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
	}
	die("no mode %s", argv[1]);
}
