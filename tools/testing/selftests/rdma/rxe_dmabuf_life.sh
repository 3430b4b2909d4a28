#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory regions of dma-bufs when things go away: the exporter takes the buffer
# back or fails, processes die, MRs, links and modules go, under traffic. And
# buffers that cannot be used at all.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

mr_traffic()
{
	spawn_ready traffic "$HERE/rxe_mr" "$RXE_A" $IP_A "$RXE_B" $IP_B \
		traffic "$@"
}

importer_killed()
{
	mr_traffic "$@" || return 1
	[ "$(buffers)" -ge 2 ] || return 1
	kill -KILL "$PID"
	! wait "$PID" 2>/dev/null
}

# 7.2 waits with the link until all files are closed, 7.3 does not
link_deleted()
{
	local traffic del

	mr_traffic "$@" || return 1
	traffic=$PID
	spawn del rdma link del "$RXE_B"
	del=$PID
	sleep 0.2
	kill -TERM "$traffic" 2>/dev/null
	! wait "$traffic" 2>/dev/null
	wait "$del" || {
		say "rdma link del: $(tail -n 1 "$TMP/del")"
		return 1
	}
	end_again
}

end_again()
{
	in_b rdma link add "$RXE_B" type rxe netdev "$DEV_B" &&
	waitfor 10 link_active "$RXE_B" && gid_index "$RXE_B" $IP_B >/dev/null &&
	mr data plain udmabuf
}

netdev_deleted()
{
	local traffic

	mr_traffic "$@" || return 1
	traffic=$PID
	ip -n "$NS_A" link del "$DEV_A" || return 1
	sleep 0.2
	kill -TERM "$traffic" 2>/dev/null
	! wait "$traffic" 2>/dev/null
	waitfor 30 rxe_gone
}

# the exporter cannot go from under the MR
exporter_stays()
{
	mr_traffic "$@" || return 1
	if modprobe -r dmabuf_test_exporter 2>/dev/null; then
		say "the exporter could be removed"
		return 1
	fi
	kill -TERM "$PID"
	! wait "$PID" 2>/dev/null
}

# Kernels that cannot take a device from its users refuse while there are any,
# and with lockdep while there is a link.
module_unloaded()
{
	local traffic

	grep -q '^rdma_rxe ' /proc/modules || return "$KSFT_SKIP"
	mr_traffic "$@" || return 1
	traffic=$PID
	modprobe -r rdma_rxe 2>/dev/null
	kill -TERM "$traffic" 2>/dev/null
	! wait "$traffic" 2>/dev/null
	rdma link del "$RXE_A" 2>/dev/null
	rdma link del "$RXE_B" 2>/dev/null
	waitfor 30 modprobe -r rdma_rxe && waitfor 30 rxe_gone &&
	modprobe rdma_rxe
}

# Our module in a kernel as a distribution ships it: dma_buf_vmap() warns there.
vmap_fails()
{
	[ "${RXE_KERNEL_SHIPPED:-no}" != yes ] || return "$KSFT_SKIP"
	mr no-vmap bad-vmap 12
}

new_pair()
{
	pair_down
	pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
}

# the responder waits for 10 seconds, and seven retries have to take longer
stuck_fence()
{
	RXE_MR_TIMEOUT=20 mr fence-stuck pin
}

start_mr 26
run_case "the exporter stays while an MR has its buffer" \
	nothing_left exporter_stays test pin
for kind in pin pin-iomem; do
	run_case "revoked: each operation fails, the key is kept, $kind" \
		nothing_left mr revoke $kind
	run_case "revoked in the middle of messages, $kind" \
		nothing_left mr revoke-traffic $kind
done
for kind in test iomem pin; do
	run_case "deregistered in the middle of messages, $kind" \
		nothing_left mr dereg-traffic $kind
	run_case "access that the exporter fails, $kind" \
		nothing_left mr fail $kind
done
run_case "data, pinned" nothing_left mr data pin pin-iomem
run_case "access waits for the buffer's fences" nothing_left mr fence pin
run_case "a fence that never signals does not block for ever" \
	nothing_left stuck_fence
run_case "an MR of 5 GiB" nothing_left mr big
run_case "no vmap: not supported, no warning" \
	nothing_left mr no-vmap no-vmap 95
run_case "vmap fails: its errno, no warning" \
	nothing_left vmap_fails
for kind in udmabuf heap pin; do
	run_case "the process that made the buffer is killed, $kind" \
		nothing_left mr exporter-dies $kind
done
for kinds in "udmabuf heap" "pin iomem"; do
	# shellcheck disable=SC2086
	run_case "the process that uses the buffers is killed, $kinds" \
		nothing_left importer_killed $kinds
	# shellcheck disable=SC2086
	run_case "rdma link del under traffic, $kinds" \
		nothing_left link_deleted $kinds
done
run_case "the netdev is deleted under traffic" \
	nothing_left netdev_deleted udmabuf iomem
new_pair
run_case "rdma_rxe is unloaded under traffic" \
	nothing_left module_unloaded udmabuf iomem
ktap_finished
