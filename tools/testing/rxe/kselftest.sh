#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the selftests TARGETS on this machine and installs them to
# $KSFT: the guest's C library is newer than ours.

. "$(dirname "$0")/lib.sh"

build=$OUT/ksft-$LINE
# The tests are the same for each kernel; and to tools/net/ynl this is AddressSanitizer.
unset DEBUG

# The user interface headers do not depend on UML or not: x86_64 has them.
headers()
{
	make -C "$TREE" O="$build" ARCH=x86_64 headers
}

# ynl's generator is Python, and what it needs is Debian's.
install_tests()
{
	PATH=/usr/bin:$PATH make -C "$TREE/tools/testing/selftests" \
		O="$build" ARCH=x86_64 FORCE_TARGETS=1 TARGETS="$TARGETS" \
		INSTALL_PATH="$tmp/install" KSFT_INSTALL_PATH="$tmp/install" \
		install
}

# The tree's files of ours are links, and TEST_INCLUDES are installed as they are.
follow_links()
{
	local link

	find "$tmp/install" -type l | while read -r link; do
		cp --remove-destination "$(readlink -f "$link")" "$link" ||
			return 1
	done
}

lock "ksft-$LINE"
scratch
mkdir -p "$build"
step "kernel headers" "$LOGS/headers-$LINE.log" headers
step "build selftests" "$LOGS/ksft-$LINE.log" install_tests
follow_links || die "cannot copy what TARGETS=$TARGETS includes"
[ -s "$tmp/install/kselftest-list.txt" ] || die "no test in TARGETS=$TARGETS"
rm -rf "$KSFT"
mv "$tmp/install" "$KSFT"
