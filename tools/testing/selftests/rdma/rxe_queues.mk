# SPDX-License-Identifier: GPL-2.0
#
# The queues that are shared with user space. Included by the Makefile.

TEST_PROGS += rxe_queues.sh
# end of TEST_PROGS

TEST_GEN_FILES += rxe_hostile_wqe
# end of TEST_GEN_FILES
