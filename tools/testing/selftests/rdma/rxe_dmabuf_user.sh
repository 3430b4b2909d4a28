#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dma-bufs by ibv_reg_dmabuf_mr(): with an rdma-core that does not know them for
# RXE and the preloaded library, as users run it.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

PERF=$HERE/dmabuf_perf
PRELOAD=$HERE/librxe_dmabuf.so

# perf FROM TO: the client's line must say that the data is right
perf()
{
	local server

	next_port
	spawn server timeout 60 ip netns exec "$NS_B" env LD_PRELOAD="$PRELOAD" \
		"$PERF" -l -m "$2" -p $PORT -n 200 $IP_B
	server=$PID
	waitfor 10 cm_listening || {
		say "no server: $(tail -n 1 "$TMP/server")"
		return 1
	}
	in_a timeout 60 env LD_PRELOAD="$PRELOAD" "$PERF" -m "$1" -p $PORT \
		-n 200 $IP_B >"$TMP/client" 2>&1 && wait "$server" || {
		say "$(tail -n 1 "$TMP/client") $(tail -n 1 "$TMP/server")"
		return 1
	}
	grep -q "^$1 .* ok$" "$TMP/client"
}

# at LAYER FROM TO
at()
{
	layers "$1" "$1" && mark || return 1
	nothing_left perf "$2" "$3" && read_counters &&
	carried_by "$1" "$RXE_A"
}

# A patched rdma-core needs no help.
without_preload()
{
	local PRELOAD=''

	perf udmabuf plain >"$TMP/said" && return "$KSFT_SKIP"
	grep -q "registration of udmabuf: not supported" "$TMP/client"
}

# Others' errors are not ours to hide.
bad_fd()
{
	if in_a env LD_PRELOAD="$PRELOAD" "$PERF" -m "../null" $IP_B \
	   >"$TMP/client" 2>&1; then
		return 1
	fi
	grep -q "/dev/dma_heap/../null" "$TMP/client"
}

start_mr 8
for layer in 3 2; do
	for kinds in "udmabuf system" "system plain" "plain udmabuf"; do
		# shellcheck disable=SC2086
		run_case "layer $layer: ibv_reg_dmabuf_mr(), $kinds" \
			at $layer $kinds
	done
done
run_case "a library without dma-bufs says so" nothing_left without_preload
run_case "what is no heap is no buffer" nothing_left bad_fd
ktap_finished
