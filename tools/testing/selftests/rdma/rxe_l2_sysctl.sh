#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# net.rxe.rxe_network_layer: values, namespaces, who may write it.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

NS_C=rxl-c-$$

get()
{
	ip netns exec "$1" cat $SYSCTL
}

is()
{
	local val

	val=$(get "$1")
	[ "$val" = "$2" ] || {
		say "layer of $1 is '$val', expected $2"
		return 1
	}
}

default_is_3()
{
	is "$NS_A" 3 && is "$NS_B" 3 && [ "$(cat $SYSCTL)" = 3 ]
}

# the reason of a refused write, as the shell names it
write_error()
{
	ip netns exec "$NS_A" bash -c 'printf "%s" "$1" >"$0"' \
		$SYSCTL "$1" 2>&1 | sed 's/.*: //'
}

refuses()
{
	local bad err

	for bad in 0 1 4 5 -1 -2 22 23 2147483650 4294967298 \
		   18446744073709551618 two 2x 0x 3.0 "" " " "
"; do
		layer "$NS_A" "$1" && is "$NS_A" "$1" || return 1
		err=$(write_error "$bad")
		# a write of nothing is no write at all, for any sysctl
		[ -z "$bad" ] || [ "$err" = "Invalid argument" ] || {
			say "writing '$bad': '$err'"
			return 1
		}
		is "$NS_A" "$1" || return 1
	done
}

accepts()
{
	layers 2 3 && is "$NS_A" 2 && is "$NS_B" 3 &&
	layers 3 2 && is "$NS_A" 3 && is "$NS_B" 2 &&
	in_a sysctl -qw net.rxe.rxe_network_layer=2 && is "$NS_A" 2 &&
	layers 3 3 && is "$NS_A" 3 && is "$NS_B" 3
}

init_netns_is_apart()
{
	local was rc=0

	was=$(cat $SYSCTL)
	echo 2 >$SYSCTL
	layers 3 3
	ip netns add "$NS_C"
	defer ip netns del "$NS_C"
	is "$NS_C" 3 && is "$NS_A" 3 && [ "$(cat $SYSCTL)" = 2 ] || rc=1
	echo "$was" >$SYSCTL
	return $rc
}

new_netns()
{
	layer "$NS_A" 2
	ip netns add "$NS_C" && defer ip netns del "$NS_C" && is "$NS_C" 3 &&
	layer "$NS_C" 2 && is "$NS_C" 2 && is "$NS_B" 3
}

mode_is_0644()
{
	local mode

	mode=$(stat -c '%a %u %g' $SYSCTL)
	[ "$mode" = "644 0 0" ] || {
		say "mode, owner: $mode"
		return 1
	}
}

as_nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

nobody_cannot_write()
{
	! in_a setpriv --reuid 65534 --regid 65534 --clear-groups \
		sh -c "echo 2 >$SYSCTL" 2>/dev/null && is "$NS_A" 3
}

userns_owner_can()
{
	local was out

	was=$(cat $SYSCTL)
	# shellcheck disable=SC2016
	out=$(as_nobody unshare -Urn sh -c \
		'cat $0; echo 2 >$0 && cat $0; echo 7 >$0; cat $0' \
		$SYSCTL 2>"$TMP/err" | tr '\n' ' ')
	[ "$out" = "3 2 2 " ] || {
		say "in a user namespace: '$out' $(head -n 1 "$TMP/err")"
		return 1
	}
	[ "$(cat $SYSCTL)" = "$was" ]
}

userns_cannot_reach_ours()
{
	local was

	was=$(cat $SYSCTL)
	! as_nobody unshare -Ur sh -c "echo 2 >$SYSCTL" 2>/dev/null &&
	[ "$(cat $SYSCTL)" = "$was" ]
}

applies_to_its_netns_only()
{
	layers 2 3 && mark && xfer -n 20 && read_counters &&
	moved "$RXE_A" l2_sent_pkts && still "$RXE_A" l3_sent_pkts &&
	moved "$RXE_B" l3_sent_pkts && still "$RXE_B" l2_sent_pkts &&
	layers 3 2 && mark && xfer -n 20 && read_counters &&
	moved "$RXE_A" l3_sent_pkts && still "$RXE_A" l2_sent_pkts &&
	moved "$RXE_B" l2_sent_pkts && still "$RXE_B" l3_sent_pkts
}

reload()
{
	grep -q '^rdma_rxe ' /proc/modules || return "$KSFT_SKIP"
	pair_down
	# a netns goes in the background, and its sockets hold the module
	waitfor 30 modprobe -r rdma_rxe || {
		say "cannot unload rdma_rxe"
		return 1
	}
	[ ! -e $SYSCTL ] || {
		say "$SYSCTL outlives the module"
		return 1
	}
	ip netns add "$NS_A" && ip netns add "$NS_B" &&
	modprobe rdma_rxe && is "$NS_A" 3 && is "$NS_B" 3
}

# What the other tests read from sysfs is what the user sees.
statistic()
{
	local what got

	layers 2 3 && mark && xfer -n 20 && read_counters || return 1
	for what in l2_sent_pkts l3_sent_pkts l2_rcvd_pkts l3_rcvd_pkts \
		    l2_sent_fallback l2_rcvd_fallback loopback_pkts xmit_drop \
		    rcvd_drop_{short,gid,opcode,length,hdr,icrc,mcast,nomem}
	do
		got=$(rdma -j statistic show link "$RXE_A/1" |
		      jq ".[0].$what")
		[ "$got" = "${NOW[$RXE_A.$what]}" ] || {
			say "$what is '$got', not '${NOW[$RXE_A.$what]}'"
			return 1
		}
	done
	[ "${NOW[$RXE_A.l2_sent_pkts]}" -ge 20 ]
}

start 14
need setpriv unshare sysctl
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
run_case "the layer is 3 by default in every netns" default_is_3
run_case "2 and 3 are accepted, each netns has its own" accepts
run_case "a bad value is refused and leaves 3" refuses 3
run_case "a bad value is refused and leaves 2" refuses 2
layers 3 3
run_case "a netns does not inherit the layer of the first one" \
	init_netns_is_apart
run_case "a netns made later has the sysctl, at 3" new_netns
layers 3 3
run_case "the sysctl is mode 0644 and root's" mode_is_0644
run_case "an ordinary user cannot write it" nobody_cannot_write
run_case "root of a user namespace writes that of its own netns" \
	userns_owner_can
run_case "root of a user namespace cannot write that of our netns" \
	userns_cannot_reach_ours
run_case "the layer rules the packets of its own netns only" \
	applies_to_its_netns_only
run_case "rdma statistic shows the counters of the layers" statistic
run_case "rping works with a different layer at each end" run_rping 5
run_case "the sysctl goes and comes back with the module" reload
ktap_finished
