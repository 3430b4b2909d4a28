# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2015
#
# Shared by the rxe_l2_*.sh tests: two network namespaces, a pair of netdevs,
# an RXE device on each, counters, traffic.
#
#     +---- $NS_A ------+              +---- $NS_B ------+
#     | $RXE_A          |              | $RXE_B          |
#     | $DEV_A          +--------------+ $DEV_B          |
#     | 192.0.2.1/24    | netkit, veth | 192.0.2.2/24    |
#     | 2001:db8::1/64  |              | 2001:db8::2/64  |
#     +-----------------+              +-----------------+
#
# RDMA devices are shared between the namespaces (the kernel's default), so
# that rxe_xfer can be both ends, and `rdma statistic` sees both from here.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
. "$HERE/../kselftest/ktap_helpers.sh"

NS_A=rxl-a-$$ NS_B=rxl-b-$$ NS_H=rxl-h-$$
DEV_A=rla$$ DEV_B=rlb$$
RXE_A=rxa$$ RXE_B=rxb$$
IP_A=192.0.2.1 IP_B=192.0.2.2
IP6_A=2001:db8::1 IP6_B=2001:db8::2
SYSCTL=/proc/sys/net/rxe/rxe_network_layer
TMP=$(mktemp -d)
PORT=20000
# programs of ours that the test cannot do without
HELPERS=(rxe_xfer)
BG=()
UNDO=()
DOWN=()
declare -A BASE NOW

slow()
{
	[ "$KSFT_MACHINE_SLOW" = yes ]
}

# scale NORMAL SLOW: a size or a count
scale()
{
	if slow; then echo "$2"; else echo "$1"; fi
}

say()
{
	ktap_print_msg "$*"
}

skip_all()
{
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

need()
{
	local cmd

	for cmd; do
		command -v "$cmd" >/dev/null || skip_all "no command $cmd"
	done
}

in_a() { ip netns exec "$NS_A" "$@"; }
in_b() { ip netns exec "$NS_B" "$@"; }

# waitfor SECONDS COMMAND...: until the command succeeds
waitfor()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))

	shift
	while ! "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.02
	done
}

# defer COMMAND...: run it at the end of the case, last one first
defer()
{
	UNDO+=("$(printf '%q ' "$@")")
}

# defer_down COMMAND...: run it by pair_down
defer_down()
{
	DOWN+=("$(printf '%q ' "$@")")
}

undo_all()
{
	while [ ${#UNDO[@]} -gt 0 ]; do
		eval "${UNDO[-1]}" >/dev/null 2>&1
		unset 'UNDO[-1]'
	done
}

# unwarned COMMAND...: and the kernel has no word to say of it
unwarned()
{
	local taint

	taint=$(cat /proc/sys/kernel/tainted)
	"$@" || return
	[ "$(cat /proc/sys/kernel/tainted)" = "$taint" ] || {
		say "the kernel has warned"
		return 1
	}
}

# spawn LOG COMMAND...: in the background, output to $TMP/LOG, id in $PID
spawn()
{
	local log=$TMP/$1

	shift
	: >"$log"
	"$@" >"$log" 2>&1 </dev/null &
	PID=$!
	BG+=("$PID")
}

# spawn_ready LOG COMMAND...: the same, and wait until it says "ready"
spawn_ready()
{
	spawn "$@"
	waitfor "$(scale 10 60)" grep -q '^ready' "$TMP/$1" || {
		say "$2 did not start: $(tail -n 1 "$TMP/$1")"
		return 1
	}
}

# is_dead PID: it has ended, and may wait for us to know
is_dead()
{
	case $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) in
	Z | "") return 0 ;;
	esac
	return 1
}

# stop PID: end it and return its status
stop()
{
	kill -TERM "$1" 2>/dev/null
	wait "$1"
}

# Who was killed takes nobody along: timeout's children are in its group. What
# stays has an RXE device of 7.2 stay.
kill_bg()
{
	local pid

	for pid in "${BG[@]}"; do
		kill -KILL -- "-$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	BG=()
}

layer()
{
	ip netns exec "$1" sh -c "echo $2 >$SYSCTL"
}

# layers A B: the layer of each end
layers()
{
	layer "$NS_A" "$1" && layer "$NS_B" "$2"
}

# chains NS DEV on|off: whether RXE may send the packets of a message as one frame
chains()
{
	ip netns exec "$1" ethtool -K "$2" tx-gso-list "$3"
}

# chains_at_both on|off; off: each packet is a frame of its own, which programs and
# queues see
chains_at_both()
{
	chains "$NS_A" "$DEV_A" "$1" >/dev/null &&
	chains "$NS_B" "$DEV_B" "$1" >/dev/null
}

# tcpdump_to FILE NS DEV [OPTION...]: RoCE's frames go to FILE until kill_bg
tcpdump_to()
{
	local log=${1##*/}.log

	spawn "$log" ip netns exec "$2" tcpdump -i "$3" -U --immediate-mode \
		-B 16384 -w "$1" "${@:4}" udp port 4791
	waitfor "$(scale 10 60)" grep -q 'listening on' "$TMP/$log" || {
		say "tcpdump: $(tail -n 1 "$TMP/$log")"
		return 1
	}
}

# wire WHAT FILE...: asks rxe_wire.py; the answer is in $TMP/frames
wire()
{
	PYTHONDONTWRITEBYTECODE=1 python3 "$HERE/rxe_wire.py" "$@" \
		>"$TMP/frames" 2>&1 || {
		say "$1 ${2##*/}: $(head -c 300 "$TMP/frames")"
		return 1
	}
}

rxe_gone()
{
	local dev

	for dev in "$RXE_A" "$RXE_B"; do
		! rdma dev show "$dev" >/dev/null 2>&1 || return 1
	done
}

link_active()
{
	rdma link show "$1/1" | grep -q 'state ACTIVE'
}

# gid_of ADDRESS: as sysfs shows it, to $GID
gid_of()
{
	local head=${1%%::*} tail=${1##*::} group i
	local -a groups

	if [[ $1 != *:* ]]; then
		IFS=. read -r -a groups <<<"$1"
		printf -v GID '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' \
			"${groups[@]}"
		return
	fi
	IFS=: read -r -a groups <<<"$head"
	for ((i = ${#groups[@]}; i < 7; i++)); do
		groups[i]=0
	done
	groups[7]=$tail
	GID=
	for group in "${groups[@]}"; do
		printf -v GID '%s%04x:' "$GID" "0x$group"
	done
	GID=${GID%:}
}

# gid_index RXE ADDRESS: wait for the GID, print its index
gid_index()
{
	local dir=/sys/class/infiniband/$1/ports/1/gids i try gid GID

	gid_of "$2"
	for ((try = 0; try < 250; try++)); do
		for i in 0 1 2 3 4 5 6 7; do
			read -r gid 2>/dev/null <"$dir/$i" || continue
			if [ "$gid" = "$GID" ]; then
				echo $i
				return
			fi
		done
		sleep 0.02
	done
	say "$1 has no GID $2" >&2
	return 1
}

# new_netdevsim NS DEV ID [QUEUES]: ready to have device memory bound
new_netdevsim()
{
	local bus=/sys/bus/netdevsim name

	ip netns exec "$1" sh -c "echo $3 1 ${4:-1} >$bus/new_device" &&
	defer_down sh -c "echo $3 >$bus/del_device" &&
	name=$(ip netns exec "$1" ls $bus/devices/netdevsim"$3"/net) &&
	ip -n "$1" link set "$name" name "$2" &&
	ip netns exec "$1" ethtool -G "$2" tcp-data-split on
}

# link_netdevsims NS_A DEV_A NS_B DEV_B
link_netdevsims()
{
	local a b

	a=$(ip netns exec "$1" cat "/sys/class/net/$2/ifindex") &&
	b=$(ip netns exec "$3" cat "/sys/class/net/$4/ifindex") &&
	{ echo "8:$a 9:$b" >/sys/bus/netdevsim/link_device; } \
		8<"/run/netns/$1" 9<"/run/netns/$3"
}

# hold NS COMMAND...: until pair_down
hold()
{
	spawn_ready "hold-${#DOWN[@]}" ip netns exec "$@" || return 1
	unset 'BG[-1]'
	defer_down kill "$PID"
}

# lease_netdevsim NS_A NS_B: on a host of its own, $NS_H, a netdevsim is the NIC,
# linked to $DEV_A; its only queue is leased to $DEV_B, which is netkit's half in
# the container B, as queue 1; BPF programs carry frames from one to the other.
lease_netdevsim()
{
	local nic=rlp$$ nk=rlh$$ index

	ip netns add "$NS_H" &&
	defer_down ip netns del "$NS_H" &&
	new_netdevsim "$1" "$DEV_A" $(($$ * 2)) &&
	new_netdevsim "$NS_H" $nic $(($$ * 2 + 1)) &&
	link_netdevsims "$1" "$DEV_A" "$NS_H" $nic &&
	ip link add $nk netns "$NS_H" type netkit mode l2 \
		peer name "$DEV_B" netns "$2" numrxqueues 2 &&
	ip -n "$NS_H" link set $nic up &&
	ip -n "$NS_H" link set $nk up &&
	hold "$NS_H" "$HERE/rxe_bpf" $nic tcx-ingress redirect-peer=$nk &&
	hold "$NS_H" "$HERE/rxe_bpf" $nk tcx-ingress redirect=$nic &&
	index=$(ip netns exec "$NS_H" cat /sys/class/net/$nic/ifindex) &&
	ip -n "$2" netns set "$NS_H" 7 &&
	ip netns exec "$2" "$HERE/rxe_netdev.py" lease "$DEV_B" "$index" 7 0 |
		grep -qx 1
}

# make_link KIND NS_A NS_B: veth, netkit-l2 or netkit-l3, either of these
# with -noscrub; netdevsim-N (queues), leased; tun, which lasts until kill_bg
make_link()
{
	local scrub="" mode

	case $1 in
	veth)
		ip link add "$DEV_A" netns "$2" type veth \
			peer name "$DEV_B" netns "$3"
		return
		;;
	netdevsim-*)
		new_netdevsim "$2" "$DEV_A" $(($$ * 2)) "${1#netdevsim-}" &&
		new_netdevsim "$3" "$DEV_B" $(($$ * 2 + 1)) "${1#netdevsim-}" &&
		link_netdevsims "$2" "$DEV_A" "$3" "$DEV_B"
		return
		;;
	leased)
		lease_netdevsim "$2" "$3"
		return
		;;
	tun)
		spawn_ready wire "$HERE/rxe_tun_wire.py" "$2" "$DEV_A" \
			"$3" "$DEV_B"
		return
		;;
	netkit-*-noscrub)
		scrub="scrub none"
		;;
	esac
	mode=${1#netkit-}
	mode=${mode%-noscrub}
	# shellcheck disable=SC2086
	ip link add "$DEV_A" netns "$2" type netkit mode "$mode" $scrub \
		peer $scrub name "$DEV_B" netns "$3"
}

# end_up NS DEV RXE IPV4 IPV6
end_up()
{
	ip -n "$1" link set lo up &&
	ip -n "$1" addr add "$4/24" dev "$2" &&
	ip -n "$1" addr add "$5/64" dev "$2" nodad &&
	ip -n "$1" link set "$2" up &&
	ip netns exec "$1" rdma link add "$3" type rxe netdev "$2"
}

# ends_ready: both ends are active, have their GIDs and reach each other
ends_ready()
{
	waitfor 10 link_active "$RXE_A" &&
	waitfor 10 link_active "$RXE_B" &&
	gid_index "$RXE_A" $IP_A >/dev/null &&
	gid_index "$RXE_B" $IP_B >/dev/null &&
	waitfor 10 in_a ping -c 1 -W 1 -I $IP_A $IP_B &&
	waitfor 10 in_a ping -c 1 -W 1 -I $IP6_A $IP6_B || {
		say "cannot set up the pair"
		return 1
	}
}

# ends_up: addresses and RXE at both ends of the link
ends_up()
{
	end_up "$NS_A" "$DEV_A" "$RXE_A" $IP_A $IP6_A &&
	end_up "$NS_B" "$DEV_B" "$RXE_B" $IP_B $IP6_B
}

# pair_up KIND: the topology above, both ends at layer 3
pair_up()
{
	ip netns add "$NS_A" && ip netns add "$NS_B" &&
	make_link "$1" "$NS_A" "$NS_B" && ends_up && ends_ready
}

pair_down()
{
	local what

	kill_bg
	undo_all
	ip netns del "$NS_A" 2>/dev/null
	ip netns del "$NS_B" 2>/dev/null
	for what in "${DOWN[@]}"; do
		eval "$what" >/dev/null 2>&1
	done
	DOWN=()
	waitfor 30 rxe_gone || say "RXE devices do not go away"
}

# counters of both devices, as they are now, without a process for each. The
# kernel keeps what it read for a jiffy: let that pass.
read_counters()
{
	local dev file

	read -r -t 0.025 <>"$TMP/never"
	for dev in "$RXE_A" "$RXE_B"; do
		for file in "/sys/class/infiniband/$dev/ports/1/hw_counters/"*; do
			read -r "NOW[$dev.${file##*/}]" <"$file"
		done
	done 2>/dev/null
}

# mark: later counts are from here
mark()
{
	local key

	read_counters
	for key in "${!NOW[@]}"; do
		BASE[$key]=${NOW[$key]}
	done
}

# moved_by RXE COUNTER: between mark and read_counters, to $MOVED
moved_by()
{
	[ -n "${NOW[$1.$2]}" ] || {
		say "$1 has no counter $2" >&2
		MOVED=-1
		return 1
	}
	MOVED=$((NOW[$1.$2] - BASE[$1.$2]))
}

# count RXE COUNTER: the same, printed
count()
{
	moved_by "$1" "$2"
	echo "$MOVED"
}

counter_over()
{
	read_counters
	moved_by "$1" "$2" && [ "$MOVED" -gt "$3" ]
}

expect()
{
	moved_by "$1" "$2" || return 1
	if ! test "$MOVED" "$3" "$4"; then
		say "$1 $2 moved by $MOVED, expected $3 $4"
		return 1
	fi
}

moved() { expect "$1" "$2" -gt 0; }
still() { expect "$1" "$2" -eq 0; }

# carried_by LAYER RXE: since the mark its packets went by this layer only,
# and none was dropped for what it is
carried_by()
{
	local other=$((5 - $1)) why

	moved "$2" "l$1_sent_pkts" && moved "$2" "l$1_rcvd_pkts" &&
	still "$2" "l${other}_sent_pkts" && still "$2" "l${other}_rcvd_pkts" &&
	still "$2" l2_sent_fallback && still "$2" loopback_pkts || return 1
	for why in short gid opcode length hdr icrc mcast nomem; do
		still "$2" "rcvd_drop_$why" || return 1
	done
}

# no_retry: since the mark nothing was lost, overtaken or sent twice. All of the
# counters that moved are named: one alone does not tell which it was.
no_retry()
{
	local dev what ok=0

	for dev in "$RXE_A" "$RXE_B"; do
		for what in completer_retry_err rcvd_seq_err send_err \
			    duplicate_request out_of_seq_request xmit_drop \
			    retry_exceeded_err rcvd_drop_short rcvd_drop_gid \
			    rcvd_drop_opcode rcvd_drop_length rcvd_drop_hdr \
			    rcvd_drop_icrc rcvd_drop_nomem; do
			still "$dev" $what || ok=1
		done
	done
	return $ok
}

# xfer OPTION...: from A to B, IPv4
xfer()
{
	"$HERE/rxe_xfer" "$@" "$RXE_A" "$IP_A" "$RXE_B" "$IP_B" \
		>"$TMP/xfer" 2>&1 || {
		say "rxe_xfer $*: $(tail -n 1 "$TMP/xfer")"
		return 1
	}
}

xfer6()
{
	local IP_A=$IP6_A IP_B=$IP6_B

	xfer "$@"
}

# xfer_fails OPTION...: traffic does not get through; quick to find out
xfer_fails()
{
	if "$HERE/rxe_xfer" -n 1 -T 8 -r 1 -i 500 "$@" \
	   "$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/xfer" 2>&1; then
		say "traffic got through"
		return 1
	fi
}

# traffic OPTION...: in the background until stop $XFER
traffic()
{
	spawn_ready traffic "$HERE/rxe_xfer" -n 0 "$@" \
		"$RXE_A" $IP_A "$RXE_B" $IP_B || return 1
	XFER=$PID
}

# traffic_ok: end it; it saw no error and no wrong byte
traffic_ok()
{
	stop "$XFER" || {
		say "traffic: $(tail -n 1 "$TMP/traffic")"
		return 1
	}
}

# join NS DEV GROUP: IP membership, without which IP drops what comes
join()
{
	spawn_ready join ip netns exec "$1" python3 -c '
import ipaddress, signal, socket, struct, sys
group = ipaddress.ip_address(sys.argv[2])
index = socket.if_nametoindex(sys.argv[1])
if group.version == 4:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    group.packed + struct.pack("=4si", b"", index))
else:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                    group.packed + struct.pack("=i", index))
print("ready", flush=True)
signal.pause()' "$2" "$3"
}

next_port()
{
	PORT=$((PORT + 1))
}

listening()
{
	in_b ss -Hltn "sport = :$1" | grep -q .
}

# two_ends SERVER CLIENT...: a server command (one string) in B, then a
# client in A; both must succeed
two_ends()
{
	local server=$1 pid limit

	limit=$(scale 20 120)
	shift
	# shellcheck disable=SC2086
	spawn server timeout "$limit" ip netns exec "$NS_B" $server
	pid=$PID
	waitfor 10 listening $PORT || {
		say "no server: $server: $(tail -n 1 "$TMP/server")"
		return 1
	}
	in_a timeout "$limit" "$@" >"$TMP/client" 2>&1 || {
		say "$*: status $?: $(tail -n 1 "$TMP/client")"
		return 1
	}
	wait "$pid" || {
		say "$server: status $?: $(tail -n 1 "$TMP/server")"
		return 1
	}
}

# perftest TOOL OPTION...: IPv4 or, with ADDR_B=$IP6_B ADDR_A=$IP6_A, IPv6
perftest()
{
	local tool=$1 from=${ADDR_A:-$IP_A} to=${ADDR_B:-$IP_B}
	local gid_a gid_b

	shift
	next_port
	gid_a=$(gid_index "$RXE_A" "$from") &&
	gid_b=$(gid_index "$RXE_B" "$to") &&
	two_ends "$tool -F -p $PORT -d $RXE_B -x $gid_b $*" \
		"$tool" -F -p $PORT -d "$RXE_A" -x "$gid_a" "$@" $IP_B
}

# pingpong TOOL OPTION...: the same for ibv_{rc,uc,ud}_pingpong
pingpong()
{
	local tool=$1 gid_a gid_b

	shift
	next_port
	gid_a=$(gid_index "$RXE_A" $IP_A) &&
	gid_b=$(gid_index "$RXE_B" $IP_B) &&
	two_ends "$tool -p $PORT -d $RXE_B -g $gid_b $*" \
		"$tool" -p $PORT -d "$RXE_A" -g "$gid_a" "$@" $IP_B
}

cm_listening()
{
	rdma resource show cm_id | grep -q LISTEN
}

# run_rping COUNT [ADDRESS]: with verification of the data at both ends
run_rping()
{
	local to=${2:-$IP_B} pid limit

	limit=$(scale 20 120)
	next_port
	spawn server timeout "$limit" ip netns exec "$NS_B" \
		rping -s -a "$to" -p $PORT -C "$1" -V
	pid=$PID
	waitfor 10 cm_listening || {
		say "rping server: $(tail -n 1 "$TMP/server")"
		return 1
	}
	in_a timeout "$limit" rping -c -a "$to" -p $PORT -C "$1" -V \
		>"$TMP/client" 2>&1 || {
		say "rping: status $?: $(tail -n 1 "$TMP/client")"
		return 1
	}
	# the server's own status: rping -s ends with the client's disconnect
	wait "$pid" || {
		say "rping server: status $?: $(tail -n 1 "$TMP/server")"
		return 1
	}
}

# impair LAYER NETEM...: at both ends
impair()
{
	local ns dev layer=$1

	shift
	for ns in "$NS_A" "$NS_B"; do
		dev=$DEV_A
		[ "$ns" = "$NS_A" ] || dev=$DEV_B
		tc -n "$ns" qdisc add dev "$dev" root netem "$@" || return 1
		defer tc -n "$ns" qdisc del dev "$dev" root
	done
	layers "$layer" "$layer"
	mark
}

# more_of COUNTER...: at least one of them moved at one end
more_of()
{
	local what dev

	[ $# -gt 0 ] || return 0
	for what; do
		for dev in "$RXE_A" "$RXE_B"; do
			moved_by "$dev" "$what" && [ "$MOVED" -le 0 ] || return 0
		done
	done
	say "none of $* moved"
	return 1
}

# run_case "stable sentence" FUNCTION ARGUMENT...
run_case()
{
	local name=$1 rc

	shift
	"$@"
	rc=$?
	undo_all
	kill_bg
	case $rc in
	0) ktap_test_pass "$name" ;;
	"$KSFT_SKIP") ktap_test_skip "$name" ;;
	*) ktap_test_fail "$name" ;;
	esac
}

finish()
{
	trap - EXIT
	pair_down
	rm -rf "$TMP"
}

# start PLAN: everything a test file needs before its first case
start()
{
	local helper

	[ "$(id -u)" -eq 0 ] || skip_all "must be run as root"
	need ip rdma jq python3 ping modprobe
	for helper in "${HELPERS[@]}"; do
		[ -x "$HERE/$helper" ] || skip_all "$helper is not built"
	done
	modprobe -q rdma_rxe 2>/dev/null
	mkfifo "$TMP/never"
	ktap_print_header
	[ -e $SYSCTL ] || {
		ktap_set_plan "$1"
		ktap_exit_fail_msg "rdma_rxe has no $SYSCTL"
	}
	trap finish EXIT
	trap 'exit 143' TERM
	trap 'exit 130' INT
	case $(rdma system show) in
	*"netns shared"*) ;;
	*)
		rdma system set netns shared ||
			skip_all "RDMA devices are not shared between netns"
		;;
	esac
	ktap_set_plan "$1"
}
