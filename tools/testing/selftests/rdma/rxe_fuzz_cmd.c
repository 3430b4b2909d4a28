// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own interface for verbs, without a library that would refuse
 * what is wrong before the kernel sees it, or crash over its own queues.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include "rxe_fuzz_verbs.h"

#define SYS_VERBS	"/sys/class/infiniband_verbs"

struct uverbs_ioctl {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attrs[16];
};

static bool names_dev(const char *uverbs, const char *dev)
{
	char path[300], name[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), SYS_VERBS "/%s/ibdev", uverbs);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%63s", name) != 1)
		name[0] = 0;
	fclose(f);
	return !strcmp(name, dev);
}

/* The character device of @dev, or -errno. */
int uverbs_open(const char *dev)
{
	int fd = -ENODEV;
	struct dirent *e;
	char path[300];
	DIR *dir;

	dir = opendir(SYS_VERBS);
	if (!dir)
		return -errno;
	while (fd < 0 && (e = readdir(dir))) {
		if (strncmp(e->d_name, "uverbs", 6) ||
		    !names_dev(e->d_name, dev))
			continue;
		snprintf(path, sizeof(path), "/dev/infiniband/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(dir);
	return fd;
}

/* A command with a response begins with the address of the response. */
int uverbs_cmd(int fd, uint32_t command, void *cmd, size_t len, void *resp,
	       size_t resp_len)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		uint64_t cmd[64];
	} buf = {
		.hdr = {
			.command = command,
			.in_words = (sizeof(buf.hdr) + len) / 4,
			.out_words = resp_len / 4,
		},
	};

	memcpy(buf.cmd, cmd, len);
	if (resp)
		buf.cmd[0] = (uintptr_t)resp;
	if (write(fd, &buf, sizeof(buf.hdr) + len) < 0) {
		count(STAT_REFUSED);
		return -errno;
	}
	return 0;
}

static struct ib_uverbs_attr *add_attr(struct uverbs_ioctl *cmd, uint16_t id,
				       uint16_t len, uint64_t data)
{
	struct ib_uverbs_attr *attr = &cmd->attrs[cmd->hdr.num_attrs++];

	attr->attr_id = id;
	attr->len = len;
	attr->flags = UVERBS_ATTR_F_MANDATORY;
	attr->data = data;
	return attr;
}

static int run_ioctl(int fd, struct uverbs_ioctl *cmd, uint16_t method)
{
	cmd->hdr.object_id = UVERBS_OBJECT_MR;
	cmd->hdr.method_id = method;
	cmd->hdr.driver_id = RDMA_DRIVER_RXE;
	cmd->hdr.length = sizeof(cmd->hdr) +
			  cmd->hdr.num_attrs * sizeof(cmd->attrs[0]);
	if (ioctl(fd, RDMA_VERBS_IOCTL, &cmd->hdr)) {
		count(STAT_REFUSED);
		return -errno;
	}
	return 0;
}

int uverbs_reg_dmabuf(int fd, uint32_t pd, int dmabuf, uint64_t offset,
		      uint64_t length, uint64_t iova, uint32_t access,
		      struct obj *mr)
{
	struct uverbs_ioctl cmd = {};
	struct ib_uverbs_attr *handle;
	int err;

	handle = add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0, 0);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, 0, pd);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_OFFSET, 8, offset);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_LENGTH, 8, length);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_IOVA, 8, iova);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_FD, 4, (uint32_t)dmabuf);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, 4, access);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, 4,
		 (uintptr_t)&mr->lkey);
	add_attr(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, 4,
		 (uintptr_t)&mr->rkey);
	err = run_ioctl(fd, &cmd, UVERBS_METHOD_REG_DMABUF_MR);
	mr->handle = handle->data;
	return err;
}

int uverbs_advise_mr(int fd, uint32_t pd, uint64_t advice, uint32_t flags,
		     void *sge, unsigned int num)
{
	struct uverbs_ioctl cmd = {};

	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_PD_HANDLE, 0, pd);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_ADVICE, 8, advice);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_FLAGS, 4, flags);
	add_attr(&cmd, UVERBS_ATTR_ADVISE_MR_SGE_LIST,
		 num * sizeof(struct ib_uverbs_sge), (uintptr_t)sge);
	return run_ioctl(fd, &cmd, UVERBS_METHOD_ADVISE_MR);
}
