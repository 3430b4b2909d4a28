// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * ibv_reg_dmabuf_mr() for RXE devices, to be preloaded where rdma-core's rxe
 * provider does not know it:
 *
 *	LD_PRELOAD=librxe_dmabuf.so program
 *
 * All other devices get what the library has for them. Registration goes by the
 * kernel's own interface, and ibv_dereg_mr() takes the MR like any other.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#define RXE_VENDOR_ID	0xffffff

/* as rdma-core's struct verbs_mr, which providers free() */
struct rxe_mr {
	struct ibv_mr ibv_mr;
	int type;
	int access;
};

#define MR_TYPE_DMABUF	3	/* rdma-core's IBV_MR_TYPE_DMABUF_MR */

#define NR_ATTRS	9

struct reg_cmd {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attrs[NR_ATTRS];
};

static void add(struct reg_cmd *cmd, uint16_t id, uint16_t len, uint64_t data)
{
	cmd->attrs[cmd->hdr.num_attrs++] = (struct ib_uverbs_attr) {
		.attr_id = id,
		.len = len,
		.flags = UVERBS_ATTR_F_MANDATORY,
		.data = data,
	};
}

static int reg(struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
	       int fd, int access, struct ibv_mr *mr)
{
	struct reg_cmd cmd = {
		.hdr = {
			.length = sizeof(cmd),
			.object_id = UVERBS_OBJECT_MR,
			.method_id = UVERBS_METHOD_REG_DMABUF_MR,
			.driver_id = RDMA_DRIVER_RXE,
		},
	};

	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0, 0);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, 0, pd->handle);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_OFFSET, 8, offset);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_LENGTH, 8, length);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_IOVA, 8, iova);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_FD, 4, (uint32_t)fd);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, 4, access);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, 4,
	    (uintptr_t)&mr->lkey);
	add(&cmd, UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, 4,
	    (uintptr_t)&mr->rkey);
	if (ioctl(pd->context->cmd_fd, RDMA_VERBS_IOCTL, &cmd.hdr))
		return -1;
	mr->handle = cmd.attrs[0].data;
	return 0;
}

static struct ibv_mr *rxe_reg(struct ibv_pd *pd, uint64_t offset, size_t length,
			      uint64_t iova, int fd, int access)
{
	struct rxe_mr *mr = calloc(1, sizeof(*mr));

	if (!mr)
		return NULL;
	if (reg(pd, offset, length, iova, fd, access, &mr->ibv_mr)) {
		free(mr);
		return NULL;
	}
	mr->type = MR_TYPE_DMABUF;
	mr->access = access;
	mr->ibv_mr.context = pd->context;
	mr->ibv_mr.pd = pd;
	mr->ibv_mr.addr = (void *)(uintptr_t)offset;
	mr->ibv_mr.length = length;
	return &mr->ibv_mr;
}

static int is_rxe(struct ibv_context *context)
{
	struct ibv_device_attr attr;

	return !ibv_query_device(context, &attr) &&
	       attr.vendor_id == RXE_VENDOR_ID;
}

struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset,
				 size_t length, uint64_t iova, int fd,
				 int access)
{
	typeof(ibv_reg_dmabuf_mr) *next = dlsym(RTLD_NEXT, "ibv_reg_dmabuf_mr");
	struct ibv_mr *mr = NULL;

	errno = EOPNOTSUPP;
	if (next)
		mr = next(pd, offset, length, iova, fd, access);
	if (mr || errno != EOPNOTSUPP)
		return mr;
	if (is_rxe(pd->context))
		return rxe_reg(pd, offset, length, iova, fd, access);
	errno = EOPNOTSUPP;
	return NULL;
}
