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
run)
	[ -z "$DEMO" ] || [ -f "$HERE/demo_$DEMO.sh" ] ||
		die "DEMO=$DEMO: this is devmem or nothing"
	[ -z "$DEMO" ] || [ -z "$DISTRO" ] ||
		die "DEMO=$DEMO: Debian's kernel lacks what it takes: DISTRO=" ;;
soak)
	for knob in MINUTES SEED EPOCH; do
		[[ ${!knob} =~ ^[0-9]*$ ]] || die "$knob=${!knob}: no number"
	done
	[ "$MINUTES" != 0 ] || die "MINUTES=0: how long?" ;;
shell)
	[ -t 0 ] && [ -t 1 ] || die "shell: no terminal here; see exec" ;;
esac
