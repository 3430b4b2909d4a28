#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rxedump without a kernel: decoder, files, filters, what users get wrong; and
# whether tshark reads the test captures as we do.

# shellcheck source=/dev/null
. "$(dirname "$0")/../kselftest/ktap_helpers.sh"

HERE=$(cd "$(dirname "$0")" && pwd)
command -v rxedump >/dev/null || {
	ktap_skip_all "no command rxedump"
	exit "$KSFT_SKIP"
}
DIR=$(dirname "$(command -v rxedump)")

ktap_print_header
OUT=$("$DIR/tests/offline.sh" "$DIR/rxedump" "$DIR/test_pcapng")
STATUS=$?
COUNT=$(sed -n 's/^1\.\.//p' <<<"$OUT")
sed '/^1\.\./d' <<<"$OUT"

# with_tshark NAME ARGUMENT...
with_tshark()
{
	local name=$1 said

	shift
	COUNT=$((COUNT + 1))
	if said=$("$HERE/rxe_dump_tshark.py" "$@" 2>&1); then
		echo "ok $COUNT $name"
	else
		STATUS=1
		echo "not ok $COUNT $name"
	fi
	echo "# $said"
}

if command -v tshark >/dev/null; then
	for v in 4 6; do
		with_tshark "tshark reads all fields as we do, IPv$v" \
			"$DIR/tests/captures/opcodes-ipv$v.pcapng" 89 89
	done
	# all but what is cut or damaged, and three tunnels that tshark takes for something else
	with_tshark "tshark reads packets in tunnels as we do" \
		--part "$DIR/tests/captures/tunnels.pcapng" 31
	with_tshark "tshark reads the connection manager's messages as we do" \
		--part "$DIR/tests/captures/cm.pcapng" 20
	# all but the damaged one
	TMP=$(mktemp)
	rxedump -r "$DIR/tests/captures/chains.pcapng" --psn 23-19 -w "$TMP"
	with_tshark "tshark reads packets of chains in a copy as we do" \
		"$TMP" 12 9
	rm "$TMP"
fi

# with_tcpdump NAME SED OPTION...: what SED takes of its output is what it takes of
# ours
with_tcpdump()
{
	local name=$1 script=$2 file=$DIR/tests/captures/opcodes-ipv4.pcapng
	local ours theirs

	shift 2
	COUNT=$((COUNT + 1))
	ours=$(rxedump -n --nano -r "$file" "$@" | sed -n "$script")
	theirs=$(tcpdump -n --nano -r "$file" "$@" 2>/dev/null | sed -n "$script")
	if [ "$(wc -l <<<"$ours")" -ge 10 ] && [ "$ours" = "$theirs" ]; then
		echo "ok $COUNT $name"
	else
		STATUS=1
		echo "not ok $COUNT $name"
		diff <(echo "$theirs") <(echo "$ours") | head -n 5 |
			sed 's/^/# /'
	fi
}

if command -v tcpdump >/dev/null; then
	# a blank is a dot for tcpdump, too
	for o in -x -xx -X -XX; do
		with_tcpdump "bytes as tcpdump shows them, $o" \
			'/^\t0x/s/ /./gp' $o
	done
	for o in -ttt -ttttt; do
		with_tcpdump "times as tcpdump has them, $o" \
			's/^ *\([0-9:]*[.][0-9]*\) .*/\1/p' $o
	done
	with_tcpdump "numbers as tcpdump has them" 's/^\( *[0-9]*  \).*/\1/p' \
		-t "-#"
	with_tcpdump "link headers as tcpdump has them" \
		's/^\([0-9a-f:]* > [0-9a-f:]*\), .*length \([0-9]*\):.*/\1 \2/p' \
		-t -e
	with_tcpdump "the code of an expression as tcpdump has it" p \
		-d "udp port 4791"
fi
echo "1..$COUNT"
[ "$STATUS" -eq 0 ]
