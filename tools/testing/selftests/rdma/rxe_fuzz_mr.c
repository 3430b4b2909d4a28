// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions, and games with the memory that is under them.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include "rxe_fuzz_verbs.h"
#include "../../../../drivers/dma-buf/dmabuf_test_exporter_uapi.h"

#define PAGE		4096u
#define ACCESS_DMABUF	(IB_UVERBS_ACCESS_LOCAL_WRITE |			\
			 IB_UVERBS_ACCESS_REMOTE_WRITE |		\
			 IB_UVERBS_ACCESS_REMOTE_READ |			\
			 IB_UVERBS_ACCESS_REMOTE_ATOMIC)
/* without FLUSH_PERSISTENT, which only persistent memory has */
#define ACCESS_USER	(ACCESS_DMABUF | IB_UVERBS_ACCESS_MW_BIND |	\
			 IB_UVERBS_ACCESS_FLUSH_GLOBAL)

/* All, or less than that. */
static uint32_t some_access(struct rng *r, uint32_t all)
{
	if (one_of(r, 4))
		all &= rng_next(r);
	if (options & OPT_HOSTILE_CMD && one_of(r, 16))
		return odd_u32(r);
	return all;
}

static void reg_user(struct rng *r, uint32_t flags, enum fuzz_stat s)
{
	struct ib_uverbs_reg_mr cmd = {};
	struct ib_uverbs_reg_mr_resp resp = {};
	struct obj *pd = pick(r, PD), *mr;
	int err;

	mr = pd ? new_obj(r, MR, pd) : NULL;
	if (!mr)
		return;
	cmd.length = 1 + rng_below(r, ARENA_SIZE / 4);
	cmd.start = (uintptr_t)arena + rng_below(r, ARENA_SIZE - cmd.length);
	if (options & OPT_HOSTILE_CMD && one_of(r, 16))
		cmd.start = odd_u64(r);
	if (options & OPT_HOSTILE_CMD && one_of(r, 32))
		cmd.length = odd_u32(r) & 0xffffff;
	cmd.hca_va = one_of(r, 4) ? cmd.start % PAGE : cmd.start;
	cmd.pd_handle = pd->handle;
	cmd.access_flags = some_access(r, ACCESS_USER) | flags;
	err = uverbs_cmd(fd_of(mr), IB_USER_VERBS_CMD_REG_MR, &cmd,
			 sizeof(cmd), &resp, sizeof(resp));
	mr->handle = resp.mr_handle;
	mr->lkey = resp.lkey;
	mr->rkey = resp.rkey;
	mr->addr = cmd.hca_va;
	mr->len = cmd.length;
	mr->pd = pd->handle;
	mr->fd = -1;
	done_obj(mr, err, s);
}

void act_reg_mr(struct rng *r)
{
	reg_user(r, 0, STAT_MRS);
}

void act_reg_odp(struct rng *r)
{
	reg_user(r, IB_UVERBS_ACCESS_ON_DEMAND, STAT_ODP_MRS);
}

/* ---- dma-bufs ---- */

static int open_heap(size_t size)
{
	struct dma_heap_allocation_data data = {
		.len = size, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), err;

	if (dev < 0)
		return -1;
	err = ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data);
	close(dev);
	return err ? -1 : (int)data.fd;
}

static int open_udmabuf(size_t size)
{
	struct udmabuf_create create = {
		.size = size, .flags = UDMABUF_FLAGS_CLOEXEC,
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = -1, memfd = memfd_create("rxe", MFD_ALLOW_SEALING);

	create.memfd = memfd;
	if (dev >= 0 && memfd >= 0 && !ftruncate(memfd, size) &&
	    !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		fd = ioctl(dev, UDMABUF_CREATE, &create);
	close(memfd);
	close(dev);
	return fd;
}

static int exporter(void)
{
	static int fd;

	if (!fd)
		fd = open("/dev/dmabuf_test", O_RDWR | O_CLOEXEC);
	return fd;
}

static int open_test(struct rng *r, size_t size)
{
	static const uint32_t kinds[] = {
		0, DMABUF_TEST_IOMEM, DMABUF_TEST_PIN,
		DMABUF_TEST_PIN | DMABUF_TEST_IOMEM, DMABUF_TEST_APART,
		DMABUF_TEST_INTR,
	};
	struct dmabuf_test_create create = {
		.size = size, .flags = kinds[rng_below(r, ARRAY_SIZE(kinds))],
	};

	if (ioctl(exporter(), DMABUF_TEST_CREATE, &create))
		return -1;
	return create.fd;
}

void act_reg_dmabuf(struct rng *r)
{
	struct obj *pd = pick(r, PD), *mr;
	size_t size = PAGE * (1 + rng_below(r, 64));
	uint64_t offset;
	int err, fd;

	mr = pd ? new_obj(r, MR, pd) : NULL;
	if (!mr)
		return;
	switch (rng_below(r, 3)) {
	case 0:
		fd = open_heap(size);
		break;
	case 1:
		fd = open_udmabuf(size);
		break;
	default:
		fd = open_test(r, size);
	}
	if (fd < 0)
		return;
	offset = rng_below(r, size);
	mr->len = 1 + rng_below(r, size - offset);
	if (options & OPT_HOSTILE_CMD && one_of(r, 16))
		offset = odd_u64(r);
	mr->addr = one_of(r, 2) ? offset : 0x700000000000ull + offset % PAGE;
	err = uverbs_reg_dmabuf(fd_of(mr), pd->handle, fd, offset, mr->len,
				mr->addr, some_access(r, ACCESS_DMABUF), mr);
	mr->pd = pd->handle;
	mr->fd = fd;
	if (err || one_of(r, 2)) {
		close(fd);
		mr->fd = -1;
	}
	done_obj(mr, err, STAT_DMABUF_MRS);
}

/* Revoke, move, fail: only what the test exporter made takes it. */
void act_revoke_dmabuf(struct rng *r)
{
	static const uint32_t what[] = {
		DMABUF_TEST_REVOKE, DMABUF_TEST_MOVE, DMABUF_TEST_FAIL_BEGIN,
		DMABUF_TEST_FAIL_END,
	};
	struct dmabuf_test_do cmd;
	struct obj *mr;
	int n;

	for (n = 0; n < 4; n++) {
		mr = pick(r, MR);
		if (!mr || mr->fd <= 0)
			continue;
		cmd.fd = mr->fd;
		cmd.what = what[rng_below(r, ARRAY_SIZE(what))];
		ioctl(exporter(), DMABUF_TEST_DO, &cmd);
		return;
	}
}

/* ---- MRs that change ---- */

void act_rereg_mr(struct rng *r)
{
	struct ib_uverbs_rereg_mr cmd = {};
	struct ib_uverbs_rereg_mr_resp resp = {};
	struct obj *mr = pick(r, MR), *pd;

	pd = mr ? pick_of(r, PD, mr->ctx) : NULL;
	if (!pd)
		return;
	cmd.mr_handle = mr->handle;
	cmd.flags = 1 + rng_below(r, 7);
	cmd.length = 1 + rng_below(r, ARENA_SIZE / 4);
	cmd.start = (uintptr_t)arena + rng_below(r, ARENA_SIZE - cmd.length);
	cmd.hca_va = cmd.start;
	cmd.pd_handle = pd->handle;
	cmd.access_flags = some_access(r, ACCESS_USER);
	if (uverbs_cmd(fd_of(mr), IB_USER_VERBS_CMD_REREG_MR, &cmd,
		       sizeof(cmd), &resp, sizeof(resp)))
		return;
	mr->lkey = resp.lkey;
	mr->rkey = resp.rkey;
	if (cmd.flags & 1) {
		mr->addr = cmd.hca_va;
		mr->len = cmd.length;
	}
}

void act_advise_mr(struct rng *r)
{
	struct ib_uverbs_sge sge[4];
	struct obj *pd = pick(r, PD), *mr;
	unsigned int n;

	if (!pd)
		return;
	for (n = 0; n < ARRAY_SIZE(sge); n++) {
		mr = pick_of(r, MR, pd->ctx);
		sge[n].lkey = mr ? mr->lkey : odd_u32(r);
		sge[n].addr = mr ? mr->addr : odd_u64(r);
		sge[n].length = mr && !one_of(r, 8) ? mr->len : odd_u32(r);
	}
	uverbs_advise_mr(fd_of(pd), pd->handle, rng_below(r, 4),
			 rng_below(r, 2), sge, 1 + rng_below(r, 4));
}

/* ---- memory ---- */

/* Some pages of the memory that is registered: gone, new, read-only, empty. */
void act_arena(struct rng *r)
{
	size_t pages = ARENA_SIZE / PAGE, first = rng_below(r, pages);
	size_t len = (1 + rng_below(r, pages - first)) * PAGE;
	uint8_t *at = arena + first * PAGE;

	switch (rng_below(r, 6)) {
	case 0:
		mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		     MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 1:
		mmap(at, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		     MAP_FIXED | MAP_NORESERVE, -1, 0);
		break;
	case 2:
		madvise(at, len, MADV_DONTNEED);
		break;
	case 3:
		mprotect(at, len, PROT_READ);
		break;
	case 4:
		madvise(at, len, one_of(r, 2) ? MADV_DONTFORK : MADV_DOFORK);
		break;
	default:
		mprotect(arena, ARENA_SIZE, PROT_READ | PROT_WRITE);
	}
}

/* A queue: unmapped, moved away and back, read-only. */
void act_queue_mm(struct rng *r)
{
	struct queue *q = pick_queue(r);
	size_t len = q ? q->len : 0;
	void *p;

	if (!len)
		return;
	switch (rng_below(r, 4)) {
	case 0:
		unmap_queue(q);
		break;
	case 1:
		p = mremap(q->base, len, len, MREMAP_MAYMOVE);
		if (p != MAP_FAILED && p != q->base)
			munmap(p, len);
		break;
	case 2:
		/* half of it: the VMA is split */
		mmap(q->base, len / 2 / PAGE * PAGE ?: PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		mprotect(q->base, len, PROT_READ);
	}
}

/* Write into a queue that both processes have now. */
static void child(struct rng *r)
{
	struct queue *q = pick_queue(r);

	if (q && options & OPT_SCRIBBLE)
		if_mapped(q->base[rng_below(r, q->len)] = rng_next(r));
	usleep(rng_below(r, 200000));
	if (options & OPT_KILL && one_of(r, 2))
		kill(getpid(), SIGKILL);
	_exit(0);
}

void act_fork(struct rng *r)
{
	struct rng own = { .state = rng_next(r) };
	pid_t pid = fork();

	if (!pid)
		child(&own);
	if (pid < 0)
		return;
	count(STAT_FORKS);
	if (one_of(r, 2))
		waitpid(pid, NULL, 0);
}
