# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: Debian's kernel packages.  apt checks the signatures; a configuration
# of our own keeps the machine's apt untouched.

# What there is, and of which version.
update_lists()
{
	local uri key suite

	uri=$(mirror)
	key=$(keyring)
	mkdir -p "$OUT"/dl/apt/{lists/partial,cache/archives/partial}
	for suite in trixie trixie-backports; do
		echo "deb [signed-by=$key] $uri $suite main"
	done >"$OUT/dl/apt/sources.list"
	cat >"$OUT/dl/apt/conf" <<-END
	Dir::Etc::sourcelist "$OUT/dl/apt/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State::lists "$OUT/dl/apt/lists";
	Dir::Cache "$OUT/dl/apt/cache";
	APT::Sandbox::User "";
	END
	export APT_CONFIG=$OUT/dl/apt/conf
	apt-get update
}

# unpack_debs DIR PACKAGE...: the files of the packages, below DIR. Wants $tmp.
unpack_debs()
{
	local to=$1 deb
	shift

	mkdir -p "$to" "${tmp:?}/debs"
	(cd "$tmp/debs" && apt-get download "$@")
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$to"
	done
}

# fetch_once FILE WHAT LOG: by fetch(), unless FILE is there. One make at a time:
# the lists are of all. Keeps the lock.
fetch_once()
{
	[ ! -e "$1" ] || return 0
	lock source
	[ ! -e "$1" ] || return 0
	say "fetching $2 (once)"
	step "fetch $2" "$3" fetch
}
