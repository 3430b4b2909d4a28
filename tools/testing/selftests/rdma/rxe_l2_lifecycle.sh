#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices, netdevs, namespaces and the module go while layer 2 carries
# traffic: nothing is left behind.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

NS_C=rxl-c-$$
BR=rlbr$$

# under_traffic: the topology, with RC traffic at layer 2
under_traffic()
{
	pair_up netkit-l2 && layers 2 2 && mark && traffic -o mix -w 4 &&
	waitfor 10 counter_over "$RXE_B" l2_rcvd_pkts 20
}

# The programs end by themselves where the kernel tells them; an older one
# makes whoever removes the device wait for them instead.
traffic_ends()
{
	local rc

	waitfor 5 is_dead "$XFER" || kill -TERM "$XFER"
	waitfor 10 is_dead "$XFER" || kill -KILL "$XFER"
	wait "$XFER"
	rc=$?
	[ $rc -ne 3 ] || {
		say "wrong data: $(tail -n 1 "$TMP/traffic")"
		return 1
	}
}

netdev_gone()
{
	! ip -n "$1" link show "$2" >/dev/null 2>&1
}

rxe_is_gone()
{
	! rdma dev show "$1" >/dev/null 2>&1
}

no_leak()
{
	! dmesg | tail -n "+$LOG" | grep 'waiting for .* to become free' || {
		say "a reference to a netdev leaked"
		return 1
	}
}

# takes_bridge NS DEV: no handler is left on it
takes_bridge()
{
	ip -n "$1" link add "$BR" type bridge &&
	ip -n "$1" link set "$2" master "$BR" &&
	ip -n "$1" link del "$BR" || {
		say "$2 still has a handler"
		return 1
	}
}

# begin: run what removes something, while traffic flows
remove()
{
	spawn remove timeout 60 "$@"
	REMOVE=$PID
	traffic_ends && wait "$REMOVE" || {
		say "$*: $(tail -n 1 "$TMP/remove")"
		return 1
	}
}

# works: the topology can be made and used again
works()
{
	pair_down
	pair_up netkit-l2 && layers 2 2 && mark && xfer -n 20 &&
	read_counters && carried_by 2 "$RXE_B" && no_leak
}

link_del()
{
	local ns=$1 dev=$2 rxe=$3

	under_traffic && remove ip netns exec "$ns" rdma link del "$rxe" &&
	waitfor 20 rxe_is_gone "$rxe" && takes_bridge "$ns" "$dev" &&
	ip -n "$ns" link del "$dev" && waitfor 10 netdev_gone "$ns" "$dev" &&
	works
}

link_del_and_add()
{
	pair_up netkit-l2 && layers 2 2 &&
	in_b rdma link del "$RXE_B" && waitfor 20 rxe_is_gone "$RXE_B" &&
	in_b rdma link add "$RXE_B" type rxe netdev "$DEV_B" &&
	gid_index "$RXE_B" $IP_B >/dev/null && mark && xfer -n 20 &&
	read_counters && carried_by 2 "$RXE_B" && no_leak
}

netdev_del()
{
	under_traffic && remove ip -n "$NS_B" link del "$DEV_B" &&
	waitfor 20 rxe_gone && netdev_gone "$NS_A" "$DEV_A" && works
}

netdev_move()
{
	ip netns add "$NS_C" && defer ip netns del "$NS_C" && under_traffic &&
	remove ip -n "$NS_B" link set "$DEV_B" netns "$NS_C" &&
	waitfor 20 rxe_is_gone "$RXE_B" && takes_bridge "$NS_C" "$DEV_B" &&
	ip -n "$NS_C" link del "$DEV_B" && works
}

netns_del()
{
	under_traffic && remove ip netns del "$NS_B" &&
	waitfor 20 rxe_is_gone "$RXE_B" &&
	waitfor 20 netdev_gone "$NS_A" "$DEV_A" && works
}

netdev_down_up()
{
	pair_up netkit-l2 && layers 2 2 && traffic -T 18 -i 60000 &&
	ip -n "$NS_A" link set "$DEV_A" down &&
	ip -n "$NS_A" link set "$DEV_A" up || return 1
	mark
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 100 && traffic_ok
}

# With frames coming in, handlers attached and QPs open. Kernels that cannot
# take a device from its users refuse while there are any. With lockdep the
# lock class of a socket holds the module that made the socket: one for each
# QP and each device.
module_unload()
{
	grep -q '^rdma_rxe ' /proc/modules || return "$KSFT_SKIP"
	under_traffic && sender || return 1
	if modprobe -r rdma_rxe 2>/dev/null; then
		traffic_ends || return 1
	else
		traffic_ok || return 1
		[ ! -e /proc/lockdep ] ||
			{ in_a rdma link del "$RXE_A" &&
			in_b rdma link del "$RXE_B"; }
		waitfor 30 modprobe -r rdma_rxe || {
			say "the module does not go"
			return 1
		}
	fi
	takes_bridge "$NS_A" "$DEV_A" && takes_bridge "$NS_B" "$DEV_B" &&
	ip -n "$NS_A" link del "$DEV_A" && waitfor 10 rxe_gone &&
	modprobe rdma_rxe && works
}

# sender: RoCE frames to B, without end
sender()
{
	local mac

	mac=$(in_b cat "/sys/class/net/$DEV_B/address")
	# shellcheck disable=SC2016
	spawn flood ip netns exec "$NS_A" sh -c '
		while echo good 500; do :; done |
		python3 "$0" "$@"' "$HERE/rxe_frames.py" "$DEV_A" "$mac" \
		$IP_A $IP_B 203.0.113.1 $IP_B
	mark
	waitfor 10 counter_over "$RXE_B" l2_rcvd_pkts 500
}

# link add and del against the sysctl, in parallel
add_del_switch()
{
	local i pid

	pair_up netkit-l2 || return 1
	# shellcheck disable=SC2016
	spawn switch ip netns exec "$NS_B" sh -c '
		while echo 2 >"$0" && echo 3 >"$0"; do :; done' $SYSCTL
	pid=$PID
	for i in $(seq "$(scale 20 5)"); do
		in_b rdma link del "$RXE_B" && waitfor 20 rxe_is_gone "$RXE_B" &&
		in_b rdma link add "$RXE_B" type rxe netdev "$DEV_B" || {
			say "round $i failed"
			return 1
		}
	done
	kill "$pid"
	wait "$pid" 2>/dev/null
	works
}

fresh()
{
	"$@"
	local rc=$?

	pair_down
	return $rc
}

LOG=$(($(dmesg | wc -l) + 1))
start 10
run_case "rdma link del of the sender under traffic leaves nothing" \
	fresh link_del "$NS_A" "$DEV_A" "$RXE_A"
run_case "rdma link del of the receiver under traffic leaves nothing" \
	fresh link_del "$NS_B" "$DEV_B" "$RXE_B"
run_case "a device that is added again is at layer 2 at once" \
	fresh link_del_and_add
run_case "deletion of the netdev under traffic leaves nothing" \
	fresh netdev_del
run_case "a netdev that moves to another netns leaves its handler behind" \
	fresh netdev_move
run_case "deletion of the netns under traffic leaves nothing" fresh netns_del
run_case "a netdev that goes down and up costs packets and no QP" \
	fresh netdev_down_up
run_case "the module goes while frames come in and leaves nothing" \
	fresh module_unload
run_case "link add and del while the layer changes" fresh add_del_switch
run_case "no netdev waited for a lost reference" no_leak
ktap_finished
