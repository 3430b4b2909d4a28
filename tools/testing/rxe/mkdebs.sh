#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes Debian packages of what is built for the guest and of the module for
# dkms, to $OUT/debs: by debhelper, in a Debian of the guest's release, whose
# libraries say what the packages depend on.

. "$(dirname "$0")/lib.sh"

to=$OUT/debs

# the author of the last commit
maintainer()
{
	git -C "$TOP" log -1 --format='%an <%ae>' 2>/dev/null ||
		echo "nobody <nobody@localhost>"
}

# write_changelog NAME VERSION: a version is a day
write_changelog()
{
	printf '%s (%s) trixie; urgency=medium\n\n' "$1" "$2"
	printf '  * The sources of this day.\n\n'
	printf ' -- %s  %s\n' "$(maintainer)" "$(date -uR -d "$2")"
}

# What debian/rules packs, to $tmp/src.
lay()
{
	local src=$tmp/src module

	"$HERE/dkms.sh"
	module=$(echo "$OUT"/dkms/*)
	cp -r "$HERE/debian" "$src"
	cp -r "$module" "$OUT/dmabuf"/{dmabuf_perf,librxe_dmabuf.so} \
		"$OUT/rxedump-$LINE/install/rxedump" \
		"$OUT/rdma-core"/librxe-rdmav*.so \
		"$TOP/tools/rdma/dmabuf/dmabuf_perf.1" \
		"$TOP/tools/rdma/rxedump/rxedump.8" "$src"
	cp "$OUT/rdma-core/version" "$src/rdma-core-version"
	sed -i "s/@MAINTAINER@/$(maintainer)/" "$src/debian/control"
	module=${module##*/}
	write_changelog "${module%-*}" "${module##*-}" >"$src/debian/changelog"
}

in_chroot()
{
	mkdir "$tmp/out"
	mmdebstrap --variant=apt --include=debhelper,dh-dkms \
		--include=libdeflate0,libelf1t64,libpcap0.8t64,zlib1g \
		--include=libibverbs1,librdmacm1t64 \
		--aptopt='Apt::Install-Recommends "false"' \
		--customize-hook='mkdir -p "$1/build/src" "$1/build/out"' \
		--customize-hook="sync-in '$tmp/src' /build/src" \
		--customize-hook='chroot "$1" sh -ec "cd /build/src
			chown -R root:root .
			# nothing is compiled: -d, no compiler
			dpkg-buildpackage -b -d -us -uc
			mv ../*.deb ../out"' \
		--customize-hook="sync-out /build/out '$tmp/out'" \
		--format=null trixie /dev/null \
		"deb [signed-by=$(keyring)] $(mirror) trixie main"
}

# of all files and names that are packed, and of how
key()
{
	(cd "$tmp/src" && find . -type f -exec sha256sum {} + | sort -k 2 |
		cat - "$HERE/mkdebs.sh" | sha256sum | cut -d' ' -f1)
}

lock debs
scratch
mkdir "$tmp/src"
step "lay out packages" "$LOGS/debs.log" lay
key=$(key)
if [ "$(cat "$to/key" 2>/dev/null)" != "$key" ]; then
	step "packages" "$LOGS/debs.log" in_chroot
	echo "$key" >"$tmp/out/key"
	rm -rf "$to"
	mv "$tmp/out" "$to"
fi
cat <<END
Packages for Debian 13, to be installed by
  sudo apt install $to/NAME_*.deb
END
for deb in "$to"/*.deb; do
	dpkg-deb -W --showformat='  ${Package} ${Version}: ${binary:Synopsis}\n' \
		"$deb"
done
