#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where packets are processed: short messages in place, in softirq, but not in
# a PD that has memory whose access may sleep.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

ROUNDS=$(scale 200 20)

start_mr 11
# only a debug kernel sees what goes wrong here, and it warns once
for kind in heap odp udmabuf; do
	run_case "MRs of $kind come and go under traffic" \
		nothing_left mr in-place-traffic $kind "$ROUNDS"
done
for layer in 2 3; do
	layers $layer $layer
	for kind in heap odp iomem; do
		run_case "layer $layer: in place but beside an MR of $kind" \
			nothing_left mr in-place $kind
	done
	run_case "layer $layer: an MR on demand changes its PD" \
		nothing_left mr in-place-rereg odp
done
ktap_finished
