#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How RXE calls the handlers of completion queues, and in which order completions
# come.

# shellcheck disable=SC2015
# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

ROUNDS=$(scale 2000 200)
POSTS=$(scale 600 150)
MESSAGES=$(scale 500 100)
CLIENT=/sys/kernel/debug/rxe_cq_test

# A kernel client, rxe_cq_test.c. It polls, arms and posts in its handlers, and
# in the event handler of its QPs, also while these are flushed. And a process of
# it posts: with no lock, and with the lock that its handler takes, bottom halves
# or interrupts off.
kernel_client() # LAYER ROUNDS POSTS
{
	local gid_a gid_b

	layers "$1" "$1" &&
	gid_a=$(gid_index "$RXE_A" $IP_A) &&
	gid_b=$(gid_index "$RXE_B" $IP_B) || return 1
	echo "$RXE_A $gid_a $RXE_B $gid_b $2 $3" 2>"$TMP/client" >$CLIENT || {
		say "$(tail -n 1 "$TMP/client"): $(dmesg | tail -n 1)"
		return 1
	}
}

# A message's ACK and its answer are processed by two tasks, and either of their
# completions may be the first one. With the stock module, and with this one, the
# answer is first in about two of a thousand. More than one in ten means that
# ACKs wait. On a slow machine it may be first in one of three: there the case is
# about all of them getting through.
in_order()
{
	local first text

	layers "$1" "$1" && text=$("$HERE/rxe_order" "$RXE_A" $IP_A "$RXE_B" \
		$IP_B "$MESSAGES" 2>&1) || { say "$(tail -n 1 <<<"$text")"; return 1; }
	first=${text#*: }
	slow || [ $((${first% of *} * 10)) -le "$MESSAGES" ] || {
		say "$(tail -n 1 <<<"$text")"
		return 1
	}
}

# A QP with an SRQ reports once that it takes no receive any more, however often it
# is told to be in the error state, and again after a reset.
last_wqe()
{
	local text

	text=$(timeout 60 python3 - "$RXE_A" 2>&1 <<-'EOF'
	import os, select, sys
	from pyverbs import cq, device, enums, pd, qp, srq

	ctx = device.Context(name=sys.argv[1])
	pd = pd.PD(ctx)
	cq = cq.CQ(ctx, 8)
	srq = srq.SRQ(pd, srq.SrqInitAttr(srq.SrqAttr(8)))
	init = qp.QPInitAttr(qp_type=enums.IBV_QPT_RC, scq=cq, rcq=cq, srq=srq,
	                     cap=qp.QPCap(max_send_wr=1, max_recv_wr=0))
	qp_attr = qp.QPAttr(port_num=1)
	the_qp = qp.QP(pd, init)

	# pyverbs does not tell which it is
	fds = ["/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd")]
	fd = [fd for fd in fds if os.path.lexists(fd) and
	      "infinibandevent" in os.readlink(fd)]
	async_fd = int(os.path.basename(fd[0]))

	def events():
	    n = 0
	    while select.select([async_fd], [], [], 0.3)[0]:
	        event = ctx.get_async_event()
	        n += event.event_type == enums.IBV_EVENT_QP_LAST_WQE_REACHED
	        event.ack()
	    return n

	counts = []
	for attempt in range(2):
	    the_qp.to_init(qp_attr)
	    n = 0
	    for again in range(5):
	        the_qp.modify(qp.QPAttr(enums.IBV_QPS_ERR), enums.IBV_QP_STATE)
	        n += events()
	    counts.append(n)
	    the_qp.modify(qp.QPAttr(enums.IBV_QPS_RESET), enums.IBV_QP_STATE)
	for what in the_qp, srq, cq, pd, ctx:
	    what.close()
	if counts != [1, 1]:
	    sys.exit("events: %s" % counts)
	EOF
	) || {
		say "$(tail -n 1 <<<"$text")"
		return 1
	}
}

KINDS=(netkit-l2 netkit-l3)
# Debian's own kernel has no modules of ours but rdma_rxe.
[ "${RXE_KERNEL_SHIPPED:-no}" != yes ] || KINDS=()

start $((4 * ${#KINDS[@]} + 3))
[ ${#KINDS[@]} -gt 0 ] ||
	say "left out: kernel clients; this kernel has no rxe_cq_test"
modprobe -q rxe_cq_test
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
for kind in "${KINDS[@]}"; do
	pair_up "$kind" || ktap_exit_fail_msg "no topology"
	for layer in 2 3; do
		run_case "$kind, layer $layer: a kernel client that works in its handlers" \
			unwarned kernel_client $layer "$ROUNDS" 0
		run_case "$kind, layer $layer: a kernel client that posts with its locks held" \
			unwarned kernel_client $layer 1 "$POSTS"
	done
	pair_down
done
pair_up netkit-l2 || ktap_exit_fail_msg "no topology"
for layer in 2 3; do
	run_case "layer $layer: an answer seldom precedes the completion of its message" \
		in_order $layer
done
run_case "a QP with an SRQ reports its last receive once" last_wqe
ktap_finished
