#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dma-bufs by ibv_reg_dmabuf_mr(), as users run it: with an rdma-core that does
# not know them for RXE and the preloaded library, and with a patched rdma-core,
# whose RXE provider, pyverbs/dmabuf*.so and tests are in $RXE_RDMA_CORE.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

PERF=$HERE/dmabuf_perf
PRELOAD=LD_PRELOAD=$HERE/librxe_dmabuf.so
PATCHED=IBV_DRIVERS=$RXE_RDMA_CORE/librxe

# perf HOW FROM TO: the client's line must say that the data is right
perf()
{
	local how=$1 server

	next_port
	spawn server timeout "$(scale 60 180)" ip netns exec "$NS_B" \
		env "$how" "$PERF" -l -m "$3" -p $PORT -n 200 $IP_B
	server=$PID
	waitfor 10 cm_listening || {
		say "no server: $(tail -n 1 "$TMP/server")"
		return 1
	}
	in_a timeout "$(scale 60 180)" env "$how" "$PERF" -m "$2" -p $PORT \
		-n 200 $IP_B >"$TMP/client" 2>&1 && wait "$server" || {
		say "$(tail -n 1 "$TMP/client") $(tail -n 1 "$TMP/server")"
		return 1
	}
	grep -q "^$2 .* ok$" "$TMP/client"
}

# at LAYER HOW FROM TO
at()
{
	layers "$1" "$1" && mark || return 1
	nothing_left perf "${@:2}" && read_counters &&
	carried_by "$1" "$RXE_A"
}

has_patched()
{
	[ -e "$RXE_RDMA_CORE/tests/run_tests.py" ] || {
		say "no patched rdma-core: RXE_RDMA_CORE"
		return "$KSFT_SKIP"
	}
}

patched_at()
{
	has_patched || return
	at "$1" "$PATCHED" "${@:2}"
}

# The rdma-core that is installed has not learnt it behind our back: else the
# cases with the library show nothing.
unpatched()
{
	! perf NONE=1 udmabuf plain >"$TMP/said" &&
	grep -q "registration of udmabuf: not supported" "$TMP/client" || {
		say "the rdma-core of this system has dma-bufs for RXE"
		return "$KSFT_SKIP"
	}
}

# pyverbs HOW LAYER: rdma-core's own tests; skipped ones are not passed ones.
# Those of DmaBufMRTest that register by the hundred take minutes where each
# takes a second.
pyverbs()
{
	local py=$TMP/py gid which

	which=$(scale DmaBufMRTest test_dmabuf_lkey)

	has_patched || return
	mkdir -p "$py"
	cp -r /usr/lib/python3/dist-packages/pyverbs "$py" &&
	cp "$RXE_RDMA_CORE/pyverbs/"* "$py/pyverbs" &&
	cp -r "$RXE_RDMA_CORE/tests" "$py" || return 1
	layers "$2" "$2" && gid=$(gid_index "$RXE_A" $IP_A) || return 1
	in_a timeout "$(scale 120 600)" env "$1" PYTHONPATH="$py" \
		python3 "$py/tests/run_tests.py" --dev "$RXE_A" --gid "$gid" \
		--gpu -1 -v -k "$which" -k DmaBufTestCase \
		>"$TMP/client" 2>&1 &&
	grep -qx OK "$TMP/client" && grep -q "^Ran $(scale 10 3) tests" "$TMP/client" || {
		say "$(grep -E '^(Ran|FAILED|OK)|\.\.\. (skip|FAIL|ERROR)' \
			"$TMP/client" | tr '\n' ';')"
		return 1
	}
}

# Others' errors are not ours to hide.
bad_fd()
{
	if in_a env "$PRELOAD" "$PERF" -m "../null" $IP_B \
	   >"$TMP/client" 2>&1; then
		return 1
	fi
	grep -q "/dev/dma_heap/../null" "$TMP/client"
}

start_mr 12
for layer in 3 2; do
	for kinds in "udmabuf system" "system plain" "plain udmabuf"; do
		# shellcheck disable=SC2086
		run_case "layer $layer: ibv_reg_dmabuf_mr(), $kinds" \
			at $layer "$PRELOAD" $kinds
	done
	run_case "layer $layer: patched rdma-core, udmabuf system" \
		patched_at $layer udmabuf system
done
run_case "layer 2: patched rdma-core, pyverbs' tests" \
	nothing_left pyverbs "$PATCHED" 2
run_case "layer 3: pyverbs' tests with the library" \
	nothing_left pyverbs "$PRELOAD" 3
run_case "what was not patched needs the library" nothing_left unpatched
run_case "what is no heap is no buffer" nothing_left bad_fd
ktap_finished
