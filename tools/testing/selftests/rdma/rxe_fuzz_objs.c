// SPDX-License-Identifier: GPL-2.0
/*
 * The table of objects of a worker, and all objects but QPs and MRs.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <rdma/ib_user_verbs.h>
#include "rxe_fuzz_verbs.h"

#define MAX_OBJS	16

static const unsigned int nr_objs[NR_KINDS] = {
	[CTX] = 4, [PD] = 6, [CQ] = 10, [SRQ] = 4, [QP] = 16, [MR] = 16,
	[MW] = 8, [AH] = 8,
};

static const unsigned int queues_of[NR_KINDS] = {
	[CQ] = 1, [SRQ] = 1, [QP] = 2,
};

static struct obj objs[NR_KINDS][MAX_OBJS];
static struct queue queues[NR_QUEUES];

/* ---- the table ---- */

static uint8_t *get_room(size_t size)
{
	void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		       MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die_errno("cannot reserve memory");
	return p;
}

void objs_init(void)
{
	uint8_t *room = get_room((size_t)NR_QUEUES * QUEUE_MAX);
	unsigned int kind, i, n, next = 0;

	for (n = 0; n < NR_QUEUES; n++)
		queues[n].base = room + (size_t)n * QUEUE_MAX;
	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < nr_objs[kind]; i++)
			for (n = 0; n < queues_of[kind]; n++)
				objs[kind][i].q[n] = &queues[next++];
}

/* Any live object of a kind, or NULL. */
struct obj *pick(struct rng *r, enum obj_kind kind)
{
	return pick_of(r, kind, -1);
}

/* The same, of one context. */
struct obj *pick_of(struct rng *r, enum obj_kind kind, int ctx)
{
	unsigned int nr = nr_objs[kind], first = rng_below(r, nr), i;
	struct obj *obj;

	for (i = 0; i < nr; i++) {
		obj = &objs[kind][(first + i) % nr];
		if (obj->live && (ctx < 0 || obj->ctx == ctx))
			return obj;
	}
	return NULL;
}

/* An MR that @qp may use, most of the time. */
struct obj *pick_mr(struct rng *r, const struct obj *qp)
{
	struct obj *mr = NULL;
	int n;

	for (n = 0; n < 8; n++) {
		mr = pick_of(r, MR, qp->ctx);
		if (!mr || mr->pd == qp->pd || one_of(r, 16))
			break;
	}
	return mr;
}

/* A place for a new object, in the context of @owner; NULL if all are taken. */
struct obj *new_obj(struct rng *r, enum obj_kind kind, struct obj *owner)
{
	unsigned int nr = nr_objs[kind], first = rng_below(r, nr), i;
	struct obj *obj;

	for (i = 0; i < nr; i++) {
		obj = &objs[kind][(first + i) % nr];
		if (obj->live)
			continue;
		obj->ctx = owner ? owner->ctx : obj - objs[CTX];
		obj->dev = owner ? owner->dev : rng_below(r, NR_DEVS);
		return obj;
	}
	return NULL;
}

void done_obj(struct obj *obj, int err, enum fuzz_stat s)
{
	if (err)
		return;
	count(s);
	obj->live = true;
}

/* the fd of its context */
int fd_of(const struct obj *obj)
{
	return objs[CTX][obj->ctx].fd;
}

struct queue *pick_queue(struct rng *r)
{
	unsigned int first = rng_below(r, NR_QUEUES), i;
	struct queue *q;

	for (i = 0; i < NR_QUEUES; i++) {
		q = &queues[(first + i) % NR_QUEUES];
		if (q->len)
			return q;
	}
	return NULL;
}

/* ---- queues ---- */

static void read_geometry(struct queue *q)
{
	struct rxe_queue_buf *buf = (struct rxe_queue_buf *)q->base;

	q->elem = 0;
	q->mask = 0;
	if_mapped({
		q->elem = 1u << (buf->log2_elem_size & 15);
		q->mask = buf->index_mask;
	});
	/* a queue of another device by the same address would be one */
	if (sizeof(*buf) + (q->mask + 1ull) * q->elem > q->len)
		q->len = 0;
}

void map_queue(struct obj *obj, int n, const struct mminfo *mi)
{
	struct queue *q = obj->q[n];

	if (!mi->size || mi->size > QUEUE_MAX)
		return;
	if (mmap(q->base, mi->size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd_of(obj), mi->offset) == MAP_FAILED)
		return;
	q->len = mi->size;
	read_geometry(q);
}

void unmap_queue(struct queue *q)
{
	q->len = 0;
	if (mmap(q->base, QUEUE_MAX, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		 MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		die_errno("cannot unmap a queue");
}

/* ---- contexts ---- */

void act_open(struct rng *r)
{
	struct ib_uverbs_get_context cmd = {};
	struct ib_uverbs_get_context_resp resp = {};
	struct obj *ctx = new_obj(r, CTX, NULL);
	int err;

	if (!ctx)
		return;
	ctx->fd = uverbs_open(devs[ctx->dev].name);
	if (ctx->fd < 0) {
		usleep(5000);	/* a link that is deleted just now */
		return;
	}
	err = uverbs_cmd(ctx->fd, IB_USER_VERBS_CMD_GET_CONTEXT, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	ctx->num = resp.async_fd;
	if (err)
		close(ctx->fd);
	else
		fcntl(ctx->num, F_SETFL, O_NONBLOCK);
	done_obj(ctx, err, STAT_CONTEXTS);
}

/* Let the kernel destroy what is in it. */
void act_close(struct rng *r)
{
	struct obj *ctx = pick(r, CTX);
	unsigned int kind, i, n;
	struct obj *obj;

	if (!ctx)
		return;
	ctx->live = false;
	close(ctx->fd);
	close(ctx->num);
	for (kind = PD; kind < NR_KINDS; kind++) {
		for (i = 0; i < nr_objs[kind]; i++) {
			obj = &objs[kind][i];
			if (!obj->live || obj->ctx != ctx->ctx)
				continue;
			obj->live = false;
			for (n = 0; n < queues_of[kind] && one_of(r, 2); n++)
				unmap_queue(obj->q[n]);
		}
	}
}

/* ---- PDs, CQs, SRQs, AHs, MWs ---- */

void act_create_pd(struct rng *r)
{
	struct ib_uverbs_alloc_pd cmd = {};
	struct ib_uverbs_alloc_pd_resp resp = {};
	struct obj *ctx = pick(r, CTX), *pd;
	int err;

	pd = ctx ? new_obj(r, PD, ctx) : NULL;
	if (!pd)
		return;
	err = uverbs_cmd(ctx->fd, IB_USER_VERBS_CMD_ALLOC_PD, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	pd->handle = resp.pd_handle;
	done_obj(pd, err, STAT_PDS);
}

/* A size that is odd now and then, but none that eats all memory. */
static uint32_t some_size(struct rng *r, uint32_t limit)
{
	uint32_t n;

	if (!(options & OPT_HOSTILE_CMD) || !one_of(r, 16))
		return 1 + rng_below(r, limit);
	n = odd_u32(r);
	return n > 0x2000 && n < 0x8000000 ? limit : n;
}

static int new_channel(struct rng *r, int fd)
{
	struct ib_uverbs_create_comp_channel cmd = {};
	struct ib_uverbs_create_comp_channel_resp resp = {};

	if (!one_of(r, 4) ||
	    uverbs_cmd(fd, IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL, &cmd,
		       sizeof(cmd), &resp, sizeof(resp)))
		return -1;
	return resp.fd;
}

void act_create_cq(struct rng *r)
{
	struct {
		struct ib_uverbs_create_cq_resp base;
		struct rxe_create_cq_resp rxe;
	} resp = {};
	struct ib_uverbs_create_cq cmd = {};
	struct obj *ctx = pick(r, CTX), *cq;
	int err;

	cq = ctx ? new_obj(r, CQ, ctx) : NULL;
	if (!cq)
		return;
	cmd.cqe = some_size(r, 500);
	cmd.comp_channel = new_channel(r, ctx->fd);
	err = uverbs_cmd(ctx->fd, IB_USER_VERBS_CMD_CREATE_CQ, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	/* the CQ holds the channel */
	if (cmd.comp_channel >= 0)
		close(cmd.comp_channel);
	cq->handle = resp.base.cq_handle;
	if (!err)
		map_queue(cq, 0, &resp.rxe.mi);
	done_obj(cq, err, STAT_CQS);
}

void act_resize_cq(struct rng *r)
{
	struct {
		struct ib_uverbs_resize_cq_resp base;
		struct rxe_resize_cq_resp rxe;
	} resp = {};
	struct ib_uverbs_resize_cq cmd = {};
	struct obj *cq = pick(r, CQ);

	if (!cq)
		return;
	cmd.cq_handle = cq->handle;
	cmd.cqe = some_size(r, 900);
	if (!uverbs_cmd(fd_of(cq), IB_USER_VERBS_CMD_RESIZE_CQ, &cmd,
			sizeof(cmd), &resp, sizeof(resp)))
		map_queue(cq, 0, &resp.rxe.mi);
}

void act_notify_cq(struct rng *r)
{
	struct ib_uverbs_req_notify_cq cmd = {};
	struct obj *cq = pick(r, CQ);

	if (!cq)
		return;
	cmd.cq_handle = cq->handle;
	cmd.solicited_only = one_of(r, 2);
	uverbs_cmd(fd_of(cq), IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, &cmd,
		   sizeof(cmd), NULL, 0);
}

void act_create_srq(struct rng *r)
{
	struct {
		struct ib_uverbs_create_srq_resp base;
		struct rxe_create_srq_resp rxe;
	} resp = {};
	struct ib_uverbs_create_srq cmd = {};
	struct obj *pd = pick(r, PD), *srq;
	int err;

	srq = pd ? new_obj(r, SRQ, pd) : NULL;
	if (!srq)
		return;
	cmd.pd_handle = pd->handle;
	cmd.max_wr = some_size(r, 300);
	cmd.max_sge = some_size(r, 8);
	cmd.srq_limit = one_of(r, 4) ? some_size(r, 300) : 0;
	err = uverbs_cmd(fd_of(srq), IB_USER_VERBS_CMD_CREATE_SRQ, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	srq->handle = resp.base.srq_handle;
	srq->pd = pd->handle;
	srq->max_sge[1] = resp.base.max_sge;
	if (!err)
		map_queue(srq, 0, &resp.rxe.mi);
	done_obj(srq, err, STAT_SRQS);
}

/* A new size comes back by an address of ours. */
void act_modify_srq(struct rng *r)
{
	struct {
		struct ib_uverbs_modify_srq base;
		struct rxe_modify_srq_cmd rxe;
	} cmd = {};
	struct obj *srq = pick(r, SRQ);
	struct mminfo mi = {};
	int err;

	if (!srq)
		return;
	cmd.base.srq_handle = srq->handle;
	cmd.base.attr_mask = options & OPT_RESIZE ? rng_below(r, 4) : 2;
	cmd.base.max_wr = some_size(r, 300);
	cmd.base.srq_limit = some_size(r, 300);
	cmd.rxe.mmap_info_addr = (uintptr_t)&mi;
	if (options & OPT_HOSTILE_CMD && one_of(r, 16))
		cmd.rxe.mmap_info_addr = odd_u64(r);
	err = uverbs_cmd(fd_of(srq), IB_USER_VERBS_CMD_MODIFY_SRQ, &cmd,
			 sizeof(cmd), NULL, 0);
	if (!err && mi.size)
		map_queue(srq, 0, &mi);
}

void random_gid(struct rng *r, struct in6_addr *gid)
{
	unsigned int i;

	for (i = 0; i < sizeof(*gid); i++)
		gid->s6_addr[i] = rng_next(r);
}

/* Which entry of the table of GIDs has this address, or -1. */
static int find_gid(int dev, const struct in6_addr *addr)
{
	char path[200], want[40], is[64] = "";
	const uint8_t *a = addr->s6_addr;
	FILE *f;
	int i;

	for (i = 0; i < 8; i++)
		sprintf(want + 5 * i, "%02x%02x%s", a[2 * i], a[2 * i + 1],
			i < 7 ? ":" : "");
	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path),
			 "/sys/class/infiniband/%s/ports/1/gids/%d",
			 devs[dev].name, i);
		f = fopen(path, "re");
		if (!f)
			return -1;
		if (fscanf(f, "%63s", is) != 1)
			is[0] = 0;
		fclose(f);
		if (!strcmp(is, want))
			return i;
	}
	return -1;
}

/* A way from a device to an address, to anywhere now and then. */
void fill_route(struct rng *r, int from, const struct in6_addr *to,
		void *dgid, uint8_t *sgid_index)
{
	struct dev *peer = &devs[!from];
	int n = rng_below(r, peer->nr_addrs), index;
	struct in6_addr gid = to ? *to : peer->addr[n];

	index = find_gid(from, &devs[from].addr[n]);
	if (options & OPT_HOSTILE_CMD && one_of(r, 16))
		random_gid(r, &gid);
	if (index < 0 || (options & OPT_HOSTILE_CMD && one_of(r, 16)))
		index = rng_below(r, 6);
	memcpy(dgid, &gid, sizeof(gid));
	*sgid_index = index;
}

void act_create_ah(struct rng *r)
{
	struct {
		struct ib_uverbs_create_ah_resp base;
		struct rxe_create_ah_resp rxe;
	} resp = {};
	struct ib_uverbs_create_ah cmd = {};
	struct obj *pd = pick(r, PD), *ah;
	int err;

	ah = pd ? new_obj(r, AH, pd) : NULL;
	if (!ah)
		return;
	cmd.pd_handle = pd->handle;
	cmd.attr.is_global = 1;
	cmd.attr.port_num = 1;
	cmd.attr.grh.hop_limit = 64;
	fill_route(r, ah->dev, NULL, cmd.attr.grh.dgid,
		   &cmd.attr.grh.sgid_index);
	err = uverbs_cmd(fd_of(ah), IB_USER_VERBS_CMD_CREATE_AH, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	ah->handle = resp.base.ah_handle;
	ah->num = resp.rxe.ah_num;
	done_obj(ah, err, STAT_AHS);
}

void act_create_mw(struct rng *r)
{
	struct ib_uverbs_alloc_mw cmd = {};
	struct ib_uverbs_alloc_mw_resp resp = {};
	struct obj *pd = pick(r, PD), *mw;
	int err;

	mw = pd ? new_obj(r, MW, pd) : NULL;
	if (!mw)
		return;
	cmd.pd_handle = pd->handle;
	cmd.mw_type = 1 + rng_below(r, 2);
	err = uverbs_cmd(fd_of(mw), IB_USER_VERBS_CMD_ALLOC_MW, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	mw->handle = resp.mw_handle;
	mw->type = cmd.mw_type;
	mw->rkey = resp.rkey;
	done_obj(mw, err, STAT_MWS);
}

/* ---- destruction and questions, of all kinds ---- */

static const struct {
	uint32_t command;
	bool answers;			/* with the number of its events */
} destroy[NR_KINDS] = {
	[PD] = { IB_USER_VERBS_CMD_DEALLOC_PD },
	[CQ] = { IB_USER_VERBS_CMD_DESTROY_CQ, true },
	[SRQ] = { IB_USER_VERBS_CMD_DESTROY_SRQ, true },
	[QP] = { IB_USER_VERBS_CMD_DESTROY_QP, true },
	[MR] = { IB_USER_VERBS_CMD_DEREG_MR },
	[MW] = { IB_USER_VERBS_CMD_DEALLOC_MW },
	[AH] = { IB_USER_VERBS_CMD_DESTROY_AH },
};

int destroy_obj(enum obj_kind kind, struct obj *obj)
{
	struct ib_uverbs_destroy_cq cmd = { .cq_handle = obj->handle };
	struct ib_uverbs_destroy_cq_resp resp;

	if (destroy[kind].answers)
		return uverbs_cmd(fd_of(obj), destroy[kind].command, &cmd,
				  sizeof(cmd), &resp, sizeof(resp));
	return uverbs_cmd(fd_of(obj), destroy[kind].command, &obj->handle,
			  sizeof(obj->handle), NULL, 0);
}

void act_destroy(struct rng *r)
{
	enum obj_kind kind = PD + rng_below(r, NR_KINDS - PD);
	struct obj wrong, *obj = pick(r, kind);
	unsigned int n;

	if (!obj)
		return;
	if (options & OPT_HOSTILE_CMD && one_of(r, 16)) {
		wrong = *obj;
		wrong.handle = one_of(r, 2) ? odd_u32(r) : obj->handle + 1;
		destroy_obj(PD + rng_below(r, NR_KINDS - PD), &wrong);
		return;
	}
	/* one that is in use stays */
	if (destroy_obj(kind, obj))
		return;
	obj->live = false;
	if (kind == MR && obj->fd > 0)
		close(obj->fd);
	for (n = 0; n < queues_of[kind]; n++)
		if (!one_of(r, 4))
			unmap_queue(obj->q[n]);
}

void act_query(struct rng *r)
{
	struct ib_uverbs_query_qp_resp qp_resp;
	struct ib_uverbs_query_qp qp_cmd = {};
	struct ib_uverbs_query_srq_resp srq_resp;
	struct ib_uverbs_query_srq srq_cmd = {};
	struct obj *obj;

	obj = pick(r, QP);
	if (obj) {
		qp_cmd.qp_handle = obj->handle;
		qp_cmd.attr_mask = rng_next(r);
		uverbs_cmd(fd_of(obj), IB_USER_VERBS_CMD_QUERY_QP, &qp_cmd,
			   sizeof(qp_cmd), &qp_resp, sizeof(qp_resp));
	}
	obj = pick(r, SRQ);
	if (obj) {
		srq_cmd.srq_handle = obj->handle;
		uverbs_cmd(fd_of(obj), IB_USER_VERBS_CMD_QUERY_SRQ, &srq_cmd,
			   sizeof(srq_cmd), &srq_resp, sizeof(srq_resp));
	}
}
