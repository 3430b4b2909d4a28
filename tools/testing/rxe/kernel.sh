#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configures and builds the kernel in $KBUILD and installs its modules to
# $STAGE/modules.

. "$(dirname "$0")/lib.sh"

kmake()
{
	make -C "$TREE" O="$KBUILD" ARCH="$ARCH" CC="$cc" \
		--no-print-directory "$@"
}

fragments()
{
	echo "$HERE/config/common.config"
	echo "$HERE/config/$ARCH.config"
	[ ! -e "$HERE/config/$KVER.config" ] || echo "$HERE/config/$KVER.config"
	[ -z "$DEBUG" ] || echo "$HERE/config/debug.config"
}

# Ours, then what the selftests ask for and ours do not mention.
merge()
{
	# shellcheck disable=SC2046 # one word a file
	awk 'FNR == 1 { file++ }
	/^CONFIG_/ {
		name = $1
		sub(/=.*/, "", name)
		if (!/=/)
			$0 = $0 "=y"
		if (!(name in value) || file <= ours)
			value[name] = $0
	}
	END { for (name in value) print value[name] }' \
		ours="$(fragments | wc -l)" $(fragments) \
		"$TREE/tools/testing/selftests/rdma/config" \
		"$TREE/tools/testing/selftests/rdma/clients/config" | sort
}

# allnoconfig drops silently what misses a dependency: say it.
check_config()
{
	local miss

	miss=$(awk -F= 'NR == FNR { have[$1] = $2; next }
		$2 == "n" { if ($1 in have) print $1; next }
		have[$1] != $2 && !($2 == "m" && have[$1] == "y") { print $1 }' \
		"$KBUILD/.config" "$KBUILD/rxe.config" | tr '\n' ' ')
	[ -n "$miss" ] || return 0
	rm -f "$KBUILD/rxe.config"
	die "$CONF: .config does not have what was asked for: $miss"
}

config()
{
	mkdir -p "$KBUILD"
	merge >"$tmp/config"
	cmp -s "$tmp/config" "$KBUILD/rxe.config" &&
		[ -e "$KBUILD/.config" ] && return
	step "config $CONF" "$LOGS/config-$CONF.log" \
		kmake KCONFIG_ALLCONFIG="$tmp/config" allnoconfig
	cp "$tmp/config" "$KBUILD/rxe.config"
	check_config
}

# Into a new folder, stripped (the build folder keeps the symbols).
modules()
{
	local stamp=$STAGE/modules.stamp

	# shellcheck disable=SC2046 # one word a module
	[ ! -e "$stamp" ] || [ -n "$(find "$KBUILD/modules.order" \
		$(sed "s,^,$KBUILD/,; s,o\$,ko," "$KBUILD/modules.order") \
		-newer "$stamp" -print -quit)" ] || return 0
	step "modules $CONF" "$LOGS/modules-$CONF.log" \
		kmake INSTALL_MOD_PATH="$tmp/m" INSTALL_MOD_STRIP=1 \
		modules_install
	rm -f "$tmp"/m/lib/modules/*/{build,source}
	mkdir -p "$STAGE"
	rm -rf "$stamp" "$STAGE/modules"
	mv "$tmp/m/lib/modules" "$STAGE/modules"
	mv "$tmp/stamp" "$stamp"
}

lock "$CONF"
scratch
cc=gcc
! command -v ccache >/dev/null || cc="ccache gcc"
export CCACHE_DEPEND=1	# kbuild knows what depends on what: no extra cpp
export CCACHE_NOHASHDIR=1	# serve other checkouts, too
targets="bzImage modules"
[ "$ARCH" != um ] || targets=all
config
touch "$tmp/stamp"
# shellcheck disable=SC2086 # words
step "kernel $CONF" "$LOGS/kernel-$CONF.log" kmake -j"$(nproc)" $targets
modules
