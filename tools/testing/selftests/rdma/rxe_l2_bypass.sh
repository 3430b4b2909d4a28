#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Layer 2 does not ask IP: rules and routes that stop layer 3 do not touch it,
# nor does it touch their counters.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

# nft_hook NS HOOK: drop and count UDP 4791 there
nft_hook()
{
	ip netns exec "$1" nft -f - <<-EOT
	table inet rxe_test {
		counter hits { }
		chain c {
			type filter hook $2 priority -300; policy accept;
			udp dport 4791 counter name hits drop
		}
	}
	EOT
	defer ip netns exec "$1" nft delete table inet rxe_test
}

nft_hits()
{
	ip netns exec "$1" nft -j list counter inet rxe_test hits |
		jq '[.nftables[].counter.packets // empty] | add'
}

hits()
{
	local got

	got=$("$2" "$1")
	test "$got" "$3" "$4" || {
		say "the rule in $1 matched $got packets, expected $3 $4"
		return 1
	}
}

ipt_hook()
{
	ip netns exec "$1" iptables -I "$2" -p udp --dport 4791 -j DROP &&
	defer ip netns exec "$1" iptables -D "$2" -p udp --dport 4791 -j DROP
	CHAIN=$2
}

ipt_hits()
{
	ip netns exec "$1" iptables -nvxL "$CHAIN" |
		awk '/4791/ { print $1 }'
}

# rule RULE HITS HOOK: stops layer 3, does not see layer 2
rule()
{
	"$1" "$NS_A" "$3" && "$1" "$NS_B" "$3" || return 1
	layers 2 2 && mark && xfer -o mix -n 50 -s 4096 && xfer -t ud -n 20 &&
	run_rping 10 && read_counters &&
	carried_by 2 "$RXE_A" && carried_by 2 "$RXE_B" &&
	hits "$NS_A" "$2" -eq 0 && hits "$NS_B" "$2" -eq 0 || return 1
	[ "$1" = ipt_hook ] || xfer6 -o mix -n 50 || return 1
	layers 3 3 && xfer_fails && xfer_fails -t ud || return 1
	case $3 in
	output | OUTPUT | postrouting) hits "$NS_A" "$2" -gt 0 ;;
	*) hits "$NS_B" "$2" -gt 0 ;;
	esac
}

# The layers under running RC traffic: a rule that blocks layer 3 does not see
# it until it changes to layer 3, and lets go of it when it changes back. (Not
# in output: IP tells RXE of a drop there as an error, fatal to the QP.)
rule_under_traffic()
{
	layers 2 2 && traffic -T 19 -i 60000 &&
	nft_hook "$NS_A" input && nft_hook "$NS_B" input || return 1
	mark
	waitfor 10 counter_over "$RXE_B" l2_rcvd_pkts 200 || return 1
	hits "$NS_A" nft_hits -eq 0 && hits "$NS_B" nft_hits -eq 0 || return 1
	layers 3 3
	waitfor 10 hits "$NS_B" nft_hits -gt 0 || return 1
	layers 2 2
	mark
	waitfor 10 counter_over "$RXE_B" l2_rcvd_pkts 200 && traffic_ok
}

without_route()
{
	layers 2 2 && traffic -T 19 -i 60000 || return 1
	ip -n "$NS_A" route flush table main
	ip -n "$NS_A" -6 route flush table main
	defer ip -n "$NS_A" route add 192.0.2.0/24 dev "$DEV_A"
	defer ip -n "$NS_A" -6 route add 2001:db8::/64 dev "$DEV_A"
	! in_a ping -c 1 -W 1 $IP_B >/dev/null 2>&1 || {
		say "ping still finds a route"
		return 1
	}
	mark
	waitfor 10 counter_over "$RXE_A" l2_sent_pkts 200 && traffic_ok
}

# The neighbour entry is asked when a QP is connected, not per packet.
without_neighbour()
{
	layers 2 2 && traffic -T 19 -i 60000 || return 1
	ip -n "$NS_A" neigh flush dev "$DEV_A"
	ip -n "$NS_A" link set "$DEV_A" arp off
	defer ip -n "$NS_A" link set "$DEV_A" arp on
	mark
	waitfor 10 counter_over "$RXE_A" l2_sent_pkts 200 && traffic_ok
}

# IP and UDP do not count what they do not see.
snmp()
{
	ip netns exec "$1" awk -v name="$2" '
		/^Udp:/ && !n { for (i = 2; i <= NF; i++) if ($i == name) n = i
				next }
		/^Udp:/ { print $n }' /proc/net/snmp
}

no_udp_counters()
{
	local in out

	layers 2 2
	in=$(snmp "$NS_B" InDatagrams) out=$(snmp "$NS_B" NoPorts)
	xfer -o mix -n 100 &&
	[ "$(snmp "$NS_B" InDatagrams)" = "$in" ] &&
	[ "$(snmp "$NS_B" NoPorts)" = "$out" ]
}

start 11
need nft iptables rping
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for hook in output input prerouting postrouting; do
	run_case "nft drop in $hook stops layer 3, does not see layer 2" \
		rule nft_hook nft_hits $hook
done
for hook in OUTPUT INPUT; do
	run_case "iptables drop in $hook stops layer 3, does not see layer 2" \
		rule ipt_hook ipt_hits $hook
done
run_case "rules set under layer 2 traffic count nothing until layer 3" \
	rule_under_traffic
run_case "layer 2 goes on without a route" without_route
run_case "layer 2 goes on without a neighbour entry" without_neighbour
run_case "layer 2 leaves the UDP counters of the receiver alone" \
	no_udp_counters
pair_down
pair_up netkit-l3 || ktap_exit_fail_msg "no topology"
run_case "netkit l3: nft drop stops layer 3, does not see layer 2" \
	rule nft_hook nft_hits input
ktap_finished
