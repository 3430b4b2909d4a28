/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What selftests ask the test exporter (dmabuf_test_exporter.c) for. For this kernel's
 * own tests only: no stable interface.
 */
#ifndef _DMABUF_TEST_EXPORTER_UAPI_H
#define _DMABUF_TEST_EXPORTER_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* kinds of buffers */
#define DMABUF_TEST_NO_VMAP	0x01	/* exporter without vmap */
#define DMABUF_TEST_BAD_VMAP	0x02	/* vmap fails: ENOMEM */
#define DMABUF_TEST_IOMEM	0x04	/* vmap gives I/O memory */
#define DMABUF_TEST_PIN		0x08	/* pin, unpin; can be revoked */
#define DMABUF_TEST_REPEAT	0x10	/* 4 MiB, over and over */
#define DMABUF_TEST_APART	0x20	/* incoherent: begin, end copy it */
#define DMABUF_TEST_INTR	0x40	/* signals interrupt begin, end: EINTR */
#define DMABUF_TEST_FLAGS	(0x80 - 1)

/**
 * struct dmabuf_test_create - DMABUF_TEST_CREATE
 * @size: in bytes, of whole pages
 * @flags: DMABUF_TEST_*
 * @fd: returned
 */
struct dmabuf_test_create {
	__u64 size;
	__u32 flags;
	__s32 fd;
};

/**
 * struct dmabuf_test_copy - DMABUF_TEST_COPY: the exporter's own access
 * @offset: in the buffer
 * @len: number of bytes
 * @addr: address in user space
 * @fd: the buffer
 * @write: to the buffer, else from it
 */
struct dmabuf_test_copy {
	__u64 offset;
	__u64 len;
	__u64 addr;
	__s32 fd;
	__u32 write;
};

enum dmabuf_test_what {
	DMABUF_TEST_REVOKE,	/* for good; EBUSY if an importer holds on */
	DMABUF_TEST_MOVE,	/* only tell the importers */
	DMABUF_TEST_FAIL_BEGIN,	/* begin_cpu_access fails from now on */
	DMABUF_TEST_FAIL_END,	/* end_cpu_access fails from now on */
	DMABUF_TEST_FENCE,	/* work on the buffer is under way ... */
	DMABUF_TEST_SIGNAL,	/* ... and is over */
};

/**
 * struct dmabuf_test_do - DMABUF_TEST_DO
 * @fd: the buffer
 * @what: enum dmabuf_test_what
 */
struct dmabuf_test_do {
	__s32 fd;
	__u32 what;
};

/**
 * struct dmabuf_test_stat - DMABUF_TEST_STAT
 * @fd: the buffer
 * @attached: attachments just now
 * @pinned: pins just now
 * @mapped: kernel mappings just now, 0 or 1
 * @begun: begin_cpu_access calls so far
 * @ended: end_cpu_access calls so far
 * @unsynced: accesses to I/O memory outside of begin and end
 * @late: accesses to I/O memory that was unmapped already
 * @touched: something was written after the revocation
 */
struct dmabuf_test_stat {
	__s32 fd;
	__u32 attached;
	__u32 pinned;
	__u32 mapped;
	__u32 begun;
	__u32 ended;
	__u32 unsynced;
	__u32 late;
	__u32 touched;
};

#define DMABUF_TEST_CREATE	_IOWR('T', 0, struct dmabuf_test_create)
#define DMABUF_TEST_COPY	_IOW('T', 1, struct dmabuf_test_copy)
#define DMABUF_TEST_DO		_IOW('T', 2, struct dmabuf_test_do)
#define DMABUF_TEST_STAT	_IOWR('T', 3, struct dmabuf_test_stat)

#endif /* _DMABUF_TEST_EXPORTER_UAPI_H */
