# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by every step: messages, locks, progress.

set -euo pipefail
: "${OUT:?run this through make}"

# make's own knobs must not reach the kernel's makefiles
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GNUMAKEFLAGS

# shellcheck disable=SC2034 # for those that source this
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin	# depmod, mke2fs

say()
{
	printf 'rxe: %s\n' "$*" >&2
}

die()
{
	say "error: $*"
	exit 1
}

case $OUT$TOP in
*[[:space:]:,]*) die "no blanks, colons or commas in paths: $TOP, $OUT" ;;
esac

# kill_tree PID: with all below it.  (A process group would need job control,
# and that fights for the terminal.)
kill_tree()
{
	local below c

	below=$(cat "/proc/$1/task"/*/children 2>/dev/null) || true
	kill -TERM "$1" 2>/dev/null || true
	for c in $below; do
		kill_tree "$c"
	done
}

running='' ticking=''
interrupted()
{
	[ -z "$ticking" ] || kill "$ticking" 2>/dev/null || true
	[ -z "$running" ] || kill_tree "$running"
	say "interrupted"
	exit 130
}
trap interrupted INT TERM HUP

# lock NAME: until this script ends, one make at a time does NAME
lock()
{
	mkdir -p "$OUT/lock"
	exec 9>"$OUT/lock/$1"
	flock -n 9 && return
	say "waiting for another make ($1)"
	flock 9
}

# ticker WHAT LOG: shows that a long step lives
ticker()
{
	local start=$SECONDS nap=60

	[ ! -t 2 ] || nap=1
	# read as a sleep: no process that could stay behind
	while ! read -r -t "$nap" <&7; do
		if [ -t 2 ]; then
			printf '\rrxe: %s: %ds %.50s\033[K' "$1" \
				$((SECONDS - start)) "$(tail -n1 "$2")" >&2
		else
			say "$1: $((SECONDS - start))s"
		fi
	done
}

# step WHAT LOG CMD...: runs CMD quietly; on failure shows the end of LOG
step()
{
	local what=$1 log=$2 rc=0 start=$SECONDS
	shift 2

	mkdir -p "$(dirname "$log")"
	: >"$log"
	ticker "$what" "$log" 9>&- 7<> <(:) &
	ticking=$!
	"$@" >"$log" 2>&1 </dev/null &
	running=$!
	wait "$running" || rc=$?
	running=
	kill "$ticking" 2>/dev/null || true
	wait "$ticking" 2>/dev/null || true
	ticking=
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$rc" -ne 0 ]; then
		tail -n 25 "$log" >&2
		die "$what failed (status $rc); log: $log"
	fi
	[ $((SECONDS - start)) -lt 5 ] ||
		say "$what: done in $((SECONDS - start))s"
}

# scratch: makes $tmp, a folder that goes when the script ends
scratch()
{
	mkdir -p "$OUT/tmp"
	tmp=$(mktemp -d "$OUT/tmp/XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
}

# The Debian mirror: the user's MIRROR, else where this machine's apt goes.
mirror()
{
	local uri=${MIRROR:-}

	[ -n "$uri" ] || ! command -v apt-get >/dev/null ||
		uri=$(apt-get indextargets --format '$(REPO_URI)' |
		      grep -v -e security -e ubuntu | head -n1)
	[ -n "$uri" ] || die "no Debian mirror known: set MIRROR="
	echo "$uri"
}

keyring()
{
	local k

	for k in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		if [ -e "$k" ]; then
			echo "$k"
			return
		fi
	done
	die "no Debian archive keyring: install debian-archive-keyring"
}

# the overlay's files, as paths in the repository
overlay()
{
	local r

	cd "$TOP"
	for r in Documentation arch drivers include lib net tools/rdma \
		tools/testing/selftests; do
		[ ! -d "$r" ] || find "$r" -type f ! -name '*~' ! -name '.*.sw?' \
			! -name '*.orig' ! -name '*.rej' ! -path '*/__pycache__/*'
	done | sort
}

# target_of FILE: what a file of the overlay is, or patches, in the kernel tree
target_of()
{
	local target=${1%.patch}

	[ "$1" = "$target" ] || target=${target%.fix-*} target=${target%.hook-*}
	echo "$target"
}
