#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The overlay as mails, one topic each, that `git am` takes on a kernel of this
# line, in $OUT/series/$LINE: each fix, which its patches name and tell of, then the
# topics that series/[0-9]* describe: the message, ---, and the files. New files
# of a fix are in series/fix-*.

. "$(dirname "$0")/lib.sh"

topics=$HERE/series
to=${OUT_SERIES:-$OUT/series/$LINE}
declare -A left=()	# files of the overlay that no mail has yet

# the part of a patch or topic before its ---
message()
{
	sed '/^---$/,$d' "$1"
}

# take FILE: lay it on the repository
take()
{
	local target

	[ -n "${left[$1]:-}" ] || die "series: $1 is in two mails"
	unset "left[$1]"
	target=$(target_of "$1")
	if [ "$target" = "$1" ]; then
		mkdir -p "$(dirname "$target")"
		cp "$TOP/$1" "$target"
	else
		patch -s --fuzz=0 --no-backup-if-mismatch "$target" \
			"$TOP/$1" >&2
	fi
}

# take_matching PATTERN: all files of it that are left
take_matching()
{
	local f found=

	for f in $(printf '%s\n' "${!left[@]}" | sort); do
		# shellcheck disable=SC2053 # a pattern
		[[ $f = $1 ]] || continue
		take "$f"
		found=1
	done
	[ -n "$found" ] || die "series: no file $1"
}

# take_files TOPIC: those behind its ---
take_files()
{
	local pattern

	while read -r pattern; do
		take_matching "$pattern"
	done < <(sed '0,/^---$/d' "$1")
}

commit()
{
	git add -A
	git commit -q -s -F "$1"
}

# A kernel with nothing but what the overlay touches: mails need no more.
base()
{
	local f target

	git init -q .
	git config commit.gpgsign false
	cp "$TREE/MAINTAINERS" .
	for f in "${!left[@]}"; do
		target=$(target_of "$f")
		[ "$target" != "$f" ] || continue
		mkdir -p "$(dirname "$target")"
		cp "$TREE/.rxe/orig/$target" "$target"
	done
	git add -A
	git commit -q -m "$LINE"
	git tag base
}

# fix_message NAME: what its patches say, all of them the same
fix_message()
{
	local f first=

	for f in "${!left[@]}"; do
		[[ $f = *.fix-$1.patch ]] || continue
		: "${first:=$f}"
		[ "$(message "$TOP/$f")" = "$(message "$TOP/$first")" ] ||
			die "series: the patches of fix-$1 tell different things"
	done
	message "$TOP/$first"
}

# Fixes in the order of their names: it is the one that they are applied in within
# each file, also where a fix has several.
fixes()
{
	local names name

	mapfile -t names < <(printf '%s\n' "${!left[@]}" |
		sed -n 's/.*\.fix-\(.*\)\.patch$/\1/p' | sort -u)
	for name in "${names[@]}"; do
		fix_message "$name" >"$tmp/message"
		[ ! -e "$topics/fix-$name" ] || take_files "$topics/fix-$name"
		take_matching "*.fix-$name.patch"
		commit "$tmp/message"
	done
}

# Our entry, behind upstream's of RXE, with who signs off as its maintainer, and
# without what is no part of the kernel.
maintainers()
{
	awk -v me="$(git var GIT_AUTHOR_IDENT | sed 's/> .*/>/')" '
	NR == FNR && !/tools\/testing\/rxe\// {
		ours = ours "\n" $0
		if (NR == 1)
			ours = ours "\nM:\t" me
	}
	NR == FNR { next }
	/^SOFT-ROCE DRIVER/ { here = 1 }
	here && !$0 {
		print ours
		here = 0
	}
	{ print }' "$TOP/MAINTAINERS" MAINTAINERS >"$tmp/new"
	! cmp -s "$tmp/new" MAINTAINERS ||
		die "series: MAINTAINERS has no SOFT-ROCE DRIVER"
	cp "$tmp/new" MAINTAINERS
}

mails()
{
	local topic

	fixes
	for topic in "$topics"/[0-9]*; do
		take_files "$topic"
		[ "$topic" = "${topic%-maintainers}" ] || maintainers
		message "$topic" >"$tmp/message"
		commit "$tmp/message"
	done
	[ ${#left[@]} -eq 0 ] || die "series: in no mail: ${!left[*]}"
}

# The mails make of a kernel what the overlay makes of it.
verify()
{
	local f

	git checkout -q -b again base
	git am -q "$tmp/mails"/0*[1-9]*-*.patch >"$tmp/said" 2>&1 ||
		die "series: $(tail -n 3 "$tmp/said")"
	[ "$(git rev-parse 'again^{tree}')" = "$(git rev-parse 'series^{tree}')" ] ||
		die "series: git am makes another tree"
	while read -r f; do
		cmp -s "$f" "$TREE/$f" || die "series: $f differs"
	done <"$TREE/.rxe/files"
}

lock "tree-$LINE"
scratch
git var GIT_AUTHOR_IDENT >"$tmp/me" 2>&1 ||
	die "series: who signs off? git config user.name, user.email"
mkdir "$tmp/repo" "$tmp/mails"
while read -r f; do
	left[$f]=1
done < <(overlay)
cd "$tmp/repo"
base
git checkout -q -b series
mails
git format-patch -q --cover-letter -o "$tmp/mails" base
message "$topics/cover" >"$tmp/cover"
sed -i -e "s/\*\*\* SUBJECT HERE \*\*\*/$(head -n 1 "$tmp/cover")/" \
	-e "/\*\*\* BLURB HERE \*\*\*/ { r /dev/stdin
d }" "$tmp/mails/0000-cover-letter.patch" < <(tail -n +3 "$tmp/cover")
verify
mkdir -p "$(dirname "$to")"
rm -rf "$to"
mv "$tmp/mails" "$to"
say "series: $(find "$to" -name '*.patch' ! -name '0000-*' | wc -l) mails: $to"
