#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes of the module's source for both kernel lines a package that dkms builds
# for a machine's own kernel, and tells how.

. "$(dirname "$0")/lib.sh"

name=rdma-rxe-netkit
# the day of what is packed
version=$(git -C "$TOP" log -1 --format=%cd --date=format:%Y%m%d 2>/dev/null) ||
	version=0
package=$OUT/dkms/$name-$version

write_conf()
{
	cat <<-END
	PACKAGE_NAME="$name"
	PACKAGE_VERSION="$version"
	BUILD_EXCLUSIVE_KERNEL="^7\.[23]\."
	BUILD_EXCLUSIVE_CONFIG="CONFIG_INFINIBAND_VIRT_DMA CONFIG_NET_UDP_TUNNEL"
	MAKE[0]="make modules KVER=\$kernelver KDIR=\$kernel_source_dir"
	BUILT_MODULE_NAME[0]="rdma_rxe"
	# 7.3.4+deb13-amd64: 7.3
	BUILT_MODULE_LOCATION[0]="\$(echo "\$kernelver" | cut -d. -f1,2)/"
	DEST_MODULE_LOCATION[0]="/updates/dkms"
	AUTOINSTALL="yes"
	END
}

# A folder a line: what is upstream's in them differs.
write_makefile()
{
	cat <<-'END'
	KVER	?= $(shell uname -r)
	KDIR	?= /lib/modules/$(KVER)/build
	LINE	:= $(shell echo '$(KVER)' | cut -d. -f1,2)

	modules: ; $(MAKE) -C $(KDIR) M=$(CURDIR)/$(LINE) modules
	clean: ; find . -name '*.o' -delete -o -name '*.ko' -delete
	END
}

lock dkms
scratch
mkdir "$tmp/package"
for line in 7.2 7.3; do
	make -C "$TOP" --no-print-directory modsrc KVER=$line ARCH=x86_64 KDIR= \
		DEBUG= DISTRO=
	cp -r "$OUT/modsrc/$line" "$tmp/package"
done
write_conf >"$tmp/package/dkms.conf"
write_makefile >"$tmp/package/Makefile"
rm -rf "$OUT/dkms"
mkdir -p "$OUT/dkms"
mv "$tmp/package" "$package"
cat <<END
RXE with the network layers, for kernels 7.2 and 7.3 that are installed here:
  sudo dkms install $package
  sudo modprobe -r rdma_rxe; sudo modprobe rdma_rxe
Away again, for the kernel's own:
  sudo dkms remove $name/$version --all
END
