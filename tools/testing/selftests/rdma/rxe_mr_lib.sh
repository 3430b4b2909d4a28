# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2015
#
# Shared by the rxe_dmabuf*.sh and rxe_odp.sh tests, beside rxe_lib.sh.

# shellcheck source=rxe_lib.sh
. "$(dirname "$0")/rxe_lib.sh"

BUFINFO=/sys/kernel/debug/dma_buf/bufinfo

# mr CASE ARGUMENT...: each byte is checked in there
mr()
{
	"$HERE/rxe_mr" "$RXE_A" $IP_A "$RXE_B" $IP_B "$@" >"$TMP/mr" 2>&1 || {
		say "rxe_mr $*: status $?: $(tail -n 1 "$TMP/mr")"
		return 1
	}
}

buffers()
{
	awk '/^Total .* objects/ { print $2 }' $BUFINFO
}

mrs()
{
	rdma resource show mr | wc -l
}

# as_before BUFFERS MRS: a process that was killed takes its time
as_before()
{
	[ "$(buffers)" = "$1" ] && [ "$(mrs)" = "$2" ]
}

# all_given_back COMMAND...: no buffer and no MR is left
all_given_back()
{
	local bufs before

	bufs=$(buffers)
	before=$(mrs)
	"$@" || return
	waitfor 10 as_before "$bufs" "$before" || {
		say "$(buffers) buffers after $bufs, $(mrs) MRs after $before"
		return 1
	}
}

# nothing_left COMMAND...: no buffer, no MR, no splat
nothing_left()
{
	unwarned all_given_back "$@"
}

# start_mr PLAN [KIND OF LINK]
start_mr()
{
	local dev

	start "$1"
	modprobe -q dmabuf_test_exporter
	modprobe -q vgem
	for dev in /dev/udmabuf /dev/dma_heap/system /dev/dri/card0 \
		   /dev/dmabuf_test; do
		[ -e $dev ] || skip_all "no $dev"
	done
	[ -e $BUFINFO ] || mount -t debugfs debugfs /sys/kernel/debug
	[ -e $BUFINFO ] || skip_all "no $BUFINFO"
	[ -z "$2" ] || modprobe -q netdevsim || skip_all "no netdevsim"
	pair_up "${2:-netkit-l2}" || ktap_exit_fail_msg "no topology"
}
