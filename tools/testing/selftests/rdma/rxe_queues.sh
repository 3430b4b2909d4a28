#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The queues are shared with user space: whatever a process writes into them, it
# hurts nobody but itself, no byte of the kernel leaves, and what is not valid
# ends with a status that says so.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

MS=$(scale 500 3000)

hostile()
{
	timeout "$(scale 30 300)" "$HERE/rxe_hostile_wqe" "$1" "$2" "$MS" \
		"$RXE_A" $IP_A "$RXE_B" $IP_B >"$TMP/hostile" 2>&1 || {
		say "status $?: $(tail -n 1 "$TMP/hostile")"
		return 1
	}
}

# beside LAYER WHAT TYPE: and the traffic of others goes on
beside()
{
	layers "$1" "$1" && traffic -o mix -w 4 || return 1
	hostile "$2" "$3" || {
		stop "$XFER"
		return 1
	}
	traffic_ok
}

# A CQ can have as many entries as the device says, and users have much more than
# 32767: libfabric's ofi_rxm wants 262144.
large_cq()
{
	python3 - "$RXE_A" >"$TMP/large" 2>&1 <<-'END' ||
	import sys
	from pyverbs.cq import CQ
	from pyverbs.device import Context
	from pyverbs.pyverbs_error import PyverbsRDMAError

	ctx = Context(name=sys.argv[1])
	most = ctx.query_device().max_cqe
	assert most >= 262144, f"max_cqe {most}"
	with CQ(ctx, 262144) as cq:
	    assert cq.cqe >= 262144, f"{cq.cqe} entries"
	with CQ(ctx, most) as cq:
	    assert cq.cqe == most, f"{cq.cqe} of {most} entries"
	try:
	    CQ(ctx, most + 1)
	except PyverbsRDMAError:
	    sys.exit(0)
	sys.exit("more entries than the device has")
	END
	{ say "$(tail -n 1 "$TMP/large")"; return 1; }
}

start 18
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for type in rc uc ud; do
	run_case "$type: each field of a send WQE" unwarned beside 2 send $type
	run_case "$type: WQEs and indices that change" \
		unwarned beside 2 flip $type
done
for type in rc uc ud srq; do
	run_case "$type: each field of a receive WQE" \
		unwarned beside 2 recv $type
done
run_case "layer 3: each field of a send WQE" unwarned beside 3 send rc
run_case "layer 3: an address vector that changes" unwarned beside 3 flip ud
run_case "srq: WQEs and indices that change" unwarned beside 2 flip srq
run_case "a QP that is flushed while its user posts" \
	unwarned beside 2 flush rc
for type in rc srq; do
	run_case "$type: post_recv and poll_cq by the kernel" \
		unwarned beside 2 refused $type
done
run_case "a CQ as large as the device has one" large_cq
run_case "an SRQ and a CQ that are resized" unwarned beside 2 resize srq
ktap_finished
