#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where packets are processed: short messages in place, in softirq, but not in
# a PD that has memory whose access may sleep.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

ROUNDS=$(scale 200 20)

# all operations, while the softirq takes the ACKs that get through, and the
# workqueue all else
repaired()
{
	impair "$1" loss 2% duplicate 5% &&
	RXE_MR_TIMEOUT=$(scale 14 15) mr data udmabuf heap &&
	read_counters && more_of completer_retry_err rcvd_seq_err
}

# A message that is begun on one CPU and goes on on another is overtaken by
# itself if the first one's packets have not arrived yet. It takes thousands of
# messages to see that.
in_order()
{
	layers "$1" "$1" && mark &&
	xfer -T 19 -o "$2" -s 20480 -w 4 -n "$(scale 20000 2000)" &&
	read_counters && no_retry
}

# single_frames COMMAND...: chains are processed in place, long messages that come
# packet by packet are not
single_frames()
{
	chains_at_both off && defer chains_at_both on && "$@"
}

start_mr 17
need tc ethtool
# only a debug kernel sees what goes wrong here, and it warns once
for kind in heap odp udmabuf; do
	run_case "MRs of $kind come and go under traffic" \
		nothing_left mr in-place-traffic $kind "$ROUNDS"
done
for layer in 2 3; do
	layers $layer $layer
	for kind in heap odp iomem; do
		run_case "layer $layer: in place but beside an MR of $kind" \
			nothing_left single_frames mr in-place $kind
	done
	run_case "layer $layer: an MR on demand changes its PD" \
		nothing_left mr in-place-rereg odp
	run_case "layer $layer: dma-bufs, while packets are lost" \
		nothing_left repaired $layer
	for op in read mix; do
		run_case "layer $layer: $op of many packets, none overtaken" \
			in_order $layer $op
	done
done
ktap_finished
