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

void rxe_run_posted(struct rxe_qp *qp);
bool rxe_run_in_place(struct rxe_qp *qp, struct rxe_pkt_info *pkt);
void rxe_run_rcvd(struct rxe_task *task, bool in_place);
void rxe_run_mr_may_sleep(struct rxe_mr *mr);
void rxe_run_bar_softirq(struct rxe_pd *pd);
void rxe_run_allow_softirq(struct rxe_pd *pd);

#endif /* RXE_RUN_H */
