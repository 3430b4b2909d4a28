# SPDX-License-Identifier: GPL-2.0
#
# Completion queues, and the default GID. Included by the Makefile.

TEST_PROGS += rxe_cq.sh
TEST_PROGS += rxe_gid.sh
# end of TEST_PROGS

TEST_GEN_FILES += rxe_order
# end of TEST_GEN_FILES

LDLIBS += -lpthread
