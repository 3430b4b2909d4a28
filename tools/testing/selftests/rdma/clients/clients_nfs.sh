#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NFS/RDMA (rpcrdma): nfsd in B, a client in A, NFS 4.2. Files that one end writes
# are what the other reads, at both layers and while the layer changes.
#
# Left out: `rdma link del` of the client's device under I/O. Upstream's xprtrdma
# waits for its transports there (rpcrdma_remove_one), while a transport waits for
# a task that wants to connect: neither ends, with stock RXE as well.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

EXPORT=$TMP/export
MNT=$TMP/mnt

# runs in B, in a mount namespace of its own, until it is killed
serve_nfs()
{
	trap 'rpc.nfsd 0; kill $mountd; exit 0' TERM
	mount -t tmpfs tmpfs /var/lib/nfs &&
	mkdir -p /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery &&
	: >/var/lib/nfs/etab &&
	mount -t nfsd nfsd /proc/fs/nfsd || exit 1
	# 10 seconds, not 90, for clients to reclaim their locks, are the least
	echo 10 >/proc/fs/nfsd/nfsv4gracetime
	rpc.mountd -F -N 2 -N 3 &
	mountd=$!
	exportfs -o rw,fsid=0,async,no_root_squash,insecure,no_subtree_check \
		"*:$1" &&
	rpc.nfsd -N 3 --rdma=20049 8 &&
	grep -q 'rdma.* 20049' /proc/fs/nfsd/portlist || exit 1
	echo ready
	until grep -q Y /proc/fs/nfsd/v4_end_grace; do
		sleep 0.1
	done
	echo open
	while :; do
		sleep 1000 & wait $!
	done
}

# The mount is to be seen here: `ip netns exec` would hide it. I/O ends in bounded
# time, with an error.
mount_nfs()
{
	local proto=rdma

	[[ $1 != *:* ]] || proto=rdma6
	timeout -k 5 "$(scale 20 60)" nsenter "--net=/run/netns/$NS_A" \
		mount -t nfs "$1:/" "$MNT" \
		-o vers=4.2,proto=$proto,port=20049,softerr,timeo=200,retrans=1 &&
	grep -q " $MNT nfs4 .*proto=$proto," /proc/mounts || {
		say "cannot mount $1"
		return 1
	}
}

umount_nfs()
{
	timeout -k 5 "$(scale 20 60)" umount "$MNT" || {
		say "cannot unmount"
		return 1
	}
}

# nfs_up KIND: the topology and the server
nfs_up()
{
	pair_up "$1" && mkdir -p "$EXPORT" "$MNT" &&
	mount -t tmpfs -o size=512M tmpfs "$EXPORT" || return 1
	hold "$NS_B" unshare -m bash -c "$(declare -f serve_nfs)
		serve_nfs $EXPORT" || return 1
	waitfor 60 grep -q '^open' "$TMP/hold-$((${#DOWN[@]} - 1))" || {
		say "the grace period does not end"
		return 1
	}
	defer_down waitfor 10 umount "$EXPORT"
}

nfs_down()
{
	umount -f -l "$MNT" 2>/dev/null
	pair_down
}

# io_at LAYER: it mounts, reads, writes, unmounts, and all of it by this layer
io_at()
{
	layers "$1" "$1" && mark && mount_nfs $IP_B &&
	file_verify "$EXPORT" "$MNT" && fio_verify "$MNT" &&
	umount_nfs && carried "$1"
}

# again LAYER
again()
{
	layers "$1" "$1" && mount_nfs $IP_B && umount_nfs &&
	mark && mount_nfs $IP_B && file_verify "$EXPORT" "$MNT" &&
	umount_nfs && carried "$1"
}

switched()
{
	mount_nfs $IP_B && while_switching fio_verify "$MNT" && umount_nfs
}

over_ipv6()
{
	layers 2 2 && mark && mount_nfs "[$IP6_B]" &&
	file_verify "$EXPORT" "$MNT" && umount_nfs && carried 2
}

# The server's device goes and comes back. The client waits, connects anew and
# finishes what it had begun.
server_link_del()
{
	local fio

	layers 2 2 && mark && mount_nfs $IP_B || return 1
	fio_verify "$MNT" --runtime=4 --time_based &
	fio=$!
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 2000 &&
	timeout 60 rdma link del "$RXE_B" &&
	in_b rdma link add "$RXE_B" type rxe netdev "$DEV_B" &&
	gid_index "$RXE_B" $IP_B >/dev/null || {
		say "cannot delete $RXE_B and add it again"
		kill $fio
		return 1
	}
	wait $fio && mark && file_verify "$EXPORT" "$MNT" && umount_nfs &&
	carried 2
}

# A mount keeps its network namespace, and the server does: both lose their names
# under I/O, and are gone after the unmount.
netns_del()
{
	local fio

	layers 2 2 && mark && mount_nfs $IP_B || return 1
	fio_verify "$MNT" --runtime=2 --time_based &
	fio=$!
	waitfor 20 counter_over "$RXE_B" l2_rcvd_pkts 2000 &&
	ip netns del "$NS_A" && ip netns del "$NS_B" &&
	wait $fio && file_verify "$EXPORT" "$MNT" && umount_nfs || return 1
	nfs_down
	rxe_gone || {
		say "an RXE device stays"
		return 1
	}
}

need mount.nfs rpc.nfsd exportfs rpc.mountd fio nsenter
need_modules nfsd nfs nfsv4 rpcrdma
start 9
unwarned nfs_up netkit-l2 || ktap_exit_fail_msg "cannot set up NFS"
for n in 3 2; do
	run_case "layer $n carries files and fio" unwarned io_at $n
done
run_case "it mounts again and again" unwarned again 2
run_case "the layer changes under verified I/O" unwarned switched
run_case "layer 2 carries IPv6" unwarned over_ipv6
run_case "the server's device goes and comes back under I/O" \
	unwarned server_link_del
run_case "both namespaces go after I/O" unwarned netns_del
nfs_down
run_case "a server on netkit in mode l3 starts" unwarned nfs_up netkit-l3
run_case "netkit in mode l3 carries files and fio" unwarned io_at 2
nfs_down
ktap_finished
