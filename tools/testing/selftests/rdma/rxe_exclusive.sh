#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "rdma system set netns exclusive": each network namespace has RDMA devices of
# its own: where a device appears, which namespace sees and uses it, when it goes.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"
# shellcheck source=rxe_exclusive_lib.sh
. "$HERE/rxe_exclusive_lib.sh"

NS_C=rxl-c-$$
HELPERS=()
EXCL=$HERE/rxe_exclusive.py
CGROUP=/sys/fs/cgroup/rxl-$$

# is WHAT VALUE WANTED
is()
{
	[ "$2" = "$3" ] && return
	say "$1: ${2:-nothing}, not $3"
	return 1
}

new_netns_c()
{
	ip netns add $NS_C && defer ip netns del $NS_C
}

# seen_in RXE NS: there, and in none of the others
seen_in()
{
	local ns

	for ns in "$NS_A" "$NS_B" init; do
		if [ "$ns" = "$2" ]; then
			sees "$ns" "$1" && continue
			say "$1 is not in $ns"
		else
			! sees "$ns" "$1" && continue
			say "$1 is in $ns"
		fi
		return 1
	done
}

no_switch()
{
	! rdma system set netns shared 2>"$TMP/err" || {
		say "the mode was changed under the namespaces"
		return 1
	}
	grep -q 'resource busy' "$TMP/err" || {
		say "$(cat "$TMP/err")"
		return 1
	}
	rdma system show | grep -q 'netns exclusive'
}

# A verbs program finds its devices by netlink, an older one in sysfs.
own_devices()
{
	seen_in "$RXE_A" "$NS_A" && seen_in "$RXE_B" "$NS_B" &&
	is "sysfs in A" "$(in_a ls /sys/class/infiniband)" "$RXE_A" &&
	is "sysfs in B" "$(in_b ls /sys/class/infiniband)" "$RXE_B" &&
	is "sysfs" "$(ls /sys/class/infiniband)" "$DEVS" &&
	is "verbs in A" "$(in_a ibv_devices | awk 'NR > 2 { print $1 }')" \
		"$RXE_A" &&
	is "resources in A" "$(in_a rdma resource show | wc -l)" 1 &&
	! rdma resource show qp | grep -q "$RXE_A"
}

# chardevs KIND RXE: paths of its character devices, verbs or mad
chardevs()
{
	local dev

	for dev in "/sys/class/infiniband_$1/u$1"*; do
		[ "$(cat "$dev/ibdev")" != "$2" ] ||
			echo "/dev/infiniband/${dev##*/}"
	done
}

# The files of all devices are in one devtmpfs. Others may not open them.
no_open()
{
	local files

	files="$(chardevs verbs "$RXE_A") $(chardevs mad "$RXE_A")"
	[ "$(wc -w <<<"$files")" -eq 2 ] || {
		say "$RXE_A has the files $files"
		return 1
	}
	# shellcheck disable=SC2086
	is "in A" "$(in_a "$EXCL" open $files | xargs)" "ok ok" &&
	is "in B" "$(in_b "$EXCL" open $files | xargs)" "EPERM EPERM" &&
	is "outside" "$("$EXCL" open $files | xargs)" "EPERM EPERM"
}

# Each index of the table that an address handle takes as its source is one of
# the namespace's addresses, and those of both families are among them.
own_gids()
{
	local dir=/sys/class/infiniband/$RXE_A/ports/1/gids gids taken to=() gid

	gids=$(in_a grep -rHv '^[0:]*$' "$dir" | sed 's:.*/::') || return 1
	for gid in $IP_B $IP6_B; do
		gid_of "$gid"
		to+=("$GID")
		! grep -q ":$GID$" <<<"$gids" || {
			say "$RXE_A has the GID $gid"
			return 1
		}
	done
	taken=$(in_a "$EXCL" sources "$RXE_A" "${to[@]}" | sort -nu)
	for gid in $taken; do
		grep -q "^$gid:" <<<"$gids" || {
			say "index $gid is a source, and no GID"
			return 1
		}
	done
	for gid in $IP_A $IP6_A; do
		grep -qx "$(gid_index "$RXE_A" "$gid")" <<<"$taken" || {
			say "$gid is no source"
			return 1
		}
	done
}

same_name()
{
	new_netns_c && ip -n $NS_C link add rld type dummy &&
	ip -n $NS_C link set rld up || return 1
	if ! ip netns exec $NS_C rdma link add "$RXE_A" type rxe netdev rld \
	   2>"$TMP/err"; then
		# before 7.3, names are those of the system
		grep -q 'Too many open files' "$TMP/err" && return "$KSFT_SKIP"
		say "$(cat "$TMP/err")"
		return 1
	fi
	sees $NS_C "$RXE_A" && in_a rdma link del "$RXE_A" &&
	! sees "$NS_A" "$RXE_A" && sees $NS_C "$RXE_A" &&
	in_a rdma link add "$RXE_A" type rxe netdev "$DEV_A" &&
	gid_index "$RXE_A" $IP_A >/dev/null
}

# at LAYER COMMAND...: carried by this layer only
at()
{
	layers "$1" "$1" && mark && "${@:2}" && read_counters &&
	carried_by "$1" "$RXE_A" && carried_by "$1" "$RXE_B"
}

own_sysctl()
{
	local mine

	mine=$(cat $SYSCTL)
	layers 2 3 && is "A" "$(in_a cat $SYSCTL)" 2 &&
	is "B" "$(in_b cat $SYSCTL)" 3 && is "outside" "$(cat $SYSCTL)" "$mine" &&
	mark && pingpong ibv_rc_pingpong -n 20 && read_counters &&
	moved "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts &&
	moved "$RXE_B" l3_sent_pkts && still "$RXE_B" l2_sent_pkts
}

statistic()
{
	mark && pingpong ibv_rc_pingpong -n 20 || return 1
	in_a rdma -j statistic show link "$RXE_A/1" |
		jq -e '.[0].sent_pkts > 0' >/dev/null &&
	! rdma statistic show | grep -q "$RXE_A"
}

capture()
{
	command -v rxedump >/dev/null || return "$KSFT_SKIP"
	rxedump --netns "$NS_A" -i "$DEV_A" -c 10 >"$TMP/dump" 2>"$TMP/err" &
	PID=$!
	BG+=("$PID")
	waitfor "$(scale 10 60)" grep -q '^rxedump: capturing' "$TMP/err" &&
	layers 2 2 && pingpong ibv_rc_pingpong -n 20 && wait "$PID" &&
	grep -q "$IP_B" "$TMP/dump"
}

# Both ends are A's: a program is in one namespace.
dmabuf()
{
	[ -x "$HERE/rxe_mr" ] && [ -e /dev/udmabuf ] || return "$KSFT_SKIP"
	ip -n "$NS_A" addr add 192.0.2.11/24 dev "$DEV_A" &&
	defer ip -n "$NS_A" addr del 192.0.2.11/24 dev "$DEV_A" &&
	gid_index "$RXE_A" 192.0.2.11 >/dev/null || return 1
	in_a "$HERE/rxe_mr" "$RXE_A" $IP_A "$RXE_A" 192.0.2.11 \
		data udmabuf udmabuf >"$TMP/mr" 2>&1 || {
		say "rxe_mr: $(tail -n 1 "$TMP/mr")"
		return 1
	}
}

# in_cgroup COMMAND...: in A, where /sys is another one
in_cgroup()
{
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$CGROUP" \
		ip netns exec "$NS_A" "$@"
}

# limited LIMIT WANTED: what a process gets
limited()
{
	echo "$RXE_A $1" >"$CGROUP/rdma.max" &&
	is "$1" "$(in_cgroup "$EXCL" limit "$RXE_A" 2>&1 | tail -n 1)" "$2"
}

cgroup_limit()
{
	local top=${CGROUP%/*}

	grep -qw rdma "$top/cgroup.controllers" 2>/dev/null ||
		return "$KSFT_SKIP"
	grep -qw rdma "$top/cgroup.subtree_control" || {
		defer sh -c "echo -rdma >$top/cgroup.subtree_control"
		echo +rdma >"$top/cgroup.subtree_control"
	}
	mkdir "$CGROUP" && defer rmdir "$CGROUP" &&
	limited hca_object=max "100 no limit" &&
	limited hca_object=3 "3 EAGAIN" &&
	grep -q "^$RXE_B .*hca_object=max" "$CGROUP/rdma.max"
}

# can_move: before 7.3, a device of RXE cannot be taken from its users
can_move()
{
	in_b rdma dev set "$RXE_B" netns $NS_C 2>"$TMP/err" && MOVES=yes &&
		return
	grep -q 'not supported' "$TMP/err" && return "$KSFT_SKIP"
	say "$(cat "$TMP/err")"
	return 1
}

# Its netdev stays: what the CM connects by is not where the device is.
dev_set_netns()
{
	new_netns_c && layers 2 2 || return 1
	can_move || return
	sees $NS_C "$RXE_B" && ! sees "$NS_B" "$RXE_B" && ! sees init "$RXE_B" &&
	is "open in B" "$(in_b "$EXCL" open "$(chardevs verbs "$RXE_B")")" \
		EPERM &&
	ip netns exec $NS_C rdma dev set "$RXE_B" netns "$NS_B" &&
	seen_in "$RXE_B" "$NS_B" && link_active "$RXE_B" && at 2 run_rping 3
}

# dev_goes_home: the namespace ends that the device was moved to; its netdev
# is still there
dev_goes_home()
{
	ip netns add $NS_C && defer ip netns del $NS_C || return 1
	can_move || return
	ip netns del $NS_C && waitfor 10 sees init "$RXE_B" &&
	rdma dev set "$RXE_B" netns "$NS_B" && seen_in "$RXE_B" "$NS_B" &&
	at 2 run_rping 3
}

# netdev_moves: the device goes, as ever, and is made anew in the other one
netdev_moves()
{
	local old=$NS_B rc
	local NS_B=$old

	new_netns_c && ip -n "$old" link set "$DEV_B" netns $NS_C || return 1
	waitfor 20 not sees "$old" "$RXE_B" && ! sees init "$RXE_B" || return 1
	NS_B=$NS_C
	end_up $NS_C "$DEV_B" "$RXE_B" $IP_B $IP6_B &&
	seen_in "$RXE_B" $NS_C && gid_index "$RXE_B" $IP_B >/dev/null &&
	at 2 run_rping 3
	rc=$?
	ip -n $NS_C link set "$DEV_B" netns "$old" &&
	waitfor 20 not sees $NS_C "$RXE_B" &&
	end_up "$old" "$DEV_B" "$RXE_B" $IP_B $IP6_B || rc=1
	return $rc
}

not()
{
	! "$@"
}

# container: a network namespace that belongs to a user namespace of its own,
# and the end of a netkit pair in it; its holder is $HOLD
container()
{
	new_netns_c || return 1
	spawn_ready holder unshare -Urn sh -c 'echo ready; exec sleep 1000'
	HOLD=$PID
	ip link add rlu1 netns $NS_C type netkit mode l2 peer name rlu2 &&
	ip link set rlu2 netns "$HOLD" &&
	ip -n $NS_C addr add 198.51.100.1/24 dev rlu1 &&
	ip -n $NS_C link set rlu1 up &&
	ip netns exec $NS_C rdma link add rxu1-$$ type rxe netdev rlu1 &&
	nsenter -n -t "$HOLD" sh -ec '
		ip link set lo up
		ip addr add 198.51.100.2/24 dev rlu2
		ip link set rlu2 up
		rdma link add "$0" type rxe netdev rlu2' rxu2-$$
}

# in_container COMMAND...: as its root
in_container()
{
	nsenter -U -n --preserve-credentials -t "$HOLD" "$@"
}

container_pingpong()
{
	next_port
	spawn server timeout 20 ip netns exec $NS_C \
		ibv_rc_pingpong -p $PORT -d rxu1-$$ -g 1 -n 20
	waitfor 10 ip netns exec $NS_C sh -c \
		"ss -Hltn 'sport = :$PORT' | grep -q ." &&
	in_container timeout 20 ibv_rc_pingpong -p $PORT -d rxu2-$$ -g 1 \
		-n 20 198.51.100.1 >"$TMP/client" 2>&1 && wait "$PID" || {
		say "$(tail -n 1 "$TMP/client" "$TMP/server")"
		return 1
	}
}

# refused COMMAND...: in the container, for want of a right outside of it
refused()
{
	! in_container "$@" >"$TMP/err" 2>&1 || {
		say "$*: not refused"
		return 1
	}
	grep -q 'not permitted' "$TMP/err" || {
		say "$*: $(cat "$TMP/err")"
		return 1
	}
}

user_namespace()
{
	container || return 1
	is "devices" "$(in_container rdma -j dev | jq -r '.[].ifname')" \
		rxu2-$$ &&
	in_container sh -c "echo 2 >$SYSCTL" && container_pingpong &&
	refused rdma link del rxu2-$$ &&
	refused rdma link add rxu3-$$ type rxe netdev rlu2 &&
	refused rdma system set netns shared &&
	is "open" "$(in_container "$EXCL" open \
		"$(chardevs verbs "$RXE_A")")" EPERM
}

# netns_del_traffic: a process in it is killed, with requests on their way
netns_del_traffic()
{
	layers "$1" "$1" && next_port || return 1
	spawn server ip netns exec "$NS_B" \
		ibv_rc_pingpong -p $PORT -d "$RXE_B" -g "$(gid_index "$RXE_B" $IP_B)" \
		-n 100000000
	SERVER=$PID
	waitfor 10 listening $PORT && mark || return 1
	spawn client ip netns exec "$NS_A" \
		ibv_rc_pingpong -p $PORT -d "$RXE_A" -g "$(gid_index "$RXE_A" $IP_A)" \
		-n 100000000 $IP_B
	waitfor 10 counter_over "$RXE_B" "l$1_rcvd_pkts" 100 &&
	ip netns del "$NS_B" && kill -KILL "$SERVER" &&
	ended
}

# gone_quietly: the device has not been anybody else's for a moment. The event
# that we make tells that all earlier ones were read.
gone_quietly()
{
	echo change >/sys/class/net/lo/uevent &&
	waitfor 10 grep -q '^change@.*/net/lo$' "$TMP/uevents" || {
		say "no uevents"
		return 1
	}
	! grep -E '^(add|move)@.*/infiniband' "$TMP/uevents" >"$TMP/err" || {
		say "outside: $(head -n 1 "$TMP/err")"
		return 1
	}
	! sees init "$RXE_B" && no_leak
}

# ended: B, its device, its netdev; and with that the other end of the pair
ended()
{
	waitfor 20 not ip -n "$NS_A" link show "$DEV_A" &&
	waitfor 20 not sees "$NS_A" "$RXE_A" || {
		say "the namespace does not end"
		return 1
	}
	gone_quietly
}

no_leak()
{
	! dmesg | tail -n "+$LOG" | grep 'waiting for .* to become free' || {
		say "a reference to a netdev leaked"
		return 1
	}
}

# netns_del_kept: a process outside has objects of its device
netns_del_kept()
{
	[ "$MOVES" = yes ] || return "$KSFT_SKIP"
	spawn_ready keep ip netns exec "$NS_B" "$EXCL" keep "$RXE_B" &&
	ip netns del "$NS_B" && ended && wait "$PID" &&
	is "the process" "$(tail -n 1 "$TMP/keep")" "gone EIO"
}

# netns_del_nic: a netdev that goes back to the host comes without its device
netns_del_nic()
{
	local id=$(($$ * 2)) nic net

	net=/sys/bus/netdevsim/devices/netdevsim$id/net
	modprobe -q netdevsim || return "$KSFT_SKIP"
	new_netns_c && new_netdevsim $NS_C rln $id &&
	ip -n $NS_C addr add 203.0.113.1/24 dev rln &&
	ip -n $NS_C link set rln up &&
	ip netns exec $NS_C rdma link add "$RXE_B" type rxe netdev rln &&
	watch_uevents && ip netns del $NS_C &&
	waitfor 20 ls "$net" && nic=$(ls "$net") && gone_quietly &&
	ip link set "$nic" up && rdma link add "$RXE_B" type rxe netdev "$nic" &&
	sees init "$RXE_B" && rdma link del "$RXE_B"
}

# Device files have no namespace, so their events come to everybody. Those of
# the device itself come to its namespace.
watch_uevents()
{
	spawn_ready uevents "$EXCL" uevents
}

# fresh COMMAND...: the topology is made for it, and watched from outside
fresh()
{
	pair_down
	pair_up netkit-l2 && watch_uevents && unwarned "$@"
}

shared_again()
{
	pair_down
	waitfor 30 rdma system set netns shared &&
	rdma system show | grep -q 'netns shared'
}

modprobe -q -a rdma_rxe ib_umad
[ "$(id -u)" -ne 0 ] || waitfor 10 rdma system set netns exclusive ||
	skip_all "there are other network namespaces"
LOG=$(($(dmesg | wc -l) + 1))
DEVS=$(ls /sys/class/infiniband 2>/dev/null)
start 23
rdma system set netns exclusive || ktap_exit_fail_msg "no exclusive mode"
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
run_case "the mode stays while there are other namespaces" no_switch
run_case "link add makes the device in its netdev's namespace only" own_devices
run_case "another namespace cannot open the device" no_open
run_case "the GIDs are the namespace's own, and no other is a source" own_gids
run_case "devices of two namespaces may have one name" same_name
for layer in 3 2; do
	run_case "layer $layer: rc pingpong" \
		at $layer pingpong ibv_rc_pingpong -n 50
	run_case "layer $layer: rping" at $layer run_rping 5
done
run_case "each namespace has its layer" own_sysctl
run_case "rdma statistic is the namespace's own" statistic
run_case "rxedump looks into the namespace" capture
run_case "a dma-buf MR in a namespace" dmabuf
run_case "cgroup limits count" cgroup_limit
run_case "a user namespace uses its device and no other" user_namespace
run_case "rdma dev set netns moves a device, and back" unwarned dev_set_netns
run_case "a device without its netdev goes home when its namespace ends" \
	unwarned dev_goes_home
run_case "a netdev that moves has its device made anew" unwarned netdev_moves
for layer in 3 2; do
	run_case "layer $layer: the device ends with its namespace under traffic" \
		fresh netns_del_traffic $layer
done
run_case "the device ends with its namespace while it is in use elsewhere" \
	fresh netns_del_kept
run_case "a netdev that goes back to the host leaves its device behind" \
	unwarned netns_del_nic
run_case "the mode is shared again when the namespaces are gone" shared_again
ktap_finished
