#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Hostile frames: none is fatal, each is counted where it belongs, and traffic
# goes on.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

LOCAL_A=203.0.113.1
LOCAL6_A=2001:db8:1::1
DROPS="short gid opcode length hdr icrc mcast nomem"
N=3
KINDS=$(scale "netkit-l2 veth" netkit-l2)

# sender_start FAMILY: the program that builds and sends, as a coprocess
sender_start()
{
	local src=$IP_A dst=$IP_B local=$LOCAL_A mac

	if [ "$1" = 6 ]; then
		src=$IP6_A dst=$IP6_B local=$LOCAL6_A
	fi
	mac=$(in_b cat "/sys/class/net/$DEV_B/address")
	coproc SENDER {
		in_a python3 "$HERE/rxe_frames.py" "$DEV_A" "$mac" $src $dst \
			$local $IP_B
	} 2>"$TMP/sender"
}

sender_stop()
{
	local pid=$SENDER_PID

	eval "exec ${SENDER[1]}>&-"
	wait "$pid"
}

# frames NAME COUNT: sets SENT
frames()
{
	echo "$1 $2" >&"${SENDER[1]}"
	read -r -t 60 SENT <&"${SENDER[0]}" || {
		say "the sender failed: $(tail -n 1 "$TMP/sender")"
		return 1
	}
}


# only REASON: drops for this reason and for no other, SENT of them
only()
{
	local why

	for why in $DROPS; do
		if [ "$why" = "$1" ]; then
			expect "$RXE_B" "rcvd_drop_$why" -eq "$SENT"
		else
			still "$RXE_B" "rcvd_drop_$why"
		fi || return 1
	done
}

# received L2 L3
received()
{
	expect "$RXE_B" l2_rcvd_pkts -eq "$1" &&
	expect "$RXE_B" l3_rcvd_pkts -eq "$2"
}

# judge LAYER WHAT: do the counters say this of SENT frames?
judge()
{
	case $2 in
	ok)
		only none && if [ "$1" = 2 ]; then
			received "$SENT" 0
		else
			received 0 "$SENT"
		fi
		;;
	by-ip)		# good, but for IP to judge
		only none && received 0 "$SENT"
		;;
	mcast)		# intact, to a group that nobody joined
		only mcast && if [ "$1" = 2 ]; then
			received "$SENT" 0
		else
			received 0 "$SENT"
		fi
		;;
	none)		# never RXE's
		only none && received 0 0
		;;
	not-taken)	# up the stack; what becomes of it there is open
		expect "$RXE_B" l2_rcvd_pkts -eq 0
		;;
	refused)	# at the latest before the ICRC, which takes the length
		received 0 0 && still "$RXE_B" rcvd_drop_icrc
		;;
	any)
		;;
	*)
		only "$2" && received 0 0
		;;
	esac
}

# batch LAYER FAMILY TABLE: "name verdict" a line
batch()
{
	local name what rc=0

	layer "$NS_B" "$1" && sender_start "$2" || return 1
	while read -r name what; do
		[ -n "$name" ] || continue
		mark
		frames "$name" $N || { rc=1; break; }
		read_counters
		judge "$1" "$what" || {
			say "after $SENT frames '$name'"
			rc=1
		}
	done <<<"$3"
	sender_stop || rc=1
	alive || rc=1
	return $rc
}

# after all that
alive()
{
	layers 2 2 && xfer -n 20 && xfer6 -n 20 && layers 3 2 &&
	xfer -n 20 && layers 2 3 && xfer -n 20
}

GOOD="good ok
padded ok
udp-shorter-than-ip ok"

CUT="short short
short-local short
truncated length
pad-too-long length"

HEADERS="opcode opcode
qpn-0 hdr
qpn-unknown hdr
version hdr
pkey hdr
qkey hdr
qp-type hdr
mcast-qpn mcast"

BROKEN="icrc icrc
payload icrc"

LENGTHS="udp-len-long none
udp-len-7 none
ip-len-long none
ip-len-short none
ip-version none"

# IPv6: no checksum of the header, no options and no fragments in it; older
# kernels give a UDP length of 0 to the socket (a jumbogram), and RXE must not
# compute an ICRC over it
IPV4="ip-csum none
ip-options not-taken
first-fragment none
later-fragment none
udp-len-0 none"
IPV6="hop-by-hop not-taken
destination-options not-taken
fragment-header not-taken
udp-len-0 refused"

PASS="udp-csum by-ip
udp-csum-bad none
port none
other-mac none
broadcast-mac by-ip
vlan none
priority-tag by-ip
local-address gid
foreign-address none
gso not-taken"

# cases KIND LAYER FAMILY
cases()
{
	local at="$1, layer $2, IPv$3" own=$IPV4

	[ "$3" = 4 ] || own=$IPV6
	run_case "$at: good frames are taken" batch "$2" "$3" "$GOOD"
	run_case "$at: frames cut short" batch "$2" "$3" "$CUT"
	run_case "$at: bad transport headers" batch "$2" "$3" "$HEADERS"
	run_case "$at: bad ICRC" batch "$2" "$3" "$BROKEN"
	run_case "$at: bad lengths" batch "$2" "$3" "$LENGTHS"
	run_case "$at: IP's own oddities" batch "$2" "$3" "$own"
	run_case "$at: frames that are for IP to judge" batch "$2" "$3" "$PASS"
	run_case "$at: random frames" batch "$2" "$3" "mutated any
noise any"
}

start $((16 * $(wc -w <<<"$KINDS") + 16))
for kind in $KINDS; do
	pair_up "$kind" || ktap_exit_fail_msg "no topology"
	ip -n "$NS_B" addr add $LOCAL_A/32 dev lo
	ip -n "$NS_B" addr add $LOCAL6_A/128 dev lo
	for family in 4 6; do
		cases "$kind" 2 $family
		[ "$kind" = veth ] || cases "$kind" 3 $family
	done
	pair_down
done
ktap_finished
