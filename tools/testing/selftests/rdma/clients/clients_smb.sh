#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SMB Direct: ksmbd, which is in the initial namespace, and cifs in A. Files that
# one end writes are what the other reads, at both layers.
#
# Left out: `rdma link del` of the server's device under I/O. The kernel warns.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

EXPORT=$TMP/export
MNT=$TMP/mnt
KSMBD=(-C "$TMP/ksmbd.conf" -P "$TMP/ksmbd.users")

serve_smb()
{
	cat >"$TMP/ksmbd.conf" <<-EOT
	[global]
		netbios name = RXE
		server multi channel support = yes
	[share]
		path = $EXPORT
		read only = no
		force user = root
	EOT
	: >"$TMP/ksmbd.users"
	ksmbd.adduser -a -p secret "${KSMBD[@]}" user >"$TMP/adduser" 2>&1 || {
		say "ksmbd.adduser: $(tail -n 1 "$TMP/adduser")"
		return 1
	}
	spawn mountd ksmbd.mountd -n "${KSMBD[@]}"
	unset 'BG[-1]'
	defer_down stop_smb "$PID"
	waitfor "$(scale 10 60)" smb_listens || {
		say "ksmbd: $(tail -n 1 "$TMP/mountd")"
		return 1
	}
}

stop_smb()
{
	echo hard >/sys/class/ksmbd-control/kill_server
	kill "$1"
	waitfor 10 umount "$EXPORT"
	rmmod ksmbd
}

smb_listens()
{
	rdma resource show cm_id | grep -q 'LISTEN.*:445\b'
}

smb_up()
{
	half_pair_up "$1" && mkdir -p "$EXPORT" "$MNT" &&
	mount -t tmpfs -o size=512M,mode=777 tmpfs "$EXPORT" && serve_smb
}

smb_down()
{
	umount -f -l "$MNT" 2>/dev/null
	pair_down
}

# The mount is to be seen here: `ip netns exec` would hide it.
mount_smb()
{
	timeout -k 5 "$(scale 20 60)" nsenter "--net=/run/netns/$NS_A" \
		mount -t cifs "//$1/share" "$MNT" \
		-o "rdma,ip=$1,vers=3.1.1,user=user,pass=secret,cache=none" &&
	grep -q " $MNT cifs .*rdma" /proc/mounts || {
		say "cannot mount from $1"
		return 1
	}
}

umount_smb()
{
	timeout -k 5 "$(scale 20 60)" umount "$MNT" || {
		say "cannot unmount"
		return 1
	}
}

io_at()
{
	layers "$1" "$1" && mark && mount_smb $IP_B &&
	file_verify "$EXPORT" "$MNT" && fio_verify "$MNT" &&
	umount_smb && carried "$1"
}

again()
{
	layers 2 2 && mount_smb $IP_B && umount_smb &&
	mark && mount_smb $IP_B && file_verify "$EXPORT" "$MNT" &&
	umount_smb && carried 2
}

# The device of one end goes and comes back. What happens to I/O is cifs' business;
# it ends, and a new mount works.
link_del()
{
	local fio

	layers 2 2 && mark && mount_smb $IP_B || return 1
	timeout -k 5 40 fio --name=verify --directory="$MNT" --rw=randrw \
		--bs=16k --size=8M --numjobs=4 --iodepth=8 --ioengine=libaio \
		--direct=1 --time_based --runtime=10 >"$TMP/fio" 2>&1 &
	fio=$!
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 2000 &&
	timeout 60 rdma link del "$1" &&
	ip netns exec "$2" rdma link add "$1" type rxe netdev "$3" &&
	gid_index "$1" "$4" >/dev/null || {
		say "cannot delete $1 and add it again"
		kill $fio
		return 1
	}
	wait $fio
	umount_smb && mark && mount_smb $IP_B &&
	file_verify "$EXPORT" "$MNT" && umount_smb && carried 2
}

need mount.cifs ksmbd.mountd ksmbd.adduser fio nsenter
need_modules ksmbd cifs
start 4
unwarned smb_up netkit-l2 || ktap_exit_fail_msg "cannot set up SMB"
for n in 3 2; do
	run_case "layer $n carries files and fio" unwarned io_at $n
done
run_case "it mounts again and again" unwarned again
run_case "the client's device goes and comes back under I/O" \
	unwarned link_del "$RXE_A" "$NS_A" "$DEV_A" $IP_A
smb_down
ktap_finished
