/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of rxe_fuzz_verbs share.
 *
 * A worker is a process with some threads that use one table of objects without
 * any lock: an object is a handle, and a handle that another thread has just
 * destroyed is one more thing that the kernel must refuse.
 */
#ifndef RXE_FUZZ_VERBS_H
#define RXE_FUZZ_VERBS_H

#include <setjmp.h>
#include <netinet/in.h>
#include <rdma/rdma_user_rxe.h>
#include "rxe_fuzz.h"

#define NR_DEVS		2
#define NR_ADDRS	2		/* IPv4, IPv6 */
#define NR_PEERS	256
#define NR_DOING	128
#define ARENA_SIZE	0x400000u	/* memory to register */
#define QUEUE_MAX	0x100000u	/* room for a mapped queue */
#define NR_QUEUES	64

/* Kinds of hostility, each of which can be switched off. */
enum {
	OPT_SCRIBBLE	= 0x1,	/* into the mapped queues */
	OPT_HOSTILE_WQE	= 0x2,	/* wrong keys, lengths, opcodes */
	OPT_HOSTILE_CMD	= 0x4,	/* wrong handles, sizes, attributes */
	OPT_ILLEGAL	= 0x8,	/* QP transitions */
	OPT_MM		= 0x10,	/* munmap, mremap, madvise */
	OPT_FORK	= 0x20,
	OPT_KILL	= 0x40,	/* SIGKILL at any time */
	OPT_CLOSE	= 0x80,	/* the fd with all that is open */
	OPT_DMABUF	= 0x100,
	OPT_ODP		= 0x200,
	OPT_MW		= 0x400,
	OPT_MCAST	= 0x800,
	OPT_SRQ		= 0x1000,
	OPT_UD		= 0x2000,
	OPT_UC		= 0x4000,
	OPT_RESIZE	= 0x8000,
	OPT_ALL		= 0xffff,
	OPT_FAIL_ALLOC	= 0x10000,	/* only where it is asked for */
};

enum fuzz_stat {
	STAT_PROCESSES, STAT_THREADS, STAT_ACTIONS, STAT_REFUSED,
	STAT_CONTEXTS, STAT_PDS, STAT_CQS, STAT_SRQS, STAT_QPS, STAT_MRS,
	STAT_ODP_MRS, STAT_DMABUF_MRS, STAT_MWS, STAT_AHS, STAT_MCAST,
	STAT_CONNECTS, STAT_SENDS, STAT_HOSTILE_SENDS, STAT_RECVS, STAT_CQES,
	STAT_GOOD_CQES, STAT_SCRIBBLES, STAT_FORKS, STAT_KILLED,
	STAT_CRASHED, STAT_FAULTS, NR_STATS
};

enum obj_kind { CTX, PD, CQ, SRQ, QP, MR, MW, AH, NR_KINDS };

/**
 * struct queue - room for a queue that the kernel shares
 * @base: the room, always the same; PROT_NONE while nothing is there
 * @len: size of the mapping, or 0
 * @elem: size of an element, as it was before anyone scribbled
 * @mask: the same of the mask of the indices
 */
struct queue {
	uint8_t *base;
	size_t len;
	uint32_t elem;
	uint32_t mask;
};

struct obj {
	bool live;
	uint8_t dev;			/* 0 or 1 */
	uint8_t type;			/* of a QP, an MW */
	uint8_t state;			/* of a QP, as far as we know */
	int ctx;			/* index of its context */
	int fd;				/* of a context, of a dma-buf */
	uint32_t handle;
	uint32_t num;			/* QPN, number of an AH */
	uint32_t lkey, rkey;
	uint32_t pd;			/* handle; of a QP, SRQ, MR */
	uint8_t max_sge[2];		/* of an SQ and an RQ */
	struct obj *mate;		/* of a QP: ours, connected to it */
	uint64_t addr, len;		/* of an MR */
	int peer;			/* where a QP is known to others */
	struct queue *q[2];		/* of a CQ, an SRQ; SQ and RQ of a QP */
};

/* A QP of any process of the run. */
struct peer {
	uint32_t qpn, rkey;
	uint32_t wants;			/* the QPN that connected to it */
	uint64_t addr;
	uint32_t len;
	uint8_t dev, type;
};

/* What a thread does now, and since when. */
struct doing {
	int tid;
	int action;
	uint64_t since;
};

struct shared {
	uint64_t stats[NR_STATS];
	struct doing doing[NR_DOING];
	struct peer peers[NR_PEERS];
};

struct dev {
	const char *name;
	struct in6_addr addr[NR_ADDRS];
	int nr_addrs;
};

struct thread {
	struct rng rng;
	int num;
};

struct action {
	const char *name;
	void (*run)(struct rng *r);
	unsigned int weight;
	unsigned int needs;		/* OPT_* */
};

extern struct shared *shared;
extern struct dev devs[NR_DEVS];
extern unsigned int options;
extern uint8_t *arena;

extern __thread sigjmp_buf fault_jmp;
extern __thread bool fault_armed;

static inline void arm_fault(bool on)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	fault_armed = on;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Run the statement; an access to memory that is not there ends it. */
#define if_mapped(statement) do {					\
	if (!sigsetjmp(fault_jmp, 0)) {					\
		arm_fault(true);					\
		statement;						\
	} else {							\
		count(STAT_FAULTS);					\
	}								\
	arm_fault(false);						\
} while (0)

static inline void count(enum fuzz_stat s)
{
	__atomic_fetch_add(&shared->stats[s], 1, __ATOMIC_RELAXED);
}

/* rxe_fuzz_cmd.c: the kernel's interface; 0 or -errno */
int uverbs_open(const char *dev);
int uverbs_cmd(int fd, uint32_t command, void *cmd, size_t len, void *resp,
	       size_t resp_len);
int uverbs_reg_dmabuf(int fd, uint32_t pd, int dmabuf, uint64_t offset,
		      uint64_t length, uint64_t iova, uint32_t access,
		      struct obj *mr);
int uverbs_advise_mr(int fd, uint32_t pd, uint64_t advice, uint32_t flags,
		     void *sge, unsigned int num);

/* rxe_fuzz_objs.c */
void objs_init(void);
struct obj *pick(struct rng *r, enum obj_kind kind);
struct obj *pick_of(struct rng *r, enum obj_kind kind, int ctx);
struct obj *pick_mr(struct rng *r, const struct obj *qp);
int fd_of(const struct obj *obj);
struct queue *pick_queue(struct rng *r);
void act_open(struct rng *r);
void act_close(struct rng *r);
void act_create_pd(struct rng *r);
void act_create_cq(struct rng *r);
void act_resize_cq(struct rng *r);
void act_notify_cq(struct rng *r);
void act_create_srq(struct rng *r);
void act_modify_srq(struct rng *r);
void act_create_ah(struct rng *r);
void act_create_mw(struct rng *r);
void act_destroy(struct rng *r);
void act_query(struct rng *r);

/* rxe_fuzz_qp.c */
void act_create_qp(struct rng *r);
void act_connect(struct rng *r);
void act_connect_pair(struct rng *r);
void act_modify_illegal(struct rng *r);
void act_modify_end(struct rng *r);
void act_mcast(struct rng *r);

/* rxe_fuzz_mr.c */
void act_reg_mr(struct rng *r);
void act_reg_odp(struct rng *r);
void act_reg_dmabuf(struct rng *r);
void act_revoke_dmabuf(struct rng *r);
void act_rereg_mr(struct rng *r);
void act_advise_mr(struct rng *r);
void act_arena(struct rng *r);
void act_queue_mm(struct rng *r);
void act_fork(struct rng *r);

/* rxe_fuzz_wqe.c */
void act_send(struct rng *r);
void act_hostile_send(struct rng *r);
void act_recv(struct rng *r);
void act_poll(struct rng *r);
void act_doorbell(struct rng *r);
void act_scribble(struct rng *r);

/* rxe_fuzz_objs.c, for the other parts */
struct obj *new_obj(struct rng *r, enum obj_kind kind, struct obj *owner);
void done_obj(struct obj *obj, int err, enum fuzz_stat s);
void map_queue(struct obj *obj, int n, const struct mminfo *mi);
void unmap_queue(struct queue *q);
int destroy_obj(enum obj_kind kind, struct obj *obj);
void random_gid(struct rng *r, struct in6_addr *gid);
void fill_route(struct rng *r, int from, const struct in6_addr *to,
		void *dgid, uint8_t *sgid_index);

#endif /* RXE_FUZZ_VERBS_H */
