#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory regions of dma-bufs: data, what is refused, what is an error. Memory
# of udmabuf, of the system heap, of a DRM driver (vgem), and of the test exporter
# (I/O memory, and memory that is not the same for the CPU and for the device).

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

# at LAYER CASE ARGUMENT...
at()
{
	layers "$1" "$1" && mark || return 1
	nothing_left mr "${@:2}" && read_counters && carried_by "$1" "$RXE_A"
}

start_mr 42
for layer in 3 2; do
	for kinds in "plain udmabuf" "heap plain" "udmabuf heap" \
		     "vgem vgem" "iomem iomem" "apart apart"; do
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
	nothing_left mr query plain plain
run_case "a dma-buf MR has its length and address" \
	nothing_left mr query heap udmabuf
for kinds in "plain plain" "heap udmabuf" "udmabuf heap" "vgem vgem" \
	     "iomem iomem" "apart apart"; do
	# shellcheck disable=SC2086
	run_case "atomic operations, $kinds" nothing_left mr atomic $kinds
done
run_case "the exporter is asked for a message, not for each packet" \
	nothing_left mr few-accesses test
run_case "signals do not fail the requests of a process" \
	nothing_left mr signals intr
for kind in udmabuf iomem; do
	run_case "zero bytes, $kind" nothing_left mr zero $kind $kind
	run_case "nothing outside of the MR is reached, $kind" \
		nothing_left mr bounds $kind $kind
	run_case "access rights, $kind" nothing_left mr access $kind $kind
	run_case "several MRs on a buffer, on two devices, $kind" \
		nothing_left mr shared $kind
done
run_case "the MR keeps the buffer when all descriptors are closed" \
	nothing_left mr closed udmabuf heap
run_case "rereg and MW bind are refused" nothing_left mr refused heap udmabuf
run_case "advise_mr is refused, dma-buf" nothing_left mr advise heap udmabuf
run_case "advise_mr is refused, ordinary MR" nothing_left mr advise plain plain
for kind in udmabuf heap vgem iomem; do
	run_case "each bad argument has its errno, $kind" \
		nothing_left mr errno $kind
done
run_case "several MRs on a buffer, on two devices, vgem" \
	nothing_left mr shared vgem
run_case "the MR keeps the buffer when all descriptors are closed, vgem" \
	nothing_left mr closed vgem vgem
ktap_finished
