/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Packets that arrive together are handed to the task of a QP together.
 */

#ifndef RXE_BATCH_H
#define RXE_BATCH_H

#include <linux/skbuff.h>

struct rxe_pkt_info;
struct rxe_qp;

/**
 * struct rxe_batch - packets that were checked, and are not queued yet
 * @qp: the QP that all are for; NULL: there are none
 * @req: they are requests, otherwise responses
 * @skbs: the packets, in the order in which they came
 */
struct rxe_batch {
	struct rxe_qp		*qp;
	bool			req;
	struct sk_buff_head	skbs;
};

/* rxe_recv.c */
void rxe_rcv_batched(struct sk_buff *skb, struct rxe_batch *batch);

void rxe_batch_init(struct rxe_batch *batch);
void rxe_batch_add(struct rxe_batch *batch, struct rxe_pkt_info *pkt,
		   struct sk_buff *skb);
void rxe_batch_end(struct rxe_batch *batch);

struct sk_buff *rxe_batch_take(struct sk_buff_head *own,
			       struct sk_buff_head *queue);

/**
 * rxe_batch_peek - the next packet of a task
 * @own: the task's own packets, which nobody else accesses
 * @queue: where others put packets for it
 *
 * Takes all packets from @queue if @own is empty.
 *
 * Context: any; the caller runs the task.
 * Return: the packet, still in @own, or NULL.
 */
static inline struct sk_buff *rxe_batch_peek(struct sk_buff_head *own,
					     struct sk_buff_head *queue)
{
	struct sk_buff *skb = skb_peek(own);

	return skb ?: rxe_batch_take(own, queue);
}

/**
 * rxe_batch_dequeue - the next packet of a task, which is the caller's then
 * @own: as for rxe_batch_peek()
 * @queue: as for rxe_batch_peek()
 *
 * Context: any; the caller runs the task.
 * Return: the packet or NULL.
 */
static inline struct sk_buff *rxe_batch_dequeue(struct sk_buff_head *own,
						struct sk_buff_head *queue)
{
	struct sk_buff *skb = rxe_batch_peek(own, queue);

	if (skb)
		__skb_unlink(skb, own);
	return skb;
}

#endif /* RXE_BATCH_H */
