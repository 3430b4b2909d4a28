#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# boot.sh JOB: boots the kernel on a copy-on-write view of the root, runs the
# job, judges, and leaves nothing behind but logs.

. "$(dirname "$0")/lib.sh"
. "$HERE/judge.sh"

job=$1
# the selection for run_kselftest.sh
selection()
{
	local t

	if [ -z "$TESTS" ]; then
		# shellcheck disable=SC2086 # words
		printf -- '-c %s ' $TARGETS
		return
	fi
	for t in $TESTS; do
		case $t in
		*:*) printf -- '-t %s ' "$t" ;;
		*) printf -- '-t %s:%s ' "${TARGETS%% *}" "$t" ;;
		esac
	done
}

# KVM where the CPU has it: /dev/kvm alone says little.
have_kvm()
{
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]
}

# What kselftests call a slow machine: tests do less there.
slow()
{
	[ -n "$DEBUG" ] || { [ "$ARCH" = x86_64 ] && ! have_kvm; }
}

# Options of the soak test: EPOCH alone is that one epoch.
soak_options()
{
	local time=$MINUTES

	[ -n "$time$EPOCH" ] || time=10
	echo "${SEED:+--seed $SEED} ${EPOCH:+--epoch $EPOCH}" \
		"${time:+--minutes $time} $SOAK"
}

# the program that the guest runs
write_job()
{
	case $job in
	exec)
		cp "$SCRIPT" "$run/share/job" ;;
	run)
		cp "$HERE/demo${DEMO:+_$DEMO}.sh" "$run/share/job" ;;
	bench)
		cat >"$run/share/job" <<-EOF
		#!/bin/sh
		exec /mnt/share/bench/run $BENCH
		EOF
		;;
	soak)
		cat >"$run/share/job" <<-EOF
		#!/bin/sh
		export KSFT_MACHINE_SLOW=$(slow && echo yes || echo no)
		cp -r /mnt/share/kselftest /tmp/kselftest
		exec /tmp/kselftest/rdma/rxe_soak.py --out /mnt/out $(soak_options)
		EOF
		;;
	run_tests)
		# a copy: tests write beside themselves
		cat >"$run/share/job" <<-EOF
		#!/bin/sh
		export KSFT_MACHINE_SLOW=$(slow && echo yes || echo no)
		export RXE_KERNEL_SHIPPED=${DISTRO:+yes}
		cp -r /mnt/share/kselftest /tmp/kselftest
		exec /tmp/kselftest/run_kselftest.sh $(selection)
		EOF
		;;
	shell)
		: >"$run/share/job" ;;
	esac
	chmod +x "$run/share/job"
}

# copy LOCK FROM TO: not while another make replaces it
copy()
{
	(lock "$1" && cp -r --reflink=auto "$2" "$run/$3")
}

# What the guest sees of the host.
write_share()
{
	local mhz model

	mkdir -p "$run/share" "$run/out/.rxe"
	cp "$HERE/guest/init" "$run/share/init"
	copy "$CONF" "$KERNEL" kernel
	copy "$CONF" "$STAGE/modules" share/modules
	[ -z "$DISTRO" ] || copy "$CONF" "$STAGE/initrd" initrd
	copy "rxedump-$LINE" "$OUT/rxedump-$LINE/install" share/rxedump
	[ "$job" != run_tests ] && [ "$job" != soak ] && [ -z "$DEMO" ] ||
		copy "ksft-$LINE" "$KSFT" share/kselftest
	[ ! -d "$HERE/bench" ] || cp -r "$HERE/bench" "$run/share/bench"
	[ "$job" != bench ] || [ -n "$DISTRO" ] ||
		copy "$CONF" "$STAGE/stock" share/stock
	[ "$job" != run ] || cp "$TOP/tools/testing/selftests/rdma/rxe_netdev.py" \
		"$run/share/rxe_netdev.py"
	copy dmabuf "$OUT/dmabuf" share/dmabuf
	copy rdma-core "$OUT/rdma-core" share/rdma-core
	cp "$HERE/guest/reg_dmabuf.py" "$run/share"
	[ ! -d "$OUT/debs" ] || copy debs "$OUT/debs" share/debs
	write_job
	mhz=$(awk -F': ' '/^cpu MHz/ { print $2; exit }' /proc/cpuinfo)
	model=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)
	cat >"$run/share/env" <<-EOF
	JOB=$job
	TTY=$tty
	TIMEOUT=$TIMEOUT
	CPU_MHZ=${mhz:-2000.000}
	CPU_MODEL='${model//\'/}'
	HOST_TERM=${TERM:-dumb}
	$(stty size 2>/dev/null </dev/tty |
		sed 's/\([0-9]*\) \([0-9]*\)/ROWS=\1 COLS=\2/')
	EOF
}

# The job's terminal is con1; its input only counts in a shell.
# UML keeps its memory in a file: /dev/shm, unless that is small.
um_tmpdir()
{
	local free

	free=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n1)
	[ "${free:-0}" -gt 2500000 ] && echo /dev/shm || echo "$run"
}

um_guest()
{
	TMPDIR=$(um_tmpdir) exec "${limit[@]}" "$run/kernel" \
		mem=2G ncpus=2 seccomp=on \
		uml_dir="$run/uml" umid=rxe con=null con0=null,fd:4 \
		con1="$input",fd:3 ubd0="$run/cow,$ROOT" root=/dev/ubda rw \
		rxe.hostfs="$run" "${args[@]}" >&4 2>&4
}

# Before QEMU 8.1 a CPU could run what another one had overwritten by then: kernels
# that patch themselves while they run, as distributions' do (ours does not), die of
# an int3 now and then. The tests make them do that a thousand times. With one CPU
# there is no other; one thread for two would be as safe, but when both poll for each
# other they wait 100 ms for their turns.
cpus()
{
	local version

	version=$(qemu-system-x86_64 --version |
		sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
	if [ -n "$DISTRO" ] && [ "$job" = run_tests ] && ! have_kvm &&
	   [ "$(printf '%s\n8.1\n' "$version" | sort -V | head -n1)" != 8.1 ]; then
		echo 1
	else
		echo 2
	fi
}

# A CPU that says that it has a fast "rep movsb" makes the kernel copy with nothing
# else, and that is what an emulator does byte by byte.
accel()
{
	if have_kvm; then
		echo -accel kvm -cpu host
	else
		echo -accel tcg -cpu max,-erms,-fsrm
	fi
}

# Nobody writes to the image, and UML locks it for itself: take no lock.
x86_64_guest()
{
	local disk=file.driver=file,file.locking=off,file.filename=$ROOT

	disk+=,if=virtio,format=raw,snapshot=on
	# shellcheck disable=SC2046 # words
	TMPDIR=$run exec "${limit[@]}" qemu-system-x86_64 \
		-nodefaults -no-user-config -display none -no-reboot \
		$(accel) -smp "$(cpus)" -m 3G -kernel "$run/kernel" \
		${DISTRO:+-initrd "$run/initrd"} \
		-append "console=ttyS0 root=/dev/vda rw rxe.9p ${args[*]}" \
		-drive "$disk" \
		-serial "file:$run/console" -device virtio-serial-pci \
		-chardev stdio,id=job,signal=off \
		-device virtconsole,chardev=job \
		-virtfs "local,path=$run/share,mount_tag=share,$opts9p,readonly=on" \
		-virtfs "local,path=$run/out,mount_tag=out,$opts9p" >&3 2>&4
}

# run_guest: in the background, so that an interrupt reaches us at once
run_guest()
{
	mkfifo "$run/pipe"
	tee "$run/output" <"$run/pipe" 8>&- &
	tee=$!
	"${ARCH}_guest" </dev/null 3>"$run/pipe" 4>>"$run/console" 8>&- &
	guest=$!
	wait "$guest" || guest_rc=$?
	wait "$tee" || true
	guest='' tee=''
}

run_shell()
{
	limit=() input=fd:0
	("${ARCH}_guest" 3>&1 4>>"$run/console" 8>&-) || guest_rc=$?
	stty sane
}

# UML makes itself the leader of a session: only timeout knows it. To that one it
# is as if the time were over, and to a shell that is not timeout yet, the end.
clean_up()
{
	if [ -n "$guest" ]; then
		kill -ALRM "$guest" 2>/dev/null || true
		wait "$guest" 2>/dev/null || true
	fi
	[ -z "$tee" ] || kill "$tee" 2>/dev/null || true
	rm -rf "$run"
}

# Two makes may run the same job at once: the second names itself.
log_name()
{
	mkdir -p "$LOGS" "$OUT/lock"
	name=$job-$CONF
	exec 8>"$OUT/lock/log-$name"
	flock -n 8 || name+=-$$
}

keep_logs()
{
	mv "$run/console" "$LOGS/$name.log"
	[ ! -e "$run/output" ] || mv "$run/output" "$LOGS/$name.out"
	rm -f "$LOGS/$name.kmemleak"
	[ ! -e "$run/out/.rxe/kmemleak" ] ||
		mv "$run/out/.rxe/kmemleak" "$LOGS/$name.kmemleak"
}

# keep_files: what the job left in /mnt/out
keep_files()
{
	local to=$OUT/out/$name

	[ "$job" != bench ] || to=$OUT/bench
	[ "$job" != soak ] || to=$OUT/soak/$name
	rm -rf "$to"
	mkdir -p "$(dirname "$to")"
	rsync -a --exclude=/.rxe "$run/out/" "$to/"
	rmdir "$to" 2>/dev/null || say "files of the guest: $to"
}

guest='' tee='' guest_rc=0 name=''
runs=${RUNS:-$OUT/tmp}
mkdir -p "$runs"
run=$(mktemp -d "$runs/run-XXXXXX")
trap clean_up EXIT
log_name
tty=/dev/tty1 input=null
[ "$ARCH" = um ] || tty=/dev/hvc0
opts9p=security_model=none,multidevs=remap
limit=(timeout -s KILL "$TIMEOUT")
args=(init=/sbin/rxe-boot panic=-1 oops=panic loglevel=7)
write_share
: >"$run/console"
start=$SECONDS
if [ "$job" = shell ]; then
	run_shell
else
	run_guest
fi
keep_logs
keep_files
judge "$name" "$guest_rc" "$run/out/.rxe" $((SECONDS - start))
