# SPDX-License-Identifier: GPL-2.0
#
# Everything at once, from a seed. Included by the Makefile.

TEST_PROGS += rxe_soak.sh
# end of TEST_PROGS

TEST_FILES += rxe_soak.py
TEST_FILES += rxe_soak_churn.py
TEST_FILES += rxe_soak_net.py
TEST_FILES += rxe_soak_watch.py
# end of TEST_FILES

TEST_GEN_FILES += rxe_fuzz_frames
TEST_GEN_FILES += rxe_fuzz_verbs
# end of TEST_GEN_FILES
