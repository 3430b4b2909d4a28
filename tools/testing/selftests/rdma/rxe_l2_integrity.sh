#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What arrives is what was sent, whatever the network does to the frames.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

SIZE=$(scale 20000 3000)
COUNT=$(scale 40 20)

# rc_intact LAYER "NETEM" COUNTER...: the counters prove the impairment
rc_intact()
{
	# shellcheck disable=SC2086
	impair "$1" $2 || return 1
	shift 2
	xfer -T "$(scale 14 17)" -o mix -s "$SIZE" -w 4 -n "$COUNT" &&
	xfer6 -T "$(scale 14 17)" -o mix -s "$SIZE" -w 4 -n 20 &&
	read_counters && more_of "$@"
}

# Datagrams may be lost, but none arrives changed.
unreliable_intact()
{
	# shellcheck disable=SC2086
	impair "$1" $2 || return 1
	shift 2
	xfer -t ud -l -i 300 -s 1000 -w 16 -n 320 &&
	xfer -t uc -l -i 300 -s 4000 -w 8 -n 160 &&
	xfer6 -t ud -l -i 300 -s 1000 -w 16 -n 160 &&
	read_counters && more_of "$@"
}

# neighbours NS DEV MAC ADDRESS...: ARP has no checksum, and what a damaged reply
# said of the peer's address would count for half a minute
neighbours()
{
	local ip

	for ip in "${@:4}"; do
		ip -n "$1" neigh replace "$ip" lladdr "$3" dev "$2" \
			nud permanent || return 1
	done
}

start 12
need tc
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
neighbours "$NS_A" "$DEV_A" "$(in_b cat "/sys/class/net/$DEV_B/address")" \
	$IP_B $IP6_B &&
neighbours "$NS_B" "$DEV_B" "$(in_a cat "/sys/class/net/$DEV_A/address")" \
	$IP_A $IP6_A || ktap_exit_fail_msg "no neighbours"
ALL="delay 1ms reorder 20% loss 2% duplicate 5% corrupt 6%"
for layer in 2 3; do
	run_case "layer $layer: RC data is intact under loss" \
		rc_intact $layer "loss 5%" \
		completer_retry_err rcvd_seq_err out_of_seq_request
	run_case "layer $layer: RC data is intact under reordering" \
		rc_intact $layer "delay 2ms reorder 25% gap 3" \
		out_of_seq_request rcvd_seq_err
	run_case "layer $layer: RC data is intact under duplication" \
		rc_intact $layer "duplicate 20%" duplicate_request
	run_case "layer $layer: RC data is intact under corruption" \
		rc_intact $layer "corrupt 10%" rcvd_drop_icrc
	run_case "layer $layer: RC data is intact under all of it" \
		rc_intact $layer "$ALL" rcvd_drop_icrc
	run_case "layer $layer: no changed UC or UD message is delivered" \
		unreliable_intact $layer "$ALL" rcvd_drop_icrc
done
ktap_finished
