/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Packets whose payload is in device memory.
 */

#ifndef RXE_DEVMEM_H
#define RXE_DEVMEM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>

/**
 * struct rxe_devmem - packets of a device that wait for their payload
 * @work: fetches it
 * @skbs: the packets, in the order in which they came
 * @pending: how many there are, with the one that @work has in its hands
 * @bufs: the memory that is mapped for it; @work's alone
 */
struct rxe_devmem {
	struct delayed_work	work;
	struct sk_buff_head	skbs;
	atomic_t		pending;
	struct list_head	bufs;
};

#ifdef CONFIG_RDMA_RXE_DEVMEM
void rxe_devmem_init(struct rxe_devmem *devmem);
void rxe_devmem_exit(struct rxe_devmem *devmem);
void rxe_devmem_queue(struct rxe_devmem *devmem, struct sk_buff *skb);

/**
 * rxe_devmem_defer - have a packet wait for its payload, if it has to
 * @devmem: of the device, which the packet references
 * @skb: the packet, data at the BTH, packet info filled in
 *
 * A packet that can be read waits as well while others do, so that none
 * overtakes another of its QP.
 *
 * Context: softirq.
 * Return: true if it waits, and is not the caller's any more.
 */
static inline bool rxe_devmem_defer(struct rxe_devmem *devmem,
				    struct sk_buff *skb)
{
	if (likely(skb_frags_readable(skb) && !atomic_read(&devmem->pending)))
		return false;

	rxe_devmem_queue(devmem, skb);
	return true;
}
#else
static inline void rxe_devmem_init(struct rxe_devmem *devmem) {}
static inline void rxe_devmem_exit(struct rxe_devmem *devmem) {}

static inline bool rxe_devmem_defer(struct rxe_devmem *devmem,
				    struct sk_buff *skb)
{
	return false;
}
#endif

/**
 * rxe_devmem_linearize - as skb_linearize(), for a packet that can be
 * @skb: the packet
 *
 * What is in device memory stays there for now: rxe_devmem_defer().
 *
 * Return: 0, or -ENOMEM, also for what will never be readable here.
 */
static inline int rxe_devmem_linearize(struct sk_buff *skb)
{
	if (IS_ENABLED(CONFIG_RDMA_RXE_DEVMEM) && !skb_frags_readable(skb))
		return 0;
	return skb_linearize(skb);
}

#endif /* RXE_DEVMEM_H */
