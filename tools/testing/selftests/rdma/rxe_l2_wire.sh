#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is on the wire: seen by packet sockets at both ends, well-formed, and
# the same at both layers. Single frames here, for packet sockets see a chain as
# one; rxe_l2_chain.sh has what the core cuts out of chains.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

TOS=104
KINDS=$(scale "netkit-l2 netkit-l3 veth" netkit-l2)

# as many frames in the file as went over the wire
complete()
{
	wire count "$TMP/$1" && [ "$(cat "$TMP/frames")" -eq "$2" ]
}

# record NAME LAYER COMMAND...: at both ends, to NAME-a and NAME-b
record()
{
	local name=$1 layer=$2 total

	shift 2
	layers "$layer" "$layer" &&
	tcpdump_to "$TMP/$name-a" "$NS_A" "$DEV_A" &&
	tcpdump_to "$TMP/$name-b" "$NS_B" "$DEV_B" || return 1
	mark
	"$@" && read_counters && carried_by "$layer" "$RXE_A" || return 1
	total=$(($(count "$RXE_A" "l${layer}_sent_pkts") +
		 $(count "$RXE_A" "l${layer}_rcvd_pkts")))
	waitfor 10 complete "$name-a" "$total" &&
	waitfor 10 complete "$name-b" "$total" || {
		say "not all $total frames were captured"
		return 1
	}
	kill_bg
}

# every kind of packet, with a fixed order
mixture()
{
	local op

	for op in send write read; do
		"$1" -T 20 -c $TOS -o $op -s 1 -n 3 &&
		"$1" -T 20 -c $TOS -o $op -s 5000 -n 3 || return 1
	done
	"$1" -T 20 -c $TOS -o faa -n 3 && "$1" -T 20 -c $TOS -o cas -n 3 &&
	"$1" -c $TOS -t uc -o send -s 5000 -n 3 &&
	"$1" -c $TOS -t uc -o write -s 5000 -n 3 &&
	"$1" -c $TOS -t ud -s 1000 -n 3
}

same_at_both_layers()
{
	record two 2 mixture "$1" && record three 3 mixture "$1" &&
	wire check "$TMP/two-a" $TOS && wire check "$TMP/three-a" $TOS &&
	wire like "$TMP/two-a" "$TMP/three-a"
}

same_at_both_ends()
{
	record two 2 mixture "$1" && wire same "$TMP/two-a" "$TMP/two-b"
}

# dissect NAME: tshark's fields of each RoCE frame, to NAME.txt; it reads all of
# them as RoCE and none as malformed
dissect()
{
	tshark -r "$TMP/$1" -Y infiniband.bth -T fields -e _ws.malformed \
		-e eth.src -e eth.dst \
		-e ip.src -e ip.dst -e ip.dsfield -e ip.flags -e ip.ttl \
		-e ip.len -e udp.dstport -e udp.length -e udp.checksum \
		-e infiniband.bth.opcode -e infiniband.bth.se \
		-e infiniband.bth.m -e infiniband.bth.padcnt \
		-e infiniband.bth.tver -e infiniband.bth.p_key \
		-e infiniband.bth.a -e infiniband.bth.psn \
		-e infiniband.reth.dmalen -e infiniband.aeth.msn \
		-e infiniband.aeth.syndrome -e infiniband.immdt \
		>"$TMP/raw.txt" 2>"$TMP/err" || {
		say "tshark: $(tail -n 1 "$TMP/err")"
		return 1
	}
	sort "$TMP/raw.txt" >"$TMP/$1.txt"
	! grep -m 1 -i malformed "$TMP/$1.txt" || {
		say "tshark finds the frame above malformed"
		return 1
	}
	complete "$1" "$(wc -l <"$TMP/$1.txt")" || {
		say "tshark does not read all $(cat "$TMP/frames") frames"
		return 1
	}
}

by_tshark()
{
	record two 2 mixture xfer && record three 3 mixture xfer &&
	dissect two-a && dissect three-a || return 1
	cmp -s "$TMP/two-a.txt" "$TMP/three-a.txt" || {
		say "fields differ: $(diff "$TMP/two-a.txt" \
			"$TMP/three-a.txt" | head -n 4)"
		return 1
	}
}

rping_frames()
{
	record two 2 run_rping 10 "$1" && wire check "$TMP/two-a" &&
	wire same "$TMP/two-a" "$TMP/two-b" && dissect two-a
}

start $((4 * $(wc -w <<<"$KINDS") + 2))
need tcpdump tshark ethtool
for kind in $KINDS; do
	pair_up "$kind" && chains_at_both off || ktap_exit_fail_msg "no topology"
	run_case "$kind: IPv4 frames are the same at both layers" \
		same_at_both_layers xfer
	run_case "$kind: IPv6 frames are the same at both layers" \
		same_at_both_layers xfer6
	run_case "$kind: both ends see the same frames" same_at_both_ends xfer
	run_case "$kind: tshark reads the same fields, none malformed" \
		by_tshark
	[ "$kind" != netkit-l2 ] || {
		run_case "the frames of rping over IPv4 are sound" \
			rping_frames $IP_B
		run_case "the frames of rping over IPv6 are sound" \
			rping_frames $IP6_B
	}
	pair_down
done
ktap_finished
