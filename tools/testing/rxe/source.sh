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
	unpack_debs "$tmp/x" "$pkg"
	mv "$tmp/x/usr/src/$pkg.tar.xz" "$tarball"
}

if [ -n "$KDIR" ]; then
	[ -e "$KDIR/Kbuild" ] && [ -e "$KDIR/MAINTAINERS" ] ||
		die "KDIR=$KDIR is no kernel tree"
	exit 0
fi
[ ! -e "$tarball" ] || exit 0
lock source
[ ! -e "$tarball" ] || exit 0
say "fetching $pkg (once)"
scratch
write_apt_conf
step "fetch $pkg" "$LOGS/source-$KVER.log" fetch
