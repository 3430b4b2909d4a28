# SPDX-License-Identifier: GPL-2.0
#
# Memory regions of dma-bufs. Included by the Makefile.

TEST_PROGS += rxe_dmabuf.sh
TEST_PROGS += rxe_dmabuf_life.sh
# end of TEST_PROGS

TEST_FILES += rxe_dmabuf_lib.sh
# end of TEST_FILES

TEST_GEN_FILES += rxe_dmabuf
# end of TEST_GEN_FILES

CFLAGS += $(KHDR_INCLUDES)
LDLIBS += -Wl,--as-needed -libverbs
