# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the tests of RDMA's users: a topology for those of the kernel that know
# the initial network namespace only, a layer that changes under I/O, and I/O that
# is verified.

# shellcheck source=../rxe_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../rxe_lib.sh"

# shellcheck disable=SC2034 # the tests use it
CLIENTS=$(cd "$(dirname "$0")" && pwd)
HELPERS=()

# need_modules MODULE...: they are there and load
need_modules()
{
	local module

	for module; do
		modprobe "$module" 2>/dev/null || skip_all "no module $module"
	done
}

# By these rules a packet from one end to the other leaves by the netdev, although
# both addresses are local. A packet that comes in is still delivered. The RDMA CM
# looks up a route from the netdev of a request back to its sender; that look-up has
# an outgoing netdev and no incoming one.
split_routes()
{
	local f=$1 a=$2 b=$3

	ip "$f" rule add pref 100 iif lo to "$b" lookup 4791 &&
	ip "$f" rule add pref 101 iif lo to "$a" lookup 4792 &&
	ip "$f" rule add pref 102 oif "$DEV_A" to "$b" lookup 4791 &&
	ip "$f" rule add pref 103 oif "$DEV_B" to "$a" lookup 4792 &&
	ip "$f" route add "$b" dev "$DEV_A" src "$a" table 4791 &&
	ip "$f" route add "$a" dev "$DEV_B" src "$b" table 4792 &&
	ip "$f" rule add pref 1000 lookup local &&
	ip "$f" rule del pref 0 lookup local
}

join_routes()
{
	local f

	for f in -4 -6; do
		ip $f rule add pref 0 lookup local
		ip $f rule del pref 100
		ip $f rule del pref 101
		ip $f rule del pref 102
		ip $f rule del pref 103
		ip $f rule del pref 1000
		ip $f route flush table 4791
		ip $f route flush table 4792
	done 2>/dev/null
}

# host_pair_up KIND [MTU]: the topology of rxe_lib.sh with both ends in the initial
# namespace. $NS_A and $NS_B are names of that one, so that in_a, layers and the
# rest work as ever. pair_down removes it.
host_pair_up()
{
	local dev mtu=${2:-1500}

	ip netns attach "$NS_A" 1 && ip netns attach "$NS_B" 1 &&
	make_link "$1" "$NS_A" "$NS_B" || return 1
	defer_down ip link del "$DEV_A"
	defer_down join_routes
	for dev in "$DEV_A" "$DEV_B"; do
		ip link set "$dev" mtu "$mtu" &&
		sysctl -qw "net.ipv4.conf.$dev.accept_local=1" \
			"net.ipv4.conf.$dev.arp_ignore=1" \
			"net.ipv4.conf.$dev.rp_filter=0" || return 1
	done
	sysctl -qw net.ipv4.conf.all.rp_filter=0
	ends_up && split_routes -4 $IP_A $IP_B && split_routes -6 $IP6_A $IP6_B &&
	ends_ready
}

# carried LAYER: since mark both devices sent and received by this layer, and
# by no other
carried()
{
	read_counters
	carried_by "$1" "$RXE_A" && carried_by "$1" "$RXE_B"
}

# Where both ends are in one namespace, the second is what counts.
switch_layers()
{
	local n=0

	trap 'exit 0' TERM
	while :; do
		layers $((2 + n / 2 % 2)) $((2 + n % 2))
		n=$((n + 1))
		read -r -t 0.05 <>"$TMP/never"
	done
}

# while_switching COMMAND...: the layer of each end changes every 50 ms until the
# command has ended; both layers have carried packets then
while_switching()
{
	local rc pid

	mark
	switch_layers &
	pid=$!
	"$@"
	rc=$?
	stop "$pid"
	layers 3 3
	read_counters
	[ $rc -eq 0 ] && moved "$RXE_A" l2_sent_pkts &&
		moved "$RXE_A" l3_sent_pkts
}

# fio_verify TARGET OPTION...: several jobs write to a block device or a folder, and
# read again what they wrote
fio_verify()
{
	local target=$1 where=filename

	shift
	[ ! -d "$target" ] || where=directory
	timeout -k 5 "$(scale 120 600)" fio --name=verify "--$where=$target" \
		--rw=randrw --bsrange=4k-256k --blockalign=4k \
		--size="$(scale 16M 4M)" --offset_increment="$(scale 16M 4M)" \
		--numjobs=4 --iodepth=8 --ioengine=libaio --direct=1 \
		--verify=crc32c --do_verify=1 --verify_fatal=1 \
		--verify_state_save=0 --group_reporting "$@" >"$TMP/fio" 2>&1 || {
		say "fio: status $?: $(grep -m 1 -E 'error|verify|bad' "$TMP/fio")"
		return 1
	}
}

# file_verify SERVED MOUNTED: a file that is written at one end is the same at the
# other. SERVED is the server's folder, MOUNTED the client's.
file_verify()
{
	local sum size

	size=$(scale 32 4)
	dd if=/dev/urandom of="$TMP/file" bs=1M count="$size" status=none
	sum=$(sha256sum <"$TMP/file")
	cp "$TMP/file" "$2/written" && sync "$2/written" &&
	[ "$(sha256sum <"$1/written")" = "$sum" ] || {
		say "the server has not what the client wrote"
		return 1
	}
	cp "$TMP/file" "$1/read" &&
	[ "$(dd if="$2/read" bs=1M iflag=direct status=none | sha256sum)" = \
		"$sum" ] || {
		say "the client has not what the server wrote"
		return 1
	}
	rm -f "$TMP/file" "$1/written" "$1/read"
}

# ext4_verify DEVICE: a file is the same after the file system was mounted anew
ext4_verify()
{
	local dir=$TMP/mnt sum

	mkdir -p "$dir"
	mkfs.ext4 -q -F "$1" 100M && mount "$1" "$dir" || return 1
	dd if=/dev/urandom of="$dir/file" bs=1M count="$(scale 32 4)" status=none
	sum=$(sha256sum <"$dir/file")
	umount "$dir" && echo 3 >/proc/sys/vm/drop_caches &&
	mount "$1" "$dir" || return 1
	[ "$(sha256sum <"$dir/file")" = "$sum" ] || {
		say "the file is another one after the mount"
		umount "$dir"
		return 1
	}
	umount "$dir"
}

# allow COUNTER MAX: since mark it moved by no more at each end; as if it had not
allow()
{
	local dev

	read_counters
	for dev in "$RXE_A" "$RXE_B"; do
		expect "$dev" "$1" -le "$2" || return 1
		BASE[$dev.$1]=${NOW[$dev.$1]}
	done
}

# carried_late LAYER: carried, by a program that may destroy its QP before the
# peer's last packets are there; these are dropped, for they name no QP
carried_late()
{
	allow rcvd_drop_hdr 16 && carried "$1"
}

# half_pair_up KIND: the topology of rxe_lib.sh with B in the initial namespace
half_pair_up()
{
	ip netns add "$NS_A" && ip netns attach "$NS_B" 1 &&
	make_link "$1" "$NS_A" "$NS_B" && ends_up && ends_ready
}
