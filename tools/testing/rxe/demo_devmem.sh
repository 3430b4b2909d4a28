#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the guest: a container whose netkit device holds four receive queues of the
# host's NIC, a netdevsim. Payload goes to memory that is bound to these queues;
# TCP (ncdevmem) and RXE take it from there.

# shellcheck disable=SC2015

set -u
SIM=/sys/bus/netdevsim
KSFT=/tmp/kselftest/rdma
NIC=eth0 HOST=nk_host GUEST=nk_guest
QUEUES=16 FIRST=12
PORT=5201
SIZE=$((64 << 20))
MTU=9000

fail()
{
	echo "run: $*" >&2
	exit 1
}

remote() { ip netns exec remote "$@"; }
inside() { ip netns exec test "$@"; }

# until N COMMAND...: asks for N tenths of a second
until_true()
{
	local n

	for ((n = 0; n < $1; n++)); do
		"${@:2}" && return
		sleep 0.1
	done
	return 1
}

# nic NUMBER NAME [NS]
nic()
{
	local ns=(env)

	[ -z "${3:-}" ] || ns=(ip netns exec "$3")
	"${ns[@]}" sh -c "echo $1 1 $QUEUES >$SIM/new_device" &&
	"${ns[@]}" ip link set "$("${ns[@]}" ls $SIM/devices/netdevsim"$1"/net)" \
		name "$2" mtu $MTU up
}

cable()
{
	{ echo "8:$(cat /sys/class/net/$NIC/ifindex)" \
		"9:$(remote cat /sys/class/net/far0/ifindex)" \
		>$SIM/link_device; } 8</proc/self/ns/net 9</run/netns/remote
}

# bpf COMMAND...: until the end of the guest
bpf()
{
	"$KSFT/rxe_bpf" "$@" >"/tmp/bpf-$1" 2>&1 &
	until_true 100 grep -q ready "/tmp/bpf-$1" ||
		fail "rxe_bpf $*: $(head -n 1 "/tmp/bpf-$1")"
}

lease()
{
	local n queue host

	# netkit's pair gave it a number there
	ip netns attach host $$ &&
	host=$(ip -n test netns list-id |
		sed -n 's/^nsid \([0-9]*\) .*: host)$/\1/p') && [ -n "$host" ] &&
	for ((n = 0; n < 4; n++)); do
		queue=$(inside $KSFT/rxe_netdev.py lease $GUEST \
			"$(cat /sys/class/net/$NIC/ifindex)" "$host" \
			$((FIRST + n))) && [ "$queue" -eq $((n + 1)) ] ||
			return 1
	done
}

# No packet but those of a rule goes to the queues that are leased.
steer()
{
	ethtool -X $NIC equal $FIRST &&
	ethtool -N $NIC flow-type udp4 dst-ip 192.0.2.2 dst-port 4791 \
		queue $FIRST &&
	ethtool -N $NIC flow-type tcp4 dst-ip 192.0.2.2 dst-port $PORT \
		queue $((FIRST + 1))
}

setup()
{
	ip netns add test && ip netns add remote &&
	nic 0 $NIC && nic 1 far0 remote && cable &&
	ethtool -G $NIC tcp-data-split on &&
	ip link add $HOST mtu $MTU type netkit mode l2 \
		peer name $GUEST netns test mtu $MTU numrxqueues 5 &&
	ip link set $HOST up && ip -n test link set $GUEST up || fail "links"
	bpf $NIC tcx-ingress redirect-peer=$HOST,192.0.2.2
	bpf $HOST tcx-ingress redirect=$NIC
	lease || fail "cannot lease queues"
	steer >/dev/null || fail "no flow rules"
	remote ip addr add 192.0.2.1/24 dev far0 &&
	inside ip addr add 192.0.2.2/24 dev $GUEST &&
	remote rdma link add rxe0 type rxe netdev far0 &&
	inside rdma link add rxe1 type rxe netdev $GUEST &&
	remote sysctl -qw net.rxe.rxe_network_layer=2 &&
	inside sysctl -qw net.rxe.rxe_network_layer=2 || fail "ends"
	until_true 100 remote ping -c 1 -W 1 192.0.2.2 >/dev/null ||
		fail "no ping from 192.0.2.1 to 192.0.2.2"
}

picture()
{
	cat <<-EOF
	 namespace remote        init namespace                namespace test
	 far0 192.0.2.1 <----> $NIC (netdevsim, MTU $MTU)
	 rxe0                    | bpf_redirect_peer
	                       $HOST <------netkit------> $GUEST 192.0.2.2, rxe1
	                       $NIC queues $FIRST-$((FIRST + 3)) --leased--> $GUEST queues 1-4

	EOF
	ethtool -g $NIC | sed -n 's/^TCP data split:/header split:/p' | tail -n 1
	ethtool -n $NIC | awk '/Rule Type/ { $1 = $2 = ""; type = $0 }
		/Dest IP/ { ip = $4 } /Dest port/ { port = $3 }
		/Action/ { print "flow rule:" type ", to " ip " port " port \
			", queue " $NF }'
	echo
}

# bind QUEUE PAGES NAME: memory for what comes by the queue, until unbind NAME
bind()
{
	ip netns exec test $KSFT/rxe_netdev.py bind $GUEST "$1" "$2" \
		>"/tmp/bind-$3" 2>&1 &
	echo $! >"/tmp/pid-$3"
	until_true 100 grep -q '^ready' "/tmp/bind-$3" ||
		fail "bind: $(tail -n 1 "/tmp/bind-$3")"
}

# unbind NAME: into how many pages the NIC has written
unbind()
{
	local pid

	pid=$(cat "/tmp/pid-$1")
	kill "$pid" && until_true 100 grep -q '^written' "/tmp/bind-$1" ||
		fail "unbind: $(tail -n 1 "/tmp/bind-$1")"
	sed -n 's/^written //p' "/tmp/bind-$1"
}

counter()
{
	cat /sys/class/infiniband/rxe1/ports/1/hw_counters/"$1"
}

listening()
{
	inside ss -Htln "sport = :$PORT" | grep -q .
}

# A file by TCP: none of it touches memory that the host's stack can read.
tcp()
{
	local server sum got

	head -c $SIZE /dev/urandom >/tmp/file
	sum=$(sha256sum </tmp/file)
	ip netns exec test $KSFT/ncdevmem -l -f $GUEST -s 192.0.2.2 -p $PORT \
		-t 2 -q 1 -n >/tmp/received 2>/tmp/ncdevmem &
	server=$!
	until_true 100 listening || fail "ncdevmem: $(tail -n 1 /tmp/ncdevmem)"
	remote python3 -c '
import socket, sys
sock = socket.create_connection(("192.0.2.2", int(sys.argv[1])))
sock.sendfile(open("/tmp/file", "rb"))' $PORT || fail "cannot send the file"
	wait $server || fail "ncdevmem: $(tail -n 1 /tmp/ncdevmem)"
	got=$(sha256sum </tmp/received)
	[ "$got" = "$sum" ] || fail "ncdevmem: the file came damaged"
	awk -F= -v want=$SIZE '
		/^total_received=/ { bytes = $2 }
		END { printf "TCP, a file of %d MiB: devmem bytes: %d (%.2f %%), " \
			"sha256 the same\n", want / 2^20, bytes,
			100 * bytes / want }' /tmp/ncdevmem
}

rping_works()
{
	local server

	inside timeout 30 rping -s -a 192.0.2.2 -C 100 >/dev/null 2>&1 &
	server=$!
	until_true 50 remote timeout 30 rping -c -a 192.0.2.2 -C 100 \
		>/dev/null 2>&1 || fail "rping"
	wait $server && echo "rping from rxe0 to rxe1, 100 times: ok"
}

# RDMA by the leased queue; dmabuf_perf verifies the data at both ends
rdma_perf()
{
	local dir=/mnt/share/dmabuf server

	inside timeout 120 env LD_PRELOAD=$dir/librxe_dmabuf.so \
		$dir/dmabuf_perf -l -m plain,udmabuf 192.0.2.2 >/dev/null 2>&1 &
	server=$!
	until_true 50 remote timeout 120 env LD_PRELOAD=$dir/librxe_dmabuf.so \
		$dir/dmabuf_perf -m plain,udmabuf -H -n 500 192.0.2.2 \
		2>/tmp/perf || fail "dmabuf_perf: $(cat /tmp/perf)"
	wait $server || fail "dmabuf_perf: server"
}

# What goes to the host itself never lands in the container's memory.
isolation()
{
	local written

	remote ip addr add 198.51.100.1/24 dev far0 &&
	ip addr add 198.51.100.2/24 dev $NIC || fail "addresses"
	bind 3 256 other
	timeout 30 python3 -c '
import socket
sock = socket.create_server(("198.51.100.2", 5202))
conn, n = sock.accept()[0], 0
while True:
    data = conn.recv(1 << 20)
    if not data:
        break
    n += len(data)
open("/tmp/host", "w").write(str(n))' &
	until_true 50 remote python3 -c '
import socket
sock = socket.create_connection(("198.51.100.2", 5202))
sock.sendfile(open("/tmp/file", "rb"))' 2>/dev/null || fail "TCP to the host"
	wait $! || fail "TCP to the host"
	written=$(unbind other) || exit 1
	[ "$(cat /tmp/host)" -eq $SIZE ] && [ "$written" -eq 0 ] ||
		fail "$written pages of the container have data of the host"
	echo "a file to the host beside it: 0 of 256 pages of the container written"
}

zcat /proc/config.gz 2>/dev/null | grep -qx CONFIG_RDMA_RXE_DEVMEM=y ||
	fail "this kernel has no CONFIG_RDMA_RXE_DEVMEM"
cp -r /mnt/share/kselftest /tmp/kselftest
modprobe -a netdevsim netkit udmabuf 2>/dev/null
modprobe rdma_rxe || fail "no rdma_rxe"
echo "RXE and TCP by leased queues into device memory, Linux $(uname -r)"
echo
setup
picture
tcp
bind 1 1024 rdma
rping_works
rdma_perf
pages=$(unbind rdma) || exit 1
sleep 0.1	# the kernel keeps counters for a jiffy
echo "payload in device memory: $(counter rcvd_devmem) of" \
	"$(counter l2_rcvd_pkts) packets that rxe1 received, $pages pages written"
[ "$(counter rcvd_devmem)" -gt 0 ] && [ "$(counter rcvd_drop_devmem)" -eq 0 ] ||
	fail "RXE dropped $(counter rcvd_drop_devmem) packets"
isolation
echo "sending from device memory: not by a netdevsim"
