#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Responses that come late, and such as cannot be: no READ ends without its
# data, and the kernel does not warn.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

COUNT=$(scale 200 40)

responder()
{
	PYTHONDONTWRITEBYTECODE=1 spawn_ready responder \
		ip netns exec "$NS_B" python3 "$HERE/rxe_responder.py" "$@"
}

# late_ack LAYER: beside the responses of READs that have many packets. On a busy
# machine the QPs may be gone before the responder has its turn.
late_ack()
{
	local try

	layers "$1" "$1" && responder late-ack "$DEV_B" || return 1
	for ((try = 1; try <= 20; try++)); do
		mark
		xfer -o mix -s 60000 -w 4 -n "$COUNT" || return 1
		read_counters
		[ "$(count "$RXE_A" rcvd_pkts)" -le \
		  "$(count "$RXE_B" sent_pkts)" ] || return 0
	done
	say "no packet but RXE's own has arrived, $((try - 1)) times"
	return 1
}

# qpn_of_a: waits for the QP that sends
qpn_of_a()
{
	QPN=$(rdma -j resource show qp link "$RXE_A" |
		jq '[.[] | select(.type == "RC" and .state == "RTS")][0].lqpn')
	[ "${QPN:-null}" != null ]
}

SHORT_READ=0x10
ACK=0x11
ATOMIC_ACK=0x12

# wrong_answer LAYER OPERATION OPCODE: all that B gets is lost, and somebody
# else answers
wrong_answer()
{
	local pid rc=0

	layers "$1" "$1"
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-one-of=1 || return 1
	# the retries have to last until the responder is there
	"$HERE/rxe_xfer" -o "$2" -n 1 -T "$(scale 16 19)" -i 20000 \
		"$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/wrong" 2>&1 &
	pid=$!
	waitfor 10 qpn_of_a || { say "no QP"; kill $pid; return 1; }
	responder answer "$3" "$DEV_B" \
		"$(in_a cat "/sys/class/net/$DEV_A/address")" \
		$IP_B $IP_A "$QPN" || rc=1
	wait $pid && { say "the operation ended well"; rc=1; }
	grep -qi "bad response error" "$TMP/wrong" || {
		say "$(tail -n 1 "$TMP/wrong")"
		rc=1
	}
	return $rc
}

start 10
need ethtool
# the responder looks at each packet
pair_up netkit-l2 && chains_at_both off || ktap_exit_fail_msg "no topology"
for layer in 2 3; do
	run_case "layer $layer: late ACKs in the middle of READs" \
		unwarned late_ack $layer
	for op in read write; do
		run_case "layer $layer: an atomic operation's response to a $op" \
			unwarned wrong_answer $layer $op $ATOMIC_ACK
	done
	run_case "layer $layer: a response that ends a read too early" \
		unwarned wrong_answer $layer read $SHORT_READ
	run_case "layer $layer: a mere ACK to a read" \
		unwarned wrong_answer $layer read $ACK
done
ktap_finished
