// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf exporter for selftests of importers that use the CPU: it does what
 * the exporters that are at hand on any machine cannot, and counts what is done
 * to it. See dmabuf_test_exporter_uapi.h.
 */

#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/iosys-map.h>
#include <linux/logic_iomem.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dmabuf_test_exporter_uapi.h"

#define REPEAT_ORDER	10		/* of the block that is repeated */
#define MAX_IOMEM	SZ_1M
#define POISON		0xdd

/**
 * struct test_buf - a buffer
 * @flags: DMABUF_TEST_*
 * @nr_mapped: number of pages that vmap maps, some of them repeatedly
 * @nr_pages: number of pages that are there
 * @pages: of both
 * @base: our own mapping of the pages
 * @device: with DMABUF_TEST_APART the device's memory, which the pages are but a
 *	    copy of while the CPU has access; under the reservation lock
 * @io: mapping as I/O memory, where that is not just a cast
 * @attached: attachments just now
 * @pinned: pins just now; under the reservation lock
 * @mapped: mapped by vmap; under the reservation lock
 * @revoked: nothing works any more; under the reservation lock
 * @fail_begin: begin_cpu_access fails
 * @fail_end: end_cpu_access fails
 * @begun: calls of begin_cpu_access that succeeded
 * @ended: calls of end_cpu_access
 * @unsynced: accesses to I/O memory outside of these two
 * @late: accesses to I/O memory that is not mapped any more
 * @fence: not signalled yet, or NULL; under the reservation lock
 */
struct test_buf {
	u32			flags;
	unsigned long		nr_mapped;
	unsigned long		nr_pages;
	struct page		**pages;
	u8			*base;
	u8			*device;
	void __iomem		*io;
	atomic_t		attached;
	unsigned int		pinned;
	bool			mapped;
	bool			revoked;
	bool			fail_begin;
	bool			fail_end;
	atomic_t		begun;
	atomic_t		ended;
	atomic_t		unsynced;
	atomic_t		late;
	struct dma_fence	*fence;
};

static unsigned long test_len(struct test_buf *buf)
{
	return buf->nr_pages << PAGE_SHIFT;
}

/* ---- I/O memory ---- */

#ifdef CONFIG_INDIRECT_IOMEM
/* No pointer of the kernel's: whoever uses it as one crashes. */

/* Slow, so that a revocation comes in the middle of an access if it does not
 * wait for its end.
 */
static void test_io_access(struct test_buf *buf)
{
	if (atomic_read(&buf->begun) <= atomic_read(&buf->ended))
		atomic_inc(&buf->unsynced);
	udelay(9);
	if (!READ_ONCE(buf->mapped))
		atomic_inc(&buf->late);
}

static unsigned long test_io_read(void *priv, unsigned int offset, int size)
{
	struct test_buf *buf = priv;
	unsigned long val = 0;

	test_io_access(buf);
	memcpy(&val, buf->base + offset, size);
	return val;
}

static void test_io_write(void *priv, unsigned int offset, int size,
			  unsigned long val)
{
	struct test_buf *buf = priv;

	test_io_access(buf);
	memcpy(buf->base + offset, &val, size);
}

static void test_io_copy_from(void *priv, void *to, unsigned int offset,
			      int size)
{
	struct test_buf *buf = priv;

	test_io_access(buf);
	memcpy(to, buf->base + offset, size);
}

static void test_io_copy_to(void *priv, unsigned int offset, const void *from,
			    int size)
{
	struct test_buf *buf = priv;

	test_io_access(buf);
	memcpy(buf->base + offset, from, size);
}

static const struct logic_iomem_ops test_io_ops = {
	.read		= test_io_read,
	.write		= test_io_write,
	.copy_from	= test_io_copy_from,
	.copy_to	= test_io_copy_to,
};

static DEFINE_MUTEX(test_io_lock);
static struct test_buf *test_io_next;

static long test_io_map(unsigned long offset, size_t size,
			const struct logic_iomem_ops **ops, void **priv)
{
	*ops = &test_io_ops;
	*priv = test_io_next;
	return 0;
}

static const struct logic_iomem_region_ops test_io_region_ops = {
	.map = test_io_map,
};

static struct resource test_io_region = {
	.name	= "dmabuf_test",
	.start	= 0xd0000000,
	.end	= 0xd0000000 + MAX_IOMEM - 1,
	.flags	= IORESOURCE_MEM,
};

/* A region cannot be taken back: neither can the module, once there is one. */
static int test_io_add_region(void)
{
	static bool done;
	int err;

	if (done)
		return 0;
	err = logic_iomem_add_region(&test_io_region, &test_io_region_ops);
	if (err)
		return err;
	__module_get(THIS_MODULE);
	done = true;
	return 0;
}

static int test_io_vmap(struct test_buf *buf, struct iosys_map *map)
{
	int err;

	mutex_lock(&test_io_lock);
	err = test_io_add_region();
	if (err)
		goto out;
	test_io_next = buf;
	buf->io = ioremap(test_io_region.start, test_len(buf));
	if (buf->io)
		iosys_map_set_vaddr_iomem(map, buf->io);
	else
		err = -ENOMEM;
out:
	mutex_unlock(&test_io_lock);
	return err;
}

static void test_io_vunmap(struct test_buf *buf, struct iosys_map *map)
{
	iounmap(buf->io);
}

#else

static int test_io_vmap(struct test_buf *buf, struct iosys_map *map)
{
	void *addr = vmap(buf->pages, buf->nr_mapped, VM_MAP, PAGE_KERNEL);

	if (!addr)
		return -ENOMEM;
	iosys_map_set_vaddr_iomem(map, (void __iomem __force *)addr);
	return 0;
}

static void test_io_vunmap(struct test_buf *buf, struct iosys_map *map)
{
	vunmap((void __force *)map->vaddr_iomem);
}

#endif

/* ---- what importers call ---- */

static int test_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct test_buf *buf = dmabuf->priv;

	if (READ_ONCE(buf->revoked))
		return -ENODEV;
	atomic_inc(&buf->attached);
	return 0;
}

static void test_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct test_buf *buf = dmabuf->priv;

	atomic_dec(&buf->attached);
}

static int test_pin(struct dma_buf_attachment *at)
{
	struct test_buf *buf = at->dmabuf->priv;

	dma_resv_assert_held(at->dmabuf->resv);
	if (buf->revoked)
		return -ENODEV;
	buf->pinned++;
	return 0;
}

static void test_unpin(struct dma_buf_attachment *at)
{
	struct test_buf *buf = at->dmabuf->priv;

	dma_resv_assert_held(at->dmabuf->resv);
	buf->pinned--;
}

/* Only for those who do DMA. */
static struct sg_table *test_map(struct dma_buf_attachment *at,
				 enum dma_data_direction dir)
{
	struct test_buf *buf = at->dmabuf->priv;
	struct sg_table *sgt;
	int err;

	if (buf->flags & DMABUF_TEST_IOMEM || buf->nr_mapped != buf->nr_pages)
		return ERR_PTR(-EOPNOTSUPP);

	sgt = kzalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);

	err = sg_alloc_table_from_pages(sgt, buf->pages, buf->nr_pages, 0,
					test_len(buf), GFP_KERNEL);
	if (err)
		goto err_free;
	err = dma_map_sgtable(at->dev, sgt, dir, 0);
	if (err)
		goto err_free_table;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(err);
}

static void test_unmap(struct dma_buf_attachment *at, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	dma_unmap_sgtable(at->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

/* A mapping apart from ours: access after vunmap faults. */
static int test_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct test_buf *buf = dmabuf->priv;
	void *addr;
	int err = 0;

	dma_resv_assert_held(dmabuf->resv);
	if (buf->flags & DMABUF_TEST_BAD_VMAP)
		return -ENOMEM;

	if (buf->flags & DMABUF_TEST_IOMEM) {
		err = test_io_vmap(buf, map);
	} else {
		/* vmap() refuses more pages than there is memory */
		addr = vm_map_ram(buf->pages, buf->nr_mapped, NUMA_NO_NODE);
		if (addr)
			iosys_map_set_vaddr(map, addr);
		else
			err = -ENOMEM;
	}
	buf->mapped = !err;
	return err;
}

static void test_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct test_buf *buf = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);
	if (buf->flags & DMABUF_TEST_IOMEM)
		test_io_vunmap(buf, map);
	else
		vm_unmap_ram(map->vaddr, buf->nr_mapped);
	buf->mapped = false;
}

/* As a cache would that knows nothing of the device, the CPU sees what was there
 * when its access began, and the device what was there when it ended. For a bit
 * longer than that: who is not in order is found out.
 */
static void test_from_device(struct test_buf *buf)
{
	if (buf->device && atomic_read(&buf->begun) == atomic_read(&buf->ended))
		memcpy(buf->base, buf->device, test_len(buf));
}

static void test_to_device(struct test_buf *buf, enum dma_data_direction dir)
{
	if (!buf->device || dir == DMA_FROM_DEVICE)
		return;
	usleep_range(200, 400);
	memcpy(buf->device, buf->base, test_len(buf));
}

/* As long as it takes for a signal to come. */
static bool test_interrupted(struct test_buf *buf)
{
	if (!(buf->flags & DMABUF_TEST_INTR))
		return false;
	msleep_interruptible(10);
	return signal_pending(current);
}

/* With the reservation lock, as some drivers have it. */
static int test_begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct test_buf *buf = dmabuf->priv;
	int err = 0;

	if (test_interrupted(buf))
		return -EINTR;
	/* also after a revocation: that is for the importer to know */
	dma_resv_lock(dmabuf->resv, NULL);
	if (buf->fail_begin) {
		err = -EIO;
	} else {
		test_from_device(buf);
		atomic_inc(&buf->begun);
	}
	dma_resv_unlock(dmabuf->resv);
	return err;
}

static int test_end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct test_buf *buf = dmabuf->priv;

	if (test_interrupted(buf))
		return -EINTR;
	dma_resv_lock(dmabuf->resv, NULL);
	test_to_device(buf, dir);
	atomic_inc(&buf->ended);
	dma_resv_unlock(dmabuf->resv);
	return READ_ONCE(buf->fail_end) ? -EIO : 0;
}

static void test_free_pages(struct test_buf *buf)
{
	unsigned long i;

	if (buf->flags & DMABUF_TEST_REPEAT) {
		__free_pages(buf->pages[0], REPEAT_ORDER);
		return;
	}
	for (i = 0; i < buf->nr_pages && buf->pages[i]; i++)
		__free_page(buf->pages[i]);
}

static void test_free(struct test_buf *buf)
{
	vunmap(buf->base);
	vfree(buf->device);
	if (buf->pages && buf->pages[0])
		test_free_pages(buf);
	kvfree(buf->pages);
	kfree(buf);
}

static void test_release(struct dma_buf *dmabuf)
{
	struct test_buf *buf = dmabuf->priv;

	if (buf->fence) {
		dma_fence_signal(buf->fence);
		dma_fence_put(buf->fence);
	}
	test_free(buf);
}

#define TEST_OPS				\
	.attach			= test_attach,	\
	.detach			= test_detach,	\
	.map_dma_buf		= test_map,	\
	.unmap_dma_buf		= test_unmap,	\
	.begin_cpu_access	= test_begin,	\
	.end_cpu_access		= test_end,	\
	.release		= test_release

static const struct dma_buf_ops test_no_vmap_ops = {
	TEST_OPS,
};

static const struct dma_buf_ops test_static_ops = {
	TEST_OPS,
	.vmap	= test_vmap,
	.vunmap	= test_vunmap,
};

static const struct dma_buf_ops test_pin_ops = {
	TEST_OPS,
	.vmap	= test_vmap,
	.vunmap	= test_vunmap,
	.pin	= test_pin,
	.unpin	= test_unpin,
};

static const struct dma_buf_ops *test_ops(u32 flags)
{
	if (flags & DMABUF_TEST_NO_VMAP)
		return &test_no_vmap_ops;
	return flags & DMABUF_TEST_PIN ? &test_pin_ops : &test_static_ops;
}

/* ---- what the test asks for ---- */

static int test_alloc_repeat(struct test_buf *buf)
{
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_ZERO, REPEAT_ORDER);
	unsigned long i;

	if (!block)
		return -ENOMEM;
	buf->nr_pages = min(buf->nr_mapped, 1ul << REPEAT_ORDER);
	for (i = 0; i < buf->nr_mapped; i++)
		buf->pages[i] = block + i % (1ul << REPEAT_ORDER);
	return 0;
}

static int test_alloc_pages(struct test_buf *buf)
{
	unsigned long i;

	if (buf->flags & DMABUF_TEST_REPEAT)
		return test_alloc_repeat(buf);

	buf->nr_pages = buf->nr_mapped;
	for (i = 0; i < buf->nr_pages; i++) {
		buf->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!buf->pages[i])
			return -ENOMEM;
	}
	return 0;
}

static struct test_buf *test_alloc(u64 size, u32 flags)
{
	struct test_buf *buf;
	int err;

	buf = kzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->flags = flags;
	buf->nr_mapped = size >> PAGE_SHIFT;
	buf->pages = kvcalloc(buf->nr_mapped, sizeof(*buf->pages), GFP_KERNEL);
	err = buf->pages ? test_alloc_pages(buf) : -ENOMEM;
	if (!err) {
		buf->base = vmap(buf->pages, buf->nr_pages, VM_MAP,
				 PAGE_KERNEL);
		err = buf->base ? 0 : -ENOMEM;
	}
	if (!err && flags & DMABUF_TEST_APART) {
		buf->device = vzalloc(test_len(buf));
		err = buf->device ? 0 : -ENOMEM;
	}
	if (err) {
		test_free(buf);
		return ERR_PTR(err);
	}
	return buf;
}

static long test_create(void __user *arg)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dmabuf_test_create cmd;
	struct dma_buf *dmabuf;
	struct test_buf *buf;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	if (!cmd.size || !PAGE_ALIGNED(cmd.size) ||
	    cmd.flags & ~DMABUF_TEST_FLAGS ||
	    (cmd.flags & DMABUF_TEST_IOMEM && cmd.size > MAX_IOMEM))
		return -EINVAL;

	buf = test_alloc(cmd.size, cmd.flags);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	info.ops = test_ops(cmd.flags);
	info.size = cmd.size;
	info.flags = O_RDWR;
	info.priv = buf;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		test_free(buf);
		return PTR_ERR(dmabuf);
	}

	/* from here on the dma-buf owns the buffer */
	cmd.fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (cmd.fd < 0) {
		dma_buf_put(dmabuf);
		return cmd.fd;
	}
	return copy_to_user(arg, &cmd, sizeof(cmd)) ? -EFAULT : 0;
}

static struct dma_buf *test_get(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (!IS_ERR(dmabuf) && dmabuf->ops->release != test_release) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-EINVAL);
	}
	return dmabuf;
}

static int test_copy_bytes(struct test_buf *buf, struct dmabuf_test_copy *cmd)
{
	void __user *user = u64_to_user_ptr(cmd->addr);
	u8 *addr = (buf->device ?: buf->base) + cmd->offset;

	if (cmd->offset > test_len(buf) ||
	    cmd->len > test_len(buf) - cmd->offset)
		return -EINVAL;
	if (cmd->write)
		return copy_from_user(addr, user, cmd->len) ? -EFAULT : 0;
	return copy_to_user(user, addr, cmd->len) ? -EFAULT : 0;
}

static long test_copy(void __user *arg)
{
	struct dmabuf_test_copy cmd;
	struct dma_buf *dmabuf;
	int err;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	dmabuf = test_get(cmd.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	err = test_copy_bytes(dmabuf->priv, &cmd);
	dma_buf_put(dmabuf);
	return err;
}

/* Upon return an importer that pins has unmapped and unpinned. */
static int test_revoke(struct dma_buf *dmabuf)
{
	struct test_buf *buf = dmabuf->priv;

	dma_buf_invalidate_mappings(dmabuf);
	if (buf->pinned || buf->mapped)
		return -EBUSY;
	buf->revoked = true;
	memset(buf->base, POISON, test_len(buf));
	return 0;
}

static const char *test_fence_name(struct dma_fence *fence)
{
	return "dmabuf_test";
}

static const struct dma_fence_ops test_fence_ops = {
	.get_driver_name	= test_fence_name,
	.get_timeline_name	= test_fence_name,
};

static DEFINE_SPINLOCK(test_fence_lock);

static int test_fence(struct dma_buf *dmabuf)
{
	struct test_buf *buf = dmabuf->priv;
	struct dma_fence *fence;
	int err;

	if (buf->fence)
		return -EBUSY;
	err = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (err)
		return err;
	fence = kzalloc_obj(*fence);
	if (!fence)
		return -ENOMEM;
	dma_fence_init(fence, &test_fence_ops, &test_fence_lock,
		       dma_fence_context_alloc(1), 1);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	buf->fence = fence;
	return 0;
}

static int test_signal(struct dma_buf *dmabuf)
{
	struct test_buf *buf = dmabuf->priv;

	if (!buf->fence)
		return -EINVAL;
	dma_fence_signal(buf->fence);
	dma_fence_put(buf->fence);
	buf->fence = NULL;
	return 0;
}

static int test_do_locked(struct dma_buf *dmabuf, u32 what)
{
	struct test_buf *buf = dmabuf->priv;

	switch (what) {
	case DMABUF_TEST_REVOKE:
		return test_revoke(dmabuf);
	case DMABUF_TEST_MOVE:
		dma_buf_invalidate_mappings(dmabuf);
		return 0;
	case DMABUF_TEST_FAIL_BEGIN:
		buf->fail_begin = true;
		return 0;
	case DMABUF_TEST_FAIL_END:
		WRITE_ONCE(buf->fail_end, true);
		return 0;
	case DMABUF_TEST_FENCE:
		return test_fence(dmabuf);
	case DMABUF_TEST_SIGNAL:
		return test_signal(dmabuf);
	}
	return -EINVAL;
}

static long test_do(void __user *arg)
{
	struct dmabuf_test_do cmd;
	struct dma_buf *dmabuf;
	int err;

	if (copy_from_user(&cmd, arg, sizeof(cmd)))
		return -EFAULT;
	dmabuf = test_get(cmd.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	dma_resv_lock(dmabuf->resv, NULL);
	err = test_do_locked(dmabuf, cmd.what);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	return err;
}

static void test_fill_stat(struct dma_buf *dmabuf, struct dmabuf_test_stat *stat)
{
	struct test_buf *buf = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	stat->attached = atomic_read(&buf->attached);
	stat->pinned = buf->pinned;
	stat->mapped = buf->mapped;
	stat->begun = atomic_read(&buf->begun);
	stat->ended = atomic_read(&buf->ended);
	stat->unsynced = atomic_read(&buf->unsynced);
	stat->late = atomic_read(&buf->late);
	stat->touched = buf->revoked &&
			memchr_inv(buf->base, POISON, test_len(buf));
	dma_resv_unlock(dmabuf->resv);
}

static long test_stat(void __user *arg)
{
	struct dmabuf_test_stat stat;
	struct dma_buf *dmabuf;

	if (copy_from_user(&stat, arg, sizeof(stat)))
		return -EFAULT;
	dmabuf = test_get(stat.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	test_fill_stat(dmabuf, &stat);
	dma_buf_put(dmabuf);
	return copy_to_user(arg, &stat, sizeof(stat)) ? -EFAULT : 0;
}

static long test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case DMABUF_TEST_CREATE:
		return test_create(user);
	case DMABUF_TEST_COPY:
		return test_copy(user);
	case DMABUF_TEST_DO:
		return test_do(user);
	case DMABUF_TEST_STAT:
		return test_stat(user);
	}
	return -ENOTTY;
}

static const struct file_operations test_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= test_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice test_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "dmabuf_test",
	.mode	= 0600,
	.fops	= &test_fops,
};

module_misc_device(test_misc);

MODULE_DESCRIPTION("dma-buf exporter for selftests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
