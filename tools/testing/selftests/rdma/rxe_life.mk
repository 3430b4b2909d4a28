# SPDX-License-Identifier: GPL-2.0
#
# Objects that go while something of theirs is under way. Included by the
# Makefile.

TEST_PROGS += rxe_parked.sh
# end of TEST_PROGS

TEST_GEN_FILES += rxe_life
# end of TEST_GEN_FILES
