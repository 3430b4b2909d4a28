#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lays the overlay on a copy of the kernel source, $TREE.  New files become
# links into the repository.  X.c.fix-*.patch, X.c.hook-*.patch and X.c.patch are
# applied, in this order, to a pristine copy of X.c, which is kept in
# $TREE/.rxe/orig; the tree's own file is replaced only when the outcome
# differs, so that kbuild builds what changed and no more.

. "$(dirname "$0")/lib.sh"

STATE=$TREE/.rxe

unpack()
{
	mkdir -p "$tmp/tree/.rxe/orig"
	tar -xf "$OUT/dl/linux-source-$KVER.tar.xz" -C "$tmp/tree" \
		--strip-components=1
	touch "$tmp/tree/.rxe/files"
	mv "$tmp/tree" "$TREE"
}

# A tree of the user's is followed at each run; what the overlay touched
# there and what a build left there is none of our business.
follow_kdir()
{
	local f

	mkdir -p "$STATE/orig"
	touch "$STATE/files"
	sed 's,^,/,' "$STATE/files" >"$tmp/touched"
	rsync -a --delete --exclude-from="$tmp/touched" --exclude=/.rxe --exclude='/out-*' \
		--exclude=.git --exclude=/.config --exclude=/include/config \
		--exclude=/include/generated --exclude='/arch/*/include/generated' \
		--exclude='*.o' --exclude='*.ko' --exclude='*.cmd' \
		--exclude='*.a' "$(realpath "$KDIR")/" "$TREE/"
	(cd "$STATE/orig" && find . -type f -printf '%P\n') |
	while read -r f; do
		cmp -s "$KDIR/$f" "$STATE/orig/$f" ||
			cp "$KDIR/$f" "$STATE/orig/$f"
	done
}

keep_orig()
{
	[ ! -e "$STATE/orig/$1" ] || return 0
	[ -f "$TREE/$1" ] && [ ! -L "$TREE/$1" ] ||
		die "$2: no $1 in the kernel tree"
	mkdir -p "$STATE/orig/$(dirname "$1")"
	cp -p "$TREE/$1" "$tmp/orig"
	mv "$tmp/orig" "$STATE/orig/$1"
}

# replace FILE: by $tmp/new, with the mode of the pristine one
replace()
{
	chmod --reference="$STATE/orig/$1" "$tmp/new"
	mv "$tmp/new" "$TREE/$1"
}

# patch_file FILE PATCH...: offsets are fine, fuzz is not
patch_file()
{
	local f=$1 p out
	shift

	keep_orig "$f" "$1"
	cp "$STATE/orig/$f" "$tmp/new"
	for p in "$@"; do
		[ "$(sed -n 's,^+++ [^/]*/\([^ \t]*\).*,\1,p' "$TOP/$p")" = \
			"$f" ] || die "$p: not a patch of $f, and of it alone"
		out=$(patch -s --fuzz=0 --no-backup-if-mismatch -r - \
			"$tmp/new" "$TOP/$p" 2>&1 </dev/null) ||
			die "$p does not apply to $LINE: ${out//$'\n'/; }"
	done
	cmp -s "$tmp/new" "$TREE/$f" || replace "$f"
}

link_file()
{
	[ ! -L "$TREE/$1" ] || [ ! "$TREE/$1" -ef "$TOP/$1" ] || return 0
	[ -L "$TREE/$1" ] || [ ! -e "$TREE/$1" ] ||
		die "$1 is in the kernel tree already: make it $1.patch"
	mkdir -p "$(dirname "$TREE/$1")"
	ln -sfn "$TOP/$1" "$TREE/$1"
}

# what an earlier overlay touched and this one does not
drop_file()
{
	if [ -e "$STATE/orig/$1" ]; then
		cp "$STATE/orig/$1" "$tmp/new"
		replace "$1"
		rm "$STATE/orig/$1"
	else
		rm -f "$TREE/$1"
	fi
}

# The list of touched files must be right even after an interrupted run: it
# names old and new ones first, and only the new ones when all is done.
lay()
{
	local f target
	local -A touched=()

	# sorted: fixes, hooks, X.c.patch
	while read -r f; do
		target=$(target_of "$f")
		touched[$target]+=" $f"
	done < <(overlay)

	printf '%s\n' "${!touched[@]}" | sed '/^$/d' | sort >"$tmp/files"
	sort -u "$tmp/files" "$STATE/files" >"$tmp/both"
	cp "$tmp/both" "$STATE/files"
	comm -23 "$tmp/both" "$tmp/files" >"$tmp/gone"
	while read -r f; do
		drop_file "$f"
	done <"$tmp/gone"
	while read -r target; do
		f=${touched[$target]# }
		if [ "$f" = "$target" ]; then
			link_file "$f"
		else
			# shellcheck disable=SC2086 # one word a patch
			patch_file "$target" $f
		fi
	done <"$tmp/files"
	mv "$tmp/files" "$STATE/files"
}

lock "tree-$LINE"
scratch
if [ -n "$KDIR" ]; then
	mkdir -p "$TREE"
	follow_kdir
elif [ ! -d "$TREE" ]; then
	step "unpack linux-$KVER" "$LOGS/tree-$LINE.log" unpack
fi
lay
