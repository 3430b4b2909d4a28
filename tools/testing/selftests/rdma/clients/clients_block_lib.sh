# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the tests of block devices over RDMA. Each of them has these:
#
#     serve ADDRESS   export $RAMDISK at this address of the end B
#     unserve         no more
#     attach ADDRESS  a block device of it, its name in $DISK
#     detach          no more

# shellcheck source=clients_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/clients_lib.sh"

RAMDISK=/dev/ram0
RECONNECTS=5

# ram_disk MIB: $RAMDISK, empty
ram_disk()
{
	need_modules brd
	modprobe -r brd 2>/dev/null
	[ ! -e /sys/module/brd ] || skip_all "somebody uses a RAM disk"
	modprobe brd rd_nr=1 "rd_size=$(($1 * 1024))" && [ -b $RAMDISK ] ||
		skip_all "no RAM disk"
}

# find_disk PATTERN ATTRIBUTE TEXT: the disk in /sys/block with this text in this
# attribute, to $DISK. Another disk of the machine must not be written to.
find_disk()
{
	local sys

	for sys in /sys/block/$1; do
		DISK=/dev/${sys##*/}
		[ ! -b "$DISK" ] || ! grep -qsaF "$3" "$sys/$2" || return 0
	done
	return 1
}

# disk_comes, disk_goes PATTERN ATTRIBUTE TEXT
disk_comes()
{
	waitfor "$(scale 10 60)" find_disk "$@" && find_disk "$@" || {
		say "no block device: $(dmesg | tail -n 1)"
		return 1
	}
}

no_disk()
{
	! find_disk "$@"
}

disk_goes()
{
	waitfor "$(scale 10 60)" no_disk "$@" || {
		say "$DISK does not go away"
		return 1
	}
}

# attached [ADDRESS]: until the end of the case
attached()
{
	local address=${1:-$IP_B}

	serve "$address" && attach "$address" || {
		say "no block device at $address: $(dmesg | tail -n 1)"
		return 1
	}
}

# verified_at LAYER [ADDRESS]: I/O with verification, a file system
verified_at()
{
	layers "$1" "$1" && mark &&
	attached "${2:-$IP_B}" && fio_verify "$DISK" && ext4_verify "$DISK" &&
	detach && carried "$1"
}

read_some()
{
	timeout 30 dd if="$DISK" of=/dev/null bs=64k count=16 iflag=direct \
		status=none
}

# again_at LAYER: connect, read, disconnect, often
again_at()
{
	local n

	layers "$1" "$1" && mark && serve $IP_B || return 1
	for ((n = 1; n <= RECONNECTS; n++)); do
		attach $IP_B && read_some && detach || {
			say "attempt $n: $(dmesg | tail -n 1)"
			return 1
		}
	done
	carried "$1"
}

verified_twice()
{
	fio_verify "$DISK" && fio_verify "$DISK"
}

switched()
{
	attached && while_switching verified_twice && detach
}

# busy SECONDS: reads and writes in the background until they fail, id in $FIO
busy()
{
	mark
	spawn busy timeout -k 5 $(($1 + 30)) fio --name=busy --filename="$DISK" \
		--rw=randrw --bs=16k --size=32M --numjobs=2 --iodepth=8 \
		--ioengine=libaio --direct=1 --time_based --runtime="$1"
	FIO=$PID
	waitfor 20 counter_over "$RXE_B" rcvd_pkts 500 || {
		say "no I/O: $(tail -n 1 "$TMP/busy")"
		return 1
	}
}

# ends SECONDS: busy has ended in this time; its status
ends()
{
	waitfor "$1" is_dead "$FIO" || {
		say "fio still waits after $1 s"
		return 255
	}
	wait "$FIO"
}

# fails SECONDS: the same, and it has seen an error
fails()
{
	ends "$1"
	case $? in
	0) say "fio has not seen that the device went"; return 1 ;;
	255) return 1 ;;
	esac
}

# goes_on SECONDS: the same, it has seen none, and packets went after the mark
goes_on()
{
	ends "$1" || {
		say "fio: $(grep -m 1 error "$TMP/busy")"
		return 1
	}
	read_counters
	moved "$RXE_B" rcvd_pkts
}

# the device of the client goes: so does its block device, which can be connected
# again
client_lost()
{
	attached && busy 60 && lose "$RXE_A" "$DEV_A" $IP_A &&
	fails "$(scale 30 120)" || return 1
	detach
	attach $IP_B && read_some && detach
}

# lose RXE DEV ADDRESS: the RXE device goes, in bounded time, and comes back
lose()
{
	spawn lose rdma link del "$1"
	waitfor "$(scale 60 180)" is_dead "$PID" && wait "$PID" || {
		say "rdma link del $1 does not end, or fails"
		return 1
	}
	rdma link add "$1" type rxe netdev "$2" &&
	waitfor 10 link_active "$1" &&
	gid_index "$1" "$3" >/dev/null
}

# block_cases: all of them have these
block_cases()
{
	local layer

	host_pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
	for layer in 3 2; do
		run_case "layer $layer: verified I/O, file system" \
			unwarned verified_at $layer
		run_case "layer $layer: $RECONNECTS connections" \
			unwarned again_at $layer
	done
	run_case "layer changes under I/O" unwarned switched
}

# ipv6_cases: for clients that can
ipv6_cases()
{
	local layer

	for layer in 2 3; do
		run_case "IPv6, layer $layer: verified I/O, file system" \
			unwarned verified_at $layer $IP6_B
	done
}

# other_pairs: the same I/O with another kind of pair. Fewer cases than one for
# each property would make.
other_pairs()
{
	pair_down
	host_pair_up netkit-l3 || ktap_exit_fail_msg "no netkit-l3"
	run_case "netkit in mode l3, layer 3: verified I/O, file system" \
		unwarned verified_at 3
	pair_down
	host_pair_up netkit-l2 9000 || ktap_exit_fail_msg "no MTU 9000"
	run_case "MTU 9000, layer 2: verified I/O, file system" \
		unwarned verified_at 2
}
