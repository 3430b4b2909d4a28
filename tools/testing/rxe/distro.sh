#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's own kernel of our line, of the flavour $DISTRO, as it is shipped, with
# our modules built for it to $STAGE/modules, and a first root, for its drivers
# of disk and folders are modules: $KERNEL, $STAGE/initrd.

. "$(dirname "$0")/lib.sh"
. "$HERE/debs.sh"

sublevel()
{
	awk '$1 ~ /^(VERSION|PATCHLEVEL|SUBLEVEL)$/ { v = v "." $3 }
		END { print substr(v, 2) }' "$TREE/Makefile"
}

version=$(sublevel)
debian=$OUT/dl/debian-$version-$DISTRO

# The packages that go with the source: their headers hold what kbuild needs to
# make modules for them, but are compiled for Debian 13, as are their tools.
fetch()
{
	local release

	update_lists
	release=$(apt-cache pkgnames "linux-binary-$version+" |
		sed -n "s/^linux-binary-\($version+deb[0-9]*-$DISTRO\)\$/\1/p")
	[ -n "$release" ] || {
		echo "Debian has no kernel $version of flavour $DISTRO (any more)"
		return 1
	}
	unpack_debs "$tmp/x" linux-{base,binary,modules,headers}-"$release" \
		busybox-static
	mkdir -p "$tmp/debian/lib"
	mv "$tmp/x/usr/lib/modules" "$tmp/debian/lib/modules"
	mv "$tmp/x/usr/src/linux-headers-$release/Module.symvers" \
		"$tmp"/x/usr/bin/busybox "$tmp/debian"
	echo "$release" >"$tmp/debian/release"
	rm -rf "$debian"
	mv "$tmp/debian" "$debian"
}

kmake()
{
	make -C "$TREE" O="$KBUILD" ARCH=x86_64 CC="$cc" -j"$(nproc)" \
		KERNELRELEASE="$release" --no-print-directory "$@"
}

# names of the options that differ between the files, but for what tells of the
# compiler
changed()
{
	diff "$1" "$2" | sed -nE 's/^[<>] (# )?(CONFIG_\w+).*/\2/p' | sort -u |
		grep -vE '^CONFIG_((AS|BINDGEN|CC|GCC|LD|PAHOLE|RUSTC)_|BUILD_SALT$)'
}

# Debian's configuration, as far as this machine's compiler can. What it cannot
# must be in no header: structures have to be what they are in that kernel.
prepare()
{
	local names

	mkdir -p "$KBUILD"
	cp "$modules/config" "$KBUILD/.config"
	# takes an export that Debian's kernel does not have
	echo "CONFIG_RDMA_RXE_DEVMEM=n" >>"$KBUILD/.config"
	kmake olddefconfig
	names=$(changed "$modules/config" "$KBUILD/.config" | paste -sd'|') ||
		true	# diff found some
	! grep -rwE "${names:-CONFIG_NONE}" "$TREE"/arch/x86/include \
		"$TREE"/include/{linux,net,rdma,asm-generic} || {
		echo "this compiler cannot do that configuration"
		return 1
	}
	kmake modules_prepare
	cp "$debian/Module.symvers" "$KBUILD/Module.symvers"
	touch "$KBUILD/prepared"
}

build()
{
	local exporter=$KBUILD/exporter

	mkdir -p "$KBUILD/rxe" "$exporter"
	kmake M="$OUT/modsrc/$LINE" MO="$KBUILD/rxe" modules
	cp -uL "$TREE"/drivers/dma-buf/dmabuf_test_exporter*.[ch] "$exporter"
	echo 'obj-m := dmabuf_test_exporter.o' >"$exporter/Kbuild"
	kmake M="$exporter" modules
}

# The drivers of what the guest boots from, each after those it needs.
drivers()
{
	local m

	modprobe -d "$tmp/m" -S "$release" -a --show-depends \
		virtio_pci virtio_blk ext4 9p 9pnet_virtio >"$tmp/depends"
	mkdir "$tmp/d"
	awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$tmp/depends" |
	while read -r m; do
		xz -dc "$m" >"$tmp/d/$(basename "$m" .xz)"
		basename "$m" .xz
	done >"$tmp/drivers"
}

# as gen_init_cpio wants it
initrd_list()
{
	cat <<-END
	dir /dev 755 0 0
	nod /dev/console 600 0 0 c 5 1
	dir /sysroot 755 0 0
	file /busybox $debian/busybox 755 0 0
	file /init $HERE/guest/initrd-init 755 0 0
	file /drivers $tmp/drivers 644 0 0
	dir /d 755 0 0
	END
	sed "s,.*,file /d/& $tmp/d/& 644 0 0," "$tmp/drivers"
}

# As dkms installs them, which modprobe prefers to the kernel's own.
install_modules()
{
	local dir=$tmp/m/lib/modules/$release

	mkdir -p "$tmp/m/lib/modules"
	cp -r "$modules" "$dir"
	rm -f "$dir/vmlinuz"
	mkdir -p "$dir/updates/dkms"
	cp "$KBUILD/rxe/rdma_rxe.ko" \
		"$KBUILD/exporter/dmabuf_test_exporter.ko" "$dir/updates/dkms"
	strip --strip-debug "$dir"/updates/dkms/*.ko
	depmod -b "$tmp/m" "$release"
	drivers
	initrd_list >"$tmp/list"
	gcc -O2 -o "$tmp/gen_init_cpio" "$TREE/usr/gen_init_cpio.c"
	"$tmp/gen_init_cpio" "$tmp/list" >"$tmp/initrd"
	mkdir -p "$STAGE"
	rm -rf "$STAGE/stamp" "$STAGE/modules"
	mv "$tmp/m/lib/modules" "$STAGE/modules"
	mv "$tmp/initrd" "$STAGE/initrd"
	cp "$modules/vmlinuz" "$STAGE/vmlinuz"
	mv "$tmp/stamp" "$STAGE/stamp"
}

scratch
fetch_once "$debian/release" "Debian's linux-$version-$DISTRO" \
	"$LOGS/fetch-$CONF.log"
lock "$CONF"
release=$(cat "$debian/release")
modules=$debian/lib/modules/$release
cc=gcc
! command -v ccache >/dev/null || cc="ccache gcc"
[ -e "$KBUILD/prepared" ] ||
	step "prepare $CONF" "$LOGS/config-$CONF.log" prepare
step "modules $CONF" "$LOGS/kernel-$CONF.log" build
touch "$tmp/stamp"
[ -e "$STAGE/stamp" ] && [ -z "$(find "$KBUILD/rxe/rdma_rxe.ko" \
	"$KBUILD/exporter/dmabuf_test_exporter.ko" "$HERE/distro.sh" \
	"$HERE/guest/initrd-init" -newer "$STAGE/stamp" -print -quit)" ] ||
	step "modules and first root $CONF" "$LOGS/modules-$CONF.log" \
		install_modules
