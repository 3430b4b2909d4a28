# SPDX-License-Identifier: GPL-2.0
#
# What may be done by a key. Included by the Makefile.

TEST_PROGS += rxe_keys.sh
# end of TEST_PROGS

TEST_GEN_FILES += rxe_keys
# end of TEST_GEN_FILES
