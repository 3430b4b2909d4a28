#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a connected peer may say: a peer that is all forged sends requests and
# responses that no RDMA device would. Each gets the answer that the
# specification wants, each work request ends, and the kernel does not warn.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

CASES="zero-write zero-write-first uc-zero-write long-write replay-zero replay-type
flush-no-resource flush-no-type ghost-ack ghost-nak nak-read
read-good read-short-first read-short-middle read-short-last read-early-last
read-only read-long-last"

# peer LAYER CASE
peer()
{
	layers "$1" "$1" &&
	PYTHONDONTWRITEBYTECODE=1 in_a timeout "$(scale 40 200)" \
		python3 "$HERE/rxe_peer.py" "$DEV_A" "$MAC_B" $IP_A \
		"$RXE_B" $IP_B "$2" >"$TMP/peer" 2>&1 || {
		say "$(tail -n 1 "$TMP/peer")"
		return 1
	}
}

# the QPs of others have not noticed
others()
{
	layers 2 2 && xfer -n 20 && layers 3 3 && xfer -n 20
}

# shellcheck disable=SC2086
set -- $CASES
start $((2 * $# + 1))
need timeout
python3 -c 'import pyverbs' 2>/dev/null || skip_all "no pyverbs"
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
MAC_B=$(in_b cat "/sys/class/net/$DEV_B/address")
for layer in 2 3; do
	for name; do
		run_case "layer $layer: $name" unwarned peer $layer "$name"
	done
done
run_case "QPs of others go on" unwarned others
ktap_finished
