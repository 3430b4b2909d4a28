// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Where the protocol is processed: in place, or on the workqueue.
 *
 * A task that is handed to a workqueue waits for a CPU, and takes it from the
 * process that polls for its completion. So short work is done where it arises:
 * work requests in the system call that posts them, packets in the softirq that
 * receives them. Packets that arrive as one skb are processed in that softirq,
 * too: their data is in the cache of its CPU. The workqueue does what is long and
 * what has to sleep, and other CPUs can take part in it.
 *
 * It is the same task wherever it runs, and it runs at one place at a time. A
 * context that finds it busy leaves the work to the one that runs it.
 */

#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "rxe.h"
#include "rxe_queue.h"

/* How many packets at most are processed in place before the rest goes to the
 * workqueue: a system call returns, and a softirq ends, soon. Those of a chain
 * were received in one go, and are processed in one go.
 */
#define RXE_RUN_POSTED	16
#define RXE_RUN_RCVD	256

/* Is the next work request one packet? The queue is the user's, and another
 * CPU may be on its way through it: a wrong answer costs time and no more.
 */
static bool rxe_run_is_short(struct rxe_qp *qp)
{
	struct rxe_send_wqe *wqe;

	wqe = queue_addr_from_index(qp->sq.queue, READ_ONCE(qp->req.wqe_index));
	return qp_type(qp) == IB_QPT_UD ||
	       READ_ONCE(wqe->dma.length) <= qp->mtu ||
	       READ_ONCE(wqe->wr.opcode) == IB_WR_RDMA_READ;
}

/**
 * rxe_run_posted - process what user space has posted to a send queue
 * @qp: the QP, referenced by the caller
 *
 * Context: process, may sleep; no locks held. For a kernel user's post_send see
 * rxe_run_posted_kernel().
 */
void rxe_run_posted(struct rxe_qp *qp)
{
	if (rxe_run_is_short(qp))
		rxe_run_task(&qp->send_task, RXE_RUN_POSTED);
	else
		rxe_sched_task(&qp->send_task);
}

/* How many packets a work request of a kernel user is; 0: it has none to send */
static unsigned int rxe_run_packets(struct rxe_qp *qp,
				    const struct rxe_send_wqe *wqe)
{
	switch (wqe->wr.opcode) {
	case IB_WR_REG_MR:
	case IB_WR_LOCAL_INV:
	case IB_WR_BIND_MW:
		return 0;
	case IB_WR_RDMA_READ:
	case IB_WR_RDMA_READ_WITH_INV:
		return 1;
	default:
		return DIV_ROUND_UP(wqe->dma.length, qp->mtu) ?: 1;
	}
}

/* Are all work requests few packets, and is the last one completed by an ACK?
 * Another CPU may change the queue meanwhile: a wrong answer costs time and no
 * more. A QP that never was in RTS has no MTU.
 */
static bool rxe_run_is_few(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	u32 end = queue_get_producer(q, QUEUE_TYPE_FROM_CLIENT);
	unsigned int left = RXE_RUN_POSTED, n = 0;
	u32 i = READ_ONCE(qp->req.wqe_index);

	if (qp_type(qp) != IB_QPT_RC || qp_state(qp) != IB_QPS_RTS)
		return false;
	for (; i != end; i = queue_next_index(q, i)) {
		n = rxe_run_packets(qp, queue_addr_from_index(q, i));
		if (n + 1 > left)
			return false;
		left -= n ?: 1;
	}
	return n;
}

/* May a softirq interrupt the caller? Then it holds no lock that a softirq may
 * take, and so none that a handler of a CQ may. With PREEMPT_RT it may hold one
 * all the same.
 */
static bool rxe_run_allows_softirq(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && !in_interrupt() &&
	       !irqs_disabled();
}

/* Has the requester sent all, and an ACK completes it? */
static bool rxe_run_waits(struct rxe_qp *qp)
{
	struct rxe_queue *q = qp->sq.queue;
	u32 last = (qp->req.wqe_index - 1) & q->index_mask;

	return !qp->req.need_retry &&
	       qp->req.wqe_index == queue_get_producer(q, QUEUE_TYPE_FROM_CLIENT) &&
	       rxe_sq_wqe(qp, last)->state == wqe_state_pending;
}

/* The requester's half of a send task. No handler is called here, but by the
 * softirq that receives the ACK. On this host that may be as soon as softirqs
 * can run again, and it needs the task: leave that first. If another CPU is to
 * go on with the task, let them run first, for netkit and veth deliver what was
 * sent in one: it would be overtaken (see rxe_run_where()).
 */
static void rxe_run_req(struct rxe_qp *qp)
{
	struct rxe_task *task = &qp->send_task;
	unsigned int n = RXE_RUN_POSTED;
	bool done = false;

	if (!rxe_take_task(task))
		return;

	local_bh_disable();
	while (!rxe_requester(qp) && --n)
		;
	rxe_chain_send(task);
	if (rxe_run_waits(qp))
		done = rxe_try_leave_task(task);
	local_bh_enable();

	if (!done)
		rxe_leave_task(task, true);
}

/**
 * rxe_run_posted_kernel - process what a kernel user has posted to a send queue
 * @qp: the QP, referenced by the caller
 *
 * A verb must not call a handler (Documentation/infiniband/core_locking.rst),
 * and the caller may hold locks that handlers take. So where a softirq could
 * come anyway, packets are sent in place, and softirqs do all else. If there is
 * more than that to do, it is the workqueue's.
 *
 * Context: any; the caller may hold locks.
 */
void rxe_run_posted_kernel(struct rxe_qp *qp)
{
	bool in_place;

	/* for rxe_run_bar_softirq(), which waits until memory that may sleep
	 * cannot be met here any more
	 */
	rcu_read_lock();
	in_place = rxe_run_allows_softirq() && rxe_run_is_few(qp) &&
		   !atomic_read_acquire(&qp->pd->sleepers);
	if (in_place)
		rxe_run_req(qp);
	rcu_read_unlock();

	if (!in_place)
		rxe_sched_task(&qp->send_task);
}

/* An ACK, and no NAK: nothing of a user's memory is touched for its sake. */
static bool rxe_run_is_ack(struct rxe_pkt_info *pkt)
{
	return pkt->opcode == IB_OPCODE_RC_ACKNOWLEDGE &&
	       (aeth_syn(pkt) & AETH_TYPE_MASK) == AETH_ACK;
}

/* Is it one packet, and at most one that answers it? */
static bool rxe_run_is_single(struct rxe_qp *qp, struct rxe_pkt_info *pkt)
{
	const u32 single = RXE_START_MASK | RXE_END_MASK;

	if ((pkt->mask & single) != single)
		return false;
	return !(pkt->mask & RXE_READ_MASK) || reth_len(pkt) <= qp->mtu;
}

/**
 * rxe_run_where - may the softirq process a packet itself?
 * @qp: the QP that it is for, referenced by the caller
 * @pkt: the packet, checked
 *
 * A message of one packet: on it somebody waits. The packets of a long message
 * go to another CPU, which copies them while this one receives. A packet that
 * did not leave the device is still in its sender's task, and a multicast one
 * has the lock of its group held around. Counts those that it may.
 *
 * What a softirq sends over a netkit or veth pair waits in the backlog of this
 * CPU until the softirq is done with what it has. Another CPU that goes on with
 * the same task would overtake it, and the peer ask for a retransmission. So a
 * softirq begins nothing that it cannot end: no READ whose response is more
 * than one packet, and no request (see rxe_run_comp()).
 *
 * Context: any, RCU read lock held until rxe_run_rcvd() has returned.
 * Return: what to tell rxe_run_rcvd().
 */
enum rxe_run_where rxe_run_where(struct rxe_qp *qp, struct rxe_pkt_info *pkt)
{
	enum rxe_run_where where = RXE_RUN_IN_PLACE;

	if (pkt->mask & RXE_LOOPBACK_MASK ||
	    bth_qpn(pkt) == IB_MULTICAST_QPN || !rxe_run_is_single(qp, pkt))
		return RXE_RUN_QUEUED;
	if (atomic_read_acquire(&qp->pd->sleepers)) {
		if (!rxe_run_is_ack(pkt))
			return RXE_RUN_QUEUED;
		where = RXE_RUN_ACK;
	}

	rxe_counter_inc(pkt->rxe, RXE_CNT_RCVD_IN_PLACE);
	return where;
}

/* Has the requester something to do? */
static bool rxe_run_unsent(struct rxe_qp *qp)
{
	return qp->req.need_retry || qp->attr.sq_draining ||
	       qp->req.wqe_index != queue_get_producer(qp->sq.queue,
						       QUEUE_TYPE_FROM_CLIENT);
}

/* The completer's half of a send task: the responses that are queued, or of
 * them the ACKs that are next and no more. Requests are the workqueue's.
 */
static void rxe_run_comp(struct rxe_task *task, bool acks_only)
{
	struct rxe_qp *qp = task->qp;
	unsigned int n = RXE_RUN_RCVD;
	struct sk_buff *skb;
	int ret;

	if (!rxe_take_task(task))
		return;
	/* who takes the task is the only one who takes from the queue, and when
	 * that is empty, the timer has to be wound
	 */
	do {
		skb = rxe_batch_peek(&qp->comp.pkts, &qp->resp_pkts);
		if (acks_only && skb && !rxe_run_is_ack(SKB_TO_PKT(skb)))
			break;
		ret = rxe_completer(qp);
	} while (!ret && --n);
	rxe_leave_task(task, skb || rxe_run_unsent(qp));
}

/**
 * rxe_run_rcvd - process a packet that was queued
 * @task: the task that it was queued for; the caller references its QP
 * @where: what rxe_run_where() said
 *
 * Context: any if @where is RXE_RUN_QUEUED, softirq otherwise.
 */
void rxe_run_rcvd(struct rxe_task *task, enum rxe_run_where where)
{
	if (where == RXE_RUN_QUEUED)
		rxe_sched_task(task);
	else if (task == &task->qp->send_task)
		rxe_run_comp(task, where == RXE_RUN_ACK);
	else
		rxe_run_task(task, RXE_RUN_RCVD);
}

/**
 * rxe_run_batch - process packets that arrived together and were queued
 * @qp: the QP that they are for, referenced by the caller
 * @req: they are requests, otherwise responses
 * @n: how many they are
 *
 * What they have the QP send is an ACK, so nothing is begun that cannot be ended
 * (see rxe_run_where()).
 *
 * Context: softirq, RCU read lock held; no locks held.
 */
void rxe_run_batch(struct rxe_qp *qp, bool req, unsigned int n)
{
	struct rxe_task *task = req ? &qp->recv_task : &qp->send_task;

	if (atomic_read_acquire(&qp->pd->sleepers)) {
		rxe_sched_task(task);
		return;
	}
	rxe_counter_add(to_rdev(qp->ibqp.device), RXE_CNT_RCVD_IN_PLACE, n);
	if (req)
		rxe_run_task(task, RXE_RUN_RCVD);
	else
		rxe_run_comp(task, false);
}

/**
 * rxe_run_bar_softirq - a PD gets an MR that cannot be reached in softirq
 * @pd: the PD; no QP of it can find that MR yet
 *
 * Memory that is on demand takes page faults and a mutex, and the exporter of
 * a dma-buf has to be asked before each access: both may sleep. Softirqs do
 * nothing for the QPs of a PD that has such an MR but take their ACKs, and
 * kernel users send nothing in place. On return none is left that began before.
 *
 * Context: process, may sleep.
 */
void rxe_run_bar_softirq(struct rxe_pd *pd)
{
	/* the second MR has to wait, too, while the first one does */
	static DEFINE_MUTEX(lock);

	mutex_lock(&lock);
	if (atomic_inc_return(&pd->sleepers) == 1)
		synchronize_rcu();
	mutex_unlock(&lock);
}

/**
 * rxe_run_allow_softirq - undo rxe_run_bar_softirq()
 * @pd: the PD; no QP of it can find that MR any more
 */
void rxe_run_allow_softirq(struct rxe_pd *pd)
{
	/* who reads 0 sees that the MR is gone */
	atomic_dec_return_release(&pd->sleepers);
}

/**
 * rxe_run_mr_may_sleep - the access to an MR may sleep
 * @mr: the MR, with its PD; nobody can find it yet
 *
 * Context: process, may sleep.
 */
void rxe_run_mr_may_sleep(struct rxe_mr *mr)
{
	rxe_run_bar_softirq(mr_pd(mr));
	mr->may_sleep = true;
}
