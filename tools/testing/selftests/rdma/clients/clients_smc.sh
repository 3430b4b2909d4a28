#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SMC-R: sockets of SMC in two namespaces. SMC falls back to TCP without a word,
# so each case counts the bytes that RXE has sent.
#
# Version 1 wants a GID of RoCE v1, which RXE has not. Version 2 wants a name of the
# user's, the EID, and is for IPv4 alone: IPv6 is TCP. SMC-R takes the netdev's
# address for the system's name, so netkit in mode l3, where it is zero, is TCP, too.
#
# Left out: `rdma link del` under traffic. It does not end now and then, with stock
# RXE as well: SMC waits for the connections of a link group that nobody ends.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

SOCK=$CLIENTS/clients_sock.py
SMC_PORT=5000
SOCKETS=4

eid_del()
{
	"$SOCK" eid del
}

smc_up()
{
	pair_up "$1" && hold "$NS_B" "$SOCK" server $IP_B $SMC_PORT
}

# stream BYTES: of each socket there and back
stream()
{
	in_a timeout -k 5 "$(scale 60 240)" \
		"$SOCK" client $IP_B $SMC_PORT $SOCKETS "$1" \
		>"$TMP/client" 2>&1 || {
		say "client: status $?: $(tail -n 1 "$TMP/client")"
		return 1
	}
}

# by_rxe BYTES: as many have left both devices since the mark. read_counters
# came before.
by_rxe()
{
	expect "$RXE_A" sent_bytes -ge $(($1 * SOCKETS)) &&
		expect "$RXE_B" sent_bytes -ge $(($1 * SOCKETS))
}

# by_layer LAYER: both devices. The two share this host, and SMC sees both in each
# namespace: it may make a second link that leads back to the device it comes from,
# so that loopback_pkts moves.
by_layer()
{
	local other=$((5 - $1)) dev

	read_counters
	for dev in "$RXE_A" "$RXE_B"; do
		moved "$dev" "l$1_sent_pkts" && moved "$dev" "l$1_rcvd_pkts" &&
		still "$dev" "l${other}_sent_pkts" &&
		still "$dev" "l${other}_rcvd_pkts" &&
		still "$dev" l2_sent_fallback || return 1
	done
}

# The other cases prove something: without the EID it is TCP, and it is seen.
without_eid()
{
	mark && stream 1000000 && read_counters &&
	still "$RXE_A" sent_bytes && still "$RXE_B" sent_bytes
}

stream_at()
{
	local size

	size=$(scale 3000000 1500000)
	layers "$1" "$1" && mark && stream "$size" && by_layer "$1" &&
	by_rxe "$size"
}

again()
{
	local n

	layers 2 2 && mark || return 1
	for n in 1 2 3 4 5; do
		stream 100000 || return 1
	done
	by_layer 2 && by_rxe 500000
}

switched()
{
	local size

	size=$(scale 6000000 1500000)
	while_switching stream "$size" && by_rxe "$size"
}

# The namespaces' names go, the sockets stay; what was made goes with them.
netns_del()
{
	local pid

	layers 2 2 && mark || return 1
	stream 3000000 &
	pid=$!
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 500 &&
	ip netns del "$NS_A" && ip netns del "$NS_B" &&
	wait $pid || return 1
	pair_down
	rxe_gone || {
		say "an RXE device stays"
		return 1
	}
}

need_modules smc
start 7
unwarned smc_up netkit-l2 || ktap_exit_fail_msg "cannot set up SMC"
run_case "without an EID the sockets are of TCP" unwarned without_eid
"$SOCK" eid add || ktap_exit_fail_msg "cannot add an EID"
defer_down eid_del
for n in 3 2; do
	run_case "layer $n carries the sockets" unwarned stream_at $n
done
run_case "sockets are closed and opened again" unwarned again
run_case "the layer changes under a verified stream" unwarned switched
run_case "both namespaces go under a verified stream" unwarned netns_del
run_case "both can be made anew" unwarned smc_up netkit-l2
pair_down
ktap_finished
