#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What layer 2 cannot do goes by IP, is counted, and comes back by itself.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

BR=rlbr$$
BOND=rlbo$$
PORT_RXE=rxp$$
MACVLAN=rlmv$$
GROUP=239.192.0.1
GROUP6=ff05::4791
VLAN_A=198.51.100.1 VLAN_B=198.51.100.2

logged()
{
	dmesg | grep -c "$DEV_B: RXE receives at layer 3"
}

handler_back()
{
	mark
	xfer -n 10 && read_counters && carried_by 2 "$RXE_B" >/dev/null
}

add_bridge()
{
	ip -n "$NS_B" link add "$BR" type bridge && ip -n "$NS_B" link set "$BR" up &&
	defer ip -n "$NS_B" link del "$BR"
}

add_macvlan()
{
	ip -n "$NS_B" link add "$MACVLAN" link "$DEV_B" type macvlan mode bridge &&
	ip -n "$NS_B" link set "$MACVLAN" up &&
	defer ip -n "$NS_B" link del "$MACVLAN"
}

# A port that was there first keeps its handler: one attempt, one message.
bridge_first()
{
	local before

	layers 3 3 && add_bridge &&
	ip -n "$NS_B" link set "$DEV_B" master "$BR" || return 1
	before=$(logged)
	mark
	layers 2 2 && read_counters &&
	expect "$RXE_B" l2_rcvd_fallback -eq 1 &&
	still "$RXE_A" l2_rcvd_fallback || return 1
	[ $(($(logged) - before)) -eq 1 ] || {
		say "$(($(logged) - before)) messages in the log, expected 1"
		return 1
	}
	mark
	ip -n "$NS_B" link set "$DEV_B" nomaster &&
	waitfor 10 handler_back || {
		say "the handler did not come back when the port left"
		return 1
	}
}

busy()
{
	local err

	err=$("$@" 2>&1) && {
		say "$* succeeds"
		return 1
	}
	case $err in
	*busy*) ;;
	*)
		say "$*: $err"
		return 1
		;;
	esac
}

told_why()
{
	dmesg | grep -q "$DEV_B: RXE receives at layer 2: no port"
}

# At layer 2 the handler is RXE's, and the log says so; at layer 3 it is free.
no_port_at_2()
{
	add_bridge && layers 2 2 && ! told_why &&
	busy ip -n "$NS_B" link set "$DEV_B" master "$BR" && told_why &&
	busy ip -n "$NS_B" link add "$MACVLAN" link "$DEV_B" type macvlan &&
	xfer -n 10 && layers 2 3 &&
	ip -n "$NS_B" link set "$DEV_B" master "$BR" &&
	ip -n "$NS_B" link set "$DEV_B" nomaster || return 1
}

# macvlan lets frames for its lower device pass: IP gets them
by_macvlan()
{
	layers 3 3 && add_macvlan && mark && layers 2 2 && read_counters &&
	expect "$RXE_B" l2_rcvd_fallback -eq 1 || return 1
	mark
	xfer -o mix -n 50 -s 4096 && xfer6 -t ud -n 20 && run_rping 5 &&
	read_counters &&
	moved "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts &&
	moved "$RXE_B" l2_sent_pkts && still "$RXE_B" l3_sent_pkts &&
	moved "$RXE_B" l3_rcvd_pkts && still "$RXE_B" l2_rcvd_pkts &&
	moved "$RXE_A" l2_rcvd_pkts && still "$RXE_A" l3_rcvd_pkts || return 1
	ip -n "$NS_B" link del "$MACVLAN"
	waitfor 10 handler_back || {
		say "the handler did not come back after macvlan"
		return 1
	}
}

# ... under running traffic, which sees no error
macvlan_under_traffic()
{
	local i

	layers 3 3 && traffic -T 19 -i 60000 -o mix || return 1
	mark
	for i in 1 2 3; do
		layers 2 3 && add_macvlan && layers 2 2 &&
		ip -n "$NS_B" link del "$MACVLAN" || {
			say "round $i failed"
			return 1
		}
	done
	waitfor 10 counter_over "$RXE_B" l2_rcvd_pkts 50 && traffic_ok
}

# An RXE device of the bridge itself receives at layer 2.
on_a_bridge()
{
	local rc

	(
		add_bridge || exit 1
		in_b rdma link del "$RXE_B"
		ip -n "$NS_B" addr flush dev "$DEV_B"
		ip -n "$NS_B" link set "$DEV_B" master "$BR"
		end_up "$NS_B" "$BR" "$RXE_B" $IP_B $IP6_B &&
		waitfor 10 link_active "$RXE_B" &&
		waitfor 10 in_a ping -c 1 -W 1 $IP_B || exit 1
		layers 2 2 && mark && xfer -o mix -n 50 && read_counters &&
		carried_by 2 "$RXE_A" && carried_by 2 "$RXE_B"
	)
	rc=$?
	pair_down
	return $rc
}

multicast()
{
	layers 2 2 && join "$NS_B" "$DEV_B" "$2" && mark &&
	"$1" -t ud -s 512 -M "$2" -n 20 && read_counters &&
	expect "$RXE_A" l2_sent_fallback -eq 20 &&
	expect "$RXE_A" l3_sent_pkts -eq 20 && still "$RXE_A" l2_sent_pkts &&
	expect "$RXE_B" l3_rcvd_pkts -eq 20 && still "$RXE_B" l2_rcvd_pkts
}

# another QP of the same device gets its copy
multicast_local()
{
	local RXE_B=$RXE_A IP_B=$IP_A

	layer "$NS_A" 2 && join "$NS_A" "$DEV_A" $GROUP && mark &&
	xfer -t ud -s 512 -M $GROUP -n 20 && read_counters &&
	expect "$RXE_A" l2_sent_fallback -eq 20 &&
	expect "$RXE_A" l3_rcvd_pkts -eq 20
}

# a GID of a VLAN upper: its frames are the VLAN's to send and to receive
vlan_gid()
{
	local IP_A=$VLAN_A IP_B=$VLAN_B ns dev addr

	for ns in "$NS_A" "$NS_B"; do
		dev=$DEV_A addr=$VLAN_A
		[ "$ns" = "$NS_A" ] || dev=$DEV_B addr=$VLAN_B
		ip -n "$ns" link add rlvlan link "$dev" type vlan id 5 &&
		defer ip -n "$ns" link del rlvlan &&
		ip -n "$ns" addr add $addr/24 dev rlvlan &&
		ip -n "$ns" link set rlvlan up || return 1
	done
	waitfor 10 in_a ping -c 1 -W 1 $VLAN_B && layers 2 2 && mark &&
	xfer -o mix -n 50 && read_counters &&
	moved "$RXE_A" l2_sent_fallback && moved "$RXE_A" l3_sent_pkts &&
	still "$RXE_A" l2_sent_pkts && moved "$RXE_B" l3_rcvd_pkts &&
	still "$RXE_B" l2_rcvd_pkts
}

# From a device's own GID to that of its VLAN and back: nothing goes out.
own_vlan()
{
	local rc IP_B=$VLAN_A RXE_B=$RXE_A

	(
		ip netns add "$NS_A" &&
		ip -n "$NS_A" link add "$DEV_A" type dummy &&
		end_up "$NS_A" "$DEV_A" "$RXE_A" $IP_A $IP6_A &&
		ip -n "$NS_A" link add rlvlan link "$DEV_A" type vlan id 5 &&
		ip -n "$NS_A" addr add $VLAN_A/24 dev rlvlan &&
		ip -n "$NS_A" link set rlvlan up && layer "$NS_A" 2 || exit 1
		mark
		xfer -o mix -n 50 && read_counters &&
		moved "$RXE_A" loopback_pkts &&
		moved "$RXE_A" l2_sent_fallback &&
		still "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts
	)
	rc=$?
	pair_down
	return $rc
}

# An address that went away is no source any more, at either layer.
lost_address()
{
	local rc=0 home=$IP_A IP_A=192.0.2.9

	layers 2 2 && ip -n "$NS_A" addr add $IP_A/24 dev "$DEV_A" &&
	gid_index "$RXE_A" $IP_A >/dev/null &&
	traffic -t ud -l -i 100 || return 1
	ip -n "$NS_A" addr del $IP_A/24 dev "$DEV_A"
	mark
	waitfor 10 dead_or_fallback || rc=1
	kill "$XFER" 2>/dev/null
	[ $rc -eq 0 ] || return 1
	IP_A=$home
	mark
	xfer -n 10
}

dead_or_fallback()
{
	! kill -0 "$XFER" || counter_over "$RXE_A" l2_sent_fallback 0
}

# Old providers put a UD destination into memory that the process can write
# while we read it: IP's, and what IP says of a source that is not ours counts.
user_av()
{
	layers 2 2 && mark && "$1" -t ud -U "$2" -n 20 && read_counters &&
	expect "$RXE_A" l2_sent_fallback -eq 20 &&
	expect "$RXE_A" l3_sent_pkts -eq 20 && still "$RXE_A" l2_sent_pkts
}

user_av_forged()
{
	layers 2 2 && mark || return 1
	if "$1" -t ud -U "$2" -n 1 -i 500 >/dev/null; then
		say "a packet from $2 arrived"
		return 1
	fi
	read_counters && moved "$RXE_A" l2_sent_fallback &&
	still "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts &&
	still "$RXE_B" l2_rcvd_pkts && still "$RXE_B" l3_rcvd_pkts
}

# An RXE device of a bond receives at layer 2, one of its port does not.
on_a_bond()
{
	local rc

	(
		in_b rdma link del "$RXE_B"
		ip -n "$NS_B" addr flush dev "$DEV_B"
		ip -n "$NS_B" link set "$DEV_B" down
		ip -n "$NS_B" link add "$BOND" type bond \
			mode active-backup miimon 100 &&
		defer ip -n "$NS_B" link del "$BOND" &&
		ip -n "$NS_B" link set "$DEV_B" master "$BOND" &&
		end_up "$NS_B" "$BOND" "$RXE_B" $IP_B $IP6_B &&
		waitfor 10 link_active "$RXE_B" &&
		waitfor 10 in_a ping -c 1 -W 1 $IP_B || exit 1
		layers 2 2 && mark && xfer -o mix -n 50 && read_counters &&
		carried_by 2 "$RXE_A" && carried_by 2 "$RXE_B" || exit 1
		in_b rdma link add "$PORT_RXE" type rxe netdev "$DEV_B" &&
		defer rdma link del "$PORT_RXE" &&
		fallbacks=$(cat "/sys/class/infiniband/$PORT_RXE/ports/1/"\
hw_counters/l2_rcvd_fallback) && [ "$fallbacks" -eq 1 ]
	)
	rc=$?
	pair_down
	return $rc
}

# A netdev without link-layer addresses has no Ethernet headers: layer 3, with
# nothing to fall back from.
without_lladdr()
{
	local rc=0

	pair_up tun && layers 2 2 && mark && xfer -o mix -n 50 &&
	read_counters && carried_by 3 "$RXE_A" && carried_by 3 "$RXE_B" &&
	still "$RXE_A" l2_rcvd_fallback || rc=1
	pair_down
	return $rc
}

# A packet larger than the MTU is IP's to judge; IP refuses, as at layer 3.
too_large()
{
	ip -n "$NS_A" link set "$DEV_A" mtu 1300
	defer ip -n "$NS_A" link set "$DEV_A" mtu 1500
	layers 2 2 && mark && xfer -m 3 -s 1024 -n 5 && read_counters &&
	still "$RXE_A" l2_sent_fallback || return 1
	ip -n "$NS_A" link set "$DEV_A" mtu 1000
	mark
	xfer_fails -m 3 -s 1024 && read_counters &&
	moved "$RXE_A" l2_sent_fallback && still "$RXE_A" l2_sent_pkts
}

start 19
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
run_case "a bridge port: one fallback, one message, recovery" bridge_first
run_case "the netdev of layer 2 is no bridge port or macvlan lower (EBUSY)" \
	no_port_at_2
run_case "a macvlan lower: frames arrive by IP, then by layer 2 again" \
	by_macvlan
run_case "macvlan comes and goes under traffic" macvlan_under_traffic
run_case "IPv4 multicast goes by IP and arrives" \
	multicast xfer $GROUP
run_case "IPv6 multicast goes by IP and arrives" \
	multicast xfer6 $GROUP6
run_case "multicast delivers the local copy" multicast_local
run_case "a GID of a VLAN upper goes by IP" vlan_gid
run_case "a destination that the process can change goes by IP, IPv4" \
	user_av xfer $IP_A
run_case "a destination that the process can change goes by IP, IPv6" \
	user_av xfer6 $IP6_A
run_case "a source that the process invented does not leave" \
	user_av_forged xfer 192.0.2.7
run_case "a packet larger than the MTU goes by IP" too_large
run_case "a source address that went away does not leave by layer 2" \
	lost_address
pair_down
pair_up veth || ktap_exit_fail_msg "no topology"
run_case "veth: a bridge port: one fallback, one message, recovery" \
	bridge_first
run_case "veth: IPv4 multicast goes by IP and arrives" \
	multicast xfer $GROUP
run_case "an RXE device of a bridge receives at layer 2" on_a_bridge
pair_up veth || ktap_exit_fail_msg "no topology"
run_case "an RXE device of a bond receives at layer 2, of its port by IP" \
	on_a_bond
run_case "dummy: packets to the GID of its own VLAN do not go out" own_vlan
run_case "a netdev without link-layer addresses stays at layer 3" \
	without_lladdr
ktap_finished
