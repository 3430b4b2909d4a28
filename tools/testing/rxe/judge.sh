# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The verdicts.  None comes from log text alone: PASS wants the status that
# the guest's init left, and a splat is also seen in the taint bits and in
# lockdep's state.

RC_FAILED=100
RC_SPLAT=101
RC_LEAK=102
RC_HANG=103
RC_DIED=104

# bad page, D (oops), W (warning), L (lockup), bad machine
BAD_TAINT=$((1 << 4 | 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))

# What a kernel says when something is wrong, after the time stamp.
SPLATS='WARNING: |BUG: |kernel BUG at|Oops|general protection fault'
SPLATS+='|Unable to handle kernel|KASAN: |UBSAN: |KFENCE: |KCSAN: |ODEBUG: '
SPLATS+='|Kernel panic|INFO: task .* blocked for|rcu.*detected.*stall'
SPLATS+='|soft lockup|hard LOCKUP|possible (recursive|circular) locking'
SPLATS+='|suspicious RCU usage|inconsistent lock state|refcount_t: '
SPLATS+='|unregister_netdevice: waiting|ref_tracker: .* users at|DMA-API: '
STAMP='^\[ *[0-9]+\.[0-9]+\](\[[^]]*\])? '

# The console from the job's start on: SMP UML with lockdep prints a known
# "suspicious RCU usage" before, when the second CPU comes up.
since_job()
{
	sed -n '/rxe: the job starts$/,$p' "$1" | tr -d '\r'
}

splat_lines()
{
	since_job "$1" | grep -m 5 -A 12 -E "$STAMP.*($SPLATS)" || true
}

# the taint bits that the job added
new_taint()
{
	local before after

	before=$(cat "$1/taint-before" 2>/dev/null || echo 0)
	after=$(cat "$1/taint-after" 2>/dev/null || echo "$before")
	echo $((after & ~before & BAD_TAINT))
}

lockdep_off()
{
	grep -q 'debug_locks: *0' "$1/lockdep" 2>/dev/null
}

# judge NAME GUEST_RC STATE SECONDS: says all that is wrong; the exit status
# is that of the gravest.
judge()
{
	local name=$1 guest_rc=$2 state=$3 console=$LOGS/$1.log
	local rc=0 status='' lines bits

	verdict()
	{
		[ "$rc" -ne 0 ] || rc=$1
		say "$2: $3"
	}

	[ ! -s "$state/status" ] || status=$(cat "$state/status")
	if [ "$guest_rc" -eq 137 ] && [ "$4" -ge "$TIMEOUT" ]; then
		verdict $RC_HANG HANG "no end after $TIMEOUT seconds"
		since_job "$console" | tail -n 20 >&2
	elif ! [[ $status =~ ^[0-9]+$ ]]; then
		verdict $RC_DIED "GUEST DIED" \
			"it left no status (its own exit: $guest_rc)"
		tail -n 20 "$console" >&2
	fi

	lines=$(splat_lines "$console")
	bits=$(new_taint "$state")
	if [ -n "$lines" ] || [ "$bits" -ne 0 ] || lockdep_off "$state"; then
		verdict $RC_SPLAT "KERNEL SPLAT" "taint bits added: $bits"
		printf '%s\n' "$lines" >&2
	fi
	if [ -s "$LOGS/$name.kmemleak" ]; then
		verdict $RC_LEAK LEAK "report: $LOGS/$name.kmemleak"
		head -n 20 "$LOGS/$name.kmemleak" >&2
	fi
	if [ -n "$status" ] && [ "$status" != 0 ]; then
		# exec passes on the status of the script
		verdict "$([ "${name%%-*}" = exec ] && echo "$status" ||
			echo $RC_FAILED)" "TEST FAILED" "exit status $status"
	fi
	[ "$rc" -ne 0 ] || say "PASS: $name, ${4}s"
	say "console: $console"
	return "$rc"
}
