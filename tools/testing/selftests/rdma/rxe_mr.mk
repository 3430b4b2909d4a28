# SPDX-License-Identifier: GPL-2.0
#
# Memory regions: of dma-bufs, on demand. Included by the Makefile.

TEST_PROGS += rxe_dmabuf.sh
TEST_PROGS += rxe_dmabuf_life.sh
TEST_PROGS += rxe_dmabuf_user.sh
TEST_PROGS += rxe_odp.sh
TEST_PROGS += rxe_run.sh
# end of TEST_PROGS

TEST_FILES += rxe_mr_lib.sh
# end of TEST_FILES

TEST_GEN_FILES += dmabuf_perf
TEST_GEN_FILES += librxe_dmabuf.so
TEST_GEN_FILES += rxe_mr
# end of TEST_GEN_FILES

CFLAGS += $(KHDR_INCLUDES)
LDLIBS += -Wl,--as-needed -libverbs
