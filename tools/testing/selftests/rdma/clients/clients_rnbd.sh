#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# RDMA network block device (rnbd_client, rnbd_server, on rtrs).

# shellcheck disable=SC2015
# shellcheck source=clients_block_lib.sh
. "$(dirname "$0")/clients_block_lib.sh"

SESSIONS=0

# rnbd_server listens on all addresses, and exports what a client names.
serve()
{
	:
}

# rtrs' default policy marks a path in a list of the CPU's while it looks for the
# best. On a kernel that can be preempted another task may see the mark, find no
# path and fail its I/O. The policy "round-robin" has no such list.
attach()
{
	local from=$IP_A

	[[ $1 != *:* ]] || from=$IP6_A
	SESSIONS=$((SESSIONS + 1))
	SESSION=rxe-$$-$SESSIONS
	defer detach
	echo "sessname=$SESSION path=ip:$from@ip:$1" \
		"device_path=$RAMDISK access_mode=rw" \
		>/sys/devices/virtual/rnbd-client/ctl/map_device &&
	echo round-robin >"/sys/devices/virtual/rtrs-client/$SESSION/mpath_policy" &&
	disk_comes 'rnbd*' rnbd/session "$SESSION"
}

detach()
{
	! find_disk 'rnbd*' rnbd/session "$SESSION" ||
		echo normal >"/sys/block/${DISK#/dev/}/rnbd/unmap_device" &&
	disk_goes 'rnbd*' rnbd/session "$SESSION"
}

start 10
need fio mkfs.ext4 dd
need_modules rnbd_server rnbd_client
ram_disk 192
block_cases
ipv6_cases
# I/O fails at once. But rdma link del lasts 30 s: rtrs_clt_stop_and_destroy_conns()
# waits so long for the CM's event of a disconnect, and after that of a removed
# device the CM sends no more.
run_case "rdma link del of the client's device under I/O" unwarned client_lost
other_pairs
ktap_finished
