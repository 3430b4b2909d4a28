#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What cannot be sent or answered is lost, and no more: QP 1 and connections
# outlive it, and a work request that nobody answers ends.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

MS_OF_T15=134

# ends_are LAYER FAMILY: where to connect to, and how
ends_are()
{
	TO=$IP_B
	[ "$2" = 4 ] || TO=$IP6_B
	layers "$1" "$1"
}

# The addresses of IPv6 go with the link.
link_up()
{
	ip -n "$NS_A" link set "$DEV_A" up
	ip -n "$NS_B" link set "$DEV_B" up
	ip -n "$NS_A" addr replace $IP6_A/64 dev "$DEV_A" nodad
	ip -n "$NS_B" addr replace $IP6_B/64 dev "$DEV_B" nodad
	waitfor 10 in_a ping -c 1 -W 1 $IP_B &&
	waitfor 10 in_a ping -c 1 -W 1 $IP6_B &&
	gid_index "$RXE_A" $IP6_A >/dev/null &&
	gid_index "$RXE_B" $IP6_B >/dev/null
}

# lost_at RXE: a packet could not be sent there
lost_at()
{
	counter_over "$1" send_err 0 || counter_over "$1" xmit_drop 0
}

# rping_of NS LOG OPTION...: in the background
rping_of()
{
	local ns=$1 log=$2

	shift 2
	spawn "$log" ip netns exec "$ns" rping -a "$TO" -p $PORT "$@"
}

# Connects, and nobody has to wait until it gives up.
try_rping()
{
	local rc=0

	next_port
	rping_of "$NS_B" server -s && waitfor 10 cm_listening || return 1
	mark
	rping_of "$NS_A" client -c -C 1
	waitfor 10 lost_at "$1" || { say "$1 lost nothing"; rc=1; }
	kill_bg
	return $rc
}

# lost_cm RXE NFT_NS: a packet of the CM is dropped by OUTPUT
lost_cm()
{
	ends_are 3 "$3" && ip netns exec "$2" nft -f - <<-EOT || return 1
	table inet rxe_test {
		chain c {
			type filter hook output priority 0;
			udp dport 4791 drop
		}
	}
	EOT
	defer ip netns exec "$2" nft delete table inet rxe_test
	try_rping "$1" || return 1
	undo_all
	run_rping 3 "$TO"
}

# no_route: IPv6, as IPv4 takes what has no route for on-link
no_route()
{
	local IP_A=$IP6_A IP_B=$IP6_B

	ends_are 3 6 && traffic -t ud -l -i 100 && mark &&
	ip -n "$NS_A" route add unreachable "$TO/128" &&
	defer ip -n "$NS_A" route del unreachable "$TO/128" || return 1
	waitfor 10 counter_over "$RXE_A" send_err 0 || {
		say "nothing was lost"
		return 1
	}
	undo_all
	waitfor 10 grep -q '^again' "$TMP/traffic" || {
		say "UD does not go on"
		return 1
	}
	traffic_ok && run_rping 3 "$TO"
}

# The kernel disconnects for a process that is killed.
killed_while_down()
{
	local pid

	ends_are "$1" "$2" && next_port &&
	rping_of "$NS_B" server -s -C 0 && waitfor 10 cm_listening || return 1
	mark
	rping_of "$NS_A" client -c -C 100000000
	pid=$PID
	waitfor 10 counter_over "$RXE_A" sent_pkts 100 || {
		say "no traffic: $(tail -n 1 "$TMP/client")"
		return 1
	}
	ip -n "$NS_A" link set "$DEV_A" down
	defer link_up
	mark
	kill -KILL "$pid"
	# without its address it does not even try
	[ "$2" = 6 ] || waitfor 10 lost_at "$RXE_A" || {
		say "$RXE_A lost nothing"
		return 1
	}
	kill_bg
	undo_all
	run_rping 3 "$TO"
}

# retries LAYER COUNT: nobody hears A
retries()
{
	local begin ms least=$((($2 + 1) * MS_OF_T15))

	layers "$1" "$1" &&
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-roce || return 1
	mark
	begin=${EPOCHREALTIME/./}
	if "$HERE/rxe_xfer" -n 1 -T 15 -r "$2" -i 60000 \
	   "$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/xfer" 2>&1; then
		say "traffic got through"
		return 1
	fi
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	grep -q "retry counter exceeded" "$TMP/xfer" || {
		say "$(tail -n 1 "$TMP/xfer")"
		return 1
	}
	read_counters
	expect "$RXE_A" completer_retry_err -eq "$2" &&
	expect "$RXE_A" retry_exceeded_err -eq 1 || return 1
	[ $ms -ge $least ] && [ $ms -le $((2 * least + $(scale 1000 5000))) ] || {
		say "it took $ms ms, expected $least ms"
		return 1
	}
}

# parked LAYER: more packets than may be in flight lie in a queue
parked()
{
	layers "$1" "$1" &&
	tc -n "$NS_A" qdisc add dev "$DEV_A" root \
		tbf rate 8kbit burst 2000 limit 1000000 &&
	defer tc -n "$NS_A" qdisc del dev "$DEV_A" root || return 1
	mark
	spawn parked "$HERE/rxe_xfer" -m 3 -s 100000 -n 1 -T 15 -r 2 -i 60000 \
		"$RXE_A" $IP_A "$RXE_B" $IP_B
	waitfor 10 grep -q "retry counter exceeded" "$TMP/parked" || {
		say "no end: $(tail -n 1 "$TMP/parked")"
		return 1
	}
	read_counters
	expect "$RXE_A" retry_exceeded_err -eq 1
}

# B is not ready for much longer than a timeout, while A may not retry.
not_ready()
{
	layers "$1" "$1" && mark &&
	xfer -n 1 -s 20000 -T 8 -r 0 -d 1000 && read_counters &&
	moved "$RXE_A" rcvd_rnr_err && still "$RXE_A" completer_retry_err &&
	still "$RXE_A" retry_exceeded_err
}

# each_traffic: all transports, both families
each_traffic()
{
	local type to

	PIDS=()
	for type in rc uc ud; do
		for to in 4 6; do
			set -- "$RXE_A" $IP_A "$RXE_B" $IP_B
			[ $to = 4 ] || set -- "$RXE_A" $IP6_A "$RXE_B" $IP6_B
			case $type in
			rc) set -- -T 18 -o mix -w 4 -i 60000 "$@" ;;
			*) set -- -t $type -l -i 50 "$@" ;;
			esac
			spawn_ready "$type$to" "$HERE/rxe_xfer" -n 0 "$@" ||
				return 1
			PIDS+=("$PID")
		done
	done
}

# each_goes_on: datagrams arrive again; what RC had to do is done
each_goes_on()
{
	local log pid rc=0

	for log in uc4 uc6 ud4 ud6; do
		waitfor "$(scale 10 60)" grep -q '^again' "$TMP/$log" || {
			say "$log does not go on: $(tail -n 1 "$TMP/$log")"
			rc=1
		}
	done
	for pid in "${PIDS[@]}"; do
		stop "$pid" || rc=1
	done
	[ $rc -eq 0 ] || say "RC: $(tail -n 1 "$TMP/rc4"), $(tail -n 1 "$TMP/rc6")"
	return $rc
}

# silent: nothing has come through for a while
silent()
{
	mark
	read -r -t 0.1 <>"$TMP/never"
	read_counters
	moved_by "$RXE_A" rcvd_pkts && [ "$MOVED" -eq 0 ]
}

# flap LAYER NS DEV
flap()
{
	layers "$1" "$1" && each_traffic || return 1
	ip -n "$2" link set "$3" down
	waitfor 10 silent || { say "traffic goes on"; return 1; }
	link_up && each_goes_on
}

# readdress LAYER NS DEV RXE ADDRESS ADDRESS6: they come back, the GIDs with
# other indices, as QPs refer to the old ones
readdress()
{
	local old old6

	old=$(gid_index "$4" "$5") && old6=$(gid_index "$4" "$6") &&
	layers "$1" "$1" && each_traffic || return 1
	ip -n "$2" addr del "$5/24" dev "$3"
	ip -n "$2" addr del "$6/64" dev "$3"
	waitfor 10 silent || { say "traffic goes on"; return 1; }
	ip -n "$2" addr add "$5/24" dev "$3"
	link_up && each_goes_on || return 1
	[ "$(gid_index "$4" "$5")" != "$old" ] &&
	[ "$(gid_index "$4" "$6")" != "$old6" ] || {
		say "the GIDs have the indices they had"
		return 1
	}
}

# drains LAYER: a batch at a time, and no batch is stuck because of loss
drains()
{
	layers "$1" "$1" &&
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-one-of=5 && mark &&
	xfer -q -T "$(scale 12 15)" -s 5000 -w 4 -n 20 -i 20000 &&
	read_counters && moved "$RXE_A" completer_retry_err
}

mtus()
{
	ip -n "$NS_A" link set "$DEV_A" mtu "$1" &&
	ip -n "$NS_B" link set "$DEV_B" mtu "$2"
}

# too_large LAYER MTU_A MTU_B OPERATION RXE: what leaves there never arrives
too_large()
{
	layers "$1" "$1" && mtus "$2" "$3" && defer mtus 1500 1500 || return 1
	mark
	if "$HERE/rxe_xfer" -o "$4" -m 5 -s 9000 -n 1 -T 15 -r 2 -i 20000 \
	   "$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/xfer" 2>&1; then
		say "traffic got through"
		return 1
	fi
	grep -q "retry counter exceeded" "$TMP/xfer" || {
		say "$(tail -n 1 "$TMP/xfer")"
		return 1
	}
	read_counters
	still "$RXE_A" rcvd_rnr_err && lost_at "$5" &&
	xfer -o mix -m 3 -s 9000 -n 10 || return 1
}

mtu_comes_back()
{
	layers "$1" "$1" && mtus 9000 9000 && defer mtus 1500 1500 &&
	traffic -o mix -m 5 -s 20000 -T 17 -i 60000 || return 1
	ip -n "$2" link set "$3" mtu 1500
	mark
	waitfor 10 lost_at "$4" || { say "$4 lost nothing"; return 1; }
	mtus 9000 9000
	mark
	waitfor 10 counter_over "$RXE_B" rcvd_pkts 100 && traffic_ok
}

is_dead()
{
	case $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) in
	Z | "") return 0 ;;
	esac
	return 1
}

# The peers of A know its old address: RC recovers or ends, and who comes later
# learns the new one.
new_mac()
{
	local mac

	mac=$(in_a cat "/sys/class/net/$DEV_A/address")
	layers "$1" "$1" && traffic -T 15 -r 2 -i 60000 || return 1
	ip -n "$NS_A" link set "$DEV_A" address 02:00:00:00:47:91
	defer ip -n "$NS_A" link set "$DEV_A" address "$mac"
	mark
	waitfor 10 dead_or_alive || {
		say "RC neither recovers nor ends"
		return 1
	}
	kill_bg
	xfer -n 10
}

dead_or_alive()
{
	is_dead "$XFER" || counter_over "$RXE_A" rcvd_pkts 1000
}

# unheard LAYER: datagrams that B has no receive for, packets of a QP that is
# in the error state
unheard()
{
	layers "$1" "$1" && mark || return 1
	"$HERE/rxe_xfer" -t ud -l -d 60000 -n 3 -i 100 \
		"$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/xfer" 2>&1
	read_counters
	expect "$RXE_B" rcvd_drop_qp -eq 3
}

cases()
{
	local layer=$1 fam

	for fam in 4 6; do
		run_case "layer $layer, IPv$fam: a process killed while its netdev is down" \
			killed_while_down "$layer" $fam
	done
	for n in 0 1 7; do
		run_case "layer $layer: $n retries end after $((n + 1)) timeouts" \
			retries "$layer" $n
	done
	run_case "layer $layer: packets that are parked in a queue" \
		parked "$layer"
	run_case "layer $layer: a peer that is not ready costs no retries" \
		not_ready "$layer"
	run_case "layer $layer: a send queue drains in spite of loss" \
		drains "$layer"
	run_case "layer $layer: datagrams without a receive are counted" \
		unheard "$layer"
	run_case "layer $layer: own netdev down and up, all transports" \
		flap "$layer" "$NS_A" "$DEV_A"
	run_case "layer $layer: peer's netdev down and up, all transports" \
		flap "$layer" "$NS_B" "$DEV_B"
	run_case "layer $layer: own GIDs come back at other indices" \
		readdress "$layer" "$NS_A" "$DEV_A" "$RXE_A" $IP_A $IP6_A
	run_case "layer $layer: peer's GIDs come back at other indices" \
		readdress "$layer" "$NS_B" "$DEV_B" "$RXE_B" $IP_B $IP6_B
	run_case "layer $layer: a WRITE larger than the own MTU ends" \
		too_large "$layer" 1500 9000 write "$RXE_A"
	run_case "layer $layer: a READ larger than the peer's MTU ends" \
		too_large "$layer" 9000 1500 read "$RXE_B"
	run_case "layer $layer: RC goes on when the own MTU comes back" \
		mtu_comes_back "$layer" "$NS_A" "$DEV_A" "$RXE_A"
	run_case "layer $layer: RC goes on when the peer's MTU comes back" \
		mtu_comes_back "$layer" "$NS_B" "$DEV_B" "$RXE_B"
	run_case "layer $layer: a new link-layer address" new_mac "$layer"
}

start 41
need nft tc
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for fam in 4 6; do
	run_case "IPv$fam: a request of the CM dropped by OUTPUT" \
		lost_cm "$RXE_A" "$NS_A" $fam
	run_case "IPv$fam: a reply of the CM dropped by OUTPUT" \
		lost_cm "$RXE_B" "$NS_B" $fam
done
run_case "an unreachable route costs datagrams and no QP" no_route
cases 3
cases 2
ktap_finished
