#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# iSCSI over RDMA (ib_iser with open-iscsi, ib_isert with LIO).

# shellcheck disable=SC2015
# shellcheck source=clients_lio_lib.sh
. "$(dirname "$0")/clients_lio_lib.sh"

TARGET_IQN=iqn.2003-01.org.linux-iscsi.rxe:target
HOST_IQN=iqn.2003-01.org.linux-iscsi.rxe:host
TARGET=$LIO/iscsi/$TARGET_IQN

# portal ADDRESS: as iSCSI writes it
portal()
{
	case $1 in
	*:*) echo "[$1]:3260" ;;
	*) echo "$1:3260" ;;
	esac
}

# The portal listens to TCP until it is told otherwise.
serve()
{
	local group=$TARGET/tpgt_1 portal

	portal=$(portal "$1")
	lio_disk || return 1
	defer unserve
	mkdir -p "$group/lun/lun_0" &&
	ln -s $LIO_DISK "$group/lun/lun_0/disk" &&
	echo 0 >"$group/attrib/authentication" &&
	echo 1 >"$group/attrib/generate_node_acls" &&
	echo 0 >"$group/attrib/demo_mode_write_protect" &&
	mkdir "$group/np/$portal" &&
	echo 1 >"$group/np/$portal/iser" &&
	echo 1 >"$group/enable" && initiator
}

unserve()
{
	local group=$TARGET/tpgt_1

	echo 0 >"$group/enable"
	rmdir "$group"/np/*
	rm "$group/lun/lun_0/disk"
	rmdir "$group/lun/lun_0" "$group" "$TARGET" "$LIO/iscsi"
}

initiator_listens()
{
	grep -q ISCSIADM_ABSTRACT_NAMESPACE /proc/net/unix
}

# initiator: iscsid, on files of its own
initiator()
{
	mkdir -p /run/lock "$TMP/iscsi" &&
	echo "InitiatorName=$HOST_IQN" >"$TMP/iscsi/initiatorname.iscsi" &&
	cp /etc/iscsi/iscsid.conf "$TMP/iscsi/" &&
	mount --bind "$TMP/iscsi" /etc/iscsi || return 1
	defer umount /etc/iscsi
	spawn initiator iscsid -f
	waitfor 10 initiator_listens || {
		say "no iscsid: $(tail -n 1 "$TMP/initiator")"
		return 1
	}
}

# node ADDRESS OPTION...: of the node at this address
node()
{
	local portal

	portal=$(portal "$1")
	shift
	timeout 60 iscsiadm -m node -T $TARGET_IQN -p "$portal" -I iser "$@" \
		>"$TMP/iscsiadm" 2>&1 || {
		say "iscsiadm $*: $(tail -n 1 "$TMP/iscsiadm")"
		return 1
	}
}

# A session that is lost is tried again for 20 s, not for 2 minutes.
attach()
{
	PORTAL=$1
	node "$1" -o new &&
	node "$1" -o update -n node.session.timeo.replacement_timeout -v 20 ||
		return 1
	defer detach
	node "$1" --login && scsi_disk_comes
}

detach()
{
	node "$PORTAL" --logout && scsi_disk_goes
}

# iscsid connects again as soon as there is another device, and I/O goes on. No case
# takes away the target's: ib_isert destroys its listener, as nvmet does.
initiator_back()
{
	attached && busy 10 && lose "$RXE_A" "$DEV_A" $IP_A || return 1
	mark
	goes_on "$(scale 60 180)" && detach
}

start 10
need iscsid iscsiadm fio mkfs.ext4 dd
need_modules target_core_iblock iscsi_target_mod ib_isert ib_iser sd_mod
[ -e /etc/iscsi/iscsid.conf ] || skip_all "no /etc/iscsi/iscsid.conf"
! initiator_listens || skip_all "somebody uses iscsid"
ram_disk 192
block_cases
ipv6_cases
run_case "rdma link del of the initiator's device under I/O" \
	unwarned initiator_back
other_pairs
ktap_finished
