# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the tests of SCSI over RDMA: LIO's disk and the SCSI disk that a client
# makes of it.

# shellcheck source=clients_block_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/clients_block_lib.sh"

LIO=/sys/kernel/config/target
LIO_DISK=$LIO/core/iblock_0/rxe
SERIAL=rxe-clients-$$

# lio_disk: $RAMDISK as a disk of LIO
lio_disk()
{
	defer lio_no_disk
	mkdir -p $LIO_DISK &&
	echo "udev_path=$RAMDISK" >$LIO_DISK/control &&
	echo $SERIAL >$LIO_DISK/wwn/vpd_unit_serial &&
	echo 1 >$LIO_DISK/enable
}

lio_no_disk()
{
	rmdir $LIO_DISK ${LIO_DISK%/*}
}

scsi_disk_comes()
{
	disk_comes 'sd*' device/vpd_pg80 $SERIAL
}

scsi_disk_goes()
{
	disk_goes 'sd*' device/vpd_pg80 $SERIAL
}
