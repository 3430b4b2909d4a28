#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# fio's RDMA engine. It does not check the data. Its verb=send asks for no retry
# when the receiver is not ready, and is not always lucky.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

SIZE=$(scale 64M 8M)

# by which two_ends knows that a server is there
listening()
{
	cm_listening
}

# rdma_io VERB SIZE [OPTION...]
rdma_io()
{
	local verb=$1 size=$2

	shift 2
	next_port
	set -- fio --ioengine=rdma --port=$PORT --bs=64k --size="$size" "$@"
	two_ends "$* --name=server --rw=read --iodepth=16" \
		"$@" --name=client --hostname=$IP_B --verb="$verb" \
		--rw=write --iodepth=8 --iodepth_batch_complete=1 || return 1
	! grep -h -m 1 'err= *[1-9]' "$TMP/client" "$TMP/server"
}

io_at()
{
	local layer=$1

	layers "$layer" "$layer"
	mark
	shift
	rdma_io "$@" && rdma_io "$@" && carried_late "$layer"
}

need fio
start 6
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	for verb in write read; do
		run_case "layer $layer: $verb" io_at $layer $verb "$SIZE"
	done
done
run_case "write while the layers change" while_switching rdma_io write "$SIZE"
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit in its mode l3: read" io_at 3 read "$SIZE"
ktap_finished
