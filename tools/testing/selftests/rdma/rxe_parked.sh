#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that RXE has sent stay below it: in the queue of a neighbour that does
# not answer, in a slow qdisc, behind a redirect. Whatever sent them goes all
# the same, in no time, and nothing breaks when they are let go. Also what else
# a QP that goes might wait for.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

LIMIT=$(scale 5 40)
IFB=rlifb$$
declare -A WAYS=(
	[arp-3]="kill destroy link netdev netns"
	[netem-3]="kill netns"
	[tbf-3]="kill destroy link netdev netns"
	[tbf-2]="kill destroy link netdev netns"
	[redirect-3]="destroy netdev"
	[redirect-2]="kill netns"
)

# life MODE: rxe_life between A and B, in the background once it says ready
life()
{
	local gid_a gid_b

	gid_a=$(gid_index "$RXE_A" $IP_A) &&
	gid_b=$(gid_index "$RXE_B" $IP_B) || return 1
	set -- "$HERE/rxe_life" "$1" "$RXE_A" "$gid_a" "$RXE_B" "$gid_b"
	if [ "$2" = parked ]; then
		spawn_ready life "$@" || return 1
		LIFE=$PID
	else
		timeout "$(scale 20 60)" "$@" >"$TMP/life" 2>&1 || {
			say "rxe_life $2: $(tail -n 1 "$TMP/life")"
			return 1
		}
	fi
}

slow_qdisc()
{
	tc -n "$NS_A" qdisc replace dev "$1" root \
		tbf rate 8kbit burst 3000 limit 10000000
}

backlog()
{
	tc -n "$NS_A" -s qdisc show dev "$1" |
		grep -qE 'backlog [1-9][0-9]*(b|Kb|Mb) [1-9]'
}

neigh_waits()
{
	ip -n "$NS_A" neigh show $IP_B | grep -q INCOMPLETE
}

# park_PLACE makes it; parked_PLACE tells whether packets are there; free_PLACE
# lets them go
park_arp()
{
	local conf=/proc/sys/net/ipv4/neigh/$DEV_A

	in_a sh -c "echo 100 >$conf/mcast_solicit" &&
	tc -n "$NS_B" qdisc add dev "$DEV_B" clsact &&
	tc -n "$NS_B" filter add dev "$DEV_B" ingress protocol arp \
		u32 match u32 0 0 action drop &&
	ip -n "$NS_A" neigh flush dev "$DEV_A"
}
parked_arp() { neigh_waits; }
free_arp() { tc -n "$NS_B" qdisc del dev "$DEV_B" clsact; }

park_netem()
{
	tc -n "$NS_A" qdisc add dev "$DEV_A" root netem delay 10s limit 10000
}
parked_netem() { backlog "$DEV_A"; }
free_netem() { tc -n "$NS_A" qdisc del dev "$DEV_A" root; }

park_tbf() { slow_qdisc "$DEV_A"; }
parked_tbf() { backlog "$DEV_A"; }
free_tbf()
{
	tc -n "$NS_A" qdisc change dev "$DEV_A" root \
		tbf rate 1gbit burst 100000 limit 10000000
}

park_redirect()
{
	ip -n "$NS_A" link add $IFB type ifb && ip -n "$NS_A" link set $IFB up &&
	slow_qdisc $IFB &&
	tc -n "$NS_A" qdisc add dev "$DEV_A" clsact &&
	tc -n "$NS_A" filter add dev "$DEV_A" egress protocol ip \
		u32 match u32 0 0 action mirred egress redirect dev $IFB
}
parked_redirect() { backlog $IFB; }
free_redirect() { ip -n "$NS_A" link del $IFB; }

# ways to go
go_kill()
{
	kill_life && works
}

go_destroy()
{
	kill -TERM "$LIFE"
	waitfor "$LIMIT" is_dead "$LIFE" || {
		say "destroy_qp takes more than $LIMIT s"
		return 1
	}
	wait "$LIFE" || {
		say "destroy_qp: $(tail -n 1 "$TMP/life")"
		return 1
	}
	works
}

go_link()
{
	in_time rdma link del "$RXE_A" && "free_$PLACE" &&
	ip netns exec "$NS_A" rdma link add "$RXE_A" type rxe netdev "$DEV_A" &&
	works
}

go_netdev()
{
	in_time ip -n "$NS_A" link del "$DEV_A" && waitfor "$LIMIT" rxe_gone
}

go_netns()
{
	in_time ip netns del "$NS_A" && waitfor "$LIMIT" rxe_gone
}

go_module()
{
	kill_life && in_time modprobe -r rdma_rxe && "free_$PLACE" && sleep 0.1 &&
	modprobe rdma_rxe
}

is_dead()
{
	case $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) in
	Z | "") return 0 ;;
	esac
	return 1
}

kill_life()
{
	kill -KILL "$LIFE" 2>/dev/null
	waitfor "$LIMIT" is_dead "$LIFE" || {
		say "the process is not gone after $LIMIT s"
		return 1
	}
	wait "$LIFE" 2>/dev/null
	return 0
}

# in_time COMMAND...: while the process is killed: an older kernel does not take
# a device from whoever has it open
in_time()
{
	local pid

	timeout "$LIMIT" "$@" >"$TMP/way" 2>&1 &
	pid=$!
	kill_life && wait "$pid" || {
		say "$*: status $?: $(tail -n 1 "$TMP/way")"
		return 1
	}
}

# works: with the packets let go, there is traffic again
works()
{
	"free_$PLACE" 2>/dev/null
	[ "$PLACE" != redirect ] || tc -n "$NS_A" qdisc del dev "$DEV_A" clsact
	gid_index "$RXE_A" $IP_A >/dev/null && waitfor 10 in_a ping -c 1 $IP_B &&
	xfer -n 20
}

# parked PLACE-LAYER WAY
parked()
{
	local layer=${1#*-} rc

	PLACE=${1%-*}
	pair_up veth && layers "$layer" "$layer" && life parked &&
	"park_$PLACE" && kill -USR1 "$LIFE" && waitfor 10 "parked_$PLACE" &&
	unwarned "go_$2"
	rc=$?
	pair_down
	return $rc
}

module()
{
	grep -q '^rdma_rxe ' /proc/modules || return "$KSFT_SKIP"
	parked tbf-3 module
}

# with_pair COMMAND...
with_pair()
{
	local rc

	pair_up veth && unwarned "$@"
	rc=$?
	pair_down
	return $rc
}

modify()
{
	local rc

	layers "$1" "$1" && mark && life modify
	rc=$?
	read_counters
	no_retry && return $rc
}

# a QP that goes before the MW that is bound to it
window()
{
	life window && [ "$(tail -n 1 "$TMP/life")" -lt $((LIMIT * 1000)) ] || {
		say "destroy_qp took $(tail -n 1 "$TMP/life") ms"
		return 1
	}
}

has_gsi()
{
	in_a rdma resource show qp link "$RXE_A" | grep -q 'type GSI'
}

# A device that moves to another namespace is taken from its clients, and given
# to them again. That is possible while no other namespace uses RDMA devices.
gsi_again()
{
	waitfor 10 rdma system set netns exclusive || return "$KSFT_SKIP"
	defer waitfor 10 rdma system set netns shared
	ip link add "$DEV_A" type veth peer name "$DEV_B" &&
	defer ip link del "$DEV_A" && ip link set "$DEV_A" up &&
	rdma link add "$RXE_A" type rxe netdev "$DEV_A" &&
	defer waitfor 10 rdma link del "$RXE_A" &&
	ip netns add "$NS_A" && defer ip netns del "$NS_A" &&
	rdma dev set "$RXE_A" netns "$NS_A" && waitfor 5 has_gsi || {
		say "no GSI QP after the device has moved"
		return 1
	}
}

need tc

# shellcheck disable=SC2048,SC2086 # words
set -- ${WAYS[*]}
start $(($# + 7))
for place in "${!WAYS[@]}"; do
	for way in ${WAYS[$place]}; do
		run_case "packets parked in $place do not hold $way" \
			parked "$place" "$way"
	done
done
run_case "packets parked in tbf do not hold the module" module
run_case "a change of max_dest_rd_atomic loses nothing at layer 3" \
	with_pair modify 3
run_case "a change of max_dest_rd_atomic loses nothing at layer 2" \
	with_pair modify 2
run_case "max_dest_rd_atomic that the device does not have is refused" \
	with_pair life limit
run_case "a QP goes before the MW that is bound to it" with_pair window
run_case "an MR goes before its QP, whose CQ has overflowed" with_pair life overflow
run_case "a device that moves has a GSI QP again" unwarned gsi_again
ktap_finished
