#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# QEMU: a small machine moves from one namespace to the other by RDMA, and its
# memory is the same there.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"

# where the data lies in the machine's memory, and how much it is
ADDR=0x2000000
MIB=$(scale 32 8)
LIMIT=$(scale 40 240)

# machine NAME OPTION...: in the background. Its first use of RDMA takes 11 s.
machine()
{
	local name=$1 ns=$2

	shift 2
	rm -f "$TMP/$name.sock"
	spawn "$name" timeout "$((2 * LIMIT))" ip netns exec "$ns" \
		qemu-system-x86_64 -M microvm -accel tcg -m 96 -nodefaults \
		-no-user-config -display none \
		-monitor "unix:$TMP/$name.sock,server=on,wait=off" "$@"
	waitfor "$LIMIT" test -S "$TMP/$name.sock" || {
		say "no QEMU: $(tail -n 1 "$TMP/$name")"
		return 1
	}
}

# monitor NAME COMMAND: what it answers
monitor()
{
	python3 - "$TMP/$1.sock" "$2" <<-'END'
	import socket
	import sys

	def until_prompt(sock):
	    data = b""
	    while not data.endswith(b"(qemu) "):
	        more = sock.recv(4096)
	        if not more:
	            sys.exit("the monitor is gone")
	        data += more
	    return data.decode()

	with socket.socket(socket.AF_UNIX) as sock:
	    sock.settimeout(60)
	    sock.connect(sys.argv[1])
	    until_prompt(sock)
	    sock.sendall(sys.argv[2].encode() + b"\n")
	    print(until_prompt(sock).replace("\r", ""))
	END
}

migrated()
{
	monitor from "info migrate" >"$TMP/state"
	grep -qE 'status: *(completed|failed)' "$TMP/state"
}

# migrate: from A to B, and compare
migrate()
{
	local size=$((MIB * 1048576))

	next_port
	rm -f "$TMP/state" "$TMP/moved"
	machine from "$NS_A" \
		-device "loader,file=$TMP/data,addr=$ADDR,force-raw=on" &&
	machine to "$NS_B" -incoming "rdma:$IP_B:$PORT" &&
	waitfor "$LIMIT" cm_listening &&
	monitor from "migrate -d rdma:$IP_B:$PORT" >/dev/null &&
	waitfor "$LIMIT" migrated
	grep -qi 'status: *completed' "$TMP/state" 2>/dev/null || {
		say "migration: $(grep -i status "$TMP/state" 2>&1)" \
		    "$(tail -n 1 "$TMP/from") $(tail -n 1 "$TMP/to")"
		return 1
	}
	monitor to "pmemsave $ADDR $size \"$TMP/moved\"" >/dev/null &&
	cmp "$TMP/data" "$TMP/moved" || {
		say "the memory is another one"
		return 1
	}
	monitor to "info status" | grep -q running || {
		say "the machine does not run"
		return 1
	}
}

migrate_at()
{
	layers "$1" "$1"
	mark
	migrate && carried_late "$1"
}

need qemu-system-x86_64 cmp
start 3
dd if=/dev/urandom of="$TMP/data" bs=1M count="$MIB" status=none
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 3 2; do
	run_case "layer $layer: a machine moves" migrate_at $layer
done
run_case "a machine moves while the layers change" while_switching migrate
ktap_finished
