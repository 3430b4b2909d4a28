#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The layer changes under running traffic: no error, no loss, no retry.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

SWITCHES=$(scale 1000 200)

# switcher NS COUNT: in one process, as fast as it goes. Layer 2 would never last
# long, while a change to layer 3 waits for RCU: so now and then it does.
switcher()
{
	# shellcheck disable=SC2016
	ip netns exec "$1" bash -c '
		for ((i = 0; i < $1; i++)); do
			echo $((2 + i % 2)) >"$0" || exit 1
			((i % 50)) || sleep 0.02
		done' $SYSCTL "$2"
}

# switch_both: half of the switches at each end, at the same time
switch_both()
{
	local pid

	switcher "$NS_A" $((SWITCHES / 2)) &
	pid=$!
	switcher "$NS_B" $((SWITCHES / 2)) || return 1
	wait $pid || return 1
}

both_layers()
{
	local dev what

	for dev in "$RXE_A" "$RXE_B"; do
		for what in l2_sent_pkts l3_sent_pkts l2_rcvd_pkts \
			    l3_rcvd_pkts; do
			moved "$dev" $what || return 1
		done
	done
}

rc_no_retry()
{
	layers 3 3
	traffic -T 19 -i 60000 -o mix -w 4 "$@" || return 1
	mark
	switch_both && traffic_ok && read_counters && no_retry && both_layers
}

# Nothing on this host loses a datagram, so none may be lost by switching.
ud_no_loss()
{
	local sent got lost

	layers 3 3
	traffic -t ud -s 512 -l -i 2000 -w 4 || return 1
	mark
	switch_both && traffic_ok && read_counters &&
	moved "$RXE_A" l2_sent_pkts && moved "$RXE_A" l3_sent_pkts &&
	moved "$RXE_B" l2_rcvd_pkts && moved "$RXE_B" l3_rcvd_pkts || return 1
	read -r _ sent _ got _ lost _ < <(tail -n 1 "$TMP/traffic")
	[ "$lost" -eq 0 ] && [ "$sent" -eq "$got" ] || {
		say "$(tail -n 1 "$TMP/traffic")"
		return 1
	}
}

ends_at_3()
{
	layers 3 3 && mark && xfer -n 20 && read_counters &&
	carried_by 3 "$RXE_A" && carried_by 3 "$RXE_B"
}

start 5
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
run_case "RC never retransmits over many switches of small messages" \
	rc_no_retry -s 64
run_case "RC never retransmits over many switches of large messages" \
	rc_no_retry -s "$(scale 65536 8192)"
run_case "UD loses nothing over many switches" ud_no_loss
run_case "after the switches layer 3 is layer 3" ends_at_3
pair_down
pair_up veth || ktap_exit_fail_msg "no topology"
run_case "veth: RC never retransmits over many switches" rc_no_retry
ktap_finished
