#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NVMe over RDMA (nvme_rdma, nvmet_rdma).

# shellcheck disable=SC2015
# shellcheck source=clients_block_lib.sh
. "$(dirname "$0")/clients_block_lib.sh"

NVMET=/sys/kernel/config/nvmet
NQN=nqn.2014-08.org.nvmexpress:rxe
HOST_ID=11111111-2222-3333-4444-555555555555
LOSS=20
HOST_NQN=nqn.2014-08.org.nvmexpress:uuid:$HOST_ID

family()
{
	case $1 in
	*:*) echo ipv6 ;;
	*) echo ipv4 ;;
	esac
}

serve()
{
	local subsystem=$NVMET/subsystems/$NQN port=$NVMET/ports/1

	defer unserve
	mkdir -p "$subsystem/namespaces/1" $port &&
	echo 1 >"$subsystem/attr_allow_any_host" &&
	echo $RAMDISK >"$subsystem/namespaces/1/device_path" &&
	echo 1 >"$subsystem/namespaces/1/enable" &&
	echo rdma >$port/addr_trtype &&
	family "$1" >$port/addr_adrfam &&
	echo "$1" >$port/addr_traddr &&
	echo 4420 >$port/addr_trsvcid &&
	ln -s "$subsystem" $port/subsystems/
}

unserve()
{
	local subsystem=$NVMET/subsystems/$NQN port=$NVMET/ports/1

	rm -f "$port/subsystems/$NQN"
	rmdir $port
	echo 0 >"$subsystem/namespaces/1/enable"
	rmdir "$subsystem/namespaces/1" "$subsystem"
}

# A controller that is lost is tried again each second, and given up after $LOSS.
attach()
{
	local from=$IP_A

	[ "$(family "$1")" = ipv4 ] || from=$IP6_A
	defer detach
	timeout 30 nvme connect -t rdma -a "$1" -s 4420 -w "$from" -n $NQN \
		--hostid=$HOST_ID --hostnqn=$HOST_NQN --nr-io-queues=2 \
		--reconnect-delay=1 --ctrl-loss-tmo="$LOSS" >"$TMP/nvme" 2>&1 || {
		say "nvme connect: $(tail -n 1 "$TMP/nvme")"
		return 1
	}
	disk_comes 'nvme*' device/subsysnqn $NQN
}

detach()
{
	timeout 60 nvme disconnect -n $NQN >/dev/null &&
	disk_goes 'nvme*' device/subsysnqn $NQN
}

controller_gone()
{
	! grep -qsx "$NQN" /sys/class/nvme/nvme*/subsysnqn
}

# nvmet's port does not listen again after the device of its address went: upstream
# destroys the listener (nvmet_rdma_device_removal()) and makes no new one. What
# was connected fails when its time is over.
target_lost()
{
	local LOSS=5

	attached && busy 60 && lose "$RXE_B" "$DEV_B" $IP_B &&
	fails "$(scale 30 120)" && waitfor "$(scale 60 120)" controller_gone
}

relisten()
{
	rm "$NVMET/ports/1/subsystems/$NQN" &&
	ln -s "$NVMET/subsystems/$NQN" $NVMET/ports/1/subsystems/
}

# With a port that is told to listen again, I/O goes on as if nothing had been.
target_back()
{
	local LOSS=60

	attached && busy 10 && lose "$RXE_B" "$DEV_B" $IP_B && relisten || return 1
	mark
	goes_on "$(scale 60 180)" && detach
}

start 12
need nvme fio mkfs.ext4
need_modules nvmet_rdma nvme_rdma
ram_disk 192
block_cases
ipv6_cases
run_case "rdma link del of the host's device under I/O" unwarned client_lost
run_case "rdma link del of the target's device under I/O" unwarned target_lost
run_case "rdma link del of it, and the port listens again" unwarned target_back
other_pairs
ktap_finished
