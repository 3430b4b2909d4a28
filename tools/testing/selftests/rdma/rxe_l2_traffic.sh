#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every transport and operation over every kind of netdev and pair of layers;
# the counters say which layer carried it.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

KINDS="netkit-l2 netkit-l3 veth"
slow || KINDS+=" netkit-l2-noscrub netkit-l3-noscrub"
PAIRS="2-2 2-3 3-2 3-3"

# xfers XFER: each line of the table "-t -o -s -n" by rxe_xfer
xfers()
{
	local type op size count

	while read -r type op size count; do
		"$1" -t "$type" -o "$op" -s "$size" -n "$count" -w 2 || return
	done
}

# every operation, from 1 byte to 1 MiB
table()
{
	local big=65536 huge=1048576

	if slow; then big=8192 huge=65536; fi
	cat <<-EOT
	rc send 1,2,1023,1024,1025,$big,$huge 6
	rc write 1,4097,$huge 4
	rc read 1,4097,$huge 4
	rc faa 8 20
	rc cas 8 20
	uc send 1,4097 10
	uc write 1,$big 4
	ud send 1,1024 20
	EOT
}

# by_layers LAYER_A LAYER_B COMMAND...
by_layers()
{
	local layer_a=$1 layer_b=$2

	shift 2
	layers "$layer_a" "$layer_b" && mark && "$@" && read_counters &&
	carried_by "$layer_a" "$RXE_A" && carried_by "$layer_b" "$RXE_B"
}

both_families()
{
	by_layers "$1" "$2" xfers xfer < <(table) &&
	by_layers "$1" "$2" xfers xfer6 < <(table)
}

# real tools, at layer 2
tools()
{
	local n

	n=$(scale 50 10)
	run_case "$1: rping verifies IPv4 at layer 2" \
		by_layers 2 2 run_rping "$n"
	run_case "$1: rping verifies IPv6 at layer 2" \
		by_layers 2 2 run_rping "$n" $IP6_B
	run_case "$1: ibv_rc_pingpong at layer 2" \
		by_layers 2 2 pingpong ibv_rc_pingpong -c -n "$n"
}

# the wider set, on one kind
more_tools()
{
	local n big tool

	n=$(scale 50 10)
	big=$(scale 65536 8192)
	run_case "ibv_uc_pingpong at layer 2" \
		by_layers 2 2 pingpong ibv_uc_pingpong -c -n "$n"
	run_case "ibv_ud_pingpong at layer 2" \
		by_layers 2 2 pingpong ibv_ud_pingpong -c -s 1024 -n "$n"
	for tool in ib_send_lat ib_write_lat ib_read_lat ib_atomic_lat; do
		run_case "$tool at layer 2" \
			by_layers 2 2 perftest $tool -n "$n"
	done
	for tool in ib_send_bw ib_write_bw ib_read_bw; do
		run_case "$tool with large messages at layer 2" \
			by_layers 2 2 perftest $tool -s "$big" -n 20
	done
	run_case "ib_send_lat over UC at layer 2" \
		by_layers 2 2 perftest ib_send_lat -c UC -n "$n"
	run_case "ib_send_lat over UD at layer 2" \
		by_layers 2 2 perftest ib_send_lat -c UD -s 1024 -n "$n"
	run_case "ib_send_lat from layer 2 to layer 3" \
		by_layers 2 3 perftest ib_send_lat -n "$n"
}

# Both ends in one namespace: layer 3 cannot, as the address of the other end
# is local there; layer 2 does not ask. ARP has to answer the host itself.
one_netns()
{
	local rc

	(
		NS_B=$NS_A
		ip netns add "$NS_A" &&
		in_a sysctl -qw net.ipv4.conf.all.accept_local=1 &&
		make_link "$1" "$NS_A" "$NS_A" &&
		end_up "$NS_A" "$DEV_A" "$RXE_A" $IP_A $IP6_A &&
		end_up "$NS_A" "$DEV_B" "$RXE_B" $IP_B $IP6_B &&
		layer "$NS_A" 2 || exit 1
		mark
		xfers xfer < <(table) && xfers xfer6 < <(table) &&
		read_counters &&
		carried_by 2 "$RXE_A" && carried_by 2 "$RXE_B"
	)
	rc=$?
	pair_down
	return $rc
}

# A device that talks to itself never meets the netdev.
self_loopback()
{
	local rc

	(
		ip netns add "$NS_A" &&
		ip -n "$NS_A" link add "$DEV_A" type dummy &&
		end_up "$NS_A" "$DEV_A" "$RXE_A" $IP_A $IP6_A || exit 1
		RXE_B=$RXE_A IP_B=$IP_A IP6_B=$IP6_A
		for layer in 2 3; do
			layer "$NS_A" $layer && mark &&
			xfers xfer < <(table) &&
			xfers xfer6 < <(table) && read_counters &&
			moved "$RXE_A" loopback_pkts &&
			still "$RXE_A" l2_sent_pkts &&
			still "$RXE_A" l3_sent_pkts || exit 1
		done
	)
	rc=$?
	pair_down
	return $rc
}

start $((7 * $(wc -w <<<"$KINDS") + 15))
need ib_send_lat ibv_rc_pingpong rping ss
for kind in $KINDS; do
	pair_up "$kind" || ktap_exit_fail_msg "no topology"
	for pair in $PAIRS; do
		run_case "$kind: all operations and sizes, layers $pair" \
			both_families "${pair%-*}" "${pair#*-}"
	done
	tools "$kind"
	[ "$kind" != netkit-l2 ] || more_tools
	pair_down
done
run_case "netkit-l2: both ends in one netns at layer 2" one_netns netkit-l2
run_case "netkit-l3: both ends in one netns at layer 2" one_netns netkit-l3
run_case "dummy: a device talks to itself at both layers" self_loopback
ktap_finished
