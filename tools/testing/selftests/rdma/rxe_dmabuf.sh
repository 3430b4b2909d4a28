#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory regions of dma-bufs: data, what is refused, what is an error. Memory
# of udmabuf, of the system heap, and of the test exporter (I/O memory).

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

BUFINFO=/sys/kernel/debug/dma_buf/bufinfo

# dmabuf CASE ARGUMENT...: each byte is checked in there
dmabuf()
{
	"$HERE/rxe_dmabuf" "$RXE_A" $IP_A "$RXE_B" $IP_B "$@" \
		>"$TMP/dmabuf" 2>&1 || {
		say "rxe_dmabuf $*: status $?: $(tail -n 1 "$TMP/dmabuf")"
		return 1
	}
}

buffers()
{
	awk '/^Total/ { print $2 }' $BUFINFO
}

mrs()
{
	rdma resource show mr | wc -l
}

# nothing_left CASE ARGUMENT...: no buffer, no MR, no splat
nothing_left()
{
	local bufs before taint

	bufs=$(buffers)
	before=$(mrs)
	taint=$(cat /proc/sys/kernel/tainted)
	dmabuf "$@" || return 1
	[ "$(buffers)" = "$bufs" ] && [ "$(mrs)" = "$before" ] || {
		say "$(buffers) buffers after $bufs, $(mrs) MRs after $before"
		return 1
	}
	[ "$(cat /proc/sys/kernel/tainted)" = "$taint" ] || {
		say "the kernel has warned"
		return 1
	}
}

# at LAYER CASE ARGUMENT...
at()
{
	layers "$1" "$1" && mark || return 1
	nothing_left "${@:2}" && read_counters && carried_by "$1" "$RXE_A"
}

start 31
modprobe -q dmabuf_test_exporter
for dev in /dev/udmabuf /dev/dma_heap/system /dev/dmabuf_test; do
	[ -e $dev ] || skip_all "no $dev"
done
[ -e $BUFINFO ] || mount -t debugfs debugfs /sys/kernel/debug
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	for kinds in "plain udmabuf" "heap plain" "udmabuf heap" \
		     "iomem iomem"; do
		# shellcheck disable=SC2086
		run_case "layer $layer: all operations, $kinds" \
			at $layer data $kinds
	done
done
run_case "all operations, registered by REG_MR" \
	at 3 data udmabuf heap reg_mr
run_case "all operations, ordinary memory registered by REG_MR" \
	at 3 data plain plain
run_case "REG_MR: ordinary memory has its length and address" \
	nothing_left query plain plain
run_case "a dma-buf MR has its length and address" \
	nothing_left query heap udmabuf
for kinds in "plain plain" "heap udmabuf" "udmabuf heap" "iomem iomem"; do
	# shellcheck disable=SC2086
	run_case "atomic operations, $kinds" nothing_left atomic $kinds
done
for kind in udmabuf iomem; do
	run_case "zero bytes, $kind" nothing_left zero $kind $kind
	run_case "nothing outside of the MR is reached, $kind" \
		nothing_left bounds $kind $kind
	run_case "access rights, $kind" nothing_left access $kind $kind
	run_case "several MRs on a buffer, on two devices, $kind" \
		nothing_left shared $kind
done
run_case "the MR keeps the buffer when all descriptors are closed" \
	nothing_left closed udmabuf heap
run_case "rereg and MW bind are refused" nothing_left refused heap udmabuf
run_case "advise_mr is refused, dma-buf" nothing_left advise heap udmabuf
run_case "advise_mr is refused, ordinary MR" nothing_left advise plain plain
for kind in udmabuf heap iomem; do
	run_case "each bad argument has its errno, $kind" \
		nothing_left errno $kind
done
ktap_finished
