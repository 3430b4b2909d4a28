/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory to register, and its registration by the kernel's own interface: no
 * library in between that would have to know dma-bufs.
 */
#ifndef RXE_MR_H
#define RXE_MR_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include "../../../../drivers/dma-buf/dmabuf_test_exporter_uapi.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define die(fmt, ...) do {						\
	fflush(stdout);							\
	fprintf(stderr, "rxe_mr: " fmt "\n", ##__VA_ARGS__);	\
	exit(1);							\
} while (0)

#define die_errno(fmt, ...) die(fmt ": %s", ##__VA_ARGS__, strerror(errno))

#define ACCESS_ALL	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | \
			 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* The test exporter's device, or -1. */
static int exporter = -1;

/**
 * struct buf - memory and what it must hold
 * @fd: the dma-buf, or -1 for ordinary memory
 * @cpu: mapping, or NULL where the exporter has to be asked
 * @size: in bytes
 * @want: what the memory must hold, byte by byte
 * @odp: ordinary memory, to be paged on demand
 */
struct buf {
	int fd;
	bool odp;
	uint8_t *cpu;
	size_t size;
	uint8_t *want;
};

struct mr {
	struct ibv_context *ctx;
	uint32_t handle;
	uint32_t lkey;
	uint32_t rkey;
	uint64_t iova;
	uint64_t offset;
	uint64_t length;
	struct buf *buf;
};

/* How to register: by which method, and with what in it. */
struct reg {
	bool reg_mr;			/* UVERBS_METHOD_REG_MR */
	bool no_fd, with_addr, no_offset, with_offset;
	uint64_t addr, offset, length, iova;
	int64_t fd;
	uint32_t access;
};

struct uverbs_cmd {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attrs[16];
};

static struct ib_uverbs_attr *add_attr(struct uverbs_cmd *cmd, uint16_t id,
				       uint16_t len, uint64_t data)
{
	struct ib_uverbs_attr *attr = &cmd->attrs[cmd->hdr.num_attrs++];

	attr->attr_id = id;
	attr->len = len;
	attr->flags = UVERBS_ATTR_F_MANDATORY;
	attr->data = data;
	return attr;
}

static int run_cmd(struct ibv_context *ctx, struct uverbs_cmd *cmd,
		   uint16_t object, uint16_t method)
{
	cmd->hdr.object_id = object;
	cmd->hdr.method_id = method;
	cmd->hdr.driver_id = RDMA_DRIVER_RXE;
	cmd->hdr.length = sizeof(cmd->hdr) +
			  cmd->hdr.num_attrs * sizeof(cmd->attrs[0]);
	return ioctl(ctx->cmd_fd, RDMA_VERBS_IOCTL, &cmd->hdr) ? errno : 0;
}

/* REG_DMABUF_MR; 0 or an errno */
static int reg_dmabuf_mr(struct ibv_pd *pd, const struct reg *r, struct mr *mr)
{
	struct uverbs_cmd cmd = {};
	struct ib_uverbs_attr *handle;
	int err;

	handle = add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0, 0);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, 0, pd->handle);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_OFFSET, 8, r->offset);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_LENGTH, 8, r->length);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_IOVA, 8, r->iova);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_FD, 4, (uint32_t)r->fd);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, 4, r->access);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, 4,
		 (uintptr_t)&mr->lkey);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, 4,
		 (uintptr_t)&mr->rkey);
	err = run_cmd(pd->context, &cmd, UVERBS_OBJECT_MR,
		      UVERBS_METHOD_REG_DMABUF_MR);
	mr->handle = handle->data;
	return err;
}

/* REG_MR, of ordinary memory or of a dma-buf */
static int reg_mr(struct ibv_pd *pd, const struct reg *r, struct mr *mr)
{
	struct uverbs_cmd cmd = {};
	struct ib_uverbs_attr *handle;
	int err;

	handle = add_attr(&cmd, UVERBS_ATTR_REG_MR_HANDLE, 0, 0);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_PD_HANDLE, 0, pd->handle);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_IOVA, 8, r->iova);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_LENGTH, 8, r->length);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_ACCESS_FLAGS, 4, r->access);
	if (r->fd < 0 ? !r->no_fd : r->with_addr)
		add_attr(&cmd, UVERBS_ATTR_REG_MR_ADDR, 8, r->addr);
	if (r->fd >= 0 && !r->no_fd)
		add_attr(&cmd, UVERBS_ATTR_REG_MR_FD, 0, r->fd);
	if (r->fd < 0 ? r->with_offset : !r->no_offset)
		add_attr(&cmd, UVERBS_ATTR_REG_MR_FD_OFFSET, 8, r->offset);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_RESP_LKEY, 4, (uintptr_t)&mr->lkey);
	add_attr(&cmd, UVERBS_ATTR_REG_MR_RESP_RKEY, 4, (uintptr_t)&mr->rkey);
	err = run_cmd(pd->context, &cmd, UVERBS_OBJECT_MR, UVERBS_METHOD_REG_MR);
	mr->handle = handle->data;
	return err;
}

static int do_reg(struct ibv_pd *pd, const struct reg *r, struct mr *mr)
{
	memset(mr, 0, sizeof(*mr));
	mr->ctx = pd->context;
	mr->iova = r->iova;
	mr->offset = r->offset;
	mr->length = r->length;
	return r->reg_mr ? reg_mr(pd, r, mr) : reg_dmabuf_mr(pd, r, mr);
}

/* what the kernel says of an MR's length and address */
static int query_mr(struct mr *mr, uint64_t *length, uint64_t *iova)
{
	struct uverbs_cmd cmd = {};
	uint32_t lkey, rkey;
	int err;

	add_attr(&cmd, UVERBS_ATTR_QUERY_MR_HANDLE, 0, mr->handle);
	add_attr(&cmd, UVERBS_ATTR_QUERY_MR_RESP_LKEY, 4, (uintptr_t)&lkey);
	add_attr(&cmd, UVERBS_ATTR_QUERY_MR_RESP_RKEY, 4, (uintptr_t)&rkey);
	add_attr(&cmd, UVERBS_ATTR_QUERY_MR_RESP_LENGTH, 8, (uintptr_t)length);
	add_attr(&cmd, UVERBS_ATTR_QUERY_MR_RESP_IOVA, 8, (uintptr_t)iova);
	err = run_cmd(mr->ctx, &cmd, UVERBS_OBJECT_MR, UVERBS_METHOD_QUERY_MR);
	if (!err && (lkey != mr->lkey || rkey != mr->rkey))
		die("the keys are not those of the registration");
	return err;
}

static int advise_mr(struct ibv_pd *pd, uint32_t advice, uint32_t flags,
		     struct ibv_sge *sge, unsigned int num)
{
	struct uverbs_cmd cmd = {};

	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_PD_HANDLE, 0, pd->handle);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_ADVICE, 8, advice);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_FLAGS, 4, flags);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_SGE_LIST, num * sizeof(*sge),
		 (uintptr_t)sge);
	return run_cmd(pd->context, &cmd, UVERBS_OBJECT_MR,
		       UVERBS_METHOD_ADVISE_MR);
}

static int dereg(struct mr *mr)
{
	struct uverbs_cmd cmd = {};

	add_attr(&cmd, UVERBS_ATTR_DESTROY_MR_HANDLE, 0, mr->handle);
	return run_cmd(mr->ctx, &cmd, UVERBS_OBJECT_MR,
		       UVERBS_METHOD_MR_DESTROY);
}

static void must_dereg(struct mr *mr)
{
	int err = dereg(mr);

	if (err)
		die("dereg_mr: %s", strerror(err));
}

/* ---- memory ---- */

static int udmabuf_fd(size_t size)
{
	struct udmabuf_create create = { .size = size };
	int dev, memfd, fd;

	dev = open("/dev/udmabuf", O_RDWR);
	memfd = memfd_create("rxe", MFD_ALLOW_SEALING);
	if (dev < 0 || memfd < 0 || ftruncate(memfd, size) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		die_errno("udmabuf");
	create.memfd = memfd;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (fd < 0)
		die_errno("UDMABUF_CREATE");
	close(memfd);
	close(dev);
	return fd;
}

static int heap_fd(size_t size)
{
	struct dma_heap_allocation_data data = {
		.len = size, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR);

	if (dev < 0 || ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &data))
		die_errno("/dev/dma_heap/system");
	close(dev);
	return data.fd;
}

/* the first card is vgem's, a DRM driver without hardware */
static int vgem_fd(size_t size)
{
	struct drm_mode_create_dumb dumb = {
		.width = size, .height = 1, .bpp = 8,
	};
	struct drm_prime_handle prime = { .flags = DRM_RDWR | DRM_CLOEXEC };
	int dev = open("/dev/dri/card0", O_RDWR);

	if (dev < 0 || ioctl(dev, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		die_errno("/dev/dri/card0");
	prime.handle = dumb.handle;
	if (ioctl(dev, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		die_errno("DRM_IOCTL_PRIME_HANDLE_TO_FD");
	close(dev);
	return prime.fd;
}

static int test_fd(uint64_t size, uint32_t flags)
{
	struct dmabuf_test_create create = { .size = size, .flags = flags };

	if (exporter < 0)
		exporter = open("/dev/dmabuf_test", O_RDWR | O_CLOEXEC);
	if (exporter < 0 || ioctl(exporter, DMABUF_TEST_CREATE, &create))
		die_errno("/dev/dmabuf_test");
	return create.fd;
}

static void test_do(int fd, uint32_t what)
{
	struct dmabuf_test_do cmd = { .fd = fd, .what = what };

	if (ioctl(exporter, DMABUF_TEST_DO, &cmd))
		die_errno("test exporter: %u", what);
}

static struct dmabuf_test_stat test_stat(int fd)
{
	struct dmabuf_test_stat stat = { .fd = fd };

	if (ioctl(exporter, DMABUF_TEST_STAT, &stat))
		die_errno("test exporter: stat");
	return stat;
}

static void test_copy(struct buf *b, uint64_t offset, void *addr, size_t len,
		      bool write)
{
	struct dmabuf_test_copy copy = {
		.fd = b->fd, .offset = offset, .addr = (uintptr_t)addr,
		.len = len, .write = write,
	};

	if (ioctl(exporter, DMABUF_TEST_COPY, &copy))
		die_errno("test exporter: copy");
}

static const struct {
	const char *name;
	uint32_t flags;
} test_kinds[] = {
	{ "test", 0 },
	{ "iomem", DMABUF_TEST_IOMEM },
	{ "pin", DMABUF_TEST_PIN },
	{ "pin-iomem", DMABUF_TEST_PIN | DMABUF_TEST_IOMEM },
	{ "apart", DMABUF_TEST_APART },
	{ "intr", DMABUF_TEST_INTR },
	{ "no-vmap", DMABUF_TEST_NO_VMAP },
	{ "bad-vmap", DMABUF_TEST_BAD_VMAP },
};

static int fd_of(const char *kind, size_t size)
{
	unsigned int i;

	if (!strcmp(kind, "udmabuf"))
		return udmabuf_fd(size);
	if (!strcmp(kind, "heap"))
		return heap_fd(size);
	if (!strcmp(kind, "vgem"))
		return vgem_fd(size);
	for (i = 0; i < ARRAY_SIZE(test_kinds); i++)
		if (!strcmp(kind, test_kinds[i].name))
			return test_fd(size, test_kinds[i].flags);
	die("no such memory: %s", kind);
}

static bool is_test(const char *kind)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(test_kinds); i++)
		if (!strcmp(kind, test_kinds[i].name))
			return true;
	return false;
}

/* user space's own access, as dma-buf wants it bracketed */
static void cpu_sync(struct buf *b, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	if (b->fd >= 0 && ioctl(b->fd, DMA_BUF_IOCTL_SYNC, &sync))
		die_errno("DMA_BUF_IOCTL_SYNC");
}

static void buf_write(struct buf *b, size_t offset, const void *data, size_t len)
{
	memcpy(b->want + offset, data, len);
	if (!b->cpu) {
		test_copy(b, offset, (void *)data, len, true);
		return;
	}
	cpu_sync(b, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
	memcpy(b->cpu + offset, data, len);
	cpu_sync(b, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

static void buf_read(struct buf *b, size_t offset, void *data, size_t len)
{
	if (!b->cpu) {
		test_copy(b, offset, data, len, false);
		return;
	}
	cpu_sync(b, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	memcpy(data, b->cpu + offset, len);
	cpu_sync(b, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

/* Every byte depends on its place and on a seed. */
static uint8_t pattern(uint32_t seed, size_t i)
{
	return seed * 131 + i * 7 + (i >> 8) * 3 + (i >> 16) * 5 + 1;
}

static void buf_fill(struct buf *b, uint32_t seed, size_t offset, size_t len)
{
	uint8_t *data = malloc(len + 1);
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = pattern(seed, i);
	buf_write(b, offset, data, len);
	free(data);
}

/* all of it, so that a byte next to the target shows as well */
static void buf_check(struct buf *b, const char *what)
{
	uint8_t *is = malloc(b->size);
	size_t i;

	buf_read(b, 0, is, b->size);
	for (i = 0; i < b->size; i++)
		if (is[i] != b->want[i])
			die("%s: byte %zu is %#x, not %#x", what, i, is[i],
			    b->want[i]);
	free(is);
}

static void buf_open(struct buf *b, const char *kind, size_t size)
{
	bool plain;

	b->odp = !strcmp(kind, "odp");
	plain = b->odp || !strcmp(kind, "plain");
	b->size = size;
	b->fd = plain ? -1 : fd_of(kind, size);
	b->want = malloc(size);
	b->cpu = NULL;
	if (!is_test(kind)) {
		b->cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, plain ?
			      MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, b->fd,
			      0);
		if (b->cpu == MAP_FAILED)
			die_errno("mmap of %s", kind);
	}
	buf_fill(b, 77, 0, size);
}

static void buf_close(struct buf *b)
{
	if (b->cpu && munmap(b->cpu, b->size))
		die_errno("munmap");
	if (b->fd >= 0 && close(b->fd))
		die_errno("close");
	free(b->want);
}

static void reg_buf(struct ibv_pd *pd, struct buf *b, uint64_t offset,
		    uint64_t length, uint64_t iova, bool by_reg_mr,
		    struct mr *mr)
{
	struct reg r = {
		.reg_mr = by_reg_mr || b->fd < 0,
		.addr = (uintptr_t)b->cpu + offset,
		.offset = offset, .length = length, .iova = iova, .fd = b->fd,
		.access = ACCESS_ALL | (b->odp ? IBV_ACCESS_ON_DEMAND : 0),
	};
	int err = do_reg(pd, &r, mr);

	if (err)
		die("registration: %s", strerror(err));
	mr->buf = b;
}

#endif /* RXE_MR_H */
