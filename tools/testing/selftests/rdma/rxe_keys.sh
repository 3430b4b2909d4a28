#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keys of memory regions (MRs) and memory windows: what a peer may do by one,
# and what windows may be bound to.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

LIMIT=$(scale 60 300)

# keys CASE
keys()
{
	timeout "$LIMIT" "$HERE/rxe_keys" "$1" "$RXE_A" "$GID_A" \
		"$RXE_B" "$GID_B" "$NS_A" "$DEV_A" >"$TMP/keys" 2>&1 || {
		say "$1: status $?: $(tail -n 1 "$TMP/keys")"
		return 1
	}
}

# at LAYER CASE
at()
{
	layers "$1" "$1" && keys "$2"
}

# refused LAYER CASE: and B has counted it
refused()
{
	mark
	at "$1" "$2" && read_counters &&
	moved "$RXE_B" resp_remote_access_errors
}

# packets LAYER
packets()
{
	run_case "layer $1: an MR's key is for the MR" \
		unwarned refused "$1" mr
	run_case "layer $1: a type 1 window's key is for the window" \
		unwarned refused "$1" window-1
	run_case "layer $1: a type 2 window's key is for the window" \
		unwarned refused "$1" window-2
	run_case "layer $1: a zero based window's key is for the window" \
		unwarned refused "$1" window-zero-based
	run_case "layer $1: windows of MRs on demand" \
		unwarned refused "$1" window-odp
	run_case "layer $1: a window has its own rights" \
		unwarned refused "$1" rights
	run_case "layer $1: a window is for its QP or PD" \
		unwarned refused "$1" other-qp
	run_case "layer $1: windows that overlap" \
		unwarned refused "$1" overlap
	run_case "layer $1: FLUSH by a window's key" \
		unwarned refused "$1" flush
	run_case "layer $1: only its own QP has a peer invalidate a window" \
		unwarned refused "$1" send-inv
	run_case "layer $1: a duplicate READ has no range that wraps around" \
		unwarned at "$1" dup-wrap
	run_case "layer $1: duplicate READs stay in the original one" \
		unwarned at "$1" dup-walk
	run_case "layer $1: a duplicate READ of no bytes is answered" \
		unwarned at "$1" dup-zero
	run_case "layer $1: a duplicate READ is of a READ" \
		unwarned at "$1" dup-type
	run_case "layer $1: a duplicate READ of a zero based window" \
		unwarned at "$1" dup-zero-based
	run_case "layer $1: a duplicate READ by a key that is no longer valid" \
		unwarned refused "$1" dup-revoked
	run_case "layer $1: a READ whose key becomes invalid in the middle" \
		unwarned refused "$1" mid-read
	run_case "layer $1: a WRITE of no bytes has no payload" \
		unwarned at "$1" write-zero
	run_case "layer $1: MRs at the end of the address space" \
		unwarned refused "$1" end
}

start 47
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
GID_A=$(gid_index "$RXE_A" $IP_A)
GID_B=$(gid_index "$RXE_B" $IP_B)
packets 2
packets 3
run_case "a QP that is reset after a NAK is reset" unwarned keys reset
run_case "what a window can be bound to" unwarned keys bind
run_case "a type 1 window is bound again, and unbound" unwarned keys rebind
run_case "only its own QP invalidates a window" unwarned keys invalidate
run_case "an MR with windows is not deregistered" unwarned keys dereg
run_case "an MR with windows is not registered anew" unwarned keys rereg
run_case "windows do not hold up their QP" unwarned keys destroy-qp
run_case "a prefetch is inside of the MR" unwarned keys prefetch
run_case "an MR on demand of more than 2 GiB" unwarned keys large
ktap_finished
