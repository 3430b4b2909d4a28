#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Containers of an OCI runtime, crun, on a netkit pair, with exclusive RDMA
# namespaces: each has its RXE device and no capability.

# shellcheck disable=SC2015
# shellcheck source=clients_lib.sh
. "$(dirname "$0")/clients_lib.sh"
# shellcheck source=../rxe_exclusive_lib.sh
. "$HERE/rxe_exclusive_lib.sh"

# runtime COMMAND...: crun, with its state in our folder
runtime()
{
	crun --root "$TMP/crun" "$@"
}

# contain NS RXE COMMAND...: in a container, which ends with the command
contain()
{
	local bundle

	bundle=$(mktemp -d -p "$TMP") &&
	"$CLIENTS/clients_crun.py" "$bundle" "$@" &&
	timeout -k 5 "$(scale 30 120)" crun --root "$TMP/crun" run \
		--bundle "$bundle" "${bundle##*/}"
}

# between SERVER CLIENT: commands in a container each, with the data verified
between()
{
	local pid

	# shellcheck disable=SC2086
	spawn server contain "$NS_B" "$RXE_B" $1
	pid=$PID
	waitfor "$(scale 20 60)" eval "$3" || {
		say "no server: $(tail -n 1 "$TMP/server")"
		return 1
	}
	# shellcheck disable=SC2086
	contain "$NS_A" "$RXE_A" $2 >"$TMP/client" 2>&1 || {
		say "$2: status $?: $(tail -n 1 "$TMP/client")"
		return 1
	}
	wait "$pid" || {
		say "$1: status $?: $(tail -n 1 "$TMP/server")"
		return 1
	}
}

rping_at()
{
	layers "$1" "$1" && mark && next_port &&
	between "rping -s -a $IP_B -p $PORT -C 20 -V" \
		"rping -c -a $IP_B -p $PORT -C 20 -V" \
		"in_b rdma resource show cm_id | grep -q LISTEN" &&
	carried "$1"
}

perftest_at()
{
	local a b

	a=$(gid_index "$RXE_A" $IP_A) && b=$(gid_index "$RXE_B" $IP_B) &&
	layers "$1" "$1" && mark && next_port &&
	between "ib_write_bw -F -p $PORT -d $RXE_B -x $b -n 500" \
		"ib_write_bw -F -p $PORT -d $RXE_A -x $a -n 500 $IP_B" \
		"listening $PORT" &&
	carried "$1"
}

# What a container sees and reaches: its own device. The other's file is not
# there, cannot be made, and is not the namespace's.
alone()
{
	local seen

	# shellcheck disable=SC2016
	seen=$(contain "$NS_A" "$RXE_A" sh -c '
		ls /dev/infiniband/ | wc -l
		rdma link show | cut -d" " -f2
		ls /sys/class/infiniband
		mknod /tmp/u c 231 193 2>/dev/null && echo mknod
		rdma link add rxe9 type rxe netdev lo 2>/dev/null && echo added
		sysctl -qw net.rxe.rxe_network_layer=3 2>/dev/null && echo set
		ip link show | grep -c "^[0-9]"' 2>&1)
	[ "$seen" = "$(printf '%s\n' 2 "$RXE_A/1" "$RXE_A" 2)" ] || {
		say "a container sees: ${seen//$'\n'/, }"
		return 1
	}
}

remove_containers()
{
	local name

	kill_bg
	for name in $(runtime list -q); do
		runtime delete -f "$name"
	done
}

need crun rping ib_write_bw
start 4
# a namespace of a test before may still be ending
waitfor 10 rdma system set netns exclusive ||
	ktap_exit_fail_msg "RDMA namespaces cannot be exclusive"
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
defer_down remove_containers
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for n in 3 2; do
	run_case "layer $n: rping between two containers" unwarned rping_at $n
done
run_case "layer 2: perftest between two containers" unwarned perftest_at 2
run_case "a container has its device and no other" unwarned alone
ktap_finished
