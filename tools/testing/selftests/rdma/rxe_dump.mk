# SPDX-License-Identifier: GPL-2.0
#
# rxedump, tools/rdma/rxedump. Included by the Makefile.

TEST_PROGS += rxe_dump_decode.sh
TEST_PROGS += rxe_dump_live.sh
# end of TEST_PROGS

TEST_FILES += rxe_dump_send.py
TEST_FILES += rxe_dump_tshark.py
# end of TEST_FILES
