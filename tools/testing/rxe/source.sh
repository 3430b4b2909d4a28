#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches Debian's source of the kernel line KVER to $OUT/dl.  apt checks the
# signatures; a configuration of our own keeps the machine's apt untouched.

. "$(dirname "$0")/lib.sh"

pkg=linux-source-$KVER
tarball=$OUT/dl/$pkg.tar.xz

write_apt_conf()
{
	local uri key suite

	uri=$(mirror)
	key=$(keyring)
	mkdir -p "$OUT"/dl/apt/{lists/partial,cache/archives/partial}
	for suite in trixie trixie-backports; do
		echo "deb [signed-by=$key] $uri $suite main"
	done >"$OUT/dl/apt/sources.list"
	cat >"$OUT/dl/apt/conf" <<-EOF
	Dir::Etc::sourcelist "$OUT/dl/apt/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State::lists "$OUT/dl/apt/lists";
	Dir::Cache "$OUT/dl/apt/cache";
	APT::Sandbox::User "";
	EOF
}

fetch()
{
	export APT_CONFIG=$OUT/dl/apt/conf
	apt-get update
	cd "$tmp"
	apt-get download "$pkg"
	dpkg-deb -x "$pkg"_*.deb x
	mv "x/usr/src/$pkg.tar.xz" "$tarball"
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
