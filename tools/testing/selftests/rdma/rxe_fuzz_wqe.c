// SPDX-License-Identifier: GPL-2.0
/*
 * Work requests, good and hostile, written into the mapped queues, and what
 * else can be written there.
 */
#include <rdma/ib_user_verbs.h>
#include <infiniband/verbs.h>
#include "rxe_fuzz_verbs.h"

#define QKEY		0x11223344
#define MAX_WQE_SGE	8

static struct rxe_queue_buf *head(struct queue *q)
{
	return (struct rxe_queue_buf *)q->base;
}

static void *elem(struct queue *q, uint32_t index)
{
	return head(q)->data + (size_t)(index & q->mask) * q->elem;
}

/* ---- scatter/gather ---- */

static void fill_sge(struct rng *r, struct rxe_sge *sge, struct obj *mr,
		     uint32_t max)
{
	memset(sge, 0, sizeof(*sge));
	if (!mr || !mr->len)
		return;
	sge->length = mr->len < max ? mr->len : rng_below(r, max + 1);
	sge->addr = mr->addr + rng_below(r, mr->len - sge->length + 1);
	sge->lkey = mr->lkey;
}

/* As many as there is room for, and no more than the queue has been made for. */
static void fill_dma(struct rng *r, struct rxe_dma_info *dma, struct obj *of,
		     unsigned int max_sge, uint32_t max_len, uint32_t room)
{
	unsigned int n, max = room / sizeof(struct rxe_sge);

	if (max > max_sge)
		max = max_sge;
	if (max > MAX_WQE_SGE)
		max = MAX_WQE_SGE;
	dma->num_sge = rng_below(r, max + 1);
	dma->length = 0;
	for (n = 0; n < dma->num_sge; n++) {
		fill_sge(r, &dma->sge[n], pick_mr(r, of), max_len);
		dma->length += dma->sge[n].length;
	}
	dma->resid = dma->length;
}

/* ---- send queue ---- */

static const uint8_t rc_ops[] = {
	IB_UVERBS_WR_SEND, IB_UVERBS_WR_SEND_WITH_IMM, IB_UVERBS_WR_RDMA_WRITE,
	IB_UVERBS_WR_RDMA_WRITE_WITH_IMM, IB_UVERBS_WR_RDMA_READ,
	IB_UVERBS_WR_ATOMIC_CMP_AND_SWP, IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD,
	IB_UVERBS_WR_SEND_WITH_INV, IB_UVERBS_WR_FLUSH, IB_UVERBS_WR_ATOMIC_WRITE,
	IB_UVERBS_WR_LOCAL_INV, IB_UVERBS_WR_BIND_MW,
};

/* How many of them each type has; UD's are the first two. */
static unsigned int nr_ops(uint8_t type)
{
	if (type == IBV_QPT_UD)
		return 2;
	if (type == IBV_QPT_UC)
		return 4;
	return ARRAY_SIZE(rc_ops) - (options & OPT_MW ? 0 : 2);
}

static void fill_remote(struct rng *r, struct obj *qp, struct rxe_send_wr *wr,
			uint32_t length)
{
	struct peer mine, *p = &shared->peers[rng_below(r, NR_PEERS)];
	struct obj *mr = qp->mate && !one_of(r, 8) ? pick_mr(r, qp->mate) : NULL;
	uint64_t at;

	if (mr) {
		mine.addr = mr->addr;
		mine.len = mr->len;
		mine.rkey = mr->rkey;
		p = &mine;
	}
	at = p->addr + (p->len > length ? rng_below(r, p->len - length) : 0);
	switch (wr->opcode) {
	case IB_UVERBS_WR_ATOMIC_CMP_AND_SWP:
	case IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD:
		wr->wr.atomic.remote_addr = one_of(r, 8) ? at : at & ~7ull;
		wr->wr.atomic.rkey = p->rkey;
		wr->wr.atomic.compare_add = rng_below(r, 3);
		wr->wr.atomic.swap = rng_below(r, 3);
		break;
	case IB_UVERBS_WR_FLUSH:
		wr->wr.flush.remote_addr = at;
		wr->wr.flush.length = length;
		wr->wr.flush.rkey = p->rkey;
		wr->wr.flush.type = 1 + rng_below(r, 3);
		wr->wr.flush.level = rng_below(r, 2);
		break;
	default:
		wr->wr.rdma.remote_addr = wr->opcode == IB_UVERBS_WR_ATOMIC_WRITE ?
					  at & ~7ull : at;
		wr->wr.rdma.rkey = p->rkey;
	}
}

static void fill_ud(struct rng *r, struct obj *qp, struct rxe_send_wr *wr)
{
	struct obj *ah = pick_of(r, AH, qp->ctx);
	struct peer *p = &shared->peers[rng_below(r, NR_PEERS)];

	wr->wr.ud.remote_qpn = one_of(r, 8) ? 0xffffff : p->qpn;
	wr->wr.ud.remote_qkey = one_of(r, 8) ? odd_u32(r) : QKEY;
	wr->wr.ud.ah_num = ah ? ah->num : 0;
	if (ah && !one_of(r, 8))
		return;
	/* an old provider's: the address is in the request */
	wr->wr.ud.ah_num = 0;
	wr->wr.ud.av.port_num = 1;
	wr->wr.ud.av.network_type = 1 + rng_below(r, 2);
	wr->wr.ud.av.grh.hop_limit = 64;
	memcpy(wr->wr.ud.av.grh.dgid.raw, &devs[!qp->dev].addr[0], 16);
}

static void fill_mw(struct rng *r, struct obj *qp, struct rxe_send_wr *wr)
{
	struct obj *mw = pick_of(r, MW, qp->ctx);
	struct obj *mr = pick_of(r, MR, qp->ctx);

	if (wr->opcode == IB_UVERBS_WR_LOCAL_INV) {
		wr->ex.invalidate_rkey = mw && one_of(r, 2) ? mw->rkey :
					 mr ? mr->rkey : 0;
		return;
	}
	wr->wr.mw.mr_lkey = mr ? mr->lkey : 0;
	wr->wr.mw.addr = mr ? mr->addr : 0;
	wr->wr.mw.length = mr && !one_of(r, 8) ? mr->len : 0;
	wr->wr.mw.access = rng_below(r, 16) << 1;
	if (!mw)
		return;
	wr->wr.mw.mw_rkey = mw->rkey;
	wr->wr.mw.rkey = mw->type == 1 ? (mw->rkey & ~0xffu) |
			 ((mw->rkey + 1) & 0xff) : mw->rkey ^ rng_below(r, 256);
	mw->rkey = wr->wr.mw.rkey;
}

static void set_length(struct rxe_send_wqe *wqe, uint32_t length)
{
	wqe->dma.length = length;
	wqe->dma.resid = length;
}

static void fill_send(struct rng *r, struct obj *qp, struct rxe_send_wqe *wqe,
		      uint32_t room)
{
	memset(wqe, 0, sizeof(*wqe));
	wqe->wr.wr_id = rng_next(r);
	wqe->wr.opcode = rc_ops[rng_below(r, nr_ops(qp->type))];
	wqe->wr.send_flags = rng_below(r, 8);
	if (options & OPT_MW && wqe->wr.opcode == IB_UVERBS_WR_SEND_WITH_INV)
		wqe->wr.ex.invalidate_rkey = odd_u32(r);
	fill_dma(r, &wqe->dma, qp, qp->max_sge[0], one_of(r, 4) ? 70000 : 2000,
		 room);
	switch (wqe->wr.opcode) {
	case IB_UVERBS_WR_ATOMIC_CMP_AND_SWP:
	case IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD:
	case IB_UVERBS_WR_ATOMIC_WRITE:
		set_length(wqe, 8);
		break;
	case IB_UVERBS_WR_LOCAL_INV:
	case IB_UVERBS_WR_BIND_MW:
		fill_mw(r, qp, &wqe->wr);
		return;
	case IB_UVERBS_WR_FLUSH:
		set_length(wqe, 0);
		break;
	}
	if (qp->type == IBV_QPT_UD)
		fill_ud(r, qp, &wqe->wr);
	else
		fill_remote(r, qp, &wqe->wr, wqe->dma.length);
	if (wqe->wr.opcode == IB_UVERBS_WR_SEND && one_of(r, 4)) {
		wqe->wr.send_flags |= IBV_SEND_INLINE;
		set_length(wqe, rng_below(r, room + 1));
	}
	wqe->iova = wqe->wr.wr.rdma.remote_addr;
}

/* One lie or several. */
static void spoil(struct rng *r, struct rxe_send_wqe *wqe, uint32_t room)
{
	uint32_t *words = (uint32_t *)wqe;

	do {
		switch (rng_below(r, 12)) {
		case 0:
			wqe->wr.opcode = one_of(r, 2) ? rng_below(r, 24) :
					 odd_u32(r);
			break;
		case 1:
			wqe->dma.num_sge = odd_u32(r);
			break;
		case 2:
			wqe->dma.length = odd_u32(r);
			break;
		case 3:
			wqe->dma.resid = odd_u32(r);
			break;
		case 4:
			wqe->dma.cur_sge = odd_u32(r);
			wqe->dma.sge_offset = odd_u32(r);
			break;
		case 5:
			wqe->wr.send_flags = odd_u32(r);
			break;
		case 6:
			wqe->wr.wr.rdma.remote_addr = odd_u64(r);
			break;
		case 7:
			wqe->wr.wr.rdma.rkey = odd_u32(r);
			break;
		case 8:
			if (room >= sizeof(struct rxe_sge))
				wqe->dma.sge[0].length = odd_u32(r);
			break;
		case 9:
			if (room >= sizeof(struct rxe_sge))
				wqe->dma.sge[0].addr = odd_u64(r);
			break;
		case 10:
			wqe->state = odd_u32(r);
			wqe->status = odd_u32(r);
			break;
		default:
			words[rng_below(r, sizeof(*wqe) / 4)] = odd_u32(r);
		}
	} while (one_of(r, 2));
}

static void ring(struct obj *qp)
{
	struct ib_uverbs_post_send cmd = {
		.qp_handle = qp->handle,
		.wqe_size = sizeof(struct ib_uverbs_send_wr),
	};
	struct ib_uverbs_post_send_resp resp;

	uverbs_cmd(fd_of(qp), IB_USER_VERBS_CMD_POST_SEND, &cmd, sizeof(cmd),
		   &resp, sizeof(resp));
}

static void put_send(struct rng *r, struct obj *qp, struct queue *q,
		     bool hostile)
{
	uint32_t at = head(q)->producer_index;
	uint32_t room = q->elem - sizeof(struct rxe_send_wqe);
	struct rxe_send_wqe *wqe = elem(q, at);

	/* full: what is there is in use, a fair user stops here */
	if (((at + 1 - head(q)->consumer_index) & q->mask) == 0 && !hostile)
		return;
	fill_send(r, qp, wqe, room);
	if (hostile)
		spoil(r, wqe, room);
	__atomic_store_n(&head(q)->producer_index, (at + 1) & q->mask,
			 __ATOMIC_RELEASE);
	count(hostile ? STAT_HOSTILE_SENDS : STAT_SENDS);
}

/* One that is connected, as far as we know, most of the time. */
static struct obj *pick_sender(struct rng *r)
{
	struct obj *qp = NULL;
	int n;

	for (n = 0; n < 8; n++) {
		qp = pick(r, QP);
		if (!qp || qp->state == IBV_QPS_RTS || one_of(r, 16))
			break;
	}
	return qp;
}

static void post_sends(struct rng *r, bool hostile)
{
	struct obj *qp = pick_sender(r);
	struct queue *q = qp ? qp->q[0] : NULL;
	unsigned int n = 1 + rng_below(r, one_of(r, 4) ? 32 : 4);

	if (!q || !q->len || q->elem < sizeof(struct rxe_send_wqe))
		return;
	while (n--)
		if_mapped(put_send(r, qp, q, hostile));
	ring(qp);
}

void act_send(struct rng *r)
{
	post_sends(r, false);
}

void act_hostile_send(struct rng *r)
{
	post_sends(r, true);
}

/* The command with requests in it, of which RXE takes no notice. */
void act_doorbell(struct rng *r)
{
	struct {
		struct ib_uverbs_post_send base;
		struct ib_uverbs_send_wr wr[2];
		struct ib_uverbs_sge sge[2];
	} cmd = {};
	struct ib_uverbs_post_send_resp resp;
	struct obj *qp = pick(r, QP);

	if (!qp)
		return;
	cmd.base.qp_handle = qp->handle;
	cmd.base.wqe_size = sizeof(cmd.wr[0]);
	cmd.base.wr_count = rng_below(r, 3);
	cmd.base.sge_count = rng_below(r, 3);
	cmd.wr[0].num_sge = rng_below(r, 3);
	cmd.wr[0].opcode = one_of(r, 4) ? odd_u32(r) : rng_below(r, 16);
	cmd.wr[0].wr.ud.ah = odd_u32(r);
	if (options & OPT_HOSTILE_CMD && one_of(r, 8)) {
		cmd.base.wr_count = odd_u32(r);
		cmd.base.sge_count = odd_u32(r);
	}
	uverbs_cmd(fd_of(qp), IB_USER_VERBS_CMD_POST_SEND, &cmd, sizeof(cmd),
		   &resp, sizeof(resp));
}

/* ---- receive queues ---- */

static void put_recv(struct rng *r, struct obj *obj, struct queue *q)
{
	uint32_t at = head(q)->producer_index;
	uint32_t room = q->elem - sizeof(struct rxe_recv_wqe);
	struct rxe_recv_wqe *wqe = elem(q, at);

	if (((at + 1 - head(q)->consumer_index) & q->mask) == 0)
		return;
	memset(wqe, 0, sizeof(*wqe));
	wqe->wr_id = rng_next(r);
	fill_dma(r, &wqe->dma, obj, obj->max_sge[1], 70000, room);
	if (options & OPT_HOSTILE_WQE && one_of(r, 16))
		((uint32_t *)wqe)[rng_below(r, sizeof(*wqe) / 4)] = odd_u32(r);
	__atomic_store_n(&head(q)->producer_index, (at + 1) & q->mask,
			 __ATOMIC_RELEASE);
	count(STAT_RECVS);
}

static void put_recvs(struct rng *r, struct obj *obj, struct queue *q)
{
	unsigned int n = 1 + rng_below(r, 32);

	if (!q->len || q->elem < sizeof(struct rxe_recv_wqe))
		return;
	while (n--)
		if_mapped(put_recv(r, obj, q));
}

void act_recv(struct rng *r)
{
	bool srq = options & OPT_SRQ && one_of(r, 4);
	struct obj *obj = pick(r, srq ? SRQ : QP);

	if (obj)
		put_recvs(r, obj, obj->q[srq ? 0 : 1]);
}

/* ---- completion queues ---- */

static void take_cqes(struct queue *q)
{
	uint32_t at = head(q)->consumer_index & q->mask;
	uint32_t end = __atomic_load_n(&head(q)->producer_index,
				       __ATOMIC_ACQUIRE) & q->mask;
	struct ib_uverbs_wc *wc;

	for (; at != end; at = (at + 1) & q->mask) {
		wc = elem(q, at);
		count(STAT_CQES);
		if (wc->status == IBV_WC_SUCCESS)
			count(STAT_GOOD_CQES);
	}
	__atomic_store_n(&head(q)->consumer_index, end, __ATOMIC_RELEASE);
}

void act_poll(struct rng *r)
{
	struct obj *cq = pick(r, CQ);
	struct queue *q = cq ? cq->q[0] : NULL;

	if (q && q->len && q->elem >= sizeof(struct ib_uverbs_wc))
		if_mapped(take_cqes(q));
}

/* ---- anything, anywhere in a queue ---- */

void act_scribble(struct rng *r)
{
	struct queue *q = pick_queue(r);
	size_t len = q ? q->len : 0;
	unsigned int n = 1 + rng_below(r, 8);

	if (!len)
		return;
	count(STAT_SCRIBBLES);
	while (n--) {
		switch (rng_below(r, 4)) {
		case 0:
			if_mapped(head(q)->producer_index = odd_u32(r));
			break;
		case 1:
			if_mapped(head(q)->consumer_index = odd_u32(r));
			break;
		case 2:
			/* the geometry, which the kernel must not read back */
			if_mapped(((uint32_t *)q->base)[rng_below(r, 2)] =
				  odd_u32(r));
			break;
		default:
			if_mapped(((uint32_t *)q->base)[rng_below(r, len / 4)] =
				  odd_u32(r));
		}
	}
}
