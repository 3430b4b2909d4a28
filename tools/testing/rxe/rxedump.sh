#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds rxedump with the tree's libbpf and bpftool, and lays it and its
# offline tests where the guest finds them: $OUT/rxedump-$LINE/install.

. "$(dirname "$0")/lib.sh"

src=$TREE/tools/rdma/rxedump
build=$OUT/rxedump-$LINE

rxedump()
{
	make -C "$src" srctree="$TREE" OUTPUT="$build" -j"$(nproc)" \
		all "$build/test_pcapng"
}

# a copy, not links into the tree: the guest does not see that
install_it()
{
	rm -rf "$build/install"
	mkdir -p "$build/install"
	cp "$build/rxedump" "$build/test_pcapng" "$build/install"
	cp -rL "$src/tests" "$build/install/tests"
}

lock "rxedump-$LINE"
mkdir -p "$build"
step "rxedump" "$LOGS/rxedump-$LINE.log" rxedump
step "install rxedump" "$LOGS/rxedump-$LINE.log" install_it
