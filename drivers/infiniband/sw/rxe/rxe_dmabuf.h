/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Memory regions whose memory is a dma-buf.
 *
 * There are three kinds of MR. An ordinary one is a list of pages: access to
 * it never sleeps. An ODP MR may fault and sleep on a mutex; a dma-buf MR may
 * sleep in the exporter's begin_cpu_access() and on its fences. So whoever
 * processes packets where sleeping is not allowed has to leave those with
 * is_odp_mr() or with mr->dmabuf to a work queue.
 */

#ifndef RXE_DMABUF_H
#define RXE_DMABUF_H

#include "rxe_verbs.h"

struct dma_buf;
struct ib_dmah;
struct rxe_dmabuf;
struct uverbs_attr_bundle;

struct ib_mr *rxe_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				     u64 length, u64 iova, int fd, int access,
				     struct ib_dmah *dmah,
				     struct uverbs_attr_bundle *attrs);
struct rxe_dmabuf *rxe_dmabuf_import(struct rxe_dev *rxe,
				     struct dma_buf *dmabuf, u64 offset);
void rxe_dmabuf_put(struct rxe_dmabuf *buf);
int rxe_dmabuf_read(struct rxe_dmabuf *buf, size_t pos, void *addr,
		    unsigned int length);

int rxe_dmabuf_copy(struct rxe_task *task, struct rxe_mr *mr, u64 iova,
		    void *addr, unsigned int length, enum rxe_mr_copy_dir dir);
int __rxe_dmabuf_done(struct rxe_dmabuf_access *access);
void rxe_dmabuf_pause(struct rxe_task *task);
void rxe_dmabuf_forget(struct rxe_task *task);
enum resp_states rxe_dmabuf_atomic_op(struct rxe_mr *mr, u64 iova, int opcode,
				      u64 compare, u64 swap_add, u64 *orig_val);
enum resp_states rxe_dmabuf_atomic_write(struct rxe_mr *mr, u64 iova,
					 u64 value);

/**
 * rxe_dmabuf_done - a message has all that it wanted of the memory
 * @task: the task that processes it, run by the caller
 * @dir: enum rxe_mr_copy_dir
 *
 * What was written is visible to other users of the buffer on return: call it
 * before a completion or an acknowledge says so. What others write from now on
 * is visible to the next message.
 *
 * Context: process, may sleep; any if no MR of a dma-buf can be meant.
 * Return: 0, or -EFAULT if the exporter could not make it so, which a work
 * completion shows as a protection error.
 */
static inline int rxe_dmabuf_done(struct rxe_task *task,
				  enum rxe_mr_copy_dir dir)
{
	struct rxe_dmabuf_access *access = &task->access[dir];

	if (likely(!access->mr && !access->err))
		return 0;
	return __rxe_dmabuf_done(access);
}

#endif /* RXE_DMABUF_H */
