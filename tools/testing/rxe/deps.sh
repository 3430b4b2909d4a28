#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh GROUP...: installs what the named steps need on this machine.

. "$(dirname "$0")/lib.sh"

packages()
{
	case $1 in
	tree)
		echo xz-utils patch rsync debian-archive-keyring ;;
	kernel)
		echo gcc make flex bison bc perl python3 kmod libelf-dev \
			libssl-dev rsync libc6-dev
		[ "$ARCH" = um ] || echo qemu-system-x86 pahole ;;
	root)
		echo mmdebstrap e2fsprogs debian-archive-keyring
		[ "$(id -u)" -eq 0 ] || echo fakeroot uidmap ;;
	rxedump)
		echo gcc clang llvm libc6-dev libelf-dev zlib1g-dev \
			libpcap-dev libdeflate-dev ;;
	tests)
		echo libibverbs-dev librdmacm-dev python3-yaml python3-jsonschema ;;
	bench)
		# any flavour of gnuplot will do
		command -v gnuplot >/dev/null || echo gnuplot-nox
		echo python3 ;;
	check)
		echo sparse shellcheck perl python3 mandoc groff ;;
	series)
		echo git ;;
	selftest)
		echo procps dkms
		[ "$(id -u)" -eq 0 ] || echo fakeroot ;;
	*)
		die "deps: no group $1" ;;
	esac
}

missing()
{
	local p

	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
			grep -qx installed || echo "$p"
	done
}

want=$(for g in "$@"; do packages "$g"; done | tr ' ' '\n' | sort -u)

[ "$(uname -m)" = x86_64 ] || die "this machine is no x86_64: $(uname -m)"
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
	die "no apt here; install by hand (Debian's names): ${want//$'\n'/ }"

# one query when all is there: this runs on every make
# shellcheck disable=SC2086 # one word a package
if [ "$(dpkg-query -W -f '${db:Status-Status}\n' $want 2>/dev/null |
	grep -cx installed)" -ge "$(echo "$want" | wc -l)" ]; then
	exit 0
fi

lock deps
# shellcheck disable=SC2086
need=$(missing $want | tr '\n' ' ')
[ -n "$need" ] || exit 0
say "installing with apt: $need"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "not root and no sudo; as root: apt-get install $need"
	sudo=sudo
fi
$sudo true || die "sudo refused; as root: apt-get install $need"
export DEBIAN_FRONTEND=noninteractive
step "apt-get update" "$LOGS/apt.log" $sudo apt-get update
# shellcheck disable=SC2086
step "apt-get install" "$LOGS/apt.log" \
	$sudo apt-get install -y --no-install-recommends $need
