// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Memory regions whose memory is a dma-buf.
 *
 * RXE's "hardware" is the CPU, so it reaches the buffer as the dma-buf API
 * wants a CPU to: dma_buf_vmap() once, dma_buf_begin_cpu_access() and
 * dma_buf_end_cpu_access() around each use, which is a message, or what of it
 * is processed in one go. The attachment is there to pin the buffer and to hear
 * of its revocation; it is never mapped for DMA, takes no part in peer-to-peer
 * DMA, and no struct page is ever looked at.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "rxe.h"
#include "rxe_dmabuf.h"

MODULE_IMPORT_NS("DMA_BUF");

/**
 * struct rxe_dmabuf - what an MR holds of a dma-buf
 * @dmabuf: the buffer, referenced
 * @attach: our attachment to it, not mapped
 * @map: the whole buffer, as dma_buf_vmap() gave it; system or I/O memory
 * @offset: where in @map the MR begins
 * @mapped: @map and the pin are there. Once false it stays so: the buffer was
 *	    revoked. Written with the buffer's reservation lock held, read
 *	    in an RCU read section.
 */
struct rxe_dmabuf {
	struct dma_buf			*dmabuf;
	struct dma_buf_attachment	*attach;
	struct iosys_map		map;
	u64				offset;
	bool				mapped;
};

/* Whoever accesses holds a reference of the MR, and rxe_cleanup() waits 50 s
 * for these before it frees the MR all the same: wait much less.
 */
#define RXE_DMABUF_FENCE_WAIT	(10 * HZ)

/* dma_buf_begin_cpu_access() waits for the buffer's fences without limit: wait
 * here first. A fence that is added between the two has to signal in finite
 * time, as all fences have.
 */
static int rxe_dmabuf_wait(struct rxe_dmabuf *buf, enum dma_data_direction dir)
{
	bool write = dir == DMA_BIDIRECTIONAL;
	long ret;

	ret = dma_resv_wait_timeout(buf->dmabuf->resv, dma_resv_usage_rw(write),
				    false, RXE_DMABUF_FENCE_WAIT);
	if (!ret)
		return -ETIMEDOUT;
	return ret < 0 ? ret : 0;
}

/* One of dma_buf_begin_cpu_access() and dma_buf_end_cpu_access(). */
typedef int (*rxe_dmabuf_fn)(struct dma_buf *dmabuf,
			     enum dma_data_direction dir);

struct rxe_dmabuf_call {
	struct work_struct	work;
	rxe_dmabuf_fn		fn;
	struct dma_buf		*dmabuf;
	enum dma_data_direction	dir;
	int			err;
};

static void rxe_dmabuf_call_work(struct work_struct *work)
{
	struct rxe_dmabuf_call *call = container_of(work, typeof(*call), work);

	call->err = call->fn(call->dmabuf, call->dir);
}

/* Exporters, and dma-buf itself, wait in there as one does in a system call that
 * can be restarted, and we may be in one: that which posts, or that which registers.
 * But by now the work request is under way, or the access begun: a signal is no
 * reason to fail. Have it done by somebody who has no signals.
 */
static int rxe_dmabuf_call(struct rxe_dmabuf *buf, rxe_dmabuf_fn fn,
			   enum dma_data_direction dir)
{
	struct rxe_dmabuf_call call = {
		.fn = fn, .dmabuf = buf->dmabuf, .dir = dir,
	};
	int err;

	err = fn(buf->dmabuf, dir);
	if (likely(err != -EINTR && err != -ERESTARTSYS))
		return err;

	INIT_WORK_ONSTACK(&call.work, rxe_dmabuf_call_work);
	queue_work(system_dfl_wq, &call.work);
	flush_work(&call.work);
	destroy_work_on_stack(&call.work);
	return call.err;
}

static int rxe_dmabuf_begin(struct rxe_dmabuf *buf,
			    enum dma_data_direction dir)
{
	int err;

	err = rxe_dmabuf_wait(buf, dir);
	if (err)
		return err;

	return rxe_dmabuf_call(buf, dma_buf_begin_cpu_access, dir);
}

static int rxe_dmabuf_end(struct rxe_dmabuf *buf, enum dma_data_direction dir)
{
	return rxe_dmabuf_call(buf, dma_buf_end_cpu_access, dir);
}

/* Begin and end of the CPU's access are outside the RCU read section, which a
 * revocation waits for: they may sleep, and the exporter may take the
 * reservation lock there, which the revocation holds. Inside, one packet at
 * most is copied.
 */
static int rxe_dmabuf_lock(struct rxe_dmabuf *buf)
{
	rcu_read_lock();
	if (likely(READ_ONCE(buf->mapped)))
		return 0;

	rcu_read_unlock();
	return -ENODEV;
}

static void rxe_dmabuf_unlock(void)
{
	rcu_read_unlock();
}

static int rxe_dmabuf_copy_from(struct rxe_dmabuf *buf, size_t pos, void *addr,
				unsigned int length)
{
	int err;

	err = rxe_dmabuf_lock(buf);
	if (err)
		return err;

	iosys_map_memcpy_from(addr, &buf->map, pos, length);
	rxe_dmabuf_unlock();
	return 0;
}

static int rxe_dmabuf_copy_to(struct rxe_dmabuf *buf, size_t pos,
			      const void *addr, unsigned int length)
{
	int err;

	err = rxe_dmabuf_lock(buf);
	if (err)
		return err;

	iosys_map_memcpy_to(&buf->map, pos, addr, length);
	rxe_dmabuf_unlock();
	return 0;
}

static void rxe_dmabuf_close(struct rxe_dmabuf_access *access)
{
	struct rxe_mr *mr = access->mr;
	int err;

	if (!mr)
		return;

	err = rxe_dmabuf_end(mr->dmabuf, access->dir);
	if (err)
		access->err = err;
	access->mr = NULL;
	rxe_put(mr);
}

/* The next packet of a message finds it open, unless the message is scattered
 * over several MRs.
 */
static int rxe_dmabuf_open(struct rxe_dmabuf_access *access, struct rxe_mr *mr,
			   enum dma_data_direction dir)
{
	int err;

	if (access->mr == mr)
		return 0;

	rxe_dmabuf_close(access);
	err = rxe_dmabuf_begin(mr->dmabuf, dir);
	if (err)
		return err;

	rxe_get(mr);
	access->mr = mr;
	access->dir = dir;
	return 0;
}

/**
 * __rxe_dmabuf_done - what rxe_dmabuf_done() does when there is something to do
 * @access: the access
 *
 * Context: process, may sleep.
 * Return: 0, or -EFAULT.
 */
int __rxe_dmabuf_done(struct rxe_dmabuf_access *access)
{
	int err;

	rxe_dmabuf_close(access);
	err = access->err;
	access->err = 0;
	return err ? -EFAULT : 0;
}

/**
 * rxe_dmabuf_pause - a task has nothing more to do for now
 * @task: the task, which the caller runs
 *
 * It may have come to the middle of a message. An error is kept for its end.
 *
 * Context: process, may sleep; any if no access is open, as is the case where
 * softirqs run a task.
 */
void rxe_dmabuf_pause(struct rxe_task *task)
{
	rxe_dmabuf_close(&task->access[RXE_TO_MR_OBJ]);
	rxe_dmabuf_close(&task->access[RXE_FROM_MR_OBJ]);
}

/**
 * rxe_dmabuf_forget - the messages that a task had begun are given up
 * @task: the task, which nobody runs
 */
void rxe_dmabuf_forget(struct rxe_task *task)
{
	task->access[RXE_TO_MR_OBJ].err = 0;
	task->access[RXE_FROM_MR_OBJ].err = 0;
}

static size_t rxe_dmabuf_pos(struct rxe_mr *mr, u64 iova)
{
	return mr->dmabuf->offset + (iova - mr->ibmr.iova);
}

/**
 * rxe_dmabuf_copy - copy between a packet and a dma-buf MR
 * @task: the task that processes the packet, run by the caller
 * @mr: the MR, referenced by the caller
 * @iova: address in it; the range was checked
 * @addr: the packet's memory
 * @length: number of bytes
 * @dir: enum rxe_mr_copy_dir
 *
 * The access stays open for the packets that follow: what the exporter does to
 * begin and end it, it may do to the whole buffer. Call rxe_dmabuf_done() with
 * the last packet of a message.
 *
 * Context: process, may sleep.
 * Return: 0, or -EFAULT if the memory is not there any more, which a work
 * completion shows as a protection error.
 */
int rxe_dmabuf_copy(struct rxe_task *task, struct rxe_mr *mr, u64 iova,
		    void *addr, unsigned int length, enum rxe_mr_copy_dir dir)
{
	size_t pos = rxe_dmabuf_pos(mr, iova);
	/* lines of which only a part is written have to be right first */
	enum dma_data_direction sync = dir == RXE_TO_MR_OBJ ?
				       DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
	int err;

	err = rxe_dmabuf_open(&task->access[dir], mr, sync);
	if (!err)
		err = dir == RXE_TO_MR_OBJ ?
			rxe_dmabuf_copy_to(mr->dmabuf, pos, addr, length) :
			rxe_dmabuf_copy_from(mr->dmabuf, pos, addr, length);
	if (!err)
		return 0;

	rxe_dbg_mr(mr, "no access to the dma-buf, err = %d\n", err);
	return -EFAULT;
}

/**
 * rxe_dmabuf_read - copy from a dma-buf
 * @buf: what rxe_dmabuf_import() returned
 * @pos: where from; the range was checked
 * @addr: where to
 * @length: number of bytes
 *
 * Context: process, may sleep.
 * Return: 0 or an errno; -ENODEV if the buffer was revoked.
 */
int rxe_dmabuf_read(struct rxe_dmabuf *buf, size_t pos, void *addr,
		    unsigned int length)
{
	int err, end;

	err = rxe_dmabuf_begin(buf, DMA_FROM_DEVICE);
	if (err)
		return err;

	err = rxe_dmabuf_copy_from(buf, buf->offset + pos, addr, length);
	end = rxe_dmabuf_end(buf, DMA_FROM_DEVICE);
	return err ?: end;
}

static enum resp_states rxe_dmabuf_begin_u64(struct rxe_mr *mr, u64 iova)
{
	if (unlikely(mr_check_range(mr, iova, sizeof(u64))))
		return RESPST_ERR_RKEY_VIOLATION;

	/* the offset in a page is that of the iova: the core saw to it */
	if (unlikely(iova & 0x7)) {
		rxe_dbg_mr(mr, "misaligned address\n");
		return RESPST_ERR_MISALIGNED_ATOMIC;
	}

	if (rxe_dmabuf_begin(mr->dmabuf, DMA_BIDIRECTIONAL))
		return RESPST_ERR_RKEY_VIOLATION;
	if (!rxe_dmabuf_lock(mr->dmabuf))
		return RESPST_NONE;

	rxe_dmabuf_end(mr->dmabuf, DMA_BIDIRECTIONAL);
	return RESPST_ERR_RKEY_VIOLATION;
}

static enum resp_states rxe_dmabuf_end_u64(struct rxe_mr *mr)
{
	rxe_dmabuf_unlock();
	if (rxe_dmabuf_end(mr->dmabuf, DMA_BIDIRECTIONAL))
		return RESPST_ERR_RKEY_VIOLATION;
	return RESPST_NONE;
}

/**
 * rxe_dmabuf_atomic_op - fetch and add, or compare and swap, in a dma-buf MR
 * @mr: the MR
 * @iova: address of the 8 bytes
 * @opcode: opcode of the request packet
 * @compare: value to compare with
 * @swap_add: value to swap in or to add
 * @orig_val: set to what was there before
 *
 * Atomic with respect to RXE's atomic operations on all MRs, as it is for
 * ordinary memory.
 *
 * Context: process, may sleep.
 * Return: enum resp_states.
 */
enum resp_states rxe_dmabuf_atomic_op(struct rxe_mr *mr, u64 iova, int opcode,
				      u64 compare, u64 swap_add, u64 *orig_val)
{
	struct iosys_map *map = &mr->dmabuf->map;
	size_t pos = rxe_dmabuf_pos(mr, iova);
	enum resp_states state;

	state = rxe_dmabuf_begin_u64(mr, iova);
	if (state != RESPST_NONE)
		return state;

	spin_lock_bh(&atomic_ops_lock);
	*orig_val = iosys_map_rd(map, pos, u64);
	if (opcode != IB_OPCODE_RC_COMPARE_SWAP)
		iosys_map_wr(map, pos, u64, *orig_val + swap_add);
	else if (*orig_val == compare)
		iosys_map_wr(map, pos, u64, swap_add);
	spin_unlock_bh(&atomic_ops_lock);

	return rxe_dmabuf_end_u64(mr);
}

/**
 * rxe_dmabuf_atomic_write - write 8 bytes of a dma-buf MR at once
 * @mr: the MR
 * @iova: address of the 8 bytes
 * @value: what to write
 *
 * Context: process, may sleep.
 * Return: enum resp_states.
 */
enum resp_states rxe_dmabuf_atomic_write(struct rxe_mr *mr, u64 iova, u64 value)
{
	enum resp_states state;

	state = rxe_dmabuf_begin_u64(mr, iova);
	if (state != RESPST_NONE)
		return state;

	/* after all that earlier packets wrote */
	smp_mb();
	iosys_map_wr(&mr->dmabuf->map, rxe_dmabuf_pos(mr, iova), u64, value);

	return rxe_dmabuf_end_u64(mr);
}

/* Returns true if there was something to unmap. */
static bool rxe_dmabuf_kill_locked(struct rxe_dmabuf *buf)
{
	bool mapped = buf->mapped;

	dma_resv_assert_held(buf->dmabuf->resv);

	WRITE_ONCE(buf->mapped, false);
	return mapped;
}

static void rxe_dmabuf_unmap_locked(struct rxe_dmabuf *buf)
{
	dma_buf_vunmap(buf->dmabuf, &buf->map);
	dma_buf_unpin(buf->attach);
}

/* The exporter takes the buffer away, for good as for any importer that pins.
 * The MR stays, and so does its key: each access fails from now on.
 */
static void rxe_dmabuf_revoke(struct dma_buf_attachment *attach)
{
	struct rxe_dmabuf *buf = attach->importer_priv;

	if (!rxe_dmabuf_kill_locked(buf))
		return;

	synchronize_rcu();
	rxe_dmabuf_unmap_locked(buf);
}

static const struct dma_buf_attach_ops rxe_dmabuf_attach_ops = {
	.allow_peer2peer = false,
	.invalidate_mappings = rxe_dmabuf_revoke,
};

static int rxe_dmabuf_map(struct rxe_dmabuf *buf)
{
	int err;

	dma_resv_lock(buf->dmabuf->resv, NULL);

	err = dma_buf_pin(buf->attach);
	if (err)
		goto err_unlock;

	err = dma_buf_vmap(buf->dmabuf, &buf->map);
	if (err)
		goto err_unpin;

	WRITE_ONCE(buf->mapped, true);
	dma_resv_unlock(buf->dmabuf->resv);
	return 0;

err_unpin:
	dma_buf_unpin(buf->attach);
err_unlock:
	dma_resv_unlock(buf->dmabuf->resv);
	return err;
}

/* udmabuf builds its state in the first begin_cpu_access(), without a lock:
 * have that behind us before two packets, or two MRs, do it at the same time.
 * Later calls may run side by side, as those of DMA_BUF_IOCTL_SYNC do.
 */
static int rxe_dmabuf_first_access(struct rxe_dmabuf *buf)
{
	static DEFINE_MUTEX(lock);
	int err;

	err = rxe_dmabuf_wait(buf, DMA_BIDIRECTIONAL);
	if (err)
		return err;

	/* not rxe_dmabuf_begin(): a fence of one is not to hold up all */
	mutex_lock(&lock);
	err = rxe_dmabuf_call(buf, dma_buf_begin_cpu_access, DMA_BIDIRECTIONAL);
	if (!err)
		err = rxe_dmabuf_end(buf, DMA_BIDIRECTIONAL);
	mutex_unlock(&lock);

	return err;
}

static int rxe_dmabuf_attach(struct rxe_dmabuf *buf, struct rxe_dev *rxe)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(buf->dmabuf, &rxe->ib_dev.dev,
					&rxe_dmabuf_attach_ops, buf);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	buf->attach = attach;
	return 0;
}

/* the buffer of a file descriptor, if length bytes at offset are in it */
static struct dma_buf *rxe_dmabuf_of_fd(int fd, u64 offset, u64 length)
{
	struct dma_buf *dmabuf;
	u64 end;

	if (!length || check_add_overflow(offset, length, &end))
		return ERR_PTR(-EINVAL);

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return dmabuf;

	if (end > dmabuf->size) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-EINVAL);
	}
	return dmabuf;
}

/**
 * rxe_dmabuf_import - map a dma-buf, to be read and written by the CPU
 * @rxe: the device
 * @dmabuf: the buffer, referenced by the caller; it gets another reference
 * @offset: from where on
 *
 * Context: process, may sleep.
 * Return: the mapping, to be given to rxe_dmabuf_put(), or an ERR_PTR.
 */
struct rxe_dmabuf *rxe_dmabuf_import(struct rxe_dev *rxe,
				     struct dma_buf *dmabuf, u64 offset)
{
	struct rxe_dmabuf *buf;
	int err;

	/* dma_buf_vmap() would say -EINVAL, which says little */
	if (!dmabuf->ops->vmap)
		return ERR_PTR(-EOPNOTSUPP);

	buf = kzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(-ENOMEM);

	buf->offset = offset;
	buf->dmabuf = dmabuf;
	get_dma_buf(dmabuf);

	err = rxe_dmabuf_attach(buf, rxe);
	if (err)
		goto err_put_dmabuf;

	err = rxe_dmabuf_map(buf);
	if (err)
		goto err_detach;

	err = rxe_dmabuf_first_access(buf);
	if (err)
		goto err_put;

	return buf;

err_put:
	rxe_dmabuf_put(buf);
	return ERR_PTR(err);
err_detach:
	dma_buf_detach(buf->dmabuf, buf->attach);
err_put_dmabuf:
	dma_buf_put(buf->dmabuf);
	kfree(buf);
	return ERR_PTR(err);
}

static struct rxe_dmabuf *rxe_dmabuf_get(struct rxe_dev *rxe, int fd,
					 u64 offset, u64 length)
{
	struct rxe_dmabuf *buf;
	struct dma_buf *dmabuf;

	dmabuf = rxe_dmabuf_of_fd(fd, offset, length);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);

	buf = rxe_dmabuf_import(rxe, dmabuf, offset);
	dma_buf_put(dmabuf);
	return buf;
}

/**
 * rxe_dmabuf_put - let the dma-buf go
 * @buf: what the MR holds, or NULL; nobody accesses it any more
 *
 * Context: process, may sleep.
 */
void rxe_dmabuf_put(struct rxe_dmabuf *buf)
{
	if (!buf)
		return;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	if (rxe_dmabuf_kill_locked(buf))
		rxe_dmabuf_unmap_locked(buf);
	dma_resv_unlock(buf->dmabuf->resv);

	dma_buf_detach(buf->dmabuf, buf->attach);
	dma_buf_put(buf->dmabuf);
	kfree(buf);
}

static int rxe_mr_init_dmabuf(struct rxe_mr *mr, u64 offset, u64 length,
			      u64 iova, int fd, int access)
{
	struct rxe_dmabuf *buf;

	rxe_mr_init(access, mr);

	buf = rxe_dmabuf_get(to_rdev(mr->ibmr.device), fd, offset, length);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	mr->dmabuf = buf;
	mr->ibmr.iova = iova;
	mr->ibmr.length = length;
	mr->ibmr.type = IB_MR_TYPE_USER;
	mr->state = RXE_MR_STATE_VALID;
	return 0;
}

/**
 * rxe_reg_user_mr_dmabuf - the verb: register a part of a dma-buf
 * @ibpd: protection domain
 * @offset: where the MR begins in the buffer
 * @length: length of the MR
 * @iova: address of its first byte, for the peer and in work requests
 * @fd: file descriptor of the buffer, which may be closed afterwards
 * @access: IB_ACCESS_*
 * @dmah: DMA handle, which RXE has no use for
 * @attrs: what the verb was called with
 *
 * Return: the MR or an ERR_PTR.
 */
struct ib_mr *rxe_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				     u64 length, u64 iova, int fd, int access,
				     struct ib_dmah *dmah,
				     struct uverbs_attr_bundle *attrs)
{
	struct rxe_dev *rxe = to_rdev(ibpd->device);
	struct rxe_pd *pd = to_rpd(ibpd);
	struct rxe_mr *mr;
	int err;

	if (dmah || access & ~RXE_ACCESS_SUPPORTED_MR)
		return ERR_PTR(-EOPNOTSUPP);

	/* as rxe_reg_user_mr() does */
	if (length && iova + length - 1 < iova)
		return ERR_PTR(-EINVAL);

	mr = kzalloc_obj(*mr);
	if (!mr)
		return ERR_PTR(-ENOMEM);

	err = rxe_add_to_pool(&rxe->mr_pool, mr);
	if (err)
		goto err_free;

	rxe_get(pd);
	mr->ibmr.pd = ibpd;
	mr->ibmr.device = ibpd->device;

	err = rxe_mr_init_dmabuf(mr, offset, length, iova, fd, access);
	if (err)
		goto err_cleanup;

	rxe_run_mr_may_sleep(mr);
	rxe_finalize(mr);
	return &mr->ibmr;

err_cleanup:
	rxe_dbg_mr(mr, "dma-buf not registered, err = %d\n", err);
	rxe_cleanup(mr);
err_free:
	kfree(mr);
	return ERR_PTR(err);
}
