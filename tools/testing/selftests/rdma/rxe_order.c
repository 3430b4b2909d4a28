// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_order DEV_A ADDR_A DEV_B ADDR_B COUNT: A sends COUNT messages, one at a
 * time, and B answers each. Says how often A's CQ had the answer before it had
 * the completion of the message that it answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <infiniband/verbs.h>

#define RECVS		8
#define SENDS		16
#define TIMEOUT		30	/* s */

struct end {
	const char *dev;
	union ibv_gid gid;
	int sgid_index;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
};

static struct end a, b;
static unsigned long count;

#define die(fmt, ...) do {						\
	fprintf(stderr, "rxe_order: " fmt "\n", ##__VA_ARGS__);		\
	exit(1);							\
} while (0)

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

static int find_gid(struct end *e)
{
	union ibv_gid gid;
	int i;

	for (i = 0; i < 64 && !ibv_query_gid(e->ctx, 1, i, &gid); i++)
		if (!memcmp(&gid, &e->gid, sizeof(gid)))
			return i;
	die("%s has no GID for its address", e->dev);
}

static void open_end(struct end *e)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = SENDS,
			.max_recv_wr = RECVS,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
		.sq_sig_all = 1,
	};

	e->ctx = open_dev(e->dev);
	e->sgid_index = find_gid(e);
	e->pd = ibv_alloc_pd(e->ctx);
	e->cq = ibv_create_cq(e->ctx, SENDS + RECVS, NULL, NULL, 0);
	if (!e->pd || !e->cq)
		die("%s: no PD or CQ", e->dev);
	init.send_cq = e->cq;
	init.recv_cq = e->cq;
	e->qp = ibv_create_qp(e->pd, &init);
	if (!e->qp)
		die("%s: create_qp: %s", e->dev, strerror(errno));
}

static void modify(struct end *e, struct ibv_qp_attr *attr, int mask)
{
	int err = ibv_modify_qp(e->qp, attr, mask | IBV_QP_STATE);

	if (err)
		die("%s: modify_qp to state %d: %s", e->dev, attr->qp_state,
		    strerror(err));
}

/* Messages are empty: they need no memory. */
static void post_recv(struct end *e)
{
	struct ibv_recv_wr wr = { .wr_id = 0 }, *bad;

	if (ibv_post_recv(e->qp, &wr, &bad))
		die("%s: cannot post a receive", e->dev);
}

static void post_send(struct end *e)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND }, *bad;

	if (ibv_post_send(e->qp, &wr, &bad))
		die("%s: cannot post a send", e->dev);
}

static void connect_end(struct end *e, struct end *peer)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT, .port_num = 1 };
	struct ibv_qp_attr rtr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 1,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = peer->gid,
				.sgid_index = e->sgid_index,
				.hop_limit = 64,
			},
		},
	};
	struct ibv_qp_attr rts = {
		.qp_state = IBV_QPS_RTS,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 1,
	};
	int n;

	modify(e, &init, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	for (n = 0; n < RECVS; n++)
		post_recv(e);
	modify(e, &rtr, IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
	       IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
	       IBV_QP_MIN_RNR_TIMER);
	modify(e, &rts, IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
	       IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* next completion: is it a receive? */
static int next_is_recv(struct end *e)
{
	time_t end = now() + TIMEOUT;
	struct ibv_wc wc;

	while (!ibv_poll_cq(e->cq, 1, &wc))
		if (now() > end)
			die("%s: no completion in %d s", e->dev, TIMEOUT);
	if (wc.status != IBV_WC_SUCCESS)
		die("%s: %s", e->dev, ibv_wc_status_str(wc.status));
	return wc.opcode & IBV_WC_RECV;
}

static void *answer(void *unused)
{
	unsigned long done = 0;

	(void)unused;
	while (done < 2 * count) {
		if (next_is_recv(&b)) {
			post_recv(&b);
			post_send(&b);
		}
		done++;
	}
	return NULL;
}

static unsigned long ask(void)
{
	unsigned long n, first = 0;

	for (n = 0; n < count; n++) {
		post_send(&a);
		if (next_is_recv(&a))
			first++;
		next_is_recv(&a);
		post_recv(&a);
	}
	return first;
}

static void parse_addr(const char *text, union ibv_gid *gid)
{
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
	if (inet_pton(AF_INET6, text, gid) != 1 &&
	    inet_pton(AF_INET6, mapped, gid) != 1)
		die("bad address '%s'", text);
}

int main(int argc, char **argv)
{
	unsigned long first;
	pthread_t thread;

	if (argc != 6)
		die("usage: rxe_order DEV_A ADDR_A DEV_B ADDR_B COUNT");
	a.dev = argv[1];
	parse_addr(argv[2], &a.gid);
	b.dev = argv[3];
	parse_addr(argv[4], &b.gid);
	count = strtoul(argv[5], NULL, 10);
	open_end(&a);
	open_end(&b);
	connect_end(&a, &b);
	connect_end(&b, &a);
	if (pthread_create(&thread, NULL, answer, NULL))
		die("no thread");
	first = ask();
	pthread_join(thread, NULL);
	printf("answer first: %lu of %lu\n", first, count);
	return 0;
}
