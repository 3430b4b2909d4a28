#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds rdma-core of the guest's Debian with the patches in rdma-core/, in a
# Debian of its own: RXE's provider, and pyverbs' dma-buf tests, to
# $OUT/rdma-core.  The guest's own rdma-core stays as it is.

. "$(dirname "$0")/lib.sh"

to=$OUT/rdma-core
needs=gcc,libc6-dev,cmake,ninja-build,pkgconf,patch,ca-certificates
needs+=,libnl-3-dev,libnl-route-3-dev,libudev-dev,libdrm-dev,cython3,python3-dev

# In the chroot.  --tar-only: what apt has verified, and nothing to unpack it by.
# SKIP_RPATH: else the provider would look for libraries where it was built.
build_script()
{
	cat <<-'EOF'
	set -e
	cd /src
	apt-get source --download-only --tar-only rdma-core
	tar -xf rdma-core_*.orig.tar.*
	cd rdma-core-*/
	for p in /src/patches/*.patch; do
		patch -p1 --fuzz=0 <"$p"
	done
	cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DNO_MAN_PAGES=1 -DCMAKE_SKIP_RPATH=1
	cd build
	ninja $(ninja -t targets all |
		sed -n 's/^\(rxe-rdmav[0-9]*\|dmabuf\.[^/]*\|mr\.[^/]*\): phony$/\1/p')
	mkdir -p /out/pyverbs
	cp lib/librxe-rdmav*.so /out
	cp python/pyverbs/dmabuf.*.so python/pyverbs/mr.*.so /out/pyverbs
	strip --strip-debug /out/*.so /out/pyverbs/*.so
	cp -rL ../tests /out/tests
	cd ..
	basename "$PWD" | sed 's/^rdma-core-//' >/out/version
	EOF
}

in_chroot()
{
	local uri

	uri=$(mirror)
	build_script >"$tmp/build.sh"
	mmdebstrap --variant=apt --include="$needs" \
		--aptopt='Apt::Install-Recommends "false"' \
		--customize-hook='mkdir -p "$1/src/patches"' \
		--customize-hook="sync-in '$TOP/rdma-core' /src/patches" \
		--customize-hook="copy-in '$tmp/build.sh' /src" \
		--customize-hook='chroot "$1" sh /src/build.sh' \
		--customize-hook="sync-out /out '$tmp/out'" \
		--format=null trixie /dev/null \
		"deb [signed-by=$(keyring)] $uri trixie main" \
		"deb-src [signed-by=$(keyring)] $uri trixie main"
}

key=$(cat "$TOP"/rdma-core/*.patch "$HERE/rdmacore.sh" | sha256sum |
	cut -d' ' -f1)
current()
{
	[ "$(cat "$to/key" 2>/dev/null)" = "$key" ]
}

! current || exit 0
lock rdma-core
! current || exit 0
scratch
mkdir "$tmp/out"
step "rdma-core" "$LOGS/rdma-core.log" in_chroot
echo "$key" >"$tmp/out/key"
rm -rf "$to"
mv "$tmp/out" "$to"
