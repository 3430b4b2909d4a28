#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What runs at the netdev still decides at layer 2: tcx, netkit and nftables
# netdev hooks. What they and the queues drop is loss, which RC repairs.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

# bpf NS DEV HOOK ACTION: until bpf_stop
bpf()
{
	spawn_ready bpf ip netns exec "$1" "$HERE/rxe_bpf" "$2" "$3" "$4"
	BPF=$PID
}

# bpf_stop: sets SEEN and DROPPED
bpf_stop()
{
	stop "$BPF" && read -r _ SEEN _ DROPPED < <(tail -n 1 "$TMP/bpf")
}

# drop_all NS DEV HOOK: a program stops layer 2, its end lets it go on
drop_all()
{
	layers 2 2 && bpf "$1" "$2" "$3" drop-roce && xfer_fails || return 1
	# at the peer it only meets the answers, and datagrams have none
	[ "$3" = netkit-peer ] || xfer_fails -t ud || return 1
	bpf_stop || return 1
	[ "$DROPPED" -gt 0 ] || {
		say "$3 dropped nothing"
		return 1
	}
	mark
	xfer -n 20 && read_counters && carried_by 2 "$RXE_A"
}

sees_all()
{
	layers 2 2 && mark && bpf "$NS_A" "$DEV_A" "$1" count &&
	xfer -o mix -n 50 && bpf_stop && read_counters || return 1
	[ "$SEEN" = "$(count "$RXE_A" "$2")" ] || {
		say "$1 saw $SEEN frames of $(count "$RXE_A" "$2")"
		return 1
	}
}

# nft_netdev NS DEV HOOK
nft_netdev()
{
	ip netns exec "$1" nft -f - <<-EOT
	table netdev rxe_test {
		counter hits { }
		chain c {
			type filter hook $3 device "$2" priority 0;
			udp dport 4791 counter name hits drop
		}
	}
	EOT
}

drop_by_nft()
{
	layers 2 2 && nft_netdev "$1" "$2" "$3" || return 1
	defer ip netns exec "$1" nft delete table netdev rxe_test
	xfer_fails && xfer_fails -t ud || return 1
	[ "$(ip netns exec "$1" nft -j list counter netdev rxe_test hits |
	     jq '[.nftables[].counter.packets // empty] | add')" -gt 0 ] &&
	ip netns exec "$1" nft flush table netdev rxe_test && xfer -n 20
}

# retransmitted: a lost packet shows as NAK, duplicate or timeout
retransmitted()
{
	local n=0 dev what

	for dev in "$RXE_A" "$RXE_B"; do
		for what in completer_retry_err rcvd_seq_err \
			    duplicate_request out_of_seq_request; do
			n=$((n + $(count "$dev" $what)))
		done
	done
	[ $n -gt 0 ] || {
		say "nothing was retransmitted"
		return 1
	}
}

# one_of_10 LAYER HOOK: RC completes; each drop was told to the sender
one_of_10()
{
	layers "$1" "$1" && mark && bpf "$NS_A" "$DEV_A" "$2" drop-one-of=10 &&
	xfer -T "$(scale 14 17)" -o mix -s "$(scale 20000 5000)" -n 20 -w 4 &&
	bpf_stop && read_counters && moved "$RXE_A" xmit_drop &&
	expect "$RXE_A" xmit_drop -eq "$DROPPED" && retransmitted &&
	still "$RXE_A" send_err && still "$RXE_A" retry_exceeded_err
}

# the sender of datagrams gets its completions; what is lost was dropped
datagrams()
{
	local sent got lost

	layers 2 2 && mark && bpf "$NS_A" "$DEV_A" tcx-egress drop-one-of=10 &&
	xfer -t "$1" -l -i 200 -n 100 -w 10 && bpf_stop && read_counters &&
	expect "$RXE_A" xmit_drop -eq "$DROPPED" || return 1
	read -r _ sent _ got _ lost _ < <(tail -n 1 "$TMP/xfer")
	[ "$sent" -eq 100 ] && [ "$lost" -eq "$DROPPED" ] &&
	[ "$got" -eq $((sent - lost)) ] || {
		say "$1: $(tail -n 1 "$TMP/xfer"), dropped $DROPPED"
		return 1
	}
}

# netem LAYER PARAMETER...
netem()
{
	local layer=$1

	shift
	layers "$layer" "$layer" &&
	tc -n "$NS_A" qdisc add dev "$DEV_A" root netem "$@" &&
	defer tc -n "$NS_A" qdisc del dev "$DEV_A" root
}

netem_loss()
{
	netem "$1" loss 10% && mark &&
	xfer -T "$(scale 14 17)" -o mix -s "$(scale 20000 4000)" -n 20 -w 4 &&
	read_counters && retransmitted && still "$RXE_A" send_err &&
	still "$RXE_A" retry_exceeded_err
}

short_queue()
{
	netem "$1" limit 2 delay 5ms && mark &&
	xfer -T 15 -s 20000 -n 6 -w 2 && read_counters &&
	moved "$RXE_A" xmit_drop && still "$RXE_A" send_err
}

# The peer is down for a while: packets are dropped, no QP dies.
peer_down()
{
	local rc=0

	layers 2 2 && traffic -T 17 -i 60000 && mark &&
	ip -n "$NS_B" link set "$DEV_B" down || return 1
	waitfor 10 counter_over "$RXE_A" xmit_drop 0 || rc=1
	ip -n "$NS_B" link set "$DEV_B" up
	[ $rc -eq 0 ] || return 1
	mark
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 100 && traffic_ok
}

blackhole()
{
	layers 2 2 && ip -n "$NS_A" link set "$DEV_A" type netkit blackhole &&
	defer ip -n "$NS_A" link set "$DEV_A" type netkit forward &&
	mark && xfer_fails && read_counters && moved "$RXE_A" xmit_drop &&
	ip -n "$NS_A" link set "$DEV_A" type netkit forward && xfer -n 20
}

start 21
need nft tc ethtool
[ -x "$HERE/rxe_bpf" ] || ktap_exit_fail_msg "rxe_bpf is not built"
# what is dropped is counted in packets here
pair_up netkit-l2 && chains_at_both off || ktap_exit_fail_msg "no topology"
run_case "a tcx egress program that drops RoCE stops layer 2" \
	drop_all "$NS_A" "$DEV_A" tcx-egress
run_case "a tcx ingress program that drops RoCE stops layer 2" \
	drop_all "$NS_B" "$DEV_B" tcx-ingress
run_case "a netkit program at the primary that drops RoCE stops layer 2" \
	drop_all "$NS_A" "$DEV_A" netkit-primary
run_case "a netkit program at the peer that drops RoCE stops layer 2" \
	drop_all "$NS_A" "$DEV_A" netkit-peer
run_case "a netkit blackhole policy stops layer 2" blackhole
run_case "a tcx egress program sees each frame sent at layer 2" \
	sees_all tcx-egress l2_sent_pkts
run_case "a netkit program sees each frame sent at layer 2" \
	sees_all netkit-primary l2_sent_pkts
run_case "a tcx ingress program sees each frame received at layer 2" \
	sees_all tcx-ingress l2_rcvd_pkts
run_case "an nft netdev ingress rule that drops RoCE stops layer 2" \
	drop_by_nft "$NS_B" "$DEV_B" ingress
run_case "an nft netdev egress rule that drops RoCE stops layer 2" \
	drop_by_nft "$NS_A" "$DEV_A" egress
for layer in 2 3; do
	run_case "layer $layer: RC completes when tcx drops one of 10 frames" \
		one_of_10 $layer tcx-egress
	run_case "layer $layer: RC completes when netkit drops one of 10 frames" \
		one_of_10 $layer netkit-primary
	run_case "layer $layer: RC completes under 10% netem loss" \
		netem_loss $layer
done
run_case "layer 2: RC completes through a queue that overflows" short_queue 2
run_case "layer 3: RC completes through a queue that overflows" short_queue 3
run_case "a UC message that is dropped is lost and no error" datagrams uc
run_case "a UD message that is dropped is lost and no error" datagrams ud
run_case "a peer that is down for a while costs packets and no QP" peer_down
ktap_finished
