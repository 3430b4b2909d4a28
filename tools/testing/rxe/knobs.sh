#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs.sh JOB: looks at what the user gave, before the long steps.

. "$(dirname "$0")/lib.sh"

job=$1
[[ $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die "TIMEOUT=$TIMEOUT: not in seconds"
case $job in
exec)
	[ -n "$SCRIPT" ] || die "exec: which file? SCRIPT="
	[ -f "$SCRIPT" ] && [ -r "$SCRIPT" ] || die "exec: no file $SCRIPT" ;;
bench)
	[ -z "$DISTRO" ] ||
		die "bench: Debian's kernel has no siw to compare with: DISTRO=" ;;
shell)
	[ -t 0 ] && [ -t 1 ] || die "shell: no terminal here; see exec" ;;
esac
