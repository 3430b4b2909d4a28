#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The default GID, which is made of the netdev's address: where that is zero at
# both ends dev_id tells them apart. In a kernel whose netkit has no dev_id RXE
# refuses such a GID.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

# default_gid TOOL OPTION...: with GID 0 at both ends
default_gid()
{
	next_port
	two_ends "$1 -p $PORT -d $RXE_B ${*:2}" \
		"$1" -p $PORT -d "$RXE_A" "${@:2}" $IP_B
}

# with_layer LAYER COMMAND...
with_layer()
{
	layers "$1" "$1" && mark && "${@:2}" && read_counters &&
	still "$RXE_A" loopback_pkts && still "$RXE_B" loopback_pkts
}

# link_local NS DEV: its address, to $LINK_LOCAL
link_local()
{
	LINK_LOCAL=$(ip -n "$1" -6 -j addr show dev "$2" scope link |
		jq -r '.[].addr_info[]? |
		       select(.local and (.tentative | not)).local')
	[ -n "$LINK_LOCAL" ]
}

differ()
{
	local a gid_a gid_b

	link_local "$NS_A" "$DEV_A" && a=$LINK_LOCAL &&
	link_local "$NS_B" "$DEV_B" || { say "no link-local address"; return 1; }
	read -r gid_a <"/sys/class/infiniband/$RXE_A/ports/1/gids/0"
	read -r gid_b <"/sys/class/infiniband/$RXE_B/ports/1/gids/0"
	[ "$a" != "$LINK_LOCAL" ] && [ "$gid_a" != "$gid_b" ] || {
		say "A has $a $gid_a, B has $LINK_LOCAL $gid_b"
		return 1
	}
	in_a ping -c 1 -W 5 "$LINK_LOCAL%$DEV_A" >"$TMP/ping" || {
		say "no ping: $(tail -n 1 "$TMP/ping")"
		return 1
	}
}

# rping by the link-local address of B
rping_link_local()
{
	local limit pid b

	limit=$(scale 20 120)
	link_local "$NS_B" "$DEV_B" && b=$LINK_LOCAL || return 1
	next_port
	spawn server timeout "$limit" ip netns exec "$NS_B" \
		rping -s -a "$b%$DEV_B" -p $PORT -C 3 -V
	pid=$PID
	waitfor 10 cm_listening &&
	in_a timeout "$limit" rping -c -a "$b%$DEV_A" -p $PORT -C 3 -V \
		>"$TMP/client" 2>&1 && wait "$pid" || {
		say "rping: $(tail -n 1 "$TMP/client" "$TMP/server")"
		return 1
	}
}

# from_here: $MARK in the kernel log, for log_has
from_here()
{
	MARK="rxe_gid.sh $$ $EPOCHREALTIME"
	echo "$MARK" >/dev/kmsg
}

log_has()
{
	dmesg | sed "1,/$MARK/d" | grep -q "$1"
}

# refused TOOL: the client fails soon, and the log has the reason
refused()
{
	from_here
	next_port
	spawn server timeout 10 ip netns exec "$NS_B" \
		"$1" -p $PORT -d "$RXE_B" -g 0
	waitfor 10 listening $PORT || { say "no server"; return 1; }
	if in_a timeout 9 "$1" -p $PORT -d "$RXE_A" -g 0 $IP_B \
	   >"$TMP/client" 2>&1; then
		say "$1 has worked"
		return 1
	elif [ $? -eq 124 ]; then
		say "$1 hangs"
		return 1
	fi
	log_has "GID .* own and may be its peer's" || {
		say "no message: $(tail -n 1 "$TMP/client")"
		return 1
	}
}

# The loopback netdev's address is zero, too, but there is no other end.
loopback()
{
	local dev=rxo$$ limit pid

	limit=$(scale 20 120)
	in_a rdma link add $dev type rxe netdev lo || return 1
	defer rdma link del $dev
	waitfor 10 link_active $dev &&
	in_a ip addr add fe80::200:ff:fe00:0/64 dev lo nodad || return 1
	next_port
	spawn server timeout "$limit" ip netns exec "$NS_A" \
		ibv_rc_pingpong -p $PORT -d $dev -g 0 -n 100
	pid=$PID
	waitfor 10 in_a sh -c "ss -Hltn 'sport = :$PORT' | grep -q ." &&
	in_a timeout "$limit" ibv_rc_pingpong -p $PORT -d $dev -g 0 -n 100 \
		$IP_A >"$TMP/client" 2>&1 && wait "$pid" || {
		say "$(tail -n 1 "$TMP/client" "$TMP/server")"
		return 1
	}
}

# speed_is_silent RXE: each query of a port asks for the speed
speed_is_silent()
{
	from_here
	ibv_devinfo -d "$1" >"$TMP/devinfo" &&
	rdma link show "$1/1" >/dev/null || return 1
	! log_has "speed is unknown" || {
		say "$(dmesg | grep "speed is unknown" | tail -n 1)"
		return 1
	}
}

# a netdev that reports no speed at all
dummy_is_silent()
{
	local dev=rxd$$

	ip -n "$NS_A" link add $dev up type dummy &&
	in_a rdma link add $dev type rxe netdev $dev || return 1
	defer rdma link del $dev
	waitfor 10 link_active $dev && speed_is_silent $dev
}

# gid_cases KIND: 9 of them
gid_cases()
{
	local kind=$1 layer

	run_case "$kind: both ends have a link-local address of their own" differ
	for layer in 3 2; do
		run_case "$kind, layer $layer: RC with GID 0" \
			with_layer $layer default_gid ibv_rc_pingpong -g 0 -n 100
		run_case "$kind, layer $layer: UD with GID 0" \
			with_layer $layer default_gid ibv_ud_pingpong -g 0 -n 100
		run_case "$kind, layer $layer: perftest with GID 0" \
			with_layer $layer default_gid ib_send_lat -x 0 -n 100 -F
		run_case "$kind, layer $layer: rping to a link-local address" \
			with_layer $layer rping_link_local
	done
}

# refuse_cases KIND: 2 of them
refuse_cases()
{
	local kind=$1 tool

	for tool in ibv_rc_pingpong ibv_ud_pingpong; do
		run_case "$kind: $tool with GID 0 is refused" refused $tool
	done
}

# The kernel has no dev_id for netkit: Debian's own.
old_netkit()
{
	[ "${RXE_KERNEL_SHIPPED:-no}" = yes ]
}

settled()
{
	link_local "$NS_A" "$DEV_A" && link_local "$NS_B" "$DEV_B"
}

need ibv_rc_pingpong ibv_ud_pingpong ib_send_lat rping ibv_devinfo
if old_netkit; then
	start 15
	say "left out: GID 0 on netkit of mode L3; it has no dev_id in this kernel"
else
	start 22
fi
for kind in netkit-l2 netkit-l3; do
	pair_up $kind && waitfor 10 settled ||
		ktap_exit_fail_msg "no topology"
	run_case "$kind: the log has no word of the speed" speed_is_silent "$RXE_A"
	if [ $kind = netkit-l3 ] && old_netkit; then
		refuse_cases $kind
	else
		gid_cases $kind
	fi
	if [ $kind = netkit-l3 ]; then
		run_case "lo: RC with GID 0" loopback
		run_case "dummy: the log has no word of the speed" \
			dummy_is_silent
	fi
	pair_down
done
ktap_finished
