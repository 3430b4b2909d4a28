#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# RDS over RDMA (rds_rdma). It is for the initial namespace alone, so that both
# ends are there.
#
# Left out: `rdma link del` under messages, which took longer than a test may, and
# `modprobe -r rds_rdma` after traffic, where upstream panics, with stock RXE as
# well.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

RDS=$CLIENTS/clients_rds.py
SOCKETS=4

# messages COUNT [FROM TO]: as many of each socket, there and back
messages()
{
	timeout -k 5 "$(scale 60 240)" "$RDS" "${2:-$IP_A}" "${3:-$IP_B}" \
		$SOCKETS "$1" >"$TMP/rds" 2>&1 || {
		say "messages: status $?: $(tail -n 1 "$TMP/rds")"
		return 1
	}
}

messages_at()
{
	layers "$1" "$1" && mark && messages "$(scale 200 50)" && carried "$1"
}

again()
{
	local n

	layers 2 2 && mark || return 1
	for n in 1 2 3 4 5; do
		messages 5 || return 1
	done
	carried 2
}

over_ipv6()
{
	layers 2 2 && mark && messages "$(scale 100 25)" $IP6_A $IP6_B &&
	carried 2
}

need_modules rds rds_rdma
start 7
unwarned host_pair_up netkit-l2 || ktap_exit_fail_msg "cannot set up RDS"
for n in 3 2; do
	run_case "layer $n carries messages" unwarned messages_at $n
done
run_case "sockets are closed and opened again" unwarned again
run_case "the layer changes under verified messages" \
	unwarned while_switching messages "$(scale 400 100)"
run_case "layer 2 carries IPv6" unwarned over_ipv6
pair_down
run_case "netkit in mode l3 is set up" unwarned host_pair_up netkit-l3
run_case "netkit in mode l3 carries messages" unwarned messages_at 2
pair_down
ktap_finished
