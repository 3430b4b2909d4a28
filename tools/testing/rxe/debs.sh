# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: Debian's kernel packages.  apt checks the signatures; a configuration
# of our own keeps the machine's apt untouched.

write_apt_conf()
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
}

# unpack_debs DIR PACKAGE...: the files of the packages, below DIR. Wants $tmp.
unpack_debs()
{
	local to=$1 deb
	shift

	export APT_CONFIG=$OUT/dl/apt/conf
	mkdir -p "$to" "${tmp:?}/debs"
	apt-get update
	(cd "$tmp/debs" && apt-get download "$@")
	for deb in "$tmp"/debs/*.deb; do
		dpkg-deb -x "$deb" "$to"
	done
}
