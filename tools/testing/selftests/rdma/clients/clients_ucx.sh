#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# UCX, by its own benchmark. It does not check the data: clients_mpi.sh does.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

# Up to 1.18 UCX compares 16 bytes of the destination's GID where RoCEv2 over IPv4
# has 4, on all hardware but Mellanox's, and drops all UD packets.
UCX=(UCX_UD_VERBS_ETH_DGID_CHECK=n)
COUNT=$(scale 100 20)
MANY=$(scale 3000 300)

# ucx TRANSPORTS TEST SIZE COUNT [VARIABLE=VALUE...]: with MPI's launcher, which
# Debian's benchmark is built for, out of the way
ucx()
{
	local tls=$1 to=${ADDR_B:-$IP_B} gid_a gid_b
	local -a args=(-P 0 -t "$2" -s "$3" -n "$4" -w 10)

	shift 4
	next_port
	args+=(-p "$PORT")
	gid_a=$(gid_index "$RXE_A" "${ADDR_A:-$IP_A}") &&
	gid_b=$(gid_index "$RXE_B" "$to") || return 1
	set -- env "UCX_TLS=$tls" "${UCX[@]}" "$@"
	two_ends "$* UCX_NET_DEVICES=$RXE_B:1 UCX_IB_GID_INDEX=$gid_b \
		  ucx_perftest ${args[*]}" \
		"$@" UCX_NET_DEVICES="$RXE_A:1" UCX_IB_GID_INDEX="$gid_a" \
		ucx_perftest $IP_B "${args[@]}" || return 1
	! grep -h ERROR "$TMP/client" "$TMP/server" || {
		say "UCX tells an error"
		return 1
	}
}

# all_at LAYER TRANSPORTS VARIABLE=VALUE TEST:SIZE...
all_at()
{
	local layer=$1 tls=$2 var=$3 what

	shift 3
	layers "$layer" "$layer"
	mark
	for what; do
		ucx "$tls" "${what%:*}" "${what#*:}" "$COUNT" "$var" || return 1
	done
	carried_late "$layer"
}

ucx6_at()
{
	local ADDR_A=$IP6_A ADDR_B=$IP6_B

	all_at "$1" "$RC" "$WEAK" tag_bw:65536
}

# rc_verbs finds its peer by ud_verbs
RC=rc_verbs,ud_verbs,self
UD=ud_verbs,self
# rc_verbs of UCX has the flush that a strong fence wants for mlx5 only
WEAK=UCX_FENCE_MODE=weak

need ucx_perftest
start 15
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	run_case "layer $layer: RC, messages" all_at $layer $RC $WEAK \
		tag_lat:8 tag_bw:65536 ucp_am_bw:65536 stream_bw:65536
	run_case "layer $layer: RC, one-sided" all_at $layer $RC $WEAK \
		ucp_put_bw:65536 ucp_get:65536 ucp_add:8 ucp_fadd:8 ucp_cswap:8
	run_case "layer $layer: UD" all_at $layer $UD $WEAK \
		tag_lat:8 tag_bw:65536 ucp_am_bw:65536
	for scheme in get_zcopy put_zcopy am; do
		run_case "layer $layer: RC, rendezvous by $scheme" \
			all_at $layer $RC UCX_RNDV_SCHEME=$scheme tag_bw:1048576
	done
done
run_case "layer 3: RC, IPv6" ucx6_at 3
run_case "RC while the layers change" \
	while_switching ucx $RC tag_bw 65536 "$MANY" $WEAK
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit in its mode l3: RC" all_at 3 $RC $WEAK tag_bw:65536
ktap_finished
