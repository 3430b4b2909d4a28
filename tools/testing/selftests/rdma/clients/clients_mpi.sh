#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Open MPI over UCX: each namespace is a node, and all data is checked.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

MIB=$(scale 4 1)
TIMES=$(scale 3 2)
MANY=$(scale 30 6)

# A node is known by the address of its end, and is no other host's neighbour in
# System V's or POSIX's shared memory.
write_agent()
{
	cat >"$TMP/agent" <<-END
	#!/bin/sh
	shift
	exec ip netns exec $NS_B unshare --ipc --uts \\
		sh -c "hostname node-b; \$*"
	END
	chmod +x "$TMP/agent"
}

# A rank, with its own node's device. mpirun of Open MPI 5.0.7 dies of two programs
# with a --host each, so it is one.
write_rank()
{
	local gid_a gid_b

	gid_a=$(gid_index "$RXE_A" $IP_A) &&
	gid_b=$(gid_index "$RXE_B" $IP_B) || return 1
	cat >"$TMP/rank" <<-END
	#!/bin/sh
	case \$(hostname) in
	node-a) export UCX_NET_DEVICES=$RXE_A:1 UCX_IB_GID_INDEX=$gid_a ;;
	node-b) export UCX_NET_DEVICES=$RXE_B:1 UCX_IB_GID_INDEX=$gid_b ;;
	esac
	exec python3 "$CLIENTS/clients_mpi.py" "\$@"
	END
	chmod +x "$TMP/rank"
}

# mpi RANKS-A-NODE MIB TIMES WHAT...: the two nodes share the CPUs, so no rank may
# have one of its own. For what is set for UCX see clients_ucx.sh; its one-sided
# operations need the weak fence.
mpi()
{
	local n=$1

	shift
	write_rank || return 1
	in_a timeout -k 5 "$(scale 60 300)" unshare --ipc --uts \
		sh -c 'hostname node-a; exec "$@"' - mpirun \
		--allow-run-as-root --bind-to none --map-by node:OVERSUBSCRIBE \
		--prtemca plm_ssh_agent "$TMP/agent" \
		--mca pml ucx --mca osc ucx --mca opal_common_ucx_tls any \
		--mca opal_common_ucx_devices any \
		-x UCX_TLS=rc_verbs,ud_verbs,sm,self \
		-x UCX_UD_VERBS_ETH_DGID_CHECK=n -x UCX_FENCE_MODE=weak \
		--host "$IP_A:$n,$IP_B:$n" -n $((2 * n)) "$TMP/rank" "$@" \
		>"$TMP/mpi" 2>&1 </dev/null &&
	grep -q "^ok $((2 * n)) ranks" "$TMP/mpi" || {
		say "mpirun: status $?: $(grep -v '^-*$' "$TMP/mpi" |
					  head -n 3 | tr '\n' ' ')"
		return 1
	}
}

# mpi_carried LAYER: a rank connects to itself, too, with a few packets
mpi_carried()
{
	allow loopback_pkts 100 && carried_late "$1"
}

mpi_at()
{
	local layer=$1

	layers "$layer" "$layer"
	mark
	shift
	mpi "$@" && mpi_carried "$layer"
}

need mpirun
python3 -c 'import mpi4py, numpy' 2>/dev/null || skip_all "no mpi4py"
start 7
write_agent
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	run_case "layer $layer: 2 ranks, messages and collectives" \
		mpi_at $layer 1 "$MIB" "$TIMES" allreduce sendrecv alltoall
	run_case "layer $layer: 2 ranks, one-sided operations" \
		mpi_at $layer 1 1 "$TIMES" onesided
done
run_case "layer 2: 4 ranks" mpi_at 2 2 1 2 allreduce sendrecv alltoall
run_case "allreduce while the layers change" \
	while_switching mpi 1 "$MIB" "$MANY" allreduce
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit in its mode l3: allreduce" mpi_at 3 1 1 "$TIMES" allreduce
ktap_finished
