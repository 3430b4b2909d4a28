// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Send WQEs as the requester and the completer see them.
 *
 * The send queue of a user QP is memory that a user process maps, and can
 * change at any time. So the requester takes a copy of each WQE when it first
 * reaches it, checks the copy once, and nobody looks at the original again: not
 * the requester, which may come back to the WQE, and not the completer. The
 * copies are in a ring with the same slots as the queue. What the kernel keeps
 * in a WQE (state, PSNs, position in the data) it keeps in the copy only.
 *
 * A kernel QP's WQEs were checked when they were posted. They are used in place.
 *
 * All of this belongs to the QP's send task, which runs at one place at a time.
 */

#include <linux/vmalloc.h>

#include "rxe.h"
#include "rxe_queue.h"

#define RXE_SEND_FLAGS	(IB_SEND_FENCE | IB_SEND_SIGNALED | \
			 IB_SEND_SOLICITED | IB_SEND_INLINE)

/**
 * rxe_sq_alloc_copies - make room for copies of a user QP's send WQEs
 * @qp: the QP, with its send queue
 *
 * vfree(@qp->sq.copies) when the QP goes away.
 *
 * Return: 0 or -ENOMEM.
 */
int rxe_sq_alloc_copies(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	size_t slots = (size_t)q->index_mask + 1;

	qp->sq.copies = __vmalloc(slots << q->log2_elem_size,
				  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return qp->sq.copies ? 0 : -ENOMEM;
}

/**
 * rxe_sq_wqe - a WQE that the requester has taken
 * @qp: the QP
 * @index: its index in the send queue
 *
 * Return: the copy for a user QP, the WQE in the queue for a kernel QP.
 */
struct rxe_send_wqe *rxe_sq_wqe(struct rxe_qp *qp, u32 index)
{
	struct rxe_queue *q = qp->sq.queue;

	if (!qp->sq.copies)
		return queue_addr_from_index(q, index);
	return qp->sq.copies + ((size_t)(index & q->index_mask) <<
				q->log2_elem_size);
}

/**
 * rxe_sq_head - the oldest WQE that is not completed
 * @qp: the QP
 *
 * Return: the WQE, or NULL if the requester has not taken it yet.
 */
struct rxe_send_wqe *rxe_sq_head(struct rxe_qp *qp)
{
	u32 cons = queue_get_consumer(qp->sq.queue, QUEUE_TYPE_FROM_CLIENT);

	return cons == qp->sq.taken ? NULL : rxe_sq_wqe(qp, cons);
}

/**
 * rxe_wqe_iova - the remote address that a WQE starts at
 * @wqe: the WQE, with its mask
 *
 * Return: the address, 0 if the operation has none.
 */
u64 rxe_wqe_iova(const struct rxe_send_wqe *wqe)
{
	if (wqe->mask & WR_ATOMIC_MASK)
		return wqe->wr.wr.atomic.remote_addr;
	if (wqe->mask & (WR_READ_OR_WRITE_MASK | WR_ATOMIC_WRITE_MASK))
		return wqe->wr.wr.rdma.remote_addr;
	if (wqe->mask & WR_FLUSH_MASK)
		return wqe->wr.wr.flush.remote_addr;
	return 0;
}

static enum ib_wc_status rxe_wqe_copy_inline(struct rxe_qp *qp,
					     struct rxe_send_wqe *wqe,
					     const struct rxe_send_wqe *from)
{
	if (!(wqe->mask & WR_INLINE_MASK))
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->dma.length > qp->sq.max_inline)
		return IB_WC_LOC_LEN_ERR;

	memcpy(wqe->dma.inline_data, from->dma.inline_data, wqe->dma.length);
	return IB_WC_SUCCESS;
}

/* The number of SGEs was checked; the sum cannot overflow. */
static enum ib_wc_status rxe_wqe_copy_sges(struct rxe_send_wqe *wqe,
					   const struct rxe_send_wqe *from)
{
	u64 length = 0;
	u32 i;

	memcpy(wqe->dma.sge, from->dma.sge,
	       wqe->dma.num_sge * sizeof(wqe->dma.sge[0]));
	barrier();
	for (i = 0; i < wqe->dma.num_sge; i++)
		length += wqe->dma.sge[i].length;

	return length == wqe->dma.length ? IB_WC_SUCCESS : IB_WC_LOC_QP_OP_ERR;
}

/* What follows the header depends on the operation. */
static enum ib_wc_status rxe_wqe_copy_data(struct rxe_qp *qp,
					   struct rxe_send_wqe *wqe,
					   const struct rxe_send_wqe *from)
{
	struct rxe_dma_info *dma = &wqe->dma;

	if (wqe->mask & WR_FLUSH_MASK) {
		dma->num_sge = 0;
		return IB_WC_SUCCESS;
	}
	if (wqe->mask & WR_ATOMIC_WRITE_MASK) {
		if (dma->length != sizeof(u64))
			return IB_WC_LOC_LEN_ERR;
		dma->num_sge = 0;
		memcpy(dma->atomic_wr, from->dma.atomic_wr, sizeof(u64));
		return IB_WC_SUCCESS;
	}
	if (wqe->wr.send_flags & IB_SEND_INLINE)
		return rxe_wqe_copy_inline(qp, wqe, from);
	/* where the old value goes to may be larger */
	if (wqe->mask & WR_ATOMIC_MASK && dma->length < sizeof(u64))
		return IB_WC_LOC_LEN_ERR;
	return rxe_wqe_copy_sges(wqe, from);
}

static enum ib_wc_status rxe_wqe_check(struct rxe_qp *qp,
				       struct rxe_send_wqe *wqe,
				       const struct rxe_send_wqe *from)
{
	/* an MR's address in the kernel is nothing for user space to say */
	if (!wqe->mask || wqe->wr.opcode == IB_WR_REG_MR)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->mask & WR_LOCAL_OP_MASK) {
		wqe->dma.length = 0;
		wqe->dma.num_sge = 0;
		return IB_WC_SUCCESS;
	}
	if (wqe->dma.num_sge > qp->sq.max_sge)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->dma.length > RXE_PORT_MAX_MSG_SZ)
		return IB_WC_LOC_LEN_ERR;
	return rxe_wqe_copy_data(qp, wqe, from);
}

/* All that is the kernel's to say, whatever is in the queue. */
static void rxe_wqe_init(struct rxe_qp *qp, struct rxe_send_wqe *wqe)
{
	wqe->wr.send_flags &= RXE_SEND_FLAGS;
	wqe->mask = wr_opcode_mask(wqe->wr.opcode, qp);
	wqe->iova = rxe_wqe_iova(wqe);
	wqe->state = wqe_state_posted;
	wqe->first_psn = 0;
	wqe->last_psn = 0;
	wqe->has_rd_atomic = 0;
	wqe->dma.cur_sge = 0;
	wqe->dma.sge_offset = 0;
}

static void rxe_wqe_copy(struct rxe_qp *qp, struct rxe_send_wqe *wqe,
			 const struct rxe_send_wqe *from)
{
	memcpy(wqe, from, sizeof(*wqe));
	/* from here on the compiler may not read the original instead */
	barrier();
	rxe_wqe_init(qp, wqe);
	wqe->status = rxe_wqe_check(qp, wqe, from);
	wqe->dma.resid = wqe->dma.length;
}

/**
 * rxe_sq_take - the requester's next WQE
 * @qp: the QP
 *
 * Copies it if it is a user QP's and this is the first time. A WQE that is not
 * valid has a status other than IB_WC_SUCCESS.
 *
 * Return: the WQE, or NULL if there is none.
 */
struct rxe_send_wqe *rxe_sq_take(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	u32 index = qp->req.wqe_index;
	u32 next = queue_next_index(q, index);
	struct rxe_send_wqe *wqe;

	wqe = rxe_sq_wqe(qp, index);
	/* a retry is on its way through those that were taken */
	if (index != qp->sq.taken)
		return wqe;
	/* A full queue has a free slot. A producer that goes on nevertheless
	 * waits until something is completed.
	 */
	if (index == queue_get_producer(q, QUEUE_TYPE_FROM_CLIENT) ||
	    next == queue_get_consumer(q, QUEUE_TYPE_FROM_CLIENT))
		return NULL;

	if (qp->sq.copies) {
		rxe_wqe_copy(qp, wqe, queue_addr_from_index(q, index));
	} else {
		wqe->mask = wr_opcode_mask(wqe->wr.opcode, qp);
		wqe->status = IB_WC_SUCCESS;
	}
	qp->sq.taken = next;
	return wqe;
}

/**
 * rxe_sq_count - how many WQEs are not completed
 * @qp: the QP
 *
 * Return: the number of those that are posted now, and of those that are taken
 * if a producer goes back behind these.
 */
u32 rxe_sq_count(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	u32 cons = queue_get_consumer(q, QUEUE_TYPE_FROM_CLIENT);

	return max(queue_count(q, QUEUE_TYPE_FROM_CLIENT),
		   (qp->sq.taken - cons) & q->index_mask);
}

/**
 * rxe_sq_skip - drop the oldest WQE
 * @qp: the QP, which is being flushed
 */
void rxe_sq_skip(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	bool taken = rxe_sq_head(qp);

	queue_advance_consumer(q, QUEUE_TYPE_FROM_CLIENT);
	if (!taken)
		qp->sq.taken = queue_get_consumer(q, QUEUE_TYPE_FROM_CLIENT);
}
