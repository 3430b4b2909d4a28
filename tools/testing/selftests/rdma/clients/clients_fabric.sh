#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libfabric's verbs provider, with its own check of the data.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

COUNT=$(scale 50 10)
MANY=$(scale 500 100)

# pingpong_by PROVIDER ENDPOINT OPTION...: without -d a program takes the first
# device, which may be the other end's. For UD a device has a domain of its own.
pingpong_by()
{
	local -a args=(-c -p "$1" -e "$2")
	local suffix=

	case $* in
	*dgram*|*ofi_rxd*) suffix=-dgram ;;
	esac
	shift 2
	next_port
	args+=("$@")
	two_ends "fi_pingpong ${args[*]} -d $RXE_B$suffix -B $PORT" \
		fi_pingpong "${args[@]}" -d "$RXE_A$suffix" -P $PORT $IP_B || {
		say "$(grep -m 1 error "$TMP/server")"
		return 1
	}
}

# fabric_at LAYER PROVIDER ENDPOINT SIZE...
fabric_at()
{
	local layer=$1 provider=$2 endpoint=$3 size

	shift 3
	layers "$layer" "$layer"
	mark
	for size; do
		pingpong_by "$provider" "$endpoint" -I "$COUNT" -S "$size" ||
			return 1
	done
	carried_late "$layer"
}

need fi_pingpong
start 10
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	run_case "layer $layer: verbs, connected" \
		fabric_at $layer verbs msg 64 65536 1048576
	run_case "layer $layer: verbs, datagrams" \
		fabric_at $layer verbs dgram 64 1024
	run_case "layer $layer: ofi_rxd, reliable messages over UD" \
		fabric_at $layer "verbs;ofi_rxd" rdm 64 65536
	run_case "layer $layer: ofi_rxm, reliable messages over RC" \
		fabric_at $layer "verbs;ofi_rxm" rdm 64 65536 1048576
done
run_case "verbs, connected, while the layers change" \
	while_switching pingpong_by verbs msg -I "$MANY" -S 65536
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit in its mode l3: verbs, connected" \
	fabric_at 3 verbs msg 65536
ktap_finished
