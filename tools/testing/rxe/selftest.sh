#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests the harness: provokes each verdict in a real guest, interrupts the
# cached steps, runs two at once.  KTAP, kept in $LOGS/selftest.out.

. "$(dirname "$0")/lib.sh"

count=0 failed=0

result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		echo "not ok $count $2"
		sed 's/^/# /' "$tmp/log"
		failed=$((failed + 1))
	fi
}

# verdict NAME STATUS TEXT [SECONDS] <script: a guest that runs the script
# ends with this status and says this
verdict()
{
	local rc=0

	cat >"$tmp/script"
	SCRIPT=$tmp/script TIMEOUT=${4:-300} "$HERE/boot.sh" exec \
		>"$tmp/log" 2>&1 || rc=$?
	[ "$rc" -eq "$2" ] && grep -q "^rxe: $3" "$tmp/log"
	result $? "$1"
}

verdicts()
{
	verdict "an exit status of 0 is a pass" 0 PASS <<-'EOF'
	#!/bin/sh
	modprobe rdma_rxe && rdma link
	EOF
	verdict "the status of a script is passed out" 3 "TEST FAILED" <<-'EOF'
	#!/bin/sh
	exit 3
	EOF
	verdict "a WARNING is a splat, whatever the script says" 101 \
		"KERNEL SPLAT" <<-'EOF'
	#!/bin/sh
	modprobe lkdtm
	echo WARNING >/sys/kernel/debug/provoke-crash/DIRECT
	exit 0
	EOF
	verdict "text that looks like a splat is none" 0 PASS <<-'EOF'
	#!/bin/sh
	echo "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1"
	echo "BUG: KASAN: out of bounds"
	EOF
	verdict "a script that never ends is a hang" 103 HANG 8 <<-'EOF'
	#!/bin/sh
	sleep 1000
	EOF
	verdict "a panic is a dead guest" 104 "GUEST DIED" <<-'EOF'
	#!/bin/sh
	modprobe lkdtm
	echo PANIC >/sys/kernel/debug/provoke-crash/DIRECT
	EOF
	verdict "a guest that powers off by itself is dead" 104 \
		"GUEST DIED" <<-'EOF'
	#!/bin/sh
	perl -e 'syscall(169, 0xfee1dead, 672274793, 0x4321fedc, 0)'
	sleep 1000
	EOF
	[ -z "$DEBUG" ] || leak
}

leak()
{
	verdict "memory that nobody points to is a leak" 102 LEAK <<-'EOF'
	#!/bin/sh
	modprobe kmemleak-test
	modprobe -r kmemleak-test
	EOF
	grep -q do_one_initcall "$tmp/log"
	result $? "its report names who allocated it"
}

output()
{
	printf '#!/bin/sh\nprintf "a\\tb\\nc"; seq 20000; echo e >&2\n' \
		>"$tmp/script"
	printf 'a\tb\nc%s\ne\n' "$(seq 20000)" >"$tmp/want"
	SCRIPT=$tmp/script "$HERE/boot.sh" exec >"$tmp/got" 2>"$tmp/log" &&
		cmp "$tmp/want" "$tmp/got" >>"$tmp/log" 2>&1
	result $? "the output comes out whole"

	printf '#!/bin/sh\necho data >/mnt/out/file\n' >"$tmp/script"
	SCRIPT=$tmp/script "$HERE/boot.sh" exec >"$tmp/log" 2>&1 &&
		grep -qx data "$OUT/out/exec-$CONF/file"
	result $? "files in /mnt/out come back"
}

nothing_left()
{
	printf '#!/bin/sh\ntouch /left; test ! -e /was; touch /was\n' \
		>"$tmp/script"
	{
		SCRIPT=$tmp/script "$HERE/boot.sh" exec &&
		SCRIPT=$tmp/script "$HERE/boot.sh" exec &&
		! ls -d "$RUNS"/run-* &&
		! pgrep -f "$RUNS/"
	} >"$tmp/log" 2>&1
	result $? "a run leaves nothing behind"
}

interrupted_run()
{
	local pid

	printf '#!/bin/sh\nsleep 1000\n' >"$tmp/script"
	SCRIPT=$tmp/script "$HERE/boot.sh" exec >"$tmp/log" 2>&1 &
	pid=$!
	sleep 4
	kill -TERM $pid
	! wait $pid && ! ls -d "$RUNS"/run-* >>"$tmp/log" 2>&1 &&
		! pgrep -af "$RUNS/" >>"$tmp/log"
	result $? "an interrupted run cleans up"
}

# In a build folder of its own: what stops in the middle is done again.
interrupted_source()
{
	local out=$tmp/build pid rc=0

	export OUT=$out LOGS=$out/log TREE=$out/tree
	mkdir -p "$out/dl"
	"$HERE/source.sh" >"$tmp/log" 2>&1 &
	pid=$!
	until ls -d "$out"/tmp/* >/dev/null 2>&1; do sleep 0.1; done
	kill -TERM $pid
	wait $pid || true
	[ ! -e "$out/dl/linux-source-$KVER.tar.xz" ] || rc=1
	{ "$HERE/source.sh" &
	  "$HERE/source.sh" && wait $!; } >>"$tmp/log" 2>&1 || rc=1
	result $rc "an interrupted download is redone, by one of two"

	rc=0
	"$HERE/tree.sh" >"$tmp/log" 2>&1 &
	pid=$!
	until [ -e "$(echo "$out"/tmp/*/tree)" ]; do sleep 0.1; done
	kill -TERM $pid
	wait $pid || true
	[ ! -e "$TREE" ] || rc=1
	{ "$HERE/tree.sh" &
	  "$HERE/tree.sh" && wait $!; } >>"$tmp/log" 2>&1 || rc=1
	[ -e "$TREE/Kbuild" ] && [ -e "$TREE/virt/Makefile" ] || rc=1
	result $rc "an interrupted unpacking is redone, by one of two"
}

# The package of `make dkms`, built by dkms, in folders of its own, for the
# configuration of Debian's kernel.
packed()
{
	local as='' dir=$tmp/dkms debian kbuild rc=0
	local knobs=(ARCH=x86_64 KVER="$KVER" KDIR= DEBUG= DISTRO=amd64)

	[ "$(id -u)" -eq 0 ] || as=fakeroot
	mkdir -p "$dir"/{tree,source,install}
	{
		make -C "$TOP" kernel "${knobs[@]}" &&
		make -C "$TOP" dkms "${knobs[@]}" &&
		kbuild=$(make -s -C "$TOP" print-KBUILD "${knobs[@]}") &&
		debian=$(cat "$kbuild/include/config/kernel.release") &&
		env -i PATH="$PATH" $as dkms build --dkmstree "$dir/tree" \
			--sourcetree "$dir/source" \
			--installtree "$dir/install" --no-depmod -k "$debian" \
			--kernelsourcedir "$kbuild" \
			"$OUT"/dkms/rdma-rxe-netkit-* &&
		find "$dir" -name rdma_rxe.ko -exec modinfo -F vermagic {} + |
			grep "^$debian "
	} >"$tmp/log" 2>&1 || rc=1
	result $rc "dkms builds the module for Debian's kernel"
}

# The packages of `make debs`: the job in the guest says a line a case.
packages()
{
	local rc=0 word name

	SCRIPT=$HERE/guest/debs "$HERE/boot.sh" exec >"$tmp/cases" 2>&1 || rc=$?
	: >"$tmp/log"
	while read -r word name; do
		case $word in
		ok) result 0 "packages: $name" ;;
		not) result 1 "packages: ${name#ok }" ;;
		\#) echo "$name" >>"$tmp/log"; continue ;;
		esac
		: >"$tmp/log"
	done <"$tmp/cases"
	grep '^rxe: ' "$tmp/cases" >"$tmp/log" || true
	result $rc "packages: the guest passes"
}

# The demonstration in which the guest checks all that it shows.
demonstration()
{
	local rc=0

	{ "$HERE/kselftest.sh" && DEMO=devmem "$HERE/boot.sh" run; } \
		>"$tmp/log" 2>&1 || rc=$?
	result $rc "make run DEMO=devmem"
}

all()
{
	verdicts
	output
	nothing_left
	interrupted_run
	demonstration
	packed
	packages
	interrupted_source
	echo "1..$count"
	[ "$failed" -eq 0 ]
}

scratch
mkdir -p "$LOGS"
export RUNS=$tmp	# other guests may run beside
all | tee "$LOGS/selftest.out"
