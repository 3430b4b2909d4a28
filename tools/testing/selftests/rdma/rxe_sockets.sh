#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The UDP sockets of RXE: who opens them, who closes them, who else may have the
# port. And the source addresses: only those of the host leave it.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

NS_C=rxl-c-$$
NS_D=rxl-d-$$
DUM=rld$$
VLAN=rlv$$
RXE_C=rxc$$
UDP_PORT=4791

# sockets NS FAMILY: how many RXE has there
sockets()
{
	ip netns exec "$1" ss -Huln"$2" "sport = :$UDP_PORT" | wc -l
}

sockets_are()
{
	[ "$(sockets "$1" 4) $(sockets "$1" 6)" = "$2 $3" ]
}

# expect_sockets NS IPV4 IPV6: now or soon
expect_sockets()
{
	waitfor 10 sockets_are "$1" "$2" "$3" || {
		say "$1 has $(sockets "$1" 4) IPv4 and $(sockets "$1" 6) IPv6" \
		    "sockets, expected $2 and $3"
		return 1
	}
}

# refused WHY COMMAND...
refused()
{
	local why=$1

	shift
	if "$@" 2>"$TMP/refused"; then
		say "$* works"
		return 1
	fi
	grep -q "$why" "$TMP/refused" || {
		say "$*: $(tail -n 1 "$TMP/refused")"
		return 1
	}
}

rxe_is_gone()
{
	! rdma dev show "$1" >/dev/null 2>&1
}

# logged TEXT: since the test began
logged()
{
	dmesg | tail -n "+$LOG" | grep -q "$1" || {
		say "the kernel log does not tell: $1"
		return 1
	}
}

no_leak()
{
	! dmesg | tail -n "+$LOG" | grep 'waiting for .* to become free' || {
		say "a reference to a netdev leaked"
		return 1
	}
}

# dummy_up NS: with no address
dummy_up()
{
	ip -n "$1" link add "$DUM" type dummy &&
	ip -n "$1" link set "$DUM" up
}

# new_netns NAME
new_netns()
{
	ip netns add "$1" && defer ip netns del "$1" &&
	ip -n "$1" link set lo up
}

# A GID of a family has its socket, the last one of it closes it.
both_families()
{
	expect_sockets "$NS_A" 1 1 &&
	ip -n "$NS_A" addr add 198.51.100.9/24 dev "$DEV_A" &&
	gid_index "$RXE_A" 198.51.100.9 >/dev/null &&
	ip -n "$NS_A" addr del $IP_A/24 dev "$DEV_A" &&
	expect_sockets "$NS_A" 1 1 &&
	ip -n "$NS_A" addr flush dev "$DEV_A" scope global &&
	expect_sockets "$NS_A" 0 1 &&
	ip -n "$NS_A" addr add $IP_A/24 dev "$DEV_A" &&
	ip -n "$NS_A" addr add $IP6_A/64 dev "$DEV_A" nodad &&
	expect_sockets "$NS_A" 1 1 &&
	gid_index "$RXE_A" $IP_A >/dev/null &&
	waitfor 10 in_a ping -c 1 -W 1 $IP_B && xfer -n 20 &&
	gid_index "$RXE_A" $IP6_A >/dev/null &&
	waitfor 10 in_a ping -c 1 -W 1 $IP6_B && xfer6 -n 20 &&
	in_a rdma link del "$RXE_A" && sockets_are "$NS_A" 0 0
}

name_taken()
{
	new_netns "$NS_C" && dummy_up "$NS_C" && dummy_up "$NS_A" &&
	refused "Too many" ip netns exec "$NS_C" \
		rdma link add "$RXE_A" type rxe netdev "$DUM" &&
	expect_sockets "$NS_C" 0 0 &&
	refused "Too many" in_a rdma link add "$RXE_A" type rxe netdev "$DUM" &&
	expect_sockets "$NS_A" 1 1 &&
	in_a rdma link del "$RXE_A" && expect_sockets "$NS_A" 0 0
}

netdev_taken()
{
	refused exist in_a rdma link add "$RXE_C" type rxe netdev "$DEV_A" &&
	expect_sockets "$NS_A" 1 1 &&
	in_a rdma link del "$RXE_A" && expect_sockets "$NS_A" 0 0
}

# many_adds: at once, on one netdev
many_adds()
{
	local i pids=()

	for i in 1 2 3 4 5 6; do
		ip netns exec "$NS_C" rdma link add "$RXE_C$i" type rxe \
			netdev "$DUM" 2>/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	ip netns exec "$NS_C" rdma link show | grep -c "netdev $DUM"
}

one_of_many()
{
	local i n

	new_netns "$NS_C" || return 1
	for i in $(seq "$(scale 6 3)"); do
		dummy_up "$NS_C" || return 1
		n=$(many_adds)
		[ "$n" -eq 1 ] || {
			say "$n devices on one netdev"
			return 1
		}
		timeout 20 ip -n "$NS_C" link del "$DUM" || return 1
	done
	expect_sockets "$NS_C" 0 0 && no_leak
}

two_devices()
{
	dummy_up "$NS_A" && in_a rdma link add "$RXE_C" type rxe netdev "$DUM" &&
	expect_sockets "$NS_A" 1 1 && in_a rdma link del "$RXE_A" &&
	waitfor 10 rxe_is_gone "$RXE_A" && expect_sockets "$NS_A" 0 1 &&
	ip -n "$NS_A" addr add 198.51.100.1/24 dev "$DUM" &&
	expect_sockets "$NS_A" 1 1 &&
	ip -n "$NS_A" link del "$DUM" && sockets_are "$NS_A" 0 0
}

# other addresses come and go while one is in use
flapping()
{
	local i

	layers "$1" "$1" && traffic -o mix -w 4 || return 1
	for i in $(seq "$(scale 10 3)"); do
		ip -n "$NS_B" addr add 192.0.2.9/24 dev "$DEV_B" &&
		gid_index "$RXE_B" 192.0.2.9 >/dev/null &&
		ip -n "$NS_B" addr del 192.0.2.9/24 dev "$DEV_B" || return 1
	done
	traffic_ok && expect_sockets "$NS_B" 1 1
}

# moving: the netdev of a device, at layer 3, then its old namespace ends
moving()
{
	new_netns "$NS_C" && traffic -o mix &&
	ip -n "$NS_B" link set "$DEV_B" netns "$NS_C" &&
	waitfor 20 rxe_is_gone "$RXE_B" && expect_sockets "$NS_B" 0 0 &&
	expect_sockets "$NS_C" 0 0
}

vlan_has_gid()
{
	gid_index "$RXE_A" 198.51.100.7 >/dev/null
}

# The GIDs of a VLAN belong to the namespace that the VLAN is in. Its GID may
# still be there when the namespace that it leaves ends.
vlan_moves()
{
	local i

	defer ip netns del "$NS_C"
	new_netns "$NS_D" &&
	ip -n "$NS_A" link add link "$DEV_A" name "$VLAN" type vlan id 7 ||
		return 1
	for i in $(seq "$(scale 4 2)"); do
		ip netns add "$NS_C" &&
		ip -n "$NS_A" link set "$VLAN" netns "$NS_C" &&
		ip -n "$NS_C" addr add 198.51.100.7/24 dev "$VLAN" &&
		ip -n "$NS_C" link set "$VLAN" up && vlan_has_gid &&
		expect_sockets "$NS_C" 1 1 &&
		ip -n "$NS_C" link set "$VLAN" netns "$NS_D" &&
		ip netns del "$NS_C" &&
		ip -n "$NS_D" addr add 198.51.100.8/24 dev "$VLAN" &&
		ip -n "$NS_D" link set "$VLAN" up &&
		expect_sockets "$NS_D" 1 1 &&
		expect_sockets "$NS_A" 1 1 &&
		ip -n "$NS_D" link set "$VLAN" netns "$NS_A" &&
		expect_sockets "$NS_D" 0 0 || {
			say "round $i"
			return 1
		}
	done
	no_leak
}

netns_goes()
{
	traffic -o mix && ip netns del "$NS_B" &&
	waitfor 20 rxe_is_gone "$RXE_B" && no_leak
}

# racers: what removes things, all at once
racers()
{
	in_a rdma link del "$RXE_A" & pids+=($!)
	in_a rdma link del "$RXE_A" & pids+=($!)
	in_a rdma link del "$RXE_C" & pids+=($!)
	ip -n "$NS_A" link del "$DUM" & pids+=($!)
	in_a rdma link add "$RXE_C" type rxe netdev "$DUM" & pids+=($!)
}

race()
{
	local end pids rounds=0

	# shellcheck disable=SC2016
	spawn ss ip netns exec "$NS_A" sh -c 'while ss -ulne; do :; done'
	end=$((SECONDS + $(scale 5 10)))
	while [ $SECONDS -lt $end ]; do
		pids=()
		dummy_up "$NS_A"
		in_a rdma link add "$RXE_C" type rxe netdev "$DUM"
		racers
		wait "${pids[@]}"
		in_a rdma link add "$RXE_A" type rxe netdev "$DEV_A"
		rounds=$((rounds + 1))
	done 2>/dev/null
	rdma dev show "$RXE_A" >/dev/null || return 1
	ip -n "$NS_A" link del "$DUM" 2>/dev/null
	waitfor 10 rxe_is_gone "$RXE_C" && expect_sockets "$NS_A" 1 1 &&
	gid_index "$RXE_A" $IP_A >/dev/null && xfer -n 20 &&
	in_a rdma link del "$RXE_A" && expect_sockets "$NS_A" 0 0 && no_leak || {
		say "after $rounds rounds"
		return 1
	}
}

# a netdev that goes while a device is added to it
netdev_race()
{
	local i pid

	new_netns "$NS_C" || return 1
	for i in $(seq "$(scale 30 5)"); do
		dummy_up "$NS_C" || return 1
		ip netns exec "$NS_C" rdma link add "$RXE_C" type rxe \
			netdev "$DUM" 2>/dev/null &
		pid=$!
		timeout 20 ip -n "$NS_C" link del "$DUM" || {
			say "the netdev does not go, round $i"
			return 1
		}
		wait "$pid"
		waitfor 20 rxe_is_gone "$RXE_C" || {
			say "the device stays, round $i"
			return 1
		}
	done
	expect_sockets "$NS_C" 0 0 && no_leak
}

# bind_port NS FAMILY
bind_port()
{
	spawn_ready bind ip netns exec "$1" python3 -c '
import signal, socket, sys
v6 = sys.argv[1] == "6"
sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                     socket.SOCK_DGRAM)
if v6:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
sock.bind(("", int(sys.argv[2])))
print("ready", flush=True)
signal.pause()' "$2" $UDP_PORT
}

port_taken()
{
	local pid

	new_netns "$NS_C" && dummy_up "$NS_C" && bind_port "$NS_C" "$1" ||
		return 1
	pid=$PID
	refused "in use" ip netns exec "$NS_C" \
		rdma link add "$RXE_C" type rxe netdev "$DUM" &&
	rxe_is_gone "$RXE_C" &&
	logged "RXE cannot open its UDP" || return 1
	stop "$pid"
	expect_sockets "$NS_C" 0 0 &&
	ip netns exec "$NS_C" rdma link add "$RXE_C" type rxe netdev "$DUM" &&
	expect_sockets "$NS_C" 0 1 &&
	ip netns exec "$NS_C" rdma link del "$RXE_C" && sockets_are "$NS_C" 0 0
}

has_no_gid()
{
	local GID

	gid_of "$2"
	! grep -q "$GID" "/sys/class/infiniband/$1/ports/1/gids/"* 2>/dev/null
}

port_taken_later()
{
	local pid

	new_netns "$NS_C" && dummy_up "$NS_C" &&
	ip netns exec "$NS_C" rdma link add "$RXE_C" type rxe netdev "$DUM" &&
	bind_port "$NS_C" 4 || return 1
	pid=$PID
	ip -n "$NS_C" addr add 198.51.100.1/24 dev "$DUM" &&
	waitfor 10 logged "no UDP socket for GID ::ffff:198.51.100.1" &&
	has_no_gid "$RXE_C" 198.51.100.1 || return 1
	stop "$pid"
	ip -n "$NS_C" addr del 198.51.100.1/24 dev "$DUM" &&
	ip -n "$NS_C" addr add 198.51.100.1/24 dev "$DUM" &&
	gid_index "$RXE_C" 198.51.100.1 >/dev/null &&
	expect_sockets "$NS_C" 1 1
}

# no address of the family, but the default GID
ipv6_disabled()
{
	new_netns "$NS_C" &&
	ip netns exec "$NS_C" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1 &&
	dummy_up "$NS_C" && ip -n "$NS_C" addr add 198.51.100.1/24 dev "$DUM" &&
	ip netns exec "$NS_C" rdma link add "$RXE_C" type rxe netdev "$DUM" &&
	gid_index "$RXE_C" 198.51.100.1 >/dev/null &&
	expect_sockets "$NS_C" 1 1 &&
	"$HERE/rxe_xfer" -n 5 "$RXE_C" 198.51.100.1 "$RXE_C" 198.51.100.1 \
		>"$TMP/xfer" 2>&1 || {
		say "$(tail -n 1 "$TMP/xfer")"
		return 1
	}
}

# invented LAYER OWN INVENTED ADDRESS_A ADDRESS_B: an address vector in user
# memory with a source
invented()
{
	local IP_A=$4 IP_B=$5

	layers "$1" "$1" && xfer -t ud -n 3 -U "$2" && mark || return 1
	"$HERE/rxe_xfer" -t ud -n 3 -i 300 -U "$3" \
		"$RXE_A" "$4" "$RXE_B" "$5" >"$TMP/xfer" 2>&1 && {
		say "packets from $3 arrive"
		return 1
	}
	read_counters
	still "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts &&
	still "$RXE_B" rcvd_pkts
}

# quiet: no more packets arrive at B
quiet()
{
	mark
	sleep 0.3
	read_counters
	still "$RXE_B" l2_rcvd_pkts && still "$RXE_B" l3_rcvd_pkts
}

# removed LAYER TRANSPORT ADDRESS_B ADDRESS/LENGTH [nodad]
removed()
{
	local own=${4%/*}

	layers "$1" "$1" &&
	ip -n "$NS_A" addr add "$4" dev "$DEV_A" ${5:+"$5"} &&
	gid_index "$RXE_A" "$own" >/dev/null || return 1
	mark
	spawn_ready removed "$HERE/rxe_xfer" -t "$2" -n 0 -i 60000 \
		"$RXE_A" "$own" "$RXE_B" "$3" &&
	waitfor 10 counter_over "$RXE_B" rcvd_pkts 20 || {
		say "nothing arrives: $(tail -n 1 "$TMP/removed")"
		return 1
	}
	ip -n "$NS_A" addr del "$4" dev "$DEV_A" &&
	waitfor 5 quiet || {
		say "packets from $own arrive after it is removed"
		return 1
	}
}

all_closed()
{
	local ns

	grep -q '^rdma_rxe ' /proc/modules || return "$KSFT_SKIP"
	waitfor 30 modprobe -r rdma_rxe || {
		say "the module does not go"
		return 1
	}
	for ns in "$NS_A" "$NS_B"; do
		sockets_are "$ns" 0 0 || return 1
	done
	modprobe rdma_rxe
}

# fresh COMMAND...: with a topology of its own
fresh()
{
	local rc

	pair_up veth || return 1
	"$@"
	rc=$?
	pair_down
	return $rc
}

LOG=$(($(dmesg | wc -l) + 1))
need ss
start 34
run_case "each address family has a socket while it has a GID" \
	fresh both_families
run_case "a link add that fails for its name leaves no socket" \
	fresh name_taken
run_case "a link add that fails for its netdev leaves no socket" \
	fresh netdev_taken
run_case "one of many link adds on a netdev succeeds" fresh one_of_many
run_case "two devices of a netns share the sockets" fresh two_devices
for layer in 2 3; do
	run_case "layer $layer: addresses come and go beside traffic" \
		fresh flapping $layer
done
run_case "a netdev that moves leaves no socket behind" fresh moving
run_case "the sockets follow a VLAN from netns to netns" \
	unwarned fresh vlan_moves
run_case "a netns goes with its devices" unwarned fresh netns_goes
run_case "removals race and leave no socket" unwarned fresh race
run_case "a netdev goes while a device is added to it" unwarned netdev_race
for family in 4 6; do
	run_case "IPv$family: link add fails if the port is in use" \
		port_taken $family
done
run_case "a new address family fails if the port is in use" port_taken_later
run_case "IPv4 works where IPv6 is disabled" ipv6_disabled

pair_up veth || ktap_exit_fail_msg "no topology"
for layer in 2 3; do
	run_case "layer $layer, IPv4: no packet has an invented source" \
		invented $layer $IP_A 192.0.2.7 $IP_A $IP_B
	run_case "layer $layer, IPv6: no packet has an invented source" \
		invented $layer $IP6_A 2001:db8::7 $IP6_A $IP6_B
	for transport in rc uc ud; do
		run_case "layer $layer, IPv4, $transport: a removed address" \
			removed $layer $transport $IP_B 192.0.2.9/24
		run_case "layer $layer, IPv6, $transport: a removed address" \
			removed $layer $transport $IP6_B \
			2001:db8::9/64 nodad
	done
done
run_case "the module leaves no socket" unwarned all_closed
run_case "no netdev waited for a lost reference" no_leak
ktap_finished
