#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the guest: RXE over a netkit pair between two namespaces, at layers 3
# and 2, with and without iptables rules in the way; RDMA to and from dma-bufs, and
# from a NIC with device memory (netdevsim); and an RDMA WRITE on its way.
#
#      ns a                      ns b
#   rxe0 on nk0  <--netkit-->  nk1 on rxe1
#   192.0.2.1                    192.0.2.2

set -u
LAT_ITERS=3000
BW_ITERS=1000
RULES=500
ROUNDS=5

fail()
{
	echo "run: $*" >&2
	exit 1
}

a() { ip netns exec a "$@"; }
b() { ip netns exec b "$@"; }

# ends DEV_A DEV_B: addresses and RDMA devices
ends()
{
	a ip addr add 192.0.2.1/24 dev "$1" &&
	b ip addr add 192.0.2.2/24 dev "$2" &&
	a ip link set "$1" up && b ip link set "$2" up &&
	a rdma link add rxe0 type rxe netdev "$1" &&
	b rdma link add rxe1 type rxe netdev "$2"
}

setup()
{
	local mode=$1

	ip netns add a && ip netns add b &&
	ip link add nk0 netns a type netkit mode "$mode" \
		peer name nk1 netns b &&
	ends nk0 nk1 || fail "cannot set up netkit, mode $mode"
}

teardown()
{
	a rdma link del rxe0
	b rdma link del rxe1
	ip netns del a
	ip netns del b
}

layer()
{
	a sysctl -qw net.rxe.rxe_network_layer="$1" &&
	b sysctl -qw net.rxe.rxe_network_layer="$1"
}

# rules N: in both directions of both namespaces; none of them matches
rules()
{
	local ns chain n

	for ns in a b; do
		{
			echo '*filter'
			for chain in INPUT OUTPUT; do
				for ((n = 0; n < $1; n++)); do
					echo "-A $chain -p tcp --dport $n -j DROP"
				done
			done
			echo COMMIT
		} | ip netns exec $ns iptables-legacy-restore ||
			fail "iptables"
	done
}

# A server in b, its client in a; the client's output.  The client tries
# again until the server listens. Either namespace sees both devices: without
# -d both ends take rxe0, and nothing leaves it.
pair()
{
	local server n out=

	b timeout 60 "$@" -d rxe1 -x "$(gid_index rxe1 0202)" \
		>/dev/null 2>&1 &
	server=$!
	for ((n = 0; n < 50; n++)); do
		sleep 0.1
		out=$(a timeout 60 "$@" -d rxe0 -x "$(gid_index rxe0 0201)" \
			192.0.2.2 2>&1) && break
		out=
	done
	wait $server || return 1
	[ -n "$out" ] && echo "$out"
}

# The typical latency (us) and the average bandwidth (MiB/s): perftest's
# only line that starts with the size asked for.
latency()
{
	pair ib_send_lat -F -s 2 -n $LAT_ITERS |
		awk '$1 == 2 && NF > 5 { print $5 }'
}

bandwidth()
{
	pair ib_send_bw -F -s 65536 -n $BW_ITERS |
		awk '$1 == 65536 { print $4 }'
}

rping_works()
{
	local server n

	b timeout 20 rping -s -a 192.0.2.2 -C 10 >/dev/null 2>&1 &
	server=$!
	for ((n = 0; n < 50; n++)); do
		sleep 0.1
		a timeout 20 rping -c -a 192.0.2.2 -C 10 >/dev/null 2>&1 &&
			break
	done
	wait $server || fail "rping: layer $1, netkit mode $2"
}

# What one rping writes, as rxedump sees it on nk0 at layer 2.
dump_rping()
{
	local dump n

	setup l2
	layer 2
	a timeout 30 rxedump -i nk0 -t -vv --opcode write -c 1 \
		>/tmp/dump 2>/tmp/dump.err &
	dump=$!
	for ((n = 0; n < 100; n++)); do
		grep -q '^rxedump: capturing' /tmp/dump.err && break
		sleep 0.1
	done
	rping_works 2 l2
	wait $dump || fail "rxedump: $(head -n 1 /tmp/dump.err)"
	teardown
	echo "rxedump -i nk0 -t -vv --opcode write -c 1"
	cat /tmp/dump
}

# gid_index DEVICE XXYY: of the GID that is 192.0.XX.YY, in hexadecimal
gid_index()
{
	local f

	for f in /sys/class/infiniband/"$1"/ports/1/gids/*; do
		if grep -q "ffff:c000:$2\$" "$f"; then
			basename "$f"
			return
		fi
	done
}

# sent LAYER: packets that rxe0 sent by it
sent()
{
	cat /sys/class/infiniband/rxe0/ports/1/hw_counters/l"$1"_sent_pkts
}

# sample COMMAND: a figure.  Where perftest cannot calibrate its clock (a busy
# machine) it prints 0 or nothing, and says that all is well: once more.
sample()
{
	local n value

	for ((n = 0; n < 5; n++)); do
		value=$("$1") && awk -v v="$value" 'BEGIN { exit !(v > 0) }' &&
			echo "$value" && return
	done
	return 1
}

# measure LAYER RULES: adds to lats and bws
measure()
{
	local lat bw this other

	this=$(sent "$1")
	other=$(sent $((5 - $1)))
	lat=$(sample latency) || fail "ib_send_lat: layer $1"
	bw=$(sample bandwidth) || fail "ib_send_bw: layer $1"
	sleep 0.1	# the kernel keeps counters for a jiffy
	[ $(($(sent "$1") - this)) -gt $LAT_ITERS ] &&
	[ "$(sent $((5 - $1)))" -eq "$other" ] ||
		fail "layer $1 did not carry the packets"
	lats[$2-$1]+="$lat "
	bws[$2-$1]+="$bw "
}

median()
{
	tr ' ' '\n' <<<"$1" | sed '/^$/d' | sort -g | sed -n "$((ROUNDS / 2 + 1))p"
}

# row WHAT LAYER-3 LAYER-2: medians
row()
{
	local l3 l2

	l3=$(median "$2")
	l2=$(median "$3")
	printf '%-36s %9s %9s %+7.0f %%\n' "$1" "$l3" "$l2" \
		"$(awk -v a="$l3" -v b="$l2" 'BEGIN { print 100 * (b / a - 1) }')"
}

# table MODE: one netkit mode; the layers take turns
table()
{
	local mode=$1 n l round
	local -A lats=() bws=()

	setup "$mode"
	[ -n "$(gid_index rxe0 0201)" ] && [ -n "$(gid_index rxe1 0202)" ] ||
		fail "no GIDs for 192.0.2.1 and 192.0.2.2"
	for l in 3 2; do
		layer "$l" || fail "cannot set layer $l"
		rping_works "$l" "$mode"
	done
	for n in 0 $RULES; do
		rules "$n"
		for ((round = 0; round < ROUNDS; round++)); do
			for l in $((3 - round % 2)) $((2 + round % 2)); do
				layer "$l"
				measure "$l" "$n"
			done
		done
	done
	teardown

	printf '%-36s %9s %9s %9s\n' "netkit, mode $mode" "layer 3" \
		"layer 2" change
	printf '%-36s %9s %9s\n' "rping" ok ok
	for n in 0 $RULES; do
		row "latency, 2 bytes, $n rules (us)" \
			"${lats[$n-3]}" "${lats[$n-2]}"
	done
	for n in 0 $RULES; do
		row "bandwidth, 64 KiB, $n rules (MiB/s)" \
			"${bws[$n-3]}" "${bws[$n-2]}"
	done
	echo
}

# perf LAYER FROM TO [OPTION]: memory of FROM in a, of TO in b, or as many kinds
# of each, which take turns; dmabuf_perf verifies the data at both ends
perf()
{
	local server n dir=/mnt/share/dmabuf

	b timeout 60 env LD_PRELOAD=$dir/librxe_dmabuf.so \
		$dir/dmabuf_perf -l -m "$3" 192.0.2.2 >/dev/null 2>&1 &
	server=$!
	for ((n = 0; n < 50; n++)); do
		sleep 0.1
		a timeout 60 env LD_PRELOAD=$dir/librxe_dmabuf.so \
			$dir/dmabuf_perf -m "$2" "${@:4}" 192.0.2.2 \
			2>/tmp/perf && break
	done
	wait $server || fail "dmabuf_perf: layer $1, $2 to $3: $(cat /tmp/perf)"
}

# dma-bufs at each end, and ordinary memory to compare with
dmabufs()
{
	local l

	setup l2
	for l in 3 2; do
		layer "$l" || fail "cannot set layer $l"
		echo "memory regions of dma-bufs, layer $l"
		perf "$l" plain,udmabuf,system plain,udmabuf,udmabuf -H
		echo
	done
	teardown
}

SIM=/sys/bus/netdevsim

# nic NS NUMBER: a netdevsim that splits headers from payload
nic()
{
	ip netns exec "$1" sh -c "echo $2 1 1 >$SIM/new_device" &&
	ip -n "$1" link set "$(ip netns exec "$1" \
		ls $SIM/devices/netdevsim"$2"/net)" name "nic$2" &&
	ip netns exec "$1" ethtool -G "nic$2" tcp-data-split on
}

setup_nics()
{
	ip netns add a && ip netns add b && nic a 0 && nic b 1 &&
	{ echo "8:$(a cat /sys/class/net/nic0/ifindex)" \
		"9:$(b cat /sys/class/net/nic1/ifindex)" >$SIM/link_device; } \
		8</run/netns/a 9</run/netns/b &&
	ends nic0 nic1 || fail "cannot set up netdevsim"
}

# received COUNTER: by the server's device
received()
{
	cat /sys/class/infiniband/rxe1/ports/1/hw_counters/"$1"
}

# A buffer is bound to the server's receive queue: payload that comes is there,
# and RDMA takes it from there. Not every kernel has what it takes.
devmem()
{
	local bind n

	zcat /proc/config.gz 2>/dev/null |
		grep -qx CONFIG_RDMA_RXE_DEVMEM=y && modprobe netdevsim || return 0
	setup_nics
	layer 2 || fail "cannot set layer 2"
	# no function: $! is to be the program itself
	ip netns exec b /mnt/share/rxe_netdev.py bind nic1 0 256 >/tmp/bind 2>&1 &
	bind=$!
	for ((n = 0; n < 100; n++)); do
		grep -q '^ready' /tmp/bind && break
		sleep 0.1
	done
	echo "a NIC with device memory, layer 2 (netdevsim)"
	perf 2 plain,udmabuf plain,udmabuf -H -n 200
	sleep 0.1	# the kernel keeps counters for a jiffy
	[ "$(received rcvd_devmem)" -gt 0 ] ||
		fail "device memory: $(head -n 1 /tmp/bind)"
	echo "payload in device memory: $(received rcvd_devmem) of" \
		"$(received l2_rcvd_pkts) packets that the server received"
	echo
	kill $bind && wait $bind || fail "device memory: $(tail -n 1 /tmp/bind)"
	teardown
	echo 0 >$SIM/del_device && echo 1 >$SIM/del_device
}

modprobe rdma_rxe || fail "no rdma_rxe"
[ -e /proc/sys/net/rxe/rxe_network_layer ] ||
	fail "this kernel has no net.rxe.rxe_network_layer"
echo "RXE over netkit, Linux $(uname -r), $(nproc) CPUs, medians of $ROUNDS rounds"
echo
table l2
table l3
dmabufs
devmem
dump_rping
