#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The static checks, on both kernel lines: patches without fuzz, the mails that
# they make, checkpatch, kernel-doc, W=1 and sparse, shellcheck.  KTAP, kept in
# $LOGS/check.out.
# A warning that upstream's own files give as well is not ours.

. "$(dirname "$0")/lib.sh"

RXE=drivers/infiniband/sw/rxe
count=0 failed=0

# check NAME CMD...: CMD is silent when all is well
check()
{
	local name=$1 rc=0
	shift

	"$@" >"$tmp/log" 2>&1 </dev/null || rc=$?
	count=$((count + 1))
	if [ $rc -eq 0 ]; then
		echo "ok $count $name"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count $name"
	sed 's/^/# /' "$tmp/log"
}

# ours PATTERN...: the overlay's files, as paths in the repository
ours()
{
	local p args=()

	for p in "$@"; do
		args+=(-o -name "$p")
	done
	cd "$TOP"
	find arch drivers include lib net tools/rdma tools/testing/selftests -type f \
		\( "${args[@]:1}" \) 2>/dev/null | sort
}

checkpatch()
{
	local tree=$OUT/tree-7.3 f rc=0 args
	# the git tree of checkpatch's spdxcheck is the kernel's, not ours
	local cmd=(env GIT_DIR=none "$tree/scripts/checkpatch.pl" --root="$tree" --strict
		--terse --no-summary)

	for f in $(ours '*.[ch]'); do
		args=()
		# the layout of TRACE_EVENT() breaks these rules everywhere
		[ "$f" = "${f#include/trace/}" ] || args=(--ignore \
			"OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT")
		# C for user space and BPF: no BIT(), names of libc's, rodata
		# that is set before the program is loaded, bytes as strings
		[ "$f" = "${f#tools/rdma/}" ] || args=(--ignore \
			"BIT_MACRO,CAMELCASE,MACRO_ARG_REUSE,VOLATILE,\
MACRO_WITH_FLOW_CONTROL,PREFER_DEFINED_ATTRIBUTE_MACRO,\
SPLIT_STRING,STRING_FRAGMENTS,MISSING_SPACE")
		"${cmd[@]}" "${args[@]}" --file "$TOP/$f" || rc=1
	done
	# Patches get a sign-off when they become mail, hooks a description too.
	for f in $(ours '*.patch'); do
		args=(--no-signoff)
		[ "$f" != "${f%.fix-*}" ] || args+=(--ignore COMMIT_MESSAGE)
		# UML's flags are shifts, all of them
		[ "$f" = "${f%thread_info.h.*}" ] || args+=(--ignore BIT_MACRO)
		# barriers, as x86 writes them
		[ "$f" = "${f%barrier.h.*}" ] || args+=(--ignore
			"COMPLEX_MACRO,MACRO_ARG_PRECEDENCE,MACRO_ARG_REUSE,SINGLE_STATEMENT_DO_WHILE_MACRO")
		"${cmd[@]}" "${args[@]}" - <"$TOP/$f" >"$tmp/said" || {
			sed "s,^,$f: ," "$tmp/said"
			rc=1
		}
	done
	return $rc
}

# What the mails are made of is checked by itself: this is about them as mails.
series()
{
	local types=BAD_SIGN_OFF,COMMIT_LOG_LONG_LINE,COMMIT_MESSAGE
	local cmd=("$OUT/tree-$1/scripts/checkpatch.pl" --root="$OUT/tree-$1" --terse
		--no-summary --types="$types,CORRUPTED_PATCH,EMAIL_SUBJECT,MISSING_SIGN_OFF")

	GIT_AUTHOR_NAME=check GIT_AUTHOR_EMAIL=check@example.com \
	GIT_COMMITTER_NAME=check GIT_COMMITTER_EMAIL=check@example.com \
	make -C "$TOP" --no-print-directory series KVER="$1" KDIR= \
		ARCH=x86_64 DISTRO= OUT_SERIES="$tmp/series" >"$tmp/said" 2>&1 ||
		{ cat "$tmp/said"; return 1; }
	GIT_DIR=none "${cmd[@]}" "$tmp/series"/0*[1-9]*-*.patch
}

kernel_doc()
{
	local f rc=0 out

	for f in $(cd "$TOP" && find drivers include net tools/rdma \
		-name '*.[ch]' 2>/dev/null); do
		out=$("$OUT/tree-7.3/scripts/kernel-doc" -none -Wall \
			"$TOP/$f" 2>&1) || rc=1
		[ -z "$out" ] || { rc=1; echo "$out"; }
	done
	return $rc
}

shell_scripts()
{
	cd "$TOP"
	# not all have a name in .sh, but all say what they are
	# shellcheck disable=SC2046 # one word a file
	shellcheck -x $(grep -rlE '^#!/bin/(ba)?sh|^# shellcheck shell=' \
		.ci tools 2>/dev/null)
}

lay()
{
	make -C "$TOP" --no-print-directory sources KVER="$1" ARCH=x86_64 KDIR= \
		DISTRO=
}

# A configured tree is all that a directory needs.
prepare()
{
	local tree=$OUT/tree-$2 build=$OUT/check-$1-$2 line=$HERE/config/$2.config

	mkdir -p "$build"
	[ -e "$line" ] || line=
	cat "$HERE/config/common.config" "$HERE/config/$1.config" ${line:+"$line"} \
		>"$build/rxe.config"
	make -s -C "$tree" O="$build" ARCH="$1" \
		KCONFIG_ALLCONFIG="$build/rxe.config" allnoconfig &&
	make -s -C "$tree" O="$build" ARCH="$1" -j"$(nproc)" modules_prepare
}

# Warnings and errors of a log, without folders and line numbers. sparse cannot
# evaluate the static_assert() in MODULE_IMPORT_NS() and its like; gcc has.
warnings()
{
	sed -nE '/error: bad constant expression$/d; s,^([^: ]*/)?([^/: ]+):[0-9]+(:[0-9]+)?: (.*(warning|error): ),\2: \4,p' \
		"$1" | sort | uniq -c | sort
}

# Kbuild leaves out, with a warning, a sparse that does not know this keyword,
# as 0.6.4 does not.
SPARSE="sparse -D__typeof_unqual__=__typeof__"

# C of ours outside of RXE, or with a function of ours
OTHERS="drivers/dma-buf/dmabuf_test_exporter.o drivers/net/netdevsim/devmem.o
	net/core/devmem.o"

# compile_others ARCH KVER: none of it draws a warning
compile_others()
{
	local build=$OUT/check-$1-$2 o

	for o in $OTHERS; do
		rm -f "$build/$o"
	done
	# shellcheck disable=SC2086 # words
	make -C "$OUT/tree-$2" O="$build" ARCH="$1" -j"$(nproc)" W=1 C=2 \
		CHECK="$SPARSE" $OTHERS >"$tmp/others" 2>&1 ||
		{ tail -n 20 "$tmp/others"; return 1; }
	! warnings "$tmp/others" | grep -E '(exporter|devmem)\.c: '
}

# compile ARCH KVER: RXE as it is in the tree. Where that draws something from gcc
# or sparse, upstream's is compiled as well, as an external module: what only ours
# draws is a failure.
compile()
{
	local arch=$1 tree=$OUT/tree-$2 build=$OUT/check-$1-$2
	local stock=$OUT/check-stock-$1-$2 rc=0 stock_rc=0
	local kmake=(make -C "$tree" O="$build" ARCH="$arch" -j"$(nproc)"
		W=1 C=2 CHECK="$SPARSE")

	rm -rf "${build:?}/$RXE" "$stock"
	"${kmake[@]}" "$RXE/" >"$tmp/ours" 2>&1 || rc=$?
	warnings "$tmp/ours" >"$tmp/ours.w"
	if [ $rc -ne 0 ] || [ -s "$tmp/ours.w" ]; then
		mkdir -p "$stock"
		find "$tree/$RXE" -maxdepth 1 -type f -exec cp -t "$stock" {} +
		[ ! -d "$tree/.rxe/orig/$RXE" ] ||
			cp "$tree/.rxe/orig/$RXE"/* "$stock"
		"${kmake[@]}" M="$stock" KBUILD_MODPOST_WARN=1 modules \
			>"$tmp/stock" 2>&1 || stock_rc=$?
		warnings "$tmp/stock" | comm -23 "$tmp/ours.w" - >"$tmp/new.w"
		if [ -s "$tmp/new.w" ]; then
			cat "$tmp/new.w"
			return 1
		fi
		# a checker that fails on upstream's files too says nothing of ours
		if [ $rc -ne 0 ] && [ $stock_rc -eq 0 ]; then
			tail -n 20 "$tmp/ours"
			return 1
		fi
	fi
	[ -e "$build/$RXE/rxe.o" ] || { tail -n 20 "$tmp/ours"; return 1; }
	grep -q "CHECK .*$RXE/rxe.c" "$tmp/ours" ||
		{ echo "sparse did not run"; return 1; }
}

# -Wall -Wextra -Werror, its C and its BPF
rxedump()
{
	rm -f "$OUT"/check-rxedump/*.o
	make -C "$OUT/tree-7.3/tools/rdma/rxedump" srctree="$OUT/tree-7.3" \
		OUTPUT="$OUT/check-rxedump" WERROR=1 all >"$tmp/said" 2>&1 ||
		{ cat "$tmp/said"; return 1; }
}

rxedump_tests()
{
	make -s -C "$OUT/tree-7.3/tools/rdma/rxedump" OUTPUT="$OUT/check-rxedump" \
		srctree="$OUT/tree-7.3" check >"$tmp/said" 2>&1 ||
		{ grep -v '^ok' "$tmp/said"; return 1; }
}

# mandoc says all on stdout, groff all on stderr
man_pages()
{
	local page rc=0

	for page in "$TOP"/tools/rdma/*/*.[18]; do
		mandoc -T lint -W warning "$page" &&
			[ -z "$(groff -ww -man -z "$page" 2>&1 |
				tee "$tmp/groff")" ] ||
			{ cat "$tmp/groff"; rc=1; }
	done
	return $rc
}

static_checks()
{
	local kver

	check "shellcheck" shell_scripts
	for kver in 7.3 7.2; do
		say "check: $kver"
		check "patches apply to $kver without fuzz" lay "$kver"
		check "series: git am takes it, $kver" series "$kver"
		check "x86_64 $kver can be configured" prepare x86_64 "$kver"
		check "W=1, sparse: x86_64 $kver" compile x86_64 "$kver"
		check "W=1, sparse: not RXE, x86_64 $kver" \
			compile_others x86_64 "$kver"
	done
	check "um 7.3 can be configured" prepare um 7.3
	check "W=1, sparse: um 7.3" compile um 7.3
	check "W=1, sparse: not RXE, um 7.3" compile_others um 7.3
	check "rxedump: builds without warnings" rxedump
	check "rxedump: offline tests" rxedump_tests
	check "man pages are clean" man_pages
	check "checkpatch --strict" checkpatch
	check "kernel-doc" kernel_doc
	echo "1..$count"
}

lock check
scratch
mkdir -p "$LOGS"
{ static_checks && [ "$failed" -eq 0 ]; } | tee "$LOGS/check.out"
