#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rsockets: the byte streams of librdmacm, and a file over one.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

COUNT=$(scale 2000 100)

# by which two_ends knows that a server is there
listening()
{
	cm_listening
}

# stream TOOL OPTION...: both ends check what they receive
stream()
{
	local tool=$1 to=${ADDR_B:-$IP_B}

	shift
	next_port
	two_ends "$tool -b $to -p $PORT -T v $*" \
		"$tool" -s "$to" -p $PORT -T v "$@"
}

# stream_at LAYER TOOL OPTION...
stream_at()
{
	local layer=$1

	layers "$layer" "$layer"
	mark
	shift
	stream "$@" && carried_late "$layer"
}

stream6_at()
{
	local ADDR_B=$IP6_B

	stream_at "$1" rstream -f ip -S 65536 -C 100
}

# copy_file: as often as the server is asked to
copy_file()
{
	local sum

	dd if=/dev/urandom of="$TMP/file" bs=1M count="$(scale 32 4)" status=none
	sum=$(sha256sum <"$TMP/file")
	rm -f "$TMP/copy"
	in_a timeout "$(scale 20 120)" rcopy "$TMP/file" "$IP_B:$TMP/copy" \
		-p $PORT >"$TMP/client" 2>&1 &&
	[ "$(sha256sum <"$TMP/copy")" = "$sum" ] || {
		say "rcopy: $(tail -n 1 "$TMP/client")"
		return 1
	}
}

copy_at()
{
	layers "$1" "$1"
	next_port
	spawn server ip netns exec "$NS_B" rcopy -p $PORT
	waitfor 10 cm_listening || {
		say "rcopy: $(tail -n 1 "$TMP/server")"
		return 1
	}
	mark
	copy_file && copy_file && carried_late "$1"
}

need rstream riostream rcopy sha256sum
start 12
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	run_case "layer $layer: rstream, small messages" \
		stream_at $layer rstream -S 64 -C 1000
	run_case "layer $layer: rstream, large messages" \
		stream_at $layer rstream -S 1048576 -C "$(scale 50 10)"
	run_case "layer $layer: riostream" \
		stream_at $layer riostream -S 65536 -C 100
	run_case "layer $layer: rstream, IPv6" stream6_at $layer
	run_case "layer $layer: rcopy, a file twice" copy_at $layer
done
run_case "rstream while the layers change" \
	while_switching stream rstream -S 65536 -C "$COUNT"
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit in its mode l3: rstream" \
	stream_at 3 rstream -S 65536 -C 100
ktap_finished
