# SPDX-License-Identifier: GPL-2.0
#
# Device memory of a NIC; ncdevmem is that of drivers/net/hw. Included by the
# Makefile.

TEST_PROGS += rxe_devmem.sh
# end of TEST_PROGS

TEST_FILES += rxe_netdev.py
# end of TEST_FILES

YNL_GEN_FILES := ncdevmem
TEST_GEN_FILES += $(YNL_GEN_FILES)
# end of TEST_GEN_FILES
