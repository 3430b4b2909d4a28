// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs: all types, legal and illegal transitions, multicast.
 */
#include <arpa/inet.h>
#include <rdma/ib_user_verbs.h>
#include <infiniband/verbs.h>
#include "rxe_fuzz_verbs.h"

#define QKEY	0x11223344

struct create_qp_resp {
	struct ib_uverbs_create_qp_resp base;
	struct rxe_create_qp_resp rxe;
};

static uint8_t random_type(struct rng *r)
{
	unsigned int n = rng_below(r, 10);

	if (n >= 8 && options & OPT_UD)
		return IBV_QPT_UD;
	if (n >= 6 && options & OPT_UC)
		return IBV_QPT_UC;
	return IBV_QPT_RC;
}

static void fill_create(struct rng *r, struct ib_uverbs_create_qp *cmd,
			struct obj *pd)
{
	struct obj *scq = pick_of(r, CQ, pd->ctx);
	struct obj *rcq = pick_of(r, CQ, pd->ctx);
	struct obj *srq = pick_of(r, SRQ, pd->ctx);

	cmd->pd_handle = pd->handle;
	cmd->send_cq_handle = scq ? scq->handle : 0;
	cmd->recv_cq_handle = rcq ? rcq->handle : 0;
	cmd->is_srq = srq && one_of(r, 3);
	cmd->srq_handle = srq ? srq->handle : 0;
	cmd->max_send_wr = 1 + rng_below(r, 200);
	cmd->max_recv_wr = 1 + rng_below(r, 200);
	cmd->max_send_sge = 1 + rng_below(r, 8);
	cmd->max_recv_sge = 1 + rng_below(r, 8);
	cmd->max_inline_data = one_of(r, 2) ? rng_below(r, 400) : 0;
	cmd->sq_sig_all = one_of(r, 2);
	cmd->qp_type = random_type(r);
	if (!(options & OPT_HOSTILE_CMD) || !one_of(r, 16))
		return;
	switch (rng_below(r, 5)) {
	case 0:
		cmd->max_send_sge = odd_u32(r);
		break;
	case 1:
		cmd->max_inline_data = odd_u32(r);
		break;
	case 2:
		cmd->max_recv_wr = -1u - rng_below(r, 16);
		break;
	case 3:
		cmd->qp_type = rng_next(r);
		break;
	default:
		cmd->send_cq_handle = odd_u32(r);
	}
}

/* Let other processes find it. */
static void publish(struct rng *r, struct obj *qp)
{
	struct obj *mr = pick_mr(r, qp);
	struct peer *p;

	qp->peer = rng_below(r, NR_PEERS);
	p = &shared->peers[qp->peer];
	p->dev = qp->dev;
	p->type = qp->type;
	p->wants = 0;
	p->rkey = mr ? mr->rkey : 0;
	p->addr = mr ? mr->addr : 0;
	p->len = mr ? mr->len : 0;
	p->qpn = qp->num;
}

void act_create_qp(struct rng *r)
{
	struct obj *pd = pick(r, PD), *qp;
	struct ib_uverbs_create_qp cmd = {};
	struct create_qp_resp resp = {};
	int err;

	qp = pd ? new_obj(r, QP, pd) : NULL;
	if (!qp)
		return;
	fill_create(r, &cmd, pd);
	err = uverbs_cmd(fd_of(qp), IB_USER_VERBS_CMD_CREATE_QP, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	qp->handle = resp.base.qp_handle;
	qp->num = resp.base.qpn;
	qp->type = cmd.qp_type;
	qp->state = IBV_QPS_RESET;
	qp->pd = pd->handle;
	qp->max_sge[0] = resp.base.max_send_sge;
	qp->max_sge[1] = resp.base.max_recv_sge;
	qp->mate = NULL;
	if (!err) {
		map_queue(qp, 0, &resp.rxe.sq_mi);
		map_queue(qp, 1, &resp.rxe.rq_mi);
		publish(r, qp);
	}
	done_obj(qp, err, STAT_QPS);
}

static int modify(struct obj *qp, struct ib_uverbs_modify_qp *cmd)
{
	int err;

	cmd->qp_handle = qp->handle;
	err = uverbs_cmd(fd_of(qp), IB_USER_VERBS_CMD_MODIFY_QP, cmd,
			 sizeof(*cmd), NULL, 0);
	if (!err && cmd->attr_mask & IBV_QP_STATE)
		qp->state = cmd->qp_state;
	return err;
}

static void fill_init(struct rng *r, struct obj *qp,
		      struct ib_uverbs_modify_qp *cmd)
{
	cmd->qp_state = IBV_QPS_INIT;
	cmd->port_num = 1;
	cmd->qkey = QKEY;
	cmd->qp_access_flags = one_of(r, 8) ? rng_below(r, 16) :
		IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
		IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_LOCAL_WRITE;
	cmd->attr_mask = IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
		(qp->type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS);
}

static void fill_rtr(struct rng *r, struct obj *qp, uint32_t qpn,
		     struct ib_uverbs_modify_qp *cmd)
{
	cmd->qp_state = IBV_QPS_RTR;
	cmd->path_mtu = 1 + rng_below(r, 5);
	cmd->dest_qp_num = qpn;
	cmd->max_dest_rd_atomic = 1 + rng_below(r, 16);
	cmd->min_rnr_timer = 1 + rng_below(r, 10);
	cmd->dest.is_global = 1;
	cmd->dest.port_num = 1;
	cmd->dest.hop_limit = 64;
	fill_route(r, qp->dev, NULL, cmd->dest.dgid, &cmd->dest.sgid_index);
	cmd->attr_mask = IBV_QP_STATE;
	if (qp->type != IBV_QPT_UD)
		cmd->attr_mask |= IBV_QP_AV | IBV_QP_PATH_MTU |
				  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	if (qp->type == IBV_QPT_RC)
		cmd->attr_mask |= IBV_QP_MAX_DEST_RD_ATOMIC |
				  IBV_QP_MIN_RNR_TIMER;
}

/* A short timeout, a few retries: what does not arrive soon is an error. */
static void fill_rts(struct rng *r, struct obj *qp,
		     struct ib_uverbs_modify_qp *cmd)
{
	cmd->qp_state = IBV_QPS_RTS;
	cmd->timeout = 8 + rng_below(r, 9);
	cmd->retry_cnt = rng_below(r, 8);
	cmd->rnr_retry = rng_below(r, 8);
	cmd->max_rd_atomic = 1 + rng_below(r, 16);
	cmd->attr_mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
	if (qp->type == IBV_QPT_RC)
		cmd->attr_mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
			IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
}

/* All the way to RTS. */
static int connect_to(struct rng *r, struct obj *qp, uint32_t qpn)
{
	struct ib_uverbs_modify_qp cmd = {};
	int err;

	if (qp->state != IBV_QPS_RESET) {
		cmd.attr_mask = IBV_QP_STATE;
		cmd.qp_state = IBV_QPS_RESET;
		modify(qp, &cmd);
	}
	fill_init(r, qp, &cmd);
	err = modify(qp, &cmd);
	if (!err) {
		fill_rtr(r, qp, qpn, &cmd);
		err = modify(qp, &cmd);
	}
	if (!err) {
		fill_rts(r, qp, &cmd);
		err = modify(qp, &cmd);
	}
	if (!err)
		count(STAT_CONNECTS);
	return err;
}

/* To any QP of the run at the other end; who is connected to, answers. */
void act_connect(struct rng *r)
{
	struct obj *qp = pick(r, QP);
	unsigned int first, i;
	struct peer *p;

	if (!qp)
		return;
	p = &shared->peers[qp->peer];
	if (p->wants && one_of(r, 2)) {
		connect_to(r, qp, p->wants);
		return;
	}
	first = rng_below(r, NR_PEERS);
	for (i = 0; i < NR_PEERS; i++) {
		p = &shared->peers[(first + i) % NR_PEERS];
		if (p->qpn && p->dev != qp->dev && p->type == qp->type)
			break;
	}
	if (i < NR_PEERS && !connect_to(r, qp, p->qpn))
		p->wants = qp->num;
}

/* Two QPs of this worker: data does arrive. */
void act_connect_pair(struct rng *r)
{
	struct obj *qp = pick(r, QP), *other;
	int n;

	for (n = 0; qp && n < 8; n++) {
		other = pick(r, QP);
		if (!other || other->dev == qp->dev || other->type != qp->type)
			continue;
		shared->peers[qp->peer].wants = other->num;
		shared->peers[other->peer].wants = qp->num;
		qp->mate = other;
		other->mate = qp;
		if (!connect_to(r, qp, other->num))
			connect_to(r, other, qp->num);
		return;
	}
}

/* Any state, any attributes. */
void act_modify_illegal(struct rng *r)
{
	struct ib_uverbs_modify_qp cmd = {};
	struct obj *qp = pick(r, QP);

	if (!qp)
		return;
	fill_init(r, qp, &cmd);
	fill_rtr(r, qp, odd_u32(r), &cmd);
	fill_rts(r, qp, &cmd);
	cmd.qp_state = rng_below(r, 8);
	cmd.cur_qp_state = rng_below(r, 8);
	switch (rng_below(r, 4)) {
	case 0:
		cmd.attr_mask = rng_next(r);
		break;
	case 1:
		cmd.attr_mask ^= 1u << rng_below(r, 26);
		break;
	case 2:
		cmd.timeout = rng_next(r);
		cmd.min_rnr_timer = rng_next(r);
		cmd.max_rd_atomic = rng_next(r);
		cmd.max_dest_rd_atomic = rng_next(r);
		cmd.attr_mask |= IBV_QP_MAX_DEST_RD_ATOMIC;
		break;
	default:
		cmd.path_mtu = rng_next(r);
		cmd.sq_psn = odd_u32(r);
		cmd.rq_psn = odd_u32(r);
		cmd.attr_mask |= IBV_QP_RQ_PSN | IBV_QP_PATH_MTU;
	}
	modify(qp, &cmd);
}

/* Drain, fail, or begin again: legal at any time. */
void act_modify_end(struct rng *r)
{
	static const uint8_t to[] = {
		IBV_QPS_SQD, IBV_QPS_RTS, IBV_QPS_ERR, IBV_QPS_RESET,
	};
	struct ib_uverbs_modify_qp cmd = { .attr_mask = IBV_QP_STATE };
	struct obj *qp = pick(r, QP);

	if (!qp)
		return;
	cmd.qp_state = to[rng_below(r, ARRAY_SIZE(to))];
	modify(qp, &cmd);
}

void act_mcast(struct rng *r)
{
	struct ib_uverbs_attach_mcast cmd = {};
	struct obj *qp = pick(r, QP);
	struct in6_addr group;
	char text[40];
	int n;

	/* UD's own, except for one that tries */
	for (n = 0; n < 8 && qp && qp->type != IBV_QPT_UD; n++)
		qp = pick(r, QP);
	if (!qp)
		return;
	snprintf(text, sizeof(text), one_of(r, 2) ? "::ffff:239.9.9.%u" :
		 "ff1e::%u", 1 + rng_below(r, 4));
	inet_pton(AF_INET6, text, &group);
	if (options & OPT_HOSTILE_CMD && one_of(r, 8))
		random_gid(r, &group);
	memcpy(cmd.gid, &group, sizeof(group));
	cmd.qp_handle = qp->handle;
	if (!uverbs_cmd(fd_of(qp), one_of(r, 2) ?
			IB_USER_VERBS_CMD_ATTACH_MCAST :
			IB_USER_VERBS_CMD_DETACH_MCAST, &cmd, sizeof(cmd),
			NULL, 0))
		count(STAT_MCAST);
}
