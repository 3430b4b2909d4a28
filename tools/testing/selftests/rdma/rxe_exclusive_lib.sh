# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# To be sourced after rxe_lib.sh, for "rdma system set netns exclusive": what that
# does with RDMA devices is done in the namespace of each device.

# A device is found in its own namespace only. So is its part of sysfs, which
# "ip netns exec" mounts anew.

# in_dev RXE COMMAND...: in the namespace that it was made in
in_dev()
{
	local ns=$NS_A

	[ "$1" = "$RXE_A" ] || ns=$NS_B
	shift
	ip netns exec "$ns" "$@"
}

# sees NS RXE: NS is init for the initial namespace
sees()
{
	local in=(ip netns exec "$1")

	[ "$1" != init ] || in=()
	"${in[@]}" rdma dev show "$2" >/dev/null 2>&1
}

rxe_gone()
{
	! sees init "$RXE_A" && ! sees init "$RXE_B"
}

link_active()
{
	in_dev "$1" rdma link show "$1/1" | grep -q 'state ACTIVE'
}

gid_index()
{
	local dir=/sys/class/infiniband/$1/ports/1/gids file GID

	gid_of "$2"
	waitfor 10 in_dev "$1" grep -rq "$GID" "$dir" &&
	file=$(in_dev "$1" grep -rl "$GID" "$dir") || {
		say "$1 has no GID $2" >&2
		return 1
	}
	file=${file%%$'\n'*}
	echo "${file##*/}"
}

cm_listening()
{
	in_b rdma resource show cm_id | grep -q LISTEN
}

read_counters()
{
	local dev dir what value

	read -r -t 0.025 <>"$TMP/never"
	for dev in "$RXE_A" "$RXE_B"; do
		dir=/sys/class/infiniband/$dev/ports/1/hw_counters
		while IFS=: read -r what value; do
			# shellcheck disable=SC2034 # rxe_lib.sh reads it
			NOW[$dev.${what##*/}]=$value
		done < <(in_dev "$dev" grep -r . "$dir")
	done 2>/dev/null
}

finish()
{
	trap - EXIT
	pair_down
	waitfor 30 rdma system set netns shared ||
		say "the mode stays exclusive"
	rm -rf "$TMP"
}
