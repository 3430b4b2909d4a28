#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches Debian's source of the kernel line KVER to $OUT/dl.

. "$(dirname "$0")/lib.sh"
. "$HERE/debs.sh"

pkg=linux-source-$KVER
tarball=$OUT/dl/$pkg.tar.xz

fetch()
{
	update_lists
	unpack_debs "$tmp/x" "$pkg"
	mv "$tmp/x/usr/src/$pkg.tar.xz" "$tarball"
}

if [ -n "$KDIR" ]; then
	[ -e "$KDIR/Kbuild" ] && [ -e "$KDIR/MAINTAINERS" ] ||
		die "KDIR=$KDIR is no kernel tree"
	exit 0
fi
scratch
fetch_once "$tarball" "$pkg" "$LOGS/source-$KVER.log"
