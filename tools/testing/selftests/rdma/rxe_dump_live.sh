#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rxedump in the kernel: every packet, both directions, both layers, filters,
# losses, ends of all kinds. tshark and `rdma statistic` are the witnesses.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

# What an earlier rxedump said must not be taken for what the next one says:
# the shell truncates a background job's files when it gets round to it.
fresh()
{
	NAME=$1
	: >"$TMP/$NAME.log"
	: >"$TMP/$NAME.err"
}

capturing()
{
	waitfor "${WAIT:-$(scale 10 60)}" grep -q "^rxedump: capturing$1" \
		"$TMP/$NAME.err" || {
		say "rxedump: $(tail -n 1 "$TMP/$NAME.err")"
		return 1
	}
}

# dump NAME OPTION...: in A, until dump_end; output NAME.log, messages NAME.err
dump()
{
	fresh "$1"
	shift
	ip netns exec "$NS_A" rxedump "$@" >"$TMP/$NAME.log" \
		2>"$TMP/$NAME.err" </dev/null &
	DUMP=$!
	BG+=("$DUMP")
	capturing
}

# dump_end [SIGNAL]: it ends well and in time
dump_end()
{
	local rc

	[ "$1" = none ] || kill "-${1:-INT}" "$DUMP"
	waitfor "${WAIT:-$(scale 10 60)}" gone "$DUMP" || {
		say "rxedump does not end"
		return 1
	}
	wait "$DUMP"
	rc=$?
	[ $rc -eq 0 ] || say "rxedump: $rc: $(head -n 1 "$TMP/$NAME.err")"
	return $rc
}

gone()
{
	! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1") = Z* ]]
}

# counted NAME WORDS: the number before these words in the last counts
counted()
{
	sed -n "s/.*\<\([0-9]*\) $2.*/\1/p" "$TMP/$1.err" | tail -n 1
}

# is WHAT VALUE WANTED
is()
{
	[ "$2" = "$3" ] && return
	say "$1: ${2:-nothing}, not $3"
	return 1
}

packets()
{
	local n

	n=$(rxedump -r "$1" --count "${@:2}" 2>"$TMP/err") || {
		say "$(head -n 1 "$TMP/err")"
		return 1
	}
	echo "${n%% *}"
}

sent_by_a()
{
	echo $(($(count "$RXE_A" l2_sent_pkts) + $(count "$RXE_A" l3_sent_pkts)))
}

rcvd_by_a()
{
	echo $(($(count "$RXE_A" l2_rcvd_pkts) + $(count "$RXE_A" l3_rcvd_pkts)))
}

# complete FILE: as many packets as the RDMA device counted, each way
complete()
{
	read_counters
	is "sent" "$(packets "$1" -Q out)" "$(sent_by_a)" &&
	is "received" "$(packets "$1" -Q in)" "$(rcvd_by_a)"
}

no_drops()
{
	is "buffer full" "$(counted "$1" "dropped: buffer full")" 0 &&
	is "unreadable" "$(counted "$1" "dropped: unreadable")" 0
}

# every kind of packet that rxe_xfer makes, one and several of a message
mixture()
{
	local op

	for op in send write read; do
		"$1" -T 20 -c 104 -o $op -s 1,5000 -n 2 || return 1
	done
	"$1" -T 20 -o faa -n 3 && "$1" -T 20 -o cas -n 3 &&
	"$1" -t uc -o send -s 1,5000 -n 2 &&
	"$1" -t uc -o write -s 1,5000 -n 2 && "$1" -t ud -s 1000 -n 3
}

# agrees LAYER COMMAND...: tshark reads all of it as we do
agrees()
{
	layers "$1" "$1" && mark && dump d -i "$DEV_A" -w "$TMP/file" &&
	"${@:2}" && dump_end && no_drops d && complete "$TMP/file" || return 1
	"$HERE/rxe_dump_tshark.py" "$TMP/file" "${MIN:-60}" "${OPCODES:-26}" \
		>"$TMP/said" 2>&1 || {
		say "$(head -c 300 "$TMP/said")"
		return 1
	}
	say "$(cat "$TMP/said")"
}

rping_agrees()
{
	MIN=20 OPCODES=5 agrees "$1" run_rping 3
}

# one and several packets a message, all that perftest does on RXE
perftests()
{
	local tool

	perftest ib_write_bw -s 4096 -n 20 || return 1
	! slow || return 0
	for tool in send_bw read_bw "send_bw -c UC" "write_bw -c UC" \
		    "write_bw --write_with_imm"; do
		# shellcheck disable=SC2086 # words
		perftest ib_$tool -s 4096 -n 8 && perftest ib_$tool -s 8 -n 8 ||
			return 1
	done
	perftest ib_send_lat -c UD -s 1000 -n 8 &&
	perftest ib_atomic_bw -A CMP_AND_SWAP -n 8 &&
	perftest ib_atomic_bw -A FETCH_AND_ADD -n 8
}

perftest_agrees()
{
	MIN=100 OPCODES=$(scale 25 3) agrees "$1" perftests
}

# messages of several packets, which go as one frame at layer 2
messages()
{
	local op

	for op in send write read; do
		"$1" -T 20 -o $op -s 20000 -n 3 || return 1
	done
	"$1" -t uc -o send -s 5000 -n 3 && "$1" -t uc -o write -s 5000 -n 3
}

wire_count()
{
	wire count "$1" && test "$(cat "$TMP/frames")" "$2" "$3"
}

# chained COMMAND...: both ends have sent several packets in a frame, and none
# was lost for us
chained()
{
	mark
	"$@" && dump_end && no_drops d && read_counters &&
	moved "$RXE_A" l2_sent_chains
}

# each has headers and an ICRC of its own, and none is missing
chains_are_packets()
{
	dump d -i "$DEV_A" --pcap -w "$TMP/file" && chained messages "$1" &&
	moved "$RXE_A" l2_rcvd_chains && wire check "$TMP/file" &&
	complete_chains "$TMP/file"
}

complete_chains()
{
	local all

	all=$(($(sent_by_a) + $(rcvd_by_a)))
	wire count "$1" && is "frames" "$(cat "$TMP/frames")" $all &&
	is "packets" "$(counted d "packets")" $all &&
	is "captured" "$(counted d "captured by the kernel")" $all
}

# What B gets is sent on by a netdev of B's, from $VETH to $VETH-w.
mirror_to()
{
	tc -n "$NS_B" qdisc add dev "$DEV_B" clsact 2>/dev/null
	tc -n "$NS_B" filter add dev "$DEV_B" ingress protocol all pref 9 \
		u32 match u32 0 0 action mirred egress mirror dev "$1" &&
	defer tc -n "$NS_B" filter del dev "$DEV_B" ingress pref 9
}

mirror_up()
{
	VETH=rlv$$
	ip -n "$NS_B" link add $VETH type veth peer name $VETH-w &&
	defer ip -n "$NS_B" link del $VETH &&
	ip -n "$NS_B" link set $VETH up && ip -n "$NS_B" link set $VETH-w up
}

# The frames that we make of a chain are those that the kernel makes where a
# netdev does not take one, byte by byte.
cut_as_the_kernel_does()
{
	mirror_up && chains "$NS_B" $VETH off && mirror_to $VETH &&
	tcpdump_to "$TMP/cut" "$NS_B" $VETH-w &&
	dump d -i "$DEV_A" -Q out --pcap -w "$TMP/file" &&
	chained messages "$1" || return 1
	waitfor 10 wire_count "$TMP/cut" -ge "$(sent_by_a)" || {
		say "the kernel has cut $(cat "$TMP/frames") of $(sent_by_a)"
		return 1
	}
	wire same "$TMP/file" "$TMP/cut"
}

# same_read FILE OTHER: what we read in one is what is in the other
same_read()
{
	rxedump -r "$1" --pcap -w "$TMP/read" && wire same "$TMP/read" "$2"
}

# tcpdump takes chains as they are: what it has written is read as packets
read_from_tcpdump()
{
	tcpdump_to "$TMP/theirs" "$NS_A" "$DEV_A" &&
	dump d -i "$DEV_A" --pcap -w "$TMP/file" &&
	chained messages "$1" || return 1
	waitfor 10 same_read "$TMP/theirs" "$TMP/file" || {
		say "tcpdump's file: $(tail -n 1 "$TMP/frames")"
		return 1
	}
	wire_count "$TMP/theirs" -lt "$(packets "$TMP/file")" || {
		say "tcpdump has no chain"
		return 1
	}
}

# fields FILE: what is the same with and without a tag
fields()
{
	rxedump -r "$1" -j -vv | jq -c '[.ip, .udp, .bth, .reth, .payload, .icrc,
		.len - (if .vlan then 4 else 0 end)]' | sort
}

# a chain with a tag that is not in its frame
chains_with_tag()
{
	mirror_up && ip -n "$NS_B" link add link $VETH name $VETH.9 up \
		type vlan id 9 && mirror_to $VETH.9 || return 1
	fresh v
	ip netns exec "$NS_B" rxedump -i $VETH -Q out -w "$TMP/tagged" \
		2>"$TMP/v.err" &
	V=$!
	BG+=("$V")
	capturing && dump d -i "$DEV_A" -Q out -w "$TMP/file" &&
	chained messages xfer && kill -INT "$V" && wait "$V" || return 1
	is "captured" "$(counted v "captured by the kernel")" "$(sent_by_a)" &&
	is "tags" "$(rxedump -r "$TMP/tagged" -j | jq -c '.vlan' | sort -u)" \
		'[{"id":9,"priority":0}]' || return 1
	fields "$TMP/file" >"$TMP/a" && fields "$TMP/tagged" >"$TMP/b" &&
	is "packets" "$(wc -l <"$TMP/b")" "$(sent_by_a)" && cmp -s "$TMP/a" "$TMP/b" || {
		say "$(diff "$TMP/a" "$TMP/b" | head -c 300)"
		return 1
	}
}

chains_off()
{
	chains "$NS_A" "$DEV_A" off && defer chains "$NS_A" "$DEV_A" on &&
	dump d -i "$DEV_A" -Q out --pcap -w "$TMP/file" && mark &&
	xfer -o write -s 20000 -n 5 && dump_end && read_counters &&
	still "$RXE_A" l2_sent_chains && wire check "$TMP/file" &&
	is "frames" "$(counted d "captured by the kernel")" "$(sent_by_a)"
}

# 100 packets in messages of 20
filter_chains()
{
	local SENT="-o write -s 20000 -n 5"

	filter "$@" && moved "$RXE_A" l2_sent_chains
}

chains_end_by_count()
{
	dump d -i "$DEV_A" -Q out -c 7 -w "$TMP/file" &&
	xfer -o write -s 20000 -n 5 && dump_end none &&
	is "PSNs" "$(rxedump -r "$TMP/file" -j | jq .bth.psn |
		tr '\n' ' ')" "0 1 2 3 4 5 6 "
}

chains_statistics()
{
	local stat

	dump d -i "$DEV_A" --stat=60 -j &&
	chained xfer -o write -s 20000 -n 5 || return 1
	stat=$(jq -s "map(select(.src == \"$IP_A\"))[0]" "$TMP/d.log")
	is "packets" "$(jq .packets <<<"$stat")" "$(sent_by_a)" &&
	is "wrong or missing" "$(jq '.bad_icrc + .gaps + .missing' \
		<<<"$stat")" 0
}

# as in the talk: RDMA WRITE ONLY, its RETH, what rping writes
demo()
{
	layers 2 2 && dump d -i "$DEV_A" -vv && run_rping 1 && dump_end ||
		return 1
	awk '/RC_RDMA_WRITE_ONLY qp 0x[0-9a-f]+ from 0x[0-9a-f]+ psn [0-9]+ .*va 0x[0-9a-f]+ rkey 0x[0-9a-f]+ len 64 payload 64 icrc ok$/ { w++ }
	     /^\treth va 0x[0-9a-f]+ rkey 0x[0-9a-f]+ len 64$/ { r++ }
	     /0x0000:  7264 6d61 2d70 696e 672d 303a 2041 4243  rdma-ping-0: ABC/ { p++ }
	     END { exit !(w && r && p) }' "$TMP/d.log" || {
		say "no RDMA WRITE of rdma-ping-0: $(grep -m 1 WRITE "$TMP/d.log")"
		return 1
	}
}

json_pipe()
{
	local number

	number=$(in_a rxedump -D | sed -n "s/\.$DEV_A\$//p")
	dump d -i "$number" -j && xfer -n 5 && dump_end || return 1
	is "requests" "$(jq -r 'select(.bth.name ==
		"RC_SEND_ONLY_WITH_IMMEDIATE" and .icrc.state == "ok") |
		.immdt.immdt' "$TMP/d.log" | tr '\n' ' ')" "0 1 2 3 4 "
}

# filter WANTED OPTION...: with 20 sends and their ACKs (or $SENT), that many are
# taken, and the others are refused
filter()
{
	local want=$1

	shift
	mark
	# shellcheck disable=SC2086 # words
	dump d -i "$DEV_A" "$@" -w "$TMP/file" && xfer ${SENT:--n 20 -s 100} &&
	read_counters && dump_end || return 1
	is "packets" "$(packets "$TMP/file")" "$want" &&
	is "taken" "$(counted d "captured by the kernel")" "$want" &&
	is "refused" "$(counted d "refused by the filter")" \
		$(($(sent_by_a) + $(rcvd_by_a) - want))
}

filter_qp()
{
	local qpn

	dump d -i "$DEV_A" -j -Q out && xfer -n 1 && dump_end || return 1
	qpn=$(jq -s '.[0].bth.destqp' "$TMP/d.log")
	# numbers go round: the next one of B's
	dump d -i "$DEV_A" -Q out -w "$TMP/file" \
		--qp "$(seq -s , $((qpn + 1)) $((qpn + 10)))" && xfer -n 20 &&
	dump_end && is "packets" "$(packets "$TMP/file")" 20 || return 1
	dump d -i "$DEV_A" -Q out -w "$TMP/file" --qp "$qpn" && xfer -n 20 &&
	dump_end && is "packets" "$(packets "$TMP/file")" 0
}

expression()
{
	dump d -i "$DEV_A" -w "$TMP/file" src $IP_A and udp && xfer -n 20 &&
	dump_end && is "packets" "$(packets "$TMP/file")" 20 &&
	is "refused" "$(counted d "refused by the expression")" 20
}

# A VLAN on a netdev that takes tags apart from frames, as devices do
tags_up()
{
	VETH=rlv$$
	ip -n "$NS_A" link add $VETH type veth peer name $VETH-w &&
	defer ip -n "$NS_A" link del $VETH &&
	ip -n "$NS_A" link add link $VETH name $VETH.9 type vlan id 9 &&
	ip -n "$NS_A" addr add 203.0.113.1/32 peer 203.0.113.2 dev $VETH.9 &&
	ip -n "$NS_A" link set $VETH up &&
	ip -n "$NS_A" link set $VETH-w up &&
	ip -n "$NS_A" link set $VETH.9 up &&
	ip -n "$NS_A" neigh add 203.0.113.2 lladdr 02:00:00:00:00:09 \
		dev $VETH.9
}

# matches DEV EXPRESSION: how many of 3 packets match; as many as for tcpdump
matches()
{
	local ours

	spawn tcpdump ip netns exec "$NS_A" tcpdump -i "$1" --immediate-mode \
		-w /dev/null "$2"
	waitfor 10 grep -q 'listening on' "$TMP/tcpdump" &&
	dump d -i "$1" "$2" || return 1
	roce_to 203.0.113.2 && roce_to 203.0.113.2 && roce_to 203.0.113.2
	sleep 0.3
	dump_end && kill -INT "$PID" && wait "$PID" || return 1
	ours=$(wc -l <"$TMP/d.log")
	is "'$2' at $1" "$ours" "$3" &&
	grep -q "^$3 packets captured" "$TMP/tcpdump" || {
		say "$(grep captured "$TMP/tcpdump")"
		return 1
	}
}

expression_and_tag()
{
	local dev

	tags_up || return 1
	for dev in $VETH $VETH-w; do
		matches "$dev" "udp port 4791" 3 &&
		matches "$dev" "vlan and udp port 4791" 3 &&
		matches "$dev" "vlan 9 and udp port 4791" 3 &&
		matches "$dev" "vlan 8 and udp port 4791" 0 &&
		matches "$dev" "udp port 4791 and not vlan" 0 &&
		matches "$dev" "udp port 4790" 0 || return 1
	done
}

headers_only()
{
	dump d -i "$DEV_A" --headers-only -w "$TMP/file" &&
	xfer -o write -s 5000 -n 3 && dump_end || return 1
	# Ethernet 14, IP 20, UDP 8, BTH 12, and RETH 16 or AETH 4 or nothing
	is "lengths" "$(rxedump -r "$TMP/file" -j | jq .caplen | sort -nu |
		tr '\n' ' ')" "54 58 70 " &&
	is "kinds" "$(rxedump -r "$TMP/file" -j | jq -r \
		'.kind + " " + .icrc.state' | sort -u)" "roce absent" &&
	is "bytes" "$(rxedump -r "$TMP/file" -j --opcode write |
		jq -s 'map(.payload.len) | add')" 15000
}

snap_length()
{
	dump d -i "$DEV_A" -s 100 -w "$TMP/file" && xfer -s 1000 -n 3 &&
	xfer -o send -s 2000 -n 3 && dump_end || return 1
	is "lengths" "$(rxedump -r "$TMP/file" -j -Q out |
		jq -c '[.len, .caplen, .payload.len]' | sort -u | tr '\n' ' ')" \
		"[1038,100,976] [1062,100,1000] [1082,100,1024] "
}

# frames of each size class of the ring buffer, whole
sizes()
{
	local size want=

	ip -n "$NS_A" link set "$DEV_A" mtu 9000
	ip -n "$NS_B" link set "$DEV_B" mtu 9000
	defer ip -n "$NS_A" link set "$DEV_A" mtu 1500
	defer ip -n "$NS_B" link set "$DEV_B" mtu 1500
	waitfor 10 mtu_is 4096 || return 1
	dump d -i "$DEV_A" -Q out -w "$TMP/file" || return 1
	# 70 bytes are around it: the last one of a class, the first of the next
	for size in 1 24 25 88 89 280 281 664 665 1048 1049 1560 1561 2072 \
		2073 4096; do
		xfer -t ud -s $size -n 1 || return 1
		want+="$size ok "
	done
	dump_end && is "payloads" "$(rxedump -r "$TMP/file" -j | jq -r \
		'"\(.payload.len) \(.icrc.state)"' | tr '\n' ' ')" "$want"
}

mtu_is()
{
	ibv_devinfo -d "$RXE_A" | grep -q "active_mtu:.*$1" &&
	ibv_devinfo -d "$RXE_B" | grep -q "active_mtu:.*$1"
}

# A buffer that is too small and nobody who empties it: what is lost is
# counted, on standard error, by SIGUSR1, in the file.
losses()
{
	local lost total

	mark
	dump d -i "$DEV_A" -B 4 -w "$TMP/file" && kill -STOP "$DUMP" &&
	xfer -s 1000 -n 50 || return 1
	read_counters
	total=$(($(sent_by_a) + $(rcvd_by_a)))
	kill -CONT "$DUMP"
	kill -USR1 "$DUMP"
	waitfor 10 grep -q 'buffer full' "$TMP/d.err" || {
		say "no counts after SIGUSR1"
		return 1
	}
	dump_end || return 1
	lost=$(counted d "dropped: buffer full")
	[ "$lost" -gt 0 ] || {
		say "nothing was lost"
		return 1
	}
	is "captured and lost" $(($(packets "$TMP/file") + lost)) $total &&
	rxedump -r "$TMP/file" --count 2>&1 |
		grep -q ": $lost frames were dropped while capturing" || {
		say "the file does not tell of $lost lost frames"
		return 1
	}
	capinfos -Tr "$TMP/file" >"$TMP/capinfos" 2>&1 || {
		say "capinfos: $(tail -n 1 "$TMP/capinfos")"
		return 1
	}
}

# called N: N times 7 MB/s into N times 64 KiB, of as many interfaces (of one, as
# often). rxedump looks into the buffer 25 times a second, and it would be full long
# before that if nobody called when another quarter is, whoever filled it.
called()
{
	local lost sent ifaces

	mapfile -t ifaces < <(printf -- "-i\n$DEV_A\n%.0s" $(seq "$1"))
	impair 2 rate 60mbit || return 1
	dump d "${ifaces[@]}" -Q out -B $((64 * $1)) -w "$TMP/file" &&
	xfer -s 1000 -w 4 -n "$(scale 4000 1000)" && dump_end || return 1
	lost=$(counted d "dropped: buffer full")
	read_counters
	sent=$(($1 * $(sent_by_a)))
	is "captured and lost" $(($(packets "$TMP/file") + lost)) "$sent" || return 1
	# beside a compiler up to a fifth is lost; a half, where nobody calls
	[ $((lost * 3)) -le "$sent" ] || {
		say "$lost of $sent lost"
		return 1
	}
}

# ended_by SIGNAL: the file is complete
ended_by()
{
	mark
	dump d -i "$DEV_A" -w "$TMP/file" && xfer -n 50 && read_counters &&
	dump_end "$1" && complete "$TMP/file"
}

ended_by_count()
{
	dump d -i "$DEV_A" -c 7 -w "$TMP/file" && xfer -n 50 &&
	dump_end none && is "packets" "$(packets "$TMP/file")" 7
}

# each file can be read alone, and no packet is missing between them
rotated()
{
	local f n sum=0

	mark
	dump d -i "$DEV_A" -w "$TMP/rot" -C 20k && xfer -s 1000 -n 50 &&
	read_counters && dump_end && no_drops d || return 1
	for f in "$TMP/rot"*; do
		n=$(packets "$f") || return 1
		sum=$((sum + n))
		capinfos -Tr "$f" >"$TMP/capinfos" 2>&1 || {
			say "capinfos: $(tail -n 1 "$TMP/capinfos")"
			return 1
		}
	done
	is "packets" "$sum" "$(counted d "packets")" &&
	is "of the device" "$sum" $(($(sent_by_a) + $(rcvd_by_a))) &&
	is "last file" "$(cd "$TMP" && echo rot*)" "rot rot1 rot2"
}

# -G -W: two files of a second each, and then it ends by itself
rotated_by_time()
{
	traffic -s 64 && dump d -i "$DEV_A" -w "$TMP/time-%s" -G 1 -W 2 &&
	dump_end none && traffic_ok || return 1
	set -- "$TMP"/time-*
	is "files" $# 2 && packets "$1" >"$TMP/n" && packets "$2" >>"$TMP/n" &&
	is "empty ones" "$(grep -cx 0 "$TMP/n")" 0
}

# Files are somebody else's; the capture goes on, to the front again, too.
other_user()
{
	local dir=$TMP/public

	mkdir -p "$dir" && chmod 711 "$TMP" && chmod 777 "$dir" &&
	mark && dump d -i "$DEV_A" -Z nobody -w "$dir/file" -C 10k &&
	xfer -s 1000 -n 20 && rival tcx-egress && said "came before ours" &&
	is "user" "$(awk '/^Uid:/ { print $3 }' "/proc/$DUMP/status")" \
		"$(id -u nobody)" &&
	is "capabilities" "$(sed -n 's/^CapEff:[[:space:]]*//p' \
		"/proc/$DUMP/status")" 0000008000001000 || return 1
	sleep "$(scale 0.5 3)"
	xfer -s 1000 -n 20 && read_counters && dump_end && no_drops d &&
	is "packets" "$(counted d "packets")" $(($(sent_by_a) + $(rcvd_by_a))) &&
	is "users" "$(stat -c %U "$dir"/file* | sort -u)" nobody &&
	is "last file" "$(cd "$dir" && echo file[4-9])" "file4"
}

# without a packet
ended_by_time()
{
	local start=${EPOCHREALTIME/./} us

	dump d -i lo -a duration:2 && dump_end none || return 1
	us=$((${EPOCHREALTIME/./} - start))
	[ $us -ge 2000000 ] || {
		say "$us us"
		return 1
	}
}

links_of()
{
	ip netns exec "$NS_A" bpftool -j net show dev "$DEV_A" |
		jq '[.. | .name? // empty] | map(select(startswith("rxedump"))) |
		length'
}

attached()
{
	[ "$(links_of)" -gt 0 ]
}

not_attached()
{
	! attached
}

# after SIGKILL nothing is left, and what was flushed can be read
killed()
{
	mark
	dump d -i "$DEV_A" -w "$TMP/file" && xfer -n 50 && read_counters ||
		return 1
	is "programs" "$(links_of)" 2 || return 1
	waitfor 5 complete "$TMP/file" || return 1
	kill -KILL "$DUMP"
	wait "$DUMP" 2>/dev/null
	waitfor 5 not_attached || {
		say "programs left: $(links_of)"
		return 1
	}
	xfer -n 5
}

# packets reach a pipe while we run; its end is a normal end for us
pipe()
{
	mkfifo "$TMP/pipe"
	head -c 2000 <"$TMP/pipe" >"$TMP/head" &
	BG+=($!)
	dump d -i "$DEV_A" -w "$TMP/pipe" && traffic -s 64 || return 1
	dump_end none || return 1
	traffic_ok
	is "bytes" "$(stat -c %s "$TMP/head")" 2000
	rm "$TMP/pipe"
}

live_tshark()
{
	fresh d
	ip netns exec "$NS_A" sh -c 'rxedump -i "$1" -w - 2>"$3" |
		tshark -r - -Y infiniband.bth -T fields \
			-e infiniband.bth.opcode >"$2" 2>/dev/null' \
		- "$DEV_A" "$TMP/tshark" "$TMP/d.err" &
	BG+=($!)
	capturing && xfer -n 5 || return 1
	pkill -INT -x -P "${BG[-1]}" rxedump
	wait "${BG[-1]}"
	is "opcodes" "$(sort "$TMP/tshark" | uniq -c | tr -s ' \n' ' ')" \
		" 5 17 5 5 "
}

# Other namespaces, several interfaces, all of them: each by its name.
interfaces()
{
	fresh d
	rxedump --netns "$NS_A" -i "$DEV_A" --netns "$NS_B" -i any \
		-w "$TMP/file" 2>"$TMP/d.err" &
	DUMP=$!
	BG+=("$DUMP")
	capturing " on [3-9]" && xfer -n 5 && dump_end || return 1
	is "seen" "$(rxedump -r "$TMP/file" -j | jq -r \
		'"\(.interface) \(.direction)"' | sort | uniq -c |
		tr -s ' \n' ' ')" \
" 5 $DEV_A@$NS_A in 5 $DEV_A@$NS_A out 5 $DEV_B@$NS_B in 5 $DEV_B@$NS_B out "
}

# More than the soft limit of descriptors has room for
many_interfaces()
{
	local WAIT=120	# the kernel takes some RCU grace periods for each

	seq -f "link add many%g group 77 type dummy" 200 |
		ip -n "$NS_A" -batch - &&
	defer ip -n "$NS_A" link del group 77 &&
	defer ulimit -Sn "$(ulimit -Sn)" && ulimit -Sn 256 && mark &&
	dump d -i any -w "$TMP/file" && xfer -n 20 && read_counters || return 1
	is "interfaces" "$(sed -n 's/.*capturing on //p' "$TMP/d.err")" \
		"$(ip -n "$NS_A" -o link | wc -l) interfaces" || return 1
	set -- "/proc/$DUMP/fd/"*
	[ $# -lt 640 ] || {
		say "$# descriptors"
		return 1
	}
	dump_end && complete "$TMP/file"
}

# roce_to ADDRESS: a datagram with a BTH
roce_to()
{
	in_a bash -c "printf '\4\100\377\377\0\0\0\21\200\0\0\1-and-ICRC' \
		>/dev/udp/$1/4791"
}

# new_interface NR: with 203.0.113.NR, and what is sent there is seen
new_interface()
{
	ip -n "$NS_A" link add "late$1" type dummy &&
	ip -n "$NS_A" addr add "203.0.113.$1/32" peer 203.0.113.2 dev "late$1" &&
	ip -n "$NS_A" link set "late$1" up || return 1
	# a packet that comes before rxedump heard of the interface is missed
	waitfor 10 eval "roce_to 203.0.113.2 && grep -q 'late$1$2 out \
203.0.113.$1 > 203.0.113.2 RC_SEND_ONLY' '$TMP/d.log'" || {
		say "late$1: $(tail -n 1 "$TMP/d.log") $(tail -n 1 "$TMP/d.err")"
		return 1
	}
}

# while -i any captures
late_interfaces()
{
	defer ip -n "$NS_A" link del late8
	dump d -i any && new_interface 7 "" && ip -n "$NS_A" link del late7 &&
	said "late7: the interface is gone" && new_interface 8 "" && dump_end
}

late_in_namespace()
{
	defer ip -n "$NS_A" link del late9
	fresh d
	rxedump --netns "$NS_B" -i any --netns "$NS_A" -i any \
		>"$TMP/d.log" 2>"$TMP/d.err" &
	DUMP=$!
	BG+=("$DUMP")
	capturing && new_interface 9 "@$NS_A" && xfer -n 5 && dump_end &&
	is "sent by B" "$(grep -c "$DEV_B@$NS_B out" "$TMP/d.log")" 5
}

# come_and_go N: interfaces, while rxedump starts
come_and_go()
{
	local i

	spawn churn sh -c 'while ip -n "$1" link add come type veth peer go &&
		ip -n "$1" link del come; do :; done' - "$NS_A"
	for ((i = 0; i < $1; i++)); do
		dump d -i any -w "$TMP/file" && dump_end || return 1
	done
}

# rival HOOK: a program of another's comes before all others there, and ends what
# comes by: no other program sees it
rival()
{
	spawn_ready "rival-$1" ip netns exec "$NS_A" "$HERE/rxe_bpf" "$DEV_A" \
		"$1" pass
}

# said TEXT: by rxedump
said()
{
	waitfor "$(scale 10 60)" grep -qF -- "$1" "$TMP/$NAME.err" || {
		say "rxedump did not say: $1: $(tail -n 1 "$TMP/$NAME.err")"
		return 1
	}
}

behind_others()
{
	rival tcx-egress && rival tcx-ingress && mark &&
	dump d -i "$DEV_A" -w "$TMP/file" && xfer -n 20 && read_counters &&
	said "1 other BPF program" && dump_end && complete "$TMP/file"
}

# it notices, and is the first one again
overtaken()
{
	local hook

	dump d -i "$DEV_A" -w "$TMP/file" || return 1
	for hook in ingress egress; do
		rival tcx-$hook && said "came before ours at $hook" || return 1
	done
	sleep "$(scale 0.5 3)"
	mark
	xfer -n 20 && read_counters && dump_end && complete "$TMP/file"
}

# but not for ever, and says so
overtaken_again()
{
	local i

	dump d -i "$DEV_A" || return 1
	for i in 1 2 3; do
		rival tcx-egress || return 1
		waitfor "$(scale 10 60)" times "goes to the front" $i || {
			say "moved $(grep -c "goes to the front" "$TMP/d.err") times, not $i"
			return 1
		}
		# it says so, and does it then
		sleep "$(scale 0.5 3)"
	done
	rival tcx-egress && said "stays before ours at egress" && dump_end &&
	is "moves" "$(grep -c "goes to the front" "$TMP/d.err")" 3
}

times()
{
	[ "$(grep -c "$1" "$TMP/$NAME.err")" -eq "$2" ]
}

# several of ours do not overtake each other
no_rivalry()
{
	fresh e
	ip netns exec "$NS_A" rxedump -i "$DEV_A" -w "$TMP/other" \
		2>"$TMP/e.err" &
	V=$!
	BG+=("$V")
	capturing && dump d -i "$DEV_A" -w "$TMP/file" && mark &&
	sleep 2.5 && xfer -n 20 && read_counters && dump_end &&
	kill -INT "$V" && wait "$V" && complete "$TMP/file" &&
	complete "$TMP/other" &&
	is "rivals" "$(cat "$TMP/d.err" "$TMP/e.err" | grep -c "ours")" 0
}

interface_gone()
{
	ip -n "$NS_A" link add dummy-$$ type dummy &&
	dump d -i dummy-$$ && ip -n "$NS_A" link del dummy-$$ || return 1
	! dump_end none && grep -q "dummy-$$: the interface is gone" "$TMP/d.err"
}

# odd frames, at both ends, as the decoder reads them in a file
odd()
{
	local dir=${RXEDUMP%/*}/tests end

	fresh b
	ip netns exec "$NS_B" rxedump -i "$DEV_B" -t -vv -Q in \
		>"$TMP/b.log" 2>"$TMP/b.err" &
	B=$!
	BG+=("$B")
	capturing && dump a -i "$DEV_A" -t -vv -Q out &&
	in_a "$HERE/rxe_dump_send.py" "$dir" "$DEV_A" "$TMP/odd" &&
	rxedump -r "$TMP/odd" -t -vv >"$TMP/want" 2>/dev/null || return 1
	waitfor 10 sh -c '[ $(wc -l <"$1") -ge $(wc -l <"$2") ] &&
		[ $(wc -l <"$3") -ge $(wc -l <"$2") ]' - "$TMP/a.log" \
		"$TMP/want" "$TMP/b.log"
	dump_end && kill -INT "$B" && wait "$B" || return 1
	is "VLANs" "$(grep -c '^vlan' "$TMP/want")" 3 || return 1
	for end in "a $DEV_A out" "b $DEV_B in"; do
		sed "s/^${end#* } //" "$TMP/${end%% *}.log" >"$TMP/got"
		cmp -s "$TMP/want" "$TMP/got" || {
			say "$end: $(diff "$TMP/want" "$TMP/got" | head -n 4)"
			return 1
		}
	done
}

later_fragments()
{
	dump d -i "$DEV_A" || return 1
	in_a ping -c 1 -s 4000 $IP_B >/dev/null
	in_a python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 0)
s.sendto(bytes(4000), (sys.argv[1], 4791))' $IP_B
	dump_end || return 1
	is "later ones" "$(counted d "later fragments")" 2 &&
	is "first one" "$(grep -c "the first fragment of a datagram" \
		"$TMP/d.log")" 1
}

# Without root: what is needed is enough, and what is missing is said.
privileges()
{
	local caps=+bpf,+net_admin

	fresh d
	ip netns exec "$NS_A" setpriv --reuid 65534 --clear-groups \
		--inh-caps $caps --ambient-caps $caps \
		rxedump -i "$DEV_A" -c 10 >"$TMP/d.log" 2>"$TMP/d.err" &
	DUMP=$!
	BG+=("$DUMP")
	capturing && xfer -n 10 &&
	dump_end none && is "lines" "$(wc -l <"$TMP/d.log")" 10 || return 1
	missing " CAP_NET_ADMIN" +bpf -i "$DEV_A" &&
	missing " CAP_BPF" +net_admin -i "$DEV_A" &&
	missing " CAP_BPF CAP_NET_ADMIN" +kill -i "$DEV_A" &&
	missing " CAP_SYS_ADMIN (for --netns)" $caps --netns "$NS_B" -i any
}

# missing TEXT CAPS OPTION...
missing()
{
	local said

	said=$(in_a setpriv --reuid 65534 --clear-groups --inh-caps "$2" \
		--ambient-caps "$2" rxedump "${@:3}" 2>&1) && return 1
	is "message" "$said" "rxedump: no permission to capture; missing:$1"
}

refuses()
{
	local said

	is "-D" "$(in_a rxedump -D | grep -c "^[0-9]*\.$DEV_A$")" 1 || return 1
	said=$(rxedump -i nosuch 2>&1) && return 1
	is "message" "$said" "rxedump: -i nosuch: No such device" || return 1
	said=$(rxedump --netns nosuch -i any 2>&1) && return 1
	is "message" "$said" \
		"rxedump: --netns nosuch: No such file or directory"
}

# One of ten packets of A is dropped on its way to B: what --stat says is what
# both ends counted.
statistics()
{
	local stat

	tc -n "$NS_B" qdisc add dev "$DEV_B" clsact 2>/dev/null
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-one-of=10 || return 1
	mark
	dump d -i "$DEV_A" --stat=60 -j && xfer -T 14 -n 100 &&
	read_counters && dump_end || return 1
	stat=$(jq -s "map(select(.src == \"$IP_A\"))[0]" "$TMP/d.log")
	is "packets" "$(jq .packets <<<"$stat")" "$(sent_by_a)" &&
	is "retransmitted" "$(jq '.retransmitted + .duplicates' <<<"$stat")" \
		$(($(sent_by_a) - 100)) &&
	is "gaps" "$(jq .gaps <<<"$stat")" 0 || return 1
	is "answered" "$(jq .latency_us.count <<<"$stat")" 100 &&
	jq -e '.retransmitted > 0 and (.latency_us | 0 < .p50 and
		.p50 <= .p90 and .p90 <= .p99 and .p99 <= .max)' \
		<<<"$stat" >/dev/null || {
		say "$(jq -c '[.retransmitted, .latency_us]' <<<"$stat")"
		return 1
	}
}

# what a responder says of requests that are missing
naks()
{
	local stat

	# a packet is to be lost, not a message
	chains "$NS_A" "$DEV_A" off && defer chains "$NS_A" "$DEV_A" on &&
	spawn_ready bpf ip netns exec "$NS_B" "$HERE/rxe_bpf" "$DEV_B" \
		tcx-ingress drop-one-of=30 || return 1
	mark
	dump d -i "$DEV_A" --stat=60 -j && xfer -T 14 -o write -s 20000 -n 5 &&
	read_counters && dump_end || return 1
	stat=$(jq -s "map(select(.src == \"$IP_B\"))[0]" "$TMP/d.log")
	is "sequence errors" "$(jq '.nak["psn-sequence"]' <<<"$stat")" \
		"$(count "$RXE_B" out_of_seq_request)" &&
	[ "$(jq '.nak["psn-sequence"]' <<<"$stat")" -gt 0 ]
}

extcap()
{
	local home=$TMP/home dir=$TMP/home/.local/lib/wireshark/extcap

	mkdir -p "$dir"
	ln -sf "$RXEDUMP" "$dir/rxedump"
	in_a env HOME="$home" tshark -D 2>/dev/null | grep -q "rxedump-$DEV_A " || {
		say "tshark does not list us"
		return 1
	}
	fresh d
	ip netns exec "$NS_A" env HOME="$home" tshark -i "rxedump-$DEV_A" \
		-c 10 -w "$TMP/file" >"$TMP/d.err" 2>&1 &
	DUMP=$!
	BG+=("$DUMP")
	# it starts each extcap program there is, several times
	waitfor "$(scale 40 120)" attached || {
		say "nothing is attached: $(tail -n 1 "$TMP/d.err")"
		return 1
	}
	traffic -s 64 || return 1
	dump_end none || return 1
	traffic_ok
	is "packets" "$(packets "$TMP/file")" 10 || return 1
	! grep "Error from extcap" "$TMP/d.err" >"$TMP/said" || {
		say "$(cat "$TMP/said")"
		return 1
	}
}

# as Wireshark ends it: by a signal, or by closing the pipe
extcap_is_quiet()
{
	local end

	mkfifo "$TMP/pipe"
	for end in signal pipe; do
		fresh d
		ip netns exec "$NS_A" rxedump --capture --extcap-interface \
			"rxedump-$DEV_A" --fifo "$TMP/pipe" 2>"$TMP/d.err" &
		DUMP=$!
		BG+=("$DUMP")
		if [ $end = signal ]; then
			cat "$TMP/pipe" >"$TMP/file" &
		else
			head -c 1000 "$TMP/pipe" >/dev/null &
		fi
		waitfor "$(scale 10 60)" attached || return 1
		if [ $end = signal ]; then
			xfer -n 50 && dump_end TERM || return 1
		else
			traffic -s 64 && dump_end none && traffic_ok || return 1
		fi
		[ ! -s "$TMP/d.err" ] || {
			say "$(head -n 1 "$TMP/d.err")"
			return 1
		}
	done
	rm "$TMP/pipe"
	is "packets" "$(packets "$TMP/file")" 100
}

raw_ip()
{
	pair_down
	pair_up tun && agrees 3 mixture xfer || return 1
	is "link layer" "$(rxedump -r "$TMP/file" -j | jq 'has("eth")' |
		sort -u)" false
}

start 70
need rxedump tshark tcpdump capinfos bpftool tc setpriv ethtool
RXEDUMP=$(readlink -f "$(command -v rxedump)")
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 2 3; do
	run_case "layer $layer, IPv4: each field as tshark reads it" \
		agrees $layer mixture xfer
	run_case "layer $layer, IPv6: each field as tshark reads it" \
		agrees $layer mixture xfer6
	run_case "layer $layer: rping, as tshark reads it" rping_agrees $layer
	run_case "layer $layer: perftest, as tshark reads it" \
		perftest_agrees $layer
done
layers 2 2
for ip in "4 xfer" "6 xfer6"; do
	run_case "chains, IPv${ip% *}: each packet, with its own ICRC" \
		chains_are_packets "${ip#* }"
	run_case "chains, IPv${ip% *}: the frames that the kernel cuts" \
		cut_as_the_kernel_does "${ip#* }"
	run_case "chains, IPv${ip% *}: read from a file of tcpdump's" \
		read_from_tcpdump "${ip#* }"
done
run_case "chains: with a VLAN tag" chains_with_tag
run_case "chains: none where the netdev takes none" chains_off
run_case "chains: filter by opcode" filter_chains 90 --opcode rc_rdma_write_middle
run_case "chains: filter by PSN" filter_chains 20 --opcode write --psn 10-29
run_case "chains: filter by size" filter_chains 5 --size 1098-
run_case "chains: filter by host" filter_chains 0 --host 198.51.100.0/24
run_case "chains: -c" chains_end_by_count
run_case "chains: statistics" chains_statistics
run_case "an RDMA WRITE of rping with its RETH and its payload" demo
run_case "JSON" json_pipe
run_case "filter in the kernel: opcode" filter 20 --opcode ack
run_case "filter in the kernel: several opcodes" filter 40 \
	--opcode RC_SEND_ONLY_WITH_IMMEDIATE,0x11
run_case "filter in the kernel: PSN" filter 12 --psn 3-8
run_case "filter in the kernel: PSN that wraps around" filter 6 \
	--psn 0xffff00-2
run_case "filter in the kernel: host" filter 40 --host $IP_B
run_case "filter in the kernel: prefix of another network" filter 0 \
	--host 198.51.100.0/24,2001:db8::/32
run_case "filter in the kernel: size" filter 20 --size 100-
run_case "filter in the kernel: all of them" filter 3 --size -99 \
	--host 192.0.2.0/24 --psn 5-7 --opcode response
run_case "filter in the kernel: QP" filter_qp
run_case "filter in user space: expression" expression
run_case "expressions and VLAN tags beside the frame" expression_and_tag
run_case "headers only" headers_only
run_case "snap length" snap_length
run_case "frames of all sizes are whole" sizes
run_case "what finds no room is counted everywhere" losses
run_case "a small buffer is emptied before it is full" called 1
run_case "a buffer of several interfaces is emptied before it is full" called 8
run_case "complete after SIGINT" ended_by INT
run_case "complete after SIGTERM" ended_by TERM
run_case "complete after -c" ended_by_count
run_case "complete in files of a size" rotated
run_case "files of a time, and the end after the last one" rotated_by_time
run_case "files of another user's" other_user
run_case "the end after a time" ended_by_time
run_case "nothing stays behind after SIGKILL" killed
run_case "a pipe that closes is a normal end" pipe
run_case "live into tshark" live_tshark
run_case "several interfaces and namespaces, each by its name" interfaces
run_case "more interfaces than descriptors at first" many_interfaces
run_case "interfaces that come while all are captured" late_interfaces
run_case "interfaces that come in other namespaces" late_in_namespace
run_case "interfaces that come and go while we start" \
	come_and_go "$(scale 10 5)"
run_case "behind programs that end what they see" behind_others
run_case "a program that comes before ours is overtaken" overtaken
run_case "one that comes again and again is not, and that is said" \
	overtaken_again
run_case "two rxedumps do not overtake each other" no_rivalry
run_case "an interface that goes away is said" interface_gone
run_case "VLANs, fragments, malformed packets: as in a file" odd
run_case "later fragments are counted" later_fragments
run_case "CAP_BPF and CAP_NET_ADMIN are enough, and missing ones named" \
	privileges
run_case "unknown interfaces and namespaces are refused" refuses
run_case "statistics: losses on the way" statistics
run_case "statistics: NAKs" naks
run_case "extcap: tshark captures through us" extcap
run_case "extcap: nothing is said of a good capture" extcap_is_quiet
run_case "a netdev without a link header, as tshark reads it" raw_ip
ktap_finished
