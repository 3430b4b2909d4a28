#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets whose payload a NIC put into device memory: a udmabuf is bound to a
# receive queue of a netdevsim, which splits headers from payload as a NIC does.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

PAGES=256
CONFIG=/proc/config.gz

# alone COMMAND...: RXE lets go of device memory a second after the last packet
alone()
{
	waitfor 10 as_before 0 0 && nothing_left "$@"
}

QUEUE_B=0	# what DEV_B receives with

# bound NS DEV [PAGES]: device memory for all that DEV receives, until
# unbind $BOUND; what it says goes to $TMP/bind-DEV
bound()
{
	local queue=0

	[ "$2" != "$DEV_B" ] || queue=$QUEUE_B
	spawn_ready "bind-$2" ip netns exec "$1" \
		"$HERE/rxe_netdev.py" bind "$2" $queue "${3:-$PAGES}" || return 1
	BOUND=$PID
}

# unbind PID DEV: the NIC did write there
unbind()
{
	stop "$1" || {
		say "bind: $(tail -n 1 "$TMP/bind-$2")"
		return 1
	}
	[ "$(sed -n 's/^written //p' "$TMP/bind-$2")" -gt 0 ] || {
		say "nothing was written into the memory bound to $2"
		return 1
	}
}

# by_devmem RXE: it had packets in device memory, and could read all of them
by_devmem()
{
	moved "$1" rcvd_devmem && still "$1" rcvd_drop_devmem
}

# none overtook another: there was nothing to ask for again
in_order()
{
	local dev

	for dev in "$RXE_A" "$RXE_B"; do
		still "$dev" out_of_seq_request && still "$dev" rcvd_seq_err &&
		still "$dev" retry_exceeded_err || return 1
	done
}

# unbound_case LAYER: a netdevsim as any netdev
unbound_case()
{
	layers "$1" "$1" && mark || return 1
	mr data plain udmabuf && read_counters && carried_by "$1" "$RXE_A" &&
		still "$RXE_A" rcvd_devmem && still "$RXE_B" rcvd_devmem
}

# data_case LAYER KINDS...: both ends receive into device memory
data_case()
{
	local bound_a bound_b

	layers "$1" "$1" && mark || return 1
	bound "$NS_A" "$DEV_A" && bound_a=$BOUND &&
	bound "$NS_B" "$DEV_B" && bound_b=$BOUND &&
	mr data "${@:2}" && read_counters &&
	by_devmem "$RXE_A" && by_devmem "$RXE_B" &&
	carried_by "$1" "$RXE_A" && carried_by "$1" "$RXE_B" &&
	unbind "$bound_a" "$DEV_A" && unbind "$bound_b" "$DEV_B"
}

# xfer_case LAYER XFER OPTION...: many packets at once, one end's in device memory
xfer_case()
{
	layers "$1" "$1" && mark || return 1
	bound "$NS_B" "$DEV_B" &&
	"${@:2}" && read_counters && by_devmem "$RXE_B" &&
	moved "$RXE_B" "l$1_rcvd_pkts" && still "$RXE_B" "l$((5 - $1))_rcvd_pkts" &&
	in_order && unbind "$BOUND" "$DEV_B"
}

# rebind_case LAYER: queues lose what they hold when they are bound, RC does not
rebind_case()
{
	local i

	layers "$1" "$1" && mark && traffic -o mix -s 4096 -w 8 -T 13 -i 60000 || return 1
	for ((i = 0; i < 10; i++)); do
		bound "$NS_B" "$DEV_B" || return 1
		sleep 0.2
		unbind "$BOUND" "$DEV_B" || return 1
	done
	traffic_ok && read_counters && by_devmem "$RXE_B"
}

# small_case: the NIC runs out of memory and drops packets, RC sends them again
small_case()
{
	layers 2 2 && mark || return 1
	bound "$NS_B" "$DEV_B" 8 && xfer -o send -s 16384 -w 8 -n 50 -T 12 &&
	read_counters && by_devmem "$RXE_B" && unbind "$BOUND" "$DEV_B"
}

# gone_case: the RXE device goes while packets wait for their payload
gone_case()
{
	local gone

	layers 2 2 && bound "$NS_B" "$DEV_B" &&
	traffic -o write -s 65536 -w 8 -T 19 -i 60000 || return 1
	sleep 0.3
	# a kernel that cannot take a device from its users waits for them
	spawn gone ip netns exec "$NS_B" rdma link del "$RXE_B"
	gone=$PID
	sleep 1
	stop "$XFER"
	wait "$gone" || {
		say "link del: $(tail -n 1 "$TMP/gone")"
		return 1
	}
	kill_bg
	ip netns exec "$NS_B" rdma link add "$RXE_B" type rxe netdev "$DEV_B" &&
		waitfor 10 link_active "$RXE_B"
}

# tapped_case: a packet socket has a copy of each packet
tapped_case()
{
	tcpdump_to /dev/null "$NS_B" "$DEV_B" &&
	xfer_case 2 xfer -o mix -s 16384 -w 8 -n 100
}

# captured_case OPTION...: rxedump has all headers of each packet
captured_case()
{
	local pid file=$TMP/dump.pcapng

	command -v rxedump >/dev/null || return "$KSFT_SKIP"
	spawn dump ip netns exec "$NS_B" rxedump -i "$DEV_B" -Q in "$@" \
		-w "$file"
	pid=$PID
	waitfor 10 grep -q '^rxedump: capturing' "$TMP/dump" &&
	xfer_case 2 xfer -o mix -s 16384 -w 4 -n 20 && stop "$pid" || {
		say "rxedump: $(tail -n 1 "$TMP/dump")"
		return 1
	}
	all_captured "$file"
}

# all_captured FILE: as many as the RDMA device got; some end with what a NIC takes
# for headers, Ethernet's, IP's and UDP's
all_captured()
{
	local got captured cut

	got=$(count "$RXE_B" l2_rcvd_pkts)
	captured=$(rxedump -r "$1" --count)
	cut=$(rxedump -r "$1" -j | jq -s 'map(select(.kind == "cut" and
		.caplen == 42 and .len > 200)) | length')
	say "$captured of $got captured, $cut of them without payload"
	[ "${captured% *}" -eq "$got" ] && [ "$cut" -gt 0 ]
}

# unmappable_case: what cannot be read is dropped, and counted as that
unmappable_case()
{
	layers 2 2 && mark || return 1
	spawn_ready "bind" ip netns exec "$NS_B" \
		"$HERE/rxe_netdev.py" bind-no-vmap "$DEV_B" 0 $PAGES &&
	xfer_fails -o send && read_counters &&
	moved "$RXE_B" rcvd_drop_devmem && still "$RXE_B" rcvd_devmem &&
	stop "$PID"
}

# tcp_freed: TCP leaves it to each CPU to free the packets that it received, when
# it receives the next one
tcp_freed()
{
	local cpu

	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		taskset -c $cpu ip netns exec "$NS_A" ping -c 1 -W 1 $IP_B
	done
	as_before 0 0
}

# send_tcp BYTES: what ncdevmem -v 7 expects, while RDMA goes on
send_tcp()
{
	traffic -o mix -s 16384 -w 8 || return 1
	in_a python3 -c '
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.sendall(b"\1\2\3\4\5\6\n" * (int(sys.argv[3]) // 7))' \
		$IP6_B $PORT "$1" && traffic_ok
}

# tcp_case: devmem TCP and RDMA by the same queue, into the same memory
tcp_case()
{
	local pid

	layers 2 2 && mark && next_port || return 1
	spawn ncdevmem ip netns exec "$NS_B" "$HERE/ncdevmem" -l -f "$DEV_B" \
		-s $IP6_B -p $PORT -t $QUEUE_B -q 1 -n -v 7 -L
	pid=$PID
	waitfor 10 listening $PORT || {
		say "ncdevmem: $(tail -n 1 "$TMP/ncdevmem")"
		return 1
	}
	xfer -o mix -s 16384 -w 8 -n 50 && send_tcp 700000 &&
	wait "$pid" || {
		say "ncdevmem: $(tail -n 1 "$TMP/ncdevmem")"
		return 1
	}
	grep -q '^total_received=700000$' "$TMP/ncdevmem" &&
	read_counters && by_devmem "$RXE_B" && waitfor 30 tcp_freed
}

# rule WORD...: in the first place, until the case ends
rule()
{
	in_b ethtool -N "$DEV_B" "$@" loc 0 >"$TMP/rule" 2>&1 || {
		say "ethtool -N $*: $(tail -n 1 "$TMP/rule")"
		return 1
	}
	defer in_b ethtool -N "$DEV_B" delete 0
}

# table WORD...: until the case ends
table()
{
	in_b ethtool -X "$DEV_B" "$@" && defer in_b ethtool -X "$DEV_B" default
}

# steered_case XFER RULE...: the rule brings packets to queue 2, which the table
# leaves out
steered_case()
{
	table equal 2 && rule "${@:2}" queue $QUEUE_B &&
		xfer_case 2 "$1" -o mix -s 16384 -w 8 -n 50
}

# not_steered_case RULE...: the rule is not for RoCE
not_steered_case()
{
	layers 2 2 && mark && table equal 2 && rule "$@" queue $QUEUE_B &&
	bound "$NS_B" "$DEV_B" &&
	xfer -o mix -s 16384 -w 8 -n 50 && read_counters &&
	still "$RXE_B" rcvd_devmem && stop "$BOUND" &&
	grep -qx 'written 0' "$TMP/bind-$DEV_B"
}

# table_case: six flows, by chance one of four would get there
table_case()
{
	local n

	table start $QUEUE_B equal 1 || return 1
	for ((n = 0; n < 6; n++)); do
		xfer_case 2 xfer -o mix -s 16384 -w 8 -n 10 || return 1
	done
}

# refused WHY RULE...
refused()
{
	! in_b ethtool -N "$DEV_B" "${@:2}" >"$TMP/rule" 2>&1 &&
	grep -q "$1" "$TMP/rule" || {
		say "ethtool -N ${*:2}: $(head -n 1 "$TMP/rule")"
		return 1
	}
}

bad_rules_case()
{
	refused 'Invalid argument' flow-type udp4 dst-port 1 queue 4 &&
	refused 'not supported' flow-type udp4 dst-port 1 action -1 &&
	refused 'not supported' flow-type udp4 dst-port 1 tos 4 queue 1 &&
	refused 'not supported' flow-type ether dst 02:00:00:00:00:01 queue 1 &&
	refused 'No such file' delete 5 &&
	in_b ethtool -K "$DEV_B" ntuple off || return 1
	defer in_b ethtool -K "$DEV_B" ntuple on
	refused 'not supported' flow-type udp4 dst-port 1 queue 1 &&
	in_b ethtool -n "$DEV_B" | grep -qx 'Total 0 rules'
}

rule_holds_case()
{
	rule flow-type tcp6 dst-port 1 queue 3 &&
	in_b ethtool -n "$DEV_B" rule 0 | grep -q 'Direct to queue 3' &&
	! in_b ethtool -L "$DEV_B" combined 2 2>/dev/null &&
	in_b ethtool -N "$DEV_B" delete 0 &&
	in_b ethtool -L "$DEV_B" combined 2 &&
	in_b ethtool -L "$DEV_B" combined 4
}

[ ! -e $CONFIG ] || zcat $CONFIG | grep -qx CONFIG_RDMA_RXE_DEVMEM=y ||
	skip_all "no CONFIG_RDMA_RXE_DEVMEM"
start_mr 40 netdevsim-1
need ethtool tcpdump taskset
bound "$NS_B" "$DEV_B" || {
	[ ! -e $CONFIG ] || ktap_exit_fail_msg "cannot bind device memory"
	skip_all "$(tail -n 1 "$TMP/bind-$DEV_B")"
}
kill_bg
waitfor 10 as_before 0 0
for layer in 3 2; do
	run_case "layer $layer: netdevsim, nothing bound" \
		alone unbound_case $layer
	run_case "layer $layer: all operations, ordinary memory" \
		alone data_case $layer plain plain
	run_case "layer $layer: all operations, dma-bufs" \
		alone data_case $layer udmabuf heap
	run_case "layer $layer: bound and unbound under traffic" \
		alone rebind_case $layer
	run_case "layer $layer: RC, a window of messages stays in order" \
		alone xfer_case $layer xfer -o mix -s 16384 -w 8 -n 200
	run_case "layer $layer: no request overtakes a WRITE" \
		alone xfer_case $layer xfer -o write-read -s 16384 -w 8 -n 200
	run_case "layer $layer: UC" \
		alone xfer_case $layer xfer -t uc -s 4096 -n 100
	run_case "layer $layer: UD, IPv6" \
		alone xfer_case $layer xfer6 -t ud -s 1024 -n 100
done
run_case "a packet socket taps what cannot be read" alone tapped_case
run_case "rxedump captures what can be read" alone captured_case
run_case "rxedump captures headers only" alone captured_case --headers-only
run_case "too little memory is loss, and no more" alone small_case
run_case "what cannot be mapped is dropped, and counted" alone unmappable_case
run_case "the RXE device is deleted under traffic" alone gone_case

# The NIC's queue in a container: bound there, by netkit's name for it.
pair_down
pair_up leased || ktap_exit_fail_msg "no topology with a leased queue"
QUEUE_B=1
for layer in 3 2; do
	run_case "leased to netkit, layer $layer: nothing bound" \
		alone unbound_case $layer
	run_case "leased to netkit, layer $layer: all operations, dma-bufs" \
		alone data_case $layer udmabuf heap
	run_case "leased to netkit, layer $layer: bound and unbound under traffic" \
		alone rebind_case $layer
	run_case "leased to netkit, layer $layer: RC stays in order" \
		alone xfer_case $layer xfer -o mix -s 16384 -w 8 -n 200
	run_case "leased to netkit, layer $layer: UD, IPv6" \
		alone xfer_case $layer xfer6 -t ud -s 1024 -n 100
done
run_case "leased to netkit: ncdevmem and RDMA by the same queue" unwarned tcp_case

# A NIC of several queues: which one a flow goes to.
pair_down
pair_up netdevsim-4 || ktap_exit_fail_msg "no topology of four queues"
QUEUE_B=2
run_case "a rule brings UDP over IPv4 to its queue" \
	alone steered_case xfer flow-type udp4 dst-ip "$IP_B" dst-port 4791
run_case "a rule brings UDP over IPv6 to its queue" \
	alone steered_case xfer6 flow-type udp6 dst-ip "$IP6_B"
run_case "a rule of another port: none of it goes there" \
	alone not_steered_case flow-type udp4 dst-ip "$IP_B" dst-port 4792
run_case "a rule of TCP: none of it goes there" \
	alone not_steered_case flow-type tcp4 dst-port 4791
run_case "the table brings all to one queue" alone table_case
run_case "rules that a NIC cannot keep are refused" bad_rules_case
run_case "a queue that a rule names stays" rule_holds_case
ktap_finished
