# SPDX-License-Identifier: GPL-2.0
#
# Network namespaces that have RDMA devices of their own. Included by the
# Makefile.

TEST_PROGS += rxe_exclusive.sh
# end of TEST_PROGS

TEST_FILES += rxe_exclusive.py
TEST_FILES += rxe_exclusive_lib.sh
# end of TEST_FILES
