# SPDX-License-Identifier: GPL-2.0
#
# RXE at network layer 2. Included by the Makefile.

TEST_PROGS += rxe_l2_bypass.sh
TEST_PROGS += rxe_l2_chain.sh
TEST_PROGS += rxe_l2_fallback.sh
TEST_PROGS += rxe_l2_hostile.sh
TEST_PROGS += rxe_l2_integrity.sh
TEST_PROGS += rxe_l2_lifecycle.sh
TEST_PROGS += rxe_l2_policy.sh
TEST_PROGS += rxe_l2_switch.sh
TEST_PROGS += rxe_l2_sysctl.sh
TEST_PROGS += rxe_l2_trace.sh
TEST_PROGS += rxe_l2_traffic.sh
TEST_PROGS += rxe_l2_wire.sh
TEST_PROGS += rxe_packets.sh
TEST_PROGS += rxe_loss.sh
TEST_PROGS += rxe_response.sh
TEST_PROGS += rxe_sockets.sh
# end of TEST_PROGS

TEST_FILES += rxe_frames.py
TEST_FILES += rxe_lib.sh
TEST_FILES += rxe_peer.py
TEST_FILES += rxe_responder.py
TEST_FILES += rxe_tun_wire.py
TEST_FILES += rxe_wire.py
# end of TEST_FILES

TEST_GEN_FILES += rxe_bpf
TEST_GEN_FILES += rxe_xfer
# end of TEST_GEN_FILES

CFLAGS += -O2 -Wall
