// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Packets whose payload is in device memory.
 *
 * To a NIC's receive queue a dma-buf may be bound (netdev's bind-rx): then the
 * NIC puts headers into ordinary memory and payload into the dma-buf, where
 * the stack cannot read it. RXE has to: the ICRC covers each byte, and where a
 * byte goes is for RDMA to say, not for the NIC. So the payload is read from
 * the dma-buf, by its exporter's rules, which may mean to sleep. That is done
 * on a workqueue; then the packet goes on as any other.
 */

#include <linux/dma-buf.h>
#include <linux/jiffies.h>
#include <linux/skbuff_ref.h>
#include <linux/slab.h>
#include <net/netmem.h>

#include "rxe.h"
#include "rxe_dmabuf.h"

MODULE_IMPORT_NS("NETDEV_INTERNAL");

/* How many packets wait at most. A sender has 64 of a QP under way. */
#define RXE_DEVMEM_PENDING	4096

/* A mapping that was not used for so long is let go: what is bound to a queue
 * may be unbound without a word to us.
 */
#define RXE_DEVMEM_IDLE		HZ

/**
 * struct rxe_devmem_buf - a dma-buf that payload arrives in
 * @list: in &struct rxe_devmem
 * @dmabuf: which, for comparison; @buf has the reference
 * @buf: mapped as for an MR
 * @used: jiffies
 */
struct rxe_devmem_buf {
	struct list_head	list;
	struct dma_buf		*dmabuf;
	struct rxe_dmabuf	*buf;
	unsigned long		used;
};

static void rxe_devmem_put(struct rxe_devmem_buf *mem)
{
	list_del(&mem->list);
	rxe_dmabuf_put(mem->buf);
	kfree(mem);
}

static struct rxe_devmem_buf *rxe_devmem_map(struct rxe_dev *rxe,
					     struct dma_buf *dmabuf)
{
	struct rxe_devmem_buf *mem;
	struct rxe_dmabuf *buf;

	mem = kzalloc_obj(*mem);
	if (!mem)
		return ERR_PTR(-ENOMEM);

	buf = rxe_dmabuf_import(rxe, dmabuf, 0);
	if (IS_ERR(buf)) {
		kfree(mem);
		return ERR_CAST(buf);
	}
	mem->dmabuf = dmabuf;
	mem->buf = buf;
	list_add(&mem->list, &rxe->layer.devmem.bufs);
	return mem;
}

static struct rxe_devmem_buf *rxe_devmem_get(struct rxe_dev *rxe,
					     struct dma_buf *dmabuf)
{
	struct rxe_devmem_buf *mem;

	list_for_each_entry(mem, &rxe->layer.devmem.bufs, list)
		if (mem->dmabuf == dmabuf)
			return mem;
	return rxe_devmem_map(rxe, dmabuf);
}

/* The packet holds the net_iov, that its binding, and that the dma-buf. */
static int rxe_devmem_read(struct rxe_dev *rxe, const skb_frag_t *frag,
			   void *to)
{
	netmem_ref netmem = skb_frag_netmem(frag);
	struct rxe_devmem_buf *mem;
	struct dma_buf *dmabuf;
	unsigned long pos;
	int err;

	if (!netmem_is_net_iov(netmem)) {
		memcpy(to, skb_frag_address(frag), skb_frag_size(frag));
		return 0;
	}

	dmabuf = net_devmem_iov_dmabuf(netmem_to_net_iov(netmem), &pos);
	if (!dmabuf)
		return -EOPNOTSUPP;
	mem = rxe_devmem_get(rxe, dmabuf);
	if (IS_ERR(mem))
		return PTR_ERR(mem);

	err = rxe_dmabuf_read(mem->buf, pos + skb_frag_off(frag), to,
			      skb_frag_size(frag));
	if (err) {
		rxe_devmem_put(mem);
		return err;
	}
	mem->used = jiffies;
	return 0;
}

/* What skb_linearize() would do, could it read. */
static int rxe_devmem_fetch(struct rxe_dev *rxe, struct sk_buff *skb)
{
	int err, i, len = skb->data_len;
	u8 *to;

	if (skb_has_frag_list(skb))
		return -EOPNOTSUPP;

	err = pskb_expand_head(skb, 0, len, GFP_KERNEL);
	if (err)
		return err;

	to = skb_tail_pointer(skb);
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		err = rxe_devmem_read(rxe, &skb_shinfo(skb)->frags[i], to);
		if (err)
			return err;
		to += skb_frag_size(&skb_shinfo(skb)->frags[i]);
	}

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		skb_frag_unref(skb, i);
	skb_shinfo(skb)->nr_frags = 0;
	skb->data_len = 0;
	skb->tail += len;
	skb->unreadable = 0;
	return 0;
}

static void rxe_devmem_drop(struct rxe_dev *rxe, struct sk_buff *skb)
{
	rxe_layer_rcv_drop(SKB_TO_PKT(skb), skb, RXE_CNT_RCVD_DROP_DEVMEM);
	kfree_skb(skb);
	ib_device_put(&rxe->ib_dev);
}

static void rxe_devmem_rcv(struct rxe_dev *rxe, struct sk_buff *skb)
{
	int err;

	if (!skb_frags_readable(skb)) {
		err = rxe_devmem_fetch(rxe, skb);
		if (err) {
			rxe_dbg_dev(rxe, "device memory of a packet, err = %d\n",
				    err);
			rxe_devmem_drop(rxe, skb);
			return;
		}
		SKB_TO_PKT(skb)->hdr = skb->data;
		rxe_counter_inc(rxe, RXE_CNT_RCVD_DEVMEM);
	}

	/* as in the softirq that the packet would have stayed in */
	local_bh_disable();
	rcu_read_lock();
	rxe_rcv(skb);
	rcu_read_unlock();
	local_bh_enable();
}

static void rxe_devmem_put_idle(struct rxe_devmem *devmem)
{
	struct rxe_devmem_buf *mem, *tmp;

	list_for_each_entry_safe(mem, tmp, &devmem->bufs, list)
		if (time_after(jiffies, mem->used + RXE_DEVMEM_IDLE))
			rxe_devmem_put(mem);
}

static void rxe_devmem_work(struct work_struct *work)
{
	struct rxe_devmem *devmem = container_of(to_delayed_work(work),
						 struct rxe_devmem, work);
	struct rxe_dev *rxe = container_of(devmem, struct rxe_dev,
					   layer.devmem);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&devmem->skbs))) {
		rxe_devmem_rcv(rxe, skb);
		atomic_dec(&devmem->pending);
		cond_resched();
	}

	rxe_devmem_put_idle(devmem);
	if (!list_empty(&devmem->bufs))
		schedule_delayed_work(&devmem->work, RXE_DEVMEM_IDLE);
}

/**
 * rxe_devmem_queue - the packets that rxe_devmem_defer() has wait
 * @devmem: of the device
 * @skb: the packet; consumed
 *
 * Context: softirq.
 */
void rxe_devmem_queue(struct rxe_devmem *devmem, struct sk_buff *skb)
{
	if (atomic_inc_return(&devmem->pending) > RXE_DEVMEM_PENDING) {
		atomic_dec(&devmem->pending);
		rxe_devmem_drop(SKB_TO_PKT(skb)->rxe, skb);
		return;
	}
	/* it may be an RCU one; skb->dev is only compared from here on */
	skb_dst_drop(skb);
	skb_queue_tail(&devmem->skbs, skb);
	mod_delayed_work(system_percpu_wq, &devmem->work, 0);
}

/**
 * rxe_devmem_init - before the first packet
 * @devmem: of the device
 */
void rxe_devmem_init(struct rxe_devmem *devmem)
{
	INIT_DELAYED_WORK(&devmem->work, rxe_devmem_work);
	skb_queue_head_init(&devmem->skbs);
	atomic_set(&devmem->pending, 0);
	INIT_LIST_HEAD(&devmem->bufs);
}

/**
 * rxe_devmem_exit - after the last packet
 * @devmem: of the device; packets hold a reference of that, so none is left
 *
 * Context: process, may sleep.
 */
void rxe_devmem_exit(struct rxe_devmem *devmem)
{
	struct rxe_devmem_buf *mem, *tmp;

	/* whoever queued the last packet may be about to queue the work, when
	 * that packet was processed already, by a work that was running
	 */
	disable_delayed_work_sync(&devmem->work);
	list_for_each_entry_safe(mem, tmp, &devmem->bufs, list)
		rxe_devmem_put(mem);
}
