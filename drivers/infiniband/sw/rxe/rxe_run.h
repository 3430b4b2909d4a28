/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Where the protocol is processed: in place, or on the workqueue.
 */

#ifndef RXE_RUN_H
#define RXE_RUN_H

#include <linux/types.h>

struct rxe_mr;
struct rxe_pd;
struct rxe_pkt_info;
struct rxe_qp;
struct rxe_task;

/**
 * enum rxe_run_where - who processes a packet
 * @RXE_RUN_QUEUED: the workqueue
 * @RXE_RUN_IN_PLACE: who received it; the requests that it lets go are still
 *		      the workqueue's
 * @RXE_RUN_ACK: who received it, but the workqueue all else of its task
 */
enum rxe_run_where {
	RXE_RUN_QUEUED,
	RXE_RUN_IN_PLACE,
	RXE_RUN_ACK,
};

void rxe_run_posted(struct rxe_qp *qp);
void rxe_run_posted_kernel(struct rxe_qp *qp);
enum rxe_run_where rxe_run_where(struct rxe_qp *qp, struct rxe_pkt_info *pkt);
void rxe_run_rcvd(struct rxe_task *task, enum rxe_run_where where);
void rxe_run_batch(struct rxe_qp *qp, bool req, unsigned int n);
void rxe_run_mr_may_sleep(struct rxe_mr *mr);
void rxe_run_bar_softirq(struct rxe_pd *pd);
void rxe_run_allow_softirq(struct rxe_pd *pd);

#endif /* RXE_RUN_H */
