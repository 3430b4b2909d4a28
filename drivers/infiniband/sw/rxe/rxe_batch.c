// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Packets that arrive together are handed to the task of a QP together: one
 * lock and one wake-up for all of them, at both ends of the queue.
 */

#include "rxe.h"

/**
 * rxe_batch_init - begin to collect packets
 * @batch: the batch, on the caller's stack
 */
void rxe_batch_init(struct rxe_batch *batch)
{
	batch->qp = NULL;
	__skb_queue_head_init(&batch->skbs);
}

/**
 * rxe_batch_add - collect a packet
 * @batch: the batch
 * @pkt: the packet, checked, with its reference of the QP
 * @skb: its buffer
 *
 * Those for another QP, or of the other direction, are queued before.
 *
 * Context: softirq.
 */
void rxe_batch_add(struct rxe_batch *batch, struct rxe_pkt_info *pkt,
		   struct sk_buff *skb)
{
	bool req = pkt->mask & RXE_REQ_MASK;

	if (batch->qp && (batch->qp != pkt->qp || batch->req != req))
		rxe_batch_end(batch);
	batch->qp = pkt->qp;
	batch->req = req;
	__skb_queue_tail(&batch->skbs, skb);
}

/**
 * rxe_batch_end - queue the packets that were collected
 * @batch: the batch, which is empty then
 *
 * Context: softirq.
 */
void rxe_batch_end(struct rxe_batch *batch)
{
	struct rxe_qp *qp = batch->qp;
	struct sk_buff_head *queue;
	unsigned long flags;
	unsigned int n;

	if (!qp)
		return;
	batch->qp = NULL;
	n = skb_queue_len(&batch->skbs);
	if (!batch->req)
		rxe_counter_add(to_rdev(qp->ibqp.device), RXE_CNT_SENDER_SCHED,
				n);

	/* once queued, the packets and their references are the task's */
	rxe_get(qp);
	queue = batch->req ? &qp->req_pkts : &qp->resp_pkts;
	spin_lock_irqsave(&queue->lock, flags);
	skb_queue_splice_tail_init(&batch->skbs, queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	rxe_run_batch(qp, batch->req, n);
	rxe_put(qp);
}

/**
 * rxe_batch_take - take all packets that are queued for a task
 * @own: the task's own packets: there are none
 * @queue: where others put packets for it
 *
 * Context: any; the caller runs the task.
 * Return: the first of them, or NULL.
 */
struct sk_buff *rxe_batch_take(struct sk_buff_head *own,
			       struct sk_buff_head *queue)
{
	unsigned long flags;

	/* what comes after this look has the task run again */
	if (skb_queue_empty_lockless(queue))
		return NULL;

	spin_lock_irqsave(&queue->lock, flags);
	skb_queue_splice_tail_init(queue, own);
	spin_unlock_irqrestore(&queue->lock, flags);
	return skb_peek(own);
}
