// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * A kernel client for selftests. It does all its work in the handlers of its
 * CQs: it arms the CQ, polls it and posts. To run it, root writes
 *
 *	DEVICE GID-INDEX DEVICE GID-INDEX ROUNDS POSTS
 *
 * to /sys/kernel/debug/rxe_cq_test. QPS pairs of QPs then send ROUNDS messages
 * to and fro, POSTS more that the writer posts in each kind of context, and are
 * flushed. The write fails if a message or a completion is lost, or if a handler
 * is called in a way that clients cannot expect.
 */

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <rdma/ib_cache.h>
#include <rdma/ib_verbs.h>

#define QPS		4
#define RECVS		4	/* posted to each receive queue, or for each QP */
#define SENDS		16
#define TIMEOUT		(60 * HZ)

#define is_send(wr_id)	((wr_id) & 1)
#define index_of(wr_id)	((wr_id) >> 1)

static DECLARE_WAIT_QUEUE_HEAD(progress);

/**
 * struct end - one end of the connections
 * @dev: the device, referenced
 * @gid_index: index of @gid
 * @gid: the GID to send from
 * @pd: protection domain
 * @cq: of all QPs, for both directions
 * @srq: of all QPs, or NULL: each has its receive queue
 * @qp: the QPs
 * @flushing: the QPs are in the error state or about to be
 * @posted: a request was posted to the QP when it was in the error state
 * @running: number of handlers of @cq that run
 * @to_send: how many messages this end is to begin, for each QP
 * @received: number of messages
 * @sent: number of completions of sends
 * @flushed: number of completions of flushed requests
 * @last_wqe: number of events
 * @lock: taken by the handler of @cq, and held by @poster in some contexts
 * @poster: the task that posts; NULL: none
 * @locked: @poster holds @lock
 * @fault: the first one; NULL: none
 */
struct end {
	struct ib_device	*dev;
	u32			gid_index;
	union ib_gid		gid;
	struct ib_pd		*pd;
	struct ib_cq		*cq;
	struct ib_srq		*srq;
	struct ib_qp		*qp[QPS];
	bool			flushing;
	unsigned long		posted;
	atomic_t		running;
	unsigned int		to_send[QPS];
	unsigned int		received;
	unsigned int		sent;
	unsigned int		flushed;
	atomic_t		last_wqe;
	spinlock_t		lock;	/* as a client has one */
	struct task_struct	*poster;
	bool			locked;
	const char		*fault;
};

static void fail(struct end *end, const char *fault)
{
	if (!READ_ONCE(end->fault))
		WRITE_ONCE(end->fault, fault);
}

/* Messages are empty: they need no memory. */
static int post_send(struct end *end, unsigned int i)
{
	struct ib_send_wr wr = {
		.wr_id		= i << 1 | 1,
		.opcode		= IB_WR_SEND,
		.send_flags	= IB_SEND_SIGNALED,
	};

	return ib_post_send(end->qp[i], &wr, NULL);
}

static int post_recv(struct end *end, unsigned int i)
{
	struct ib_recv_wr wr = { .wr_id = i << 1 };

	if (end->srq)
		return ib_post_srq_recv(end->srq, &wr, NULL);
	return ib_post_recv(end->qp[i], &wr, NULL);
}

static unsigned int index_of_qp(struct end *end, struct ib_qp *qp)
{
	unsigned int i;

	for (i = 0; i < QPS - 1 && end->qp[i] != qp; i++)
		;
	return i;
}

static void handle_flush(struct end *end, u64 wr_id)
{
	end->flushed++;
	if (is_send(wr_id) || test_and_set_bit(index_of(wr_id), &end->posted))
		return;
	if (post_send(end, index_of(wr_id)))
		fail(end, "cannot post to a QP in the error state");
}

/* The end that begins has a number of messages, the other one answers. */
static void handle_recv(struct end *end, struct ib_wc *wc, bool begins)
{
	unsigned int i = index_of_qp(end, wc->qp);

	end->received++;
	if (post_recv(end, i))
		fail(end, "cannot post a receive");
	if (begins && !--end->to_send[i])
		return;
	if (post_send(end, i))
		fail(end, "cannot post a send");
}

static void handle_wc(struct end *end, struct ib_wc *wc)
{
	if (wc->status == IB_WC_WR_FLUSH_ERR && READ_ONCE(end->flushing))
		handle_flush(end, wc->wr_id);
	else if (wc->status != IB_WC_SUCCESS)
		fail(end, ib_wc_status_msg(wc->status));
	else if (is_send(wc->wr_id))
		end->sent++;
	else
		handle_recv(end, wc, !end->srq);
}

/* A softirq may interrupt a post that has not disabled softirqs. A handler that is
 * called in any other way while its lock is held waits for that lock for ever.
 * Return: the lock can be taken.
 */
static bool may_lock(struct end *end)
{
	if (READ_ONCE(end->poster) != current)
		return true;
	if (!in_serving_softirq())
		fail(end, "the handler is called by a post");
	if (!READ_ONCE(end->locked))
		return true;
	fail(end, "the handler is called while a post holds its lock");
	return false;
}

static void comp_handler(struct ib_cq *cq, void *context)
{
	struct end *end = context;
	unsigned long flags;
	struct ib_wc wc;

	if (!may_lock(end))
		return;
	spin_lock_irqsave(&end->lock, flags);
	spin_unlock_irqrestore(&end->lock, flags);

	if (atomic_inc_return(&end->running) != 1)
		fail(end, "the handler is called while it runs");
	if (irqs_disabled())
		fail(end, "the handler is called with interrupts off");
	if (!in_softirq())
		fail(end, "the handler is called with bottom halves on");

	/* a flushed request is unsuccessful, and so it is solicited */
	ib_req_notify_cq(cq, READ_ONCE(end->flushing) ? IB_CQ_SOLICITED :
							IB_CQ_NEXT_COMP);
	while (ib_poll_cq(cq, 1, &wc) > 0)
		handle_wc(end, &wc);

	atomic_dec(&end->running);
	wake_up(&progress);
}

static void qp_event(struct ib_event *event, void *context)
{
	struct end *end = context;
	unsigned int i = index_of_qp(end, event->element.qp);

	if (event->event != IB_EVENT_QP_LAST_WQE_REACHED ||
	    test_and_set_bit(i, &end->posted))
		return;
	if (irqs_disabled())
		fail(end, "the event handler is called with interrupts off");
	if (post_send(end, i))
		fail(end, "cannot post from the event handler");
	atomic_inc(&end->last_wqe);
	wake_up(&progress);
}

static int create_qp(struct end *end, unsigned int i)
{
	struct ib_qp_init_attr init = {
		.event_handler	= qp_event,
		.qp_context	= end,
		.send_cq	= end->cq,
		.recv_cq	= end->cq,
		.srq		= end->srq,
		.cap		= {
			.max_send_wr	= SENDS,
			.max_recv_wr	= RECVS,
			.max_send_sge	= 1,
			.max_recv_sge	= 1,
		},
		.sq_sig_type	= IB_SIGNAL_ALL_WR,
		.qp_type	= IB_QPT_RC,
	};
	struct ib_qp *qp = ib_create_qp(end->pd, &init);

	if (IS_ERR(qp))
		return PTR_ERR(qp);
	end->qp[i] = qp;
	return 0;
}

static int create_srq(struct end *end)
{
	struct ib_srq_init_attr init = {
		.attr.max_wr	= QPS * RECVS,
		.attr.max_sge	= 1,
		.srq_type	= IB_SRQT_BASIC,
	};
	struct ib_srq *srq = ib_create_srq(end->pd, &init);

	if (IS_ERR(srq))
		return PTR_ERR(srq);
	end->srq = srq;
	return 0;
}

static int create_cq(struct end *end)
{
	struct ib_cq_init_attr init = { .cqe = QPS * (SENDS + RECVS) };
	struct ib_cq *cq;

	cq = ib_create_cq(end->dev, comp_handler, NULL, end, &init);
	if (IS_ERR(cq))
		return PTR_ERR(cq);
	end->cq = cq;
	return ib_req_notify_cq(cq, IB_CQ_NEXT_COMP);
}

static int create_end(struct end *end, bool srq)
{
	struct ib_pd *pd = ib_alloc_pd(end->dev, 0);
	unsigned int i;
	int err;

	spin_lock_init(&end->lock);
	if (IS_ERR(pd))
		return PTR_ERR(pd);
	end->pd = pd;
	err = rdma_query_gid(end->dev, 1, end->gid_index, &end->gid);
	if (!err)
		err = create_cq(end);
	if (!err && srq)
		err = create_srq(end);
	for (i = 0; !err && i < QPS; i++)
		err = create_qp(end, i);
	return err;
}

static void destroy_end(struct end *end)
{
	unsigned int i;

	for (i = 0; i < QPS; i++) {
		if (end->qp[i])
			ib_destroy_qp(end->qp[i]);
	}
	if (end->srq)
		ib_destroy_srq(end->srq);
	if (end->cq)
		ib_destroy_cq(end->cq);
	if (end->pd)
		ib_dealloc_pd(end->pd);
}

static int to_rtr(struct end *end, struct end *peer, unsigned int i)
{
	struct ib_qp_attr attr = {
		.qp_state		= IB_QPS_RTR,
		.path_mtu		= IB_MTU_1024,
		.dest_qp_num		= peer->qp[i]->qp_num,
		.max_dest_rd_atomic	= 1,
		.min_rnr_timer		= 1,
		.ah_attr.type		= RDMA_AH_ATTR_TYPE_ROCE,
	};

	rdma_ah_set_port_num(&attr.ah_attr, 1);
	rdma_ah_set_grh(&attr.ah_attr, &peer->gid, 0, end->gid_index, 64, 0);
	return ib_modify_qp(end->qp[i], &attr,
			    IB_QP_STATE | IB_QP_AV | IB_QP_PATH_MTU |
			    IB_QP_DEST_QPN | IB_QP_RQ_PSN |
			    IB_QP_MAX_DEST_RD_ATOMIC | IB_QP_MIN_RNR_TIMER);
}

static int connect_qp(struct end *end, struct end *peer, unsigned int i)
{
	struct ib_qp_attr init = { .qp_state = IB_QPS_INIT, .port_num = 1 };
	struct ib_qp_attr rts = {
		.qp_state	= IB_QPS_RTS,
		.timeout	= 14,
		.retry_cnt	= 7,
		.rnr_retry	= 7,
		.max_rd_atomic	= 1,
	};
	unsigned int n;
	int err;

	err = ib_modify_qp(end->qp[i], &init,
			   IB_QP_STATE | IB_QP_PKEY_INDEX | IB_QP_PORT |
			   IB_QP_ACCESS_FLAGS);
	for (n = 0; !err && n < RECVS; n++)
		err = post_recv(end, i);
	if (!err)
		err = to_rtr(end, peer, i);
	if (err)
		return err;
	return ib_modify_qp(end->qp[i], &rts,
			    IB_QP_STATE | IB_QP_TIMEOUT | IB_QP_RETRY_CNT |
			    IB_QP_RNR_RETRY | IB_QP_SQ_PSN |
			    IB_QP_MAX_QP_RD_ATOMIC);
}

static int connect_all(struct end *a, struct end *b)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < QPS; i++) {
		err = connect_qp(a, b, i);
		if (!err)
			err = connect_qp(b, a, i);
	}
	return err;
}

static bool faulty(struct end *a, struct end *b)
{
	return READ_ONCE(a->fault) || READ_ONCE(b->fault);
}

static bool exchanged(struct end *end, unsigned int n)
{
	return READ_ONCE(end->received) == n && READ_ONCE(end->sent) == n;
}

static int exchange(struct end *a, struct end *b, unsigned int rounds)
{
	unsigned int n = QPS * rounds, i;
	int err = 0;

	for (i = 0; i < QPS; i++)
		a->to_send[i] = rounds;
	for (i = 0; !err && i < QPS; i++)
		err = post_send(a, i);
	if (!err && !wait_event_timeout(progress, faulty(a, b) ||
					(exchanged(a, n) && exchanged(b, n)),
					TIMEOUT))
		err = -ETIMEDOUT;
	return err;
}

/* The contexts that clients post in, but for softirqs: the handlers do that. */
static int post_none_locked(struct end *end, unsigned int i)
{
	return post_send(end, i);
}

static int post_bh_locked(struct end *end, unsigned int i)
{
	int err;

	spin_lock_bh(&end->lock);
	WRITE_ONCE(end->locked, true);
	err = post_send(end, i);
	WRITE_ONCE(end->locked, false);
	spin_unlock_bh(&end->lock);
	return err;
}

static int post_irq_locked(struct end *end, unsigned int i)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&end->lock, flags);
	WRITE_ONCE(end->locked, true);
	err = post_send(end, i);
	WRITE_ONCE(end->locked, false);
	spin_unlock_irqrestore(&end->lock, flags);
	return err;
}

/* One message and its answer. @n: how many there are then, of all QPs */
static int post_one(struct end *a, struct end *b, unsigned int n)
{
	static int (*const post[])(struct end *end, unsigned int i) = {
		post_none_locked, post_bh_locked, post_irq_locked,
	};
	unsigned int i = n % QPS;
	int err;

	a->to_send[i] = 1;
	WRITE_ONCE(a->poster, current);
	err = post[n % ARRAY_SIZE(post)](a, i);
	WRITE_ONCE(a->poster, NULL);
	if (!err && !wait_event_timeout(progress, faulty(a, b) ||
					(exchanged(a, n) && exchanged(b, n)),
					TIMEOUT))
		err = -ETIMEDOUT;
	return err;
}

static int post_all(struct end *a, struct end *b, unsigned int posts)
{
	unsigned int n = READ_ONCE(a->received), end = n + posts;
	int err = 0;

	while (!err && !faulty(a, b) && n < end)
		err = post_one(a, b, ++n);
	return err;
}

/* Without SRQ receives are flushed, with one an event tells of the last of
 * them. Both have the handlers post one send for each QP.
 */
static bool all_flushed(struct end *a, struct end *b)
{
	return READ_ONCE(a->flushed) == QPS * (RECVS + 1) &&
	       READ_ONCE(b->flushed) == QPS &&
	       atomic_read(&b->last_wqe) == QPS;
}

static int flush(struct end *a, struct end *b)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };
	unsigned int i;
	int err = 0;

	WRITE_ONCE(a->flushing, true);
	WRITE_ONCE(b->flushing, true);
	for (i = 0; !err && i < QPS; i++) {
		err = ib_modify_qp(a->qp[i], &attr, IB_QP_STATE);
		if (!err)
			err = ib_modify_qp(b->qp[i], &attr, IB_QP_STATE);
	}
	if (!err && !wait_event_timeout(progress, faulty(a, b) ||
					all_flushed(a, b), TIMEOUT))
		err = -ETIMEDOUT;
	return err;
}

static int say(const char *name, struct end *end, int err)
{
	if (end->fault) {
		pr_err("%s: %s\n", name, end->fault);
		return -EIO;
	}
	if (err)
		pr_err("%s: error %d, received %u, sent %u, flushed %u, events %d\n",
		       name, err, end->received, end->sent, end->flushed,
		       atomic_read(&end->last_wqe));
	return err;
}

static int run(struct end *a, struct end *b, unsigned int rounds,
	       unsigned int posts)
{
	int err;

	err = create_end(a, false);
	if (!err)
		err = create_end(b, true);
	if (!err)
		err = connect_all(a, b);
	if (!err)
		err = exchange(a, b, rounds);
	if (!err)
		err = post_all(a, b, posts);
	if (!err && !faulty(a, b))
		err = flush(a, b);
	destroy_end(a);
	destroy_end(b);
	err = say("a", a, err);
	return say("b", b, err);
}

/**
 * struct search - the devices to run on
 * @name: their names
 * @end: where to put them
 */
static struct search {
	char			name[2][IB_DEVICE_NAME_MAX];
	struct end		*end;
} search;

static int add_device(struct ib_device *dev)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (!strcmp(search.name[i], dev_name(&dev->dev)) &&
		    ib_device_try_get(dev))
			search.end[i].dev = dev;
	}
	return -EOPNOTSUPP;
}

/* its devices are those that are there when it registers */
static struct ib_client client = {
	.name	= "rxe_cq_test",
	.add	= add_device,
};

static int run_named(struct end *end, unsigned int rounds, unsigned int posts)
{
	unsigned int i;
	int err;

	search.end = end;
	err = ib_register_client(&client);
	if (err)
		return err;
	ib_unregister_client(&client);

	err = -ENODEV;
	if (end[0].dev && end[1].dev)
		err = run(&end[0], &end[1], rounds, posts);
	for (i = 0; i < 2; i++) {
		if (end[i].dev)
			ib_device_put(end[i].dev);
	}
	return err;
}

static ssize_t cq_test_write(struct file *file, const char __user *from,
			     size_t size, loff_t *pos)
{
	static DEFINE_MUTEX(lock);
	char buf[2 * IB_DEVICE_NAME_MAX + 64];
	unsigned int rounds, posts;
	struct end *end;
	int err;

	if (size >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, from, size))
		return -EFAULT;
	buf[size] = 0;

	end = kcalloc(2, sizeof(*end), GFP_KERNEL);
	if (!end)
		return -ENOMEM;
	mutex_lock(&lock);
	err = -EINVAL;
	if (sscanf(buf, "%63s %u %63s %u %u %u", search.name[0],
		   &end[0].gid_index, search.name[1], &end[1].gid_index,
		   &rounds, &posts) == 6 && rounds)
		err = run_named(end, rounds, posts);
	mutex_unlock(&lock);
	kfree(end);
	return err ?: size;
}

static const struct file_operations cq_test_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= cq_test_write,
};

static struct dentry *cq_test_file;

static int __init cq_test_init(void)
{
	cq_test_file = debugfs_create_file("rxe_cq_test", 0200, NULL, NULL,
					   &cq_test_fops);
	return PTR_ERR_OR_ZERO(cq_test_file);
}

static void __exit cq_test_exit(void)
{
	debugfs_remove(cq_test_file);
}

module_init(cq_test_init);
module_exit(cq_test_exit);

MODULE_DESCRIPTION("Kernel client of RXE for selftests");
MODULE_LICENSE("Dual BSD/GPL");
