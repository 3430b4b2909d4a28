#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Makes the guest's root, a Debian trixie in an ext4 image ($ROOT).  It is
# made anew when its packages, its first program or this script change.

. "$(dirname "$0")/lib.sh"

size=4G	# sparse: what is not written takes no room

packages()
{
	sed '/^#/d; /^$/d' "$HERE/root.packages" | paste -sd,
}

bootstrap()
{
	mmdebstrap --variant=apt --include="$(packages)" \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--customize-hook='mkdir -p "$1/mnt/share" "$1/mnt/out"' \
		--customize-hook="copy-in '$HERE/guest/rxe-boot' /sbin" \
		--customize-hook='echo rxe >"$1/etc/hostname"' \
		trixie "$tmp/root.tar" \
		"deb [signed-by=$(keyring)] $(mirror) trixie main"
}

# As an ordinary user fakeroot keeps the owners of the archive.
image()
{
	local as=
	[ "$(id -u)" -eq 0 ] || as=fakeroot

	mkdir "$tmp/root"
	# the guest mounts its own /dev
	$as sh -ec '
		tar -xf "$1/root.tar" -C "$1/root" --exclude="./dev/*"
		mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$1/root" \
			"$1/root.img" "$2"
		chmod -R u+rwX "$1/root"
	' - "$tmp" "$size"
}

key=$(cat "$HERE/root.packages" "$HERE/root.sh" "$HERE/guest/rxe-boot" |
	sha256sum | cut -d' ' -f1)
current()
{
	[ -e "$ROOT" ] && [ "$(cat "$ROOT.key" 2>/dev/null)" = "$key" ]
}

! current || exit 0
lock root
! current || exit 0
say "making the guest's root (once)"
PATH=$PATH:/usr/sbin:/sbin
scratch
step "guest root" "$LOGS/root.log" bootstrap
step "guest image" "$LOGS/root.log" image
mkdir -p "$(dirname "$ROOT")"
rm -f "$ROOT.key"
mv "$tmp/root.img" "$ROOT"
echo "$key" >"$ROOT.key"
