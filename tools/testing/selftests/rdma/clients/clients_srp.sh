#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SCSI RDMA Protocol (ib_srp, ib_srpt), by the RDMA CM.

# shellcheck disable=SC2015
# shellcheck source=clients_lio_lib.sh
. "$(dirname "$0")/clients_lio_lib.sh"

SRPT=$LIO/srpt
SRP_PORT=5555

# ip_name ADDRESS: as the kernel prints it
ip_name()
{
	local GID

	case $1 in
	*:*) gid_of "$1"; echo "$GID" ;;
	*) echo "$1" ;;
	esac
}

# acl GROUP ADDRESS: this client may use the disk
acl()
{
	local dir

	dir=$1/acls/$(ip_name "$2")
	mkdir -p "$dir/lun_0" && ln -s "$1/lun/lun_0" "$dir/lun_0/disk"
}

# The target is named by the end of GID 0, which ib_srpt hears of a little later.
# Its clients are named by their addresses; but where the RDMA CM connects them,
# ib_srpt takes its own address for the client's (srpt_rdma_cm_req_recv() prints
# src_addr). So both are let in.
serve()
{
	local address group name

	name=$(cut -d : -f 5- "/sys/class/infiniband/$RXE_B/ports/1/gids/0")
	group=$SRPT/$name/rxe
	lio_disk || return 1
	defer unserve
	waitfor 10 mkdir -p "$SRPT/$name" &&
	mkdir -p "$group/lun/lun_0" &&
	ln -s $LIO_DISK "$group/lun/lun_0/disk" || return 1
	for address in $IP_A $IP_B $IP6_A $IP6_B; do
		acl "$group" "$address" || return 1
	done
	echo $SRP_PORT >$SRPT/discovery_auth/rdma_cm_port &&
	echo 1 >"$group/enable"
}

unserve()
{
	local acl group

	echo 0 >$SRPT/discovery_auth/rdma_cm_port
	for group in "$SRPT"/*:*/rxe; do
		echo 0 >"$group/enable"
		for acl in "$group"/acls/*; do
			rm "$acl/lun_0/disk"
			rmdir "$acl/lun_0" "$acl"
		done
		rm "$group/lun/lun_0/disk"
		rmdir "$group/lun/lun_0" "$group" "${group%/*}"
	done
}

# log_in TARGET: ib_srp still knows the last one for a while after its disk has gone
log_in()
{
	echo "$1" >"/sys/class/infiniband_srp/srp-$RXE_A-1/add_target"
}

# attach ADDRESS: all targets of ib_srpt have one GUID, which it took when it was
# loaded
attach()
{
	local guid from=$IP_A to=$1

	case $1 in
	*:*) from=[$IP6_A] to=[$1] ;;
	esac
	guid=$(cat /sys/module/ib_srpt/parameters/srpt_service_guid)
	guid=${guid#0x}
	defer detach
	waitfor "$(scale 10 60)" log_in \
		"id_ext=$guid,ioc_guid=$guid,dest=$to:$SRP_PORT,src=$from:0" &&
	scsi_disk_comes
}

detach()
{
	local port

	for port in /sys/class/srp_remote_ports/*; do
		[ ! -e "$port" ] || echo 1 >"$port/delete"
	done
	scsi_disk_goes
}

start 10
need fio mkfs.ext4 dd
need_modules target_core_iblock ib_srpt ib_srp sd_mod
ram_disk 192
block_cases
ipv6_cases
run_case "rdma link del of the initiator's device under I/O" \
	unwarned client_lost
other_pairs
ktap_finished
