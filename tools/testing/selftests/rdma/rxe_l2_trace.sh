#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints rxe:rxe_tx, rxe_rx, rxe_fallback and rxe_drop.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

TRACING=/sys/kernel/tracing
COMMON="dev qpn opcode psn layer len"

has_fields()
{
	local event=$1 field

	shift
	for field; do
		grep -qE "field:.*[ *]$field(\[.*\])?;" \
			"$TRACING/events/rxe/$event/format" || {
			say "$event has no field $field"
			return 1
		}
	done
}

# record COMMAND...: with all events on, to $TMP/trace
record()
{
	local rc

	echo >$TRACING/trace
	echo 1 >$TRACING/events/rxe/enable
	"$@"
	rc=$?
	echo 0 >$TRACING/events/rxe/enable
	grep ' rxe_[a-z]*: ' $TRACING/trace >"$TMP/trace"
	return $rc
}

# events EVENT PATTERN: how many lines of it match
events()
{
	grep " $1: " "$TMP/trace" | grep -cE -- "$2"
}

# equals EVENT PATTERN RXE COUNTER
equals()
{
	local n want

	n=$(events "$1" "dev=$3 .*$2")
	want=$(count "$3" "$4")
	[ "$n" -gt 0 ] && [ "$n" -eq "$want" ] || {
		say "$n $1 events of $3 ($2), $4 moved by $want"
		return 1
	}
}

# an RC SEND of 64 bytes is opcode 0x05 (with immediate), and its ACK 0x11
sent_and_received()
{
	local ip=$2 len

	layers "$1" "$1" && mark && record "$ip" -n 20 && read_counters &&
	equals rxe_tx "layer=$1 " "$RXE_A" "l$1_sent_pkts" &&
	equals rxe_tx "layer=$1 " "$RXE_B" "l$1_sent_pkts" &&
	equals rxe_rx "layer=$1 " "$RXE_A" "l$1_rcvd_pkts" &&
	equals rxe_rx "layer=$1 " "$RXE_B" "l$1_rcvd_pkts" || return 1
	len=112		# IP 20, UDP 8, BTH 12, immediate 4, data 64, ICRC 4
	[ "$ip" = xfer ] || len=132
	[ "$(events rxe_tx "dev=$RXE_A .*=0x05 .*len=$len\b")" -eq 20 ] &&
	[ "$(events rxe_rx "dev=$RXE_B .*=0x05 .*len=$len\b")" -eq 20 ] || {
		say "not 20 frames of $len bytes: $(head -n 1 "$TMP/trace")"
		return 1
	}
	psns_count
}

# PSNs of the requests are 0..19, and all of one QP. (Not by their order: the
# clock of some machines is too coarse for that.)
psns_count()
{
	local got

	got=$(grep " rxe_tx: .*dev=$RXE_A .*opcode=0x05" "$TMP/trace" |
	      sed 's/.*psn=\([0-9]*\).*/\1/' | sort -n | tr '\n' ' ')
	[ "$got" = "$(seq -s ' ' 0 19) " ] || {
		say "PSNs: $got"
		return 1
	}
	[ "$(grep " rxe_tx: .*dev=$RXE_A .*opcode=0x05" "$TMP/trace" |
	     sed 's/.*qpn=\(0x[0-9a-f]*\).*/\1/' | sort -u | wc -l)" -eq 1 ]
}

fallback()
{
	layers 2 2 && join "$NS_B" "$DEV_B" 239.192.0.1 && mark && record xfer -t ud -M 239.192.0.1 -n 20 && read_counters &&
	equals rxe_fallback "layer=2 .*reason=multicast" "$RXE_A" \
		l2_sent_fallback
}

dropped()
{
	layers 2 2 &&
	tc -n "$NS_A" qdisc add dev "$DEV_A" root netem corrupt 30% &&
	defer tc -n "$NS_A" qdisc del dev "$DEV_A" root &&
	mark && record xfer -T "$(scale 14 17)" -n 100 && read_counters &&
	equals rxe_drop "layer=2 .*reason=rcvd_drop_icrc" "$RXE_B" \
		rcvd_drop_icrc
}

xmit_dropped()
{
	layers 2 2 && mark || return 1
	spawn_ready bpf ip netns exec "$NS_A" "$HERE/rxe_bpf" "$DEV_A" \
		tcx-egress drop-one-of=5 || return 1
	record xfer -T "$(scale 14 17)" -n 50 && read_counters &&
	equals rxe_drop "layer=2 .*reason=xmit_drop" "$RXE_A" xmit_drop
}

silent_when_off()
{
	layers 2 2
	echo >$TRACING/trace
	xfer -n 20
	! grep -q ' rxe_[a-z]*: ' $TRACING/trace
}

start 11
need tc
[ -d $TRACING/events ] || mount -t tracefs tracefs $TRACING ||
	skip_all "no tracefs"
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for event in rxe_tx rxe_rx; do
	# shellcheck disable=SC2086
	run_case "$event has its fields" has_fields $event $COMMON
done
for event in rxe_fallback rxe_drop; do
	# shellcheck disable=SC2086
	run_case "$event has its fields" has_fields $event $COMMON reason
done
for layer in 2 3; do
	run_case "layer $layer: each IPv4 packet is traced once at each end" \
		sent_and_received $layer xfer
done
run_case "layer 2: each IPv6 packet is traced once at each end" \
	sent_and_received 2 xfer6
run_case "what goes by IP because it must is traced with its reason" fallback
run_case "a received packet that is dropped is traced with its reason" dropped
run_case "a sent packet that is dropped is traced with its reason" xmit_dropped
run_case "nothing is traced while the events are off" silent_when_off
ktap_finished
