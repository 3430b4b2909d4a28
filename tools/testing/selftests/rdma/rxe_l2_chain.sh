#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packets of a message cross the stack as one skb (rxe_chain.c), and are the
# same packets wherever that skb is taken apart.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

SIZE=$(scale 60000 20000)
COUNT=$(scale 8 3)
NS_C=rxe_c_$$

# long COMMAND: messages of many packets, of each kind that has some
long()
{
	local op

	for op in write send read; do
		"$1" -T 20 -o $op -s "$SIZE" -n "$COUNT" || return 1
	done
	"$1" -T 20 -t uc -o send -s "$SIZE" -n "$COUNT" &&
	"$1" -T 20 -t uc -o write -s "$SIZE" -n "$COUNT"
}

# chained LAYER_B: A has sent chains, B has got all packets, nothing twice
chained()
{
	local chains=0

	read_counters && no_retry && moved "$RXE_A" l2_sent_chains &&
	expect "$RXE_B" "l$1_rcvd_pkts" -eq "$(count "$RXE_A" l2_sent_pkts)" ||
		return 1
	[ "$1" -eq 3 ] || chains=$(count "$RXE_A" l2_sent_chains)
	expect "$RXE_B" l2_rcvd_chains -eq "$chains"
}

crosses()
{
	layers 2 2 && mark && long "$1" && chained 2 &&
	moved "$RXE_B" l2_sent_chains && moved "$RXE_B" rcvd_in_place
}

# The peer's IP takes the chain, and its UDP cuts it.
cut_by_udp()
{
	layers 2 3 && mark && long "$1" && chained 3
}

# features NAME VALUE: at both ends
features()
{
	in_a ethtool -K "$DEV_A" "$1" "$2" >"$TMP/ethtool" 2>&1 &&
	in_b ethtool -K "$DEV_B" "$1" "$2" >>"$TMP/ethtool" 2>&1 || {
		say "ethtool -K $1 $2: $(tail -n 1 "$TMP/ethtool")"
		return 1
	}
}

feature_off()
{
	features "$1" off && defer features "$1" on && layers 2 2 && mark &&
	long xfer && read_counters && no_retry && carried_by 2 "$RXE_A" &&
	still "$RXE_A" l2_sent_chains && still "$RXE_B" l2_sent_chains
}

# limits NAME VALUE...: of both netdevs
limits()
{
	ip -n "$NS_A" link set "$DEV_A" "$@" &&
	ip -n "$NS_B" link set "$DEV_B" "$@"
}

# Chains are of so many packets at most.
no_longer_than()
{
	local pkts chains

	layers 2 2 && mark && xfer -T 20 -o write -s "$SIZE" -n "$COUNT" &&
	chained 2 || return 1
	pkts=$(count "$RXE_A" l2_sent_pkts)
	chains=$(count "$RXE_A" l2_sent_chains)
	[ "$pkts" -le $(($1 * chains + 2 * COUNT)) ] || {
		say "$pkts packets in $chains chains, $1 at most expected"
		return 1
	}
}

size_limit()
{
	limits gso_max_size 9000 gso_ipv4_max_size 9000 &&
	defer limits gso_max_size 65536 gso_ipv4_max_size 65536 &&
	no_longer_than 9
}

segs_limit()
{
	limits gso_max_segs 3 && defer limits gso_max_segs 65535 &&
	no_longer_than 3 || return 1
	limits gso_max_segs 1 && layers 2 2 && mark && long xfer &&
	read_counters && no_retry && still "$RXE_A" l2_sent_chains
}

# A packet socket at each end holds the skb while it is taken apart.
tapped()
{
	tcpdump_to /dev/null "$NS_A" "$DEV_A" &&
	tcpdump_to /dev/null "$NS_B" "$DEV_B" &&
	crosses xfer && crosses xfer6
}

# damaged HOOK: a program changes the first packet of a chain
damaged()
{
	layers 2 2 && mark || return 1
	spawn_ready bpf ip netns exec "$NS_A" "$HERE/rxe_bpf" "$DEV_A" \
		"$1" damage-one-of=7 || return 1
	xfer -T 17 -o write -s "$SIZE" -n 30 &&
	xfer6 -T 17 -o send -s "$SIZE" -n 30 &&
	xfer -T 17 -o read -s "$SIZE" -n 30 && stop "$PID" && read_counters &&
	moved "$RXE_B" rcvd_drop_icrc && moved "$RXE_B" l2_rcvd_chains
}

# Lost, repeated and late are whole messages here; a message of several chains is
# sent again in part.
impaired()
{
	impair 2 delay 1ms reorder 20% loss 3% duplicate 5% &&
	xfer -T 17 -o mix -s 150000 -w 4 -n "$(scale 40 10)" &&
	xfer6 -T 17 -o mix -s 150000 -w 4 -n "$(scale 20 5)" &&
	read_counters && moved "$RXE_A" l2_sent_chains &&
	counter_over "$RXE_B" duplicate_request 0
}

# Packets go both ways at both layers, and as chains, before it ends.
switched()
{
	local i

	layers 2 2 && traffic -T 20 -i 60000 -o mix -s "$SIZE" -w 4 && mark ||
		return 1
	waitfor 20 counter_over "$RXE_A" l2_sent_chains 0 && layers 3 3 &&
	waitfor 20 counter_over "$RXE_A" l3_sent_pkts 0 || return 1
	for i in $(seq "$(scale 50 20)"); do
		layers $((2 + i % 2)) $((2 + i / 2 % 2)) &&
		features tx-gso-list "$([ $((i % 3)) = 0 ] && echo off ||
			echo on)" || return 1
	done
	features tx-gso-list on && layers 2 2 && mark &&
	waitfor 20 counter_over "$RXE_A" l2_sent_chains 0 && traffic_ok
}

# A bridge between the ends, whose port to B takes no chains
bridge_up()
{
	ip netns add "$NS_A" && ip netns add "$NS_B" && ip netns add "$NS_C" &&
	defer_down ip netns del "$NS_C" &&
	ip link add "$DEV_A" netns "$NS_A" type veth \
		peer name port0 netns "$NS_C" &&
	ip link add "$DEV_B" netns "$NS_B" type veth \
		peer name port1 netns "$NS_C" &&
	ip -n "$NS_C" link add br0 type bridge &&
	ip -n "$NS_C" link set port0 master br0 up &&
	ip -n "$NS_C" link set port1 master br0 up &&
	ip -n "$NS_C" link set br0 up &&
	ip netns exec "$NS_C" ethtool -K port1 tx-gso-list off >/dev/null &&
	ends_up && ends_ready
}

# What the core cuts out of a chain are sound RoCE frames, byte by byte.
cut_on_the_way()
{
	layers 2 2 &&
	tcpdump_to "$TMP/cut" "$NS_B" "$DEV_B" -s 2000 -Q in && mark &&
	long "$1" && read_counters && no_retry &&
	moved "$RXE_A" l2_sent_chains && still "$RXE_B" l2_rcvd_chains &&
	expect "$RXE_B" l2_rcvd_pkts -eq "$(count "$RXE_A" l2_sent_pkts)" ||
		return 1
	waitfor 10 captured "$(count "$RXE_A" l2_sent_pkts)" || {
		say "$(cat "$TMP/frames") of" \
			"$(count "$RXE_A" l2_sent_pkts) frames were captured"
		return 1
	}
	wire check "$TMP/cut" 0
}

captured()
{
	wire count "$TMP/cut" && [ "$(cat "$TMP/frames")" -eq "$1" ]
}

# Single frames are lost, and the rest of the message is sent again as a chain.
part_again()
{
	layers 2 2 && mark || return 1
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-one-of=50 || return 1
	xfer -T 17 -o write -s "$SIZE" -n 20 &&
	xfer6 -T 17 -o send -s "$SIZE" -n 20 && stop "$PID" &&
	read_counters && moved "$RXE_A" rcvd_seq_err &&
	moved "$RXE_A" l2_sent_chains
}

KINDS=$(scale "netkit-l2 netkit-l3 veth" netkit-l2)
start $((4 * $(wc -w <<<"$KINDS") + 12))
need ethtool tcpdump tc
[ -x "$HERE/rxe_bpf" ] || ktap_exit_fail_msg "rxe_bpf is not built"
for kind in $KINDS; do
	pair_up "$kind" || ktap_exit_fail_msg "no topology"
	run_case "$kind: chains cross, IPv4" crosses xfer
	run_case "$kind: chains cross, IPv6" crosses xfer6
	run_case "$kind: the peer is at layer 3, IPv4" cut_by_udp xfer
	run_case "$kind: the peer is at layer 3, IPv6" cut_by_udp xfer6
	[ "$kind" != netkit-l2 ] || {
		run_case "tx-gso-list is off" feature_off tx-gso-list
		run_case "tx-udp-segmentation is off" feature_off \
			tx-udp-segmentation
		run_case "gso_max_size limits a chain" size_limit
		run_case "gso_max_segs limits a chain" segs_limit
		run_case "packet sockets look on" tapped
		run_case "BPF changes a first packet at tcx" damaged tcx-egress
		run_case "BPF changes a first packet at netkit" \
			damaged netkit-primary
		run_case "messages are lost, repeated, late" impaired
		run_case "layer and feature change under traffic" switched
	}
	pair_down
done
bridge_up || ktap_exit_fail_msg "no topology"
run_case "cut on the way to the wire, IPv4" cut_on_the_way xfer
run_case "cut on the way to the wire, IPv6" cut_on_the_way xfer6
run_case "a part of a message is sent again" part_again
pair_down
ktap_finished
