#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# offline.sh RXEDUMP TEST_PCAPNG: tests that need neither kernel nor root. KTAP.
#
# The captures are made by make_captures.py, make_files.py, make_tunnels.py and
# make_cm.py. What the decoder must say of them lies beside them; look at the
# difference before you replace it.

set -u
export LC_ALL=C TZ=UTC0
RXEDUMP=$1
TEST_PCAPNG=$2
cd "$(dirname "$0")/captures" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
count=0 failed=0

# t NAME COMMAND...
t()
{
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok $count $name"
	else
		failed=$((failed + 1))
		echo "not ok $count $name"
		head -n 20 "$tmp/log" | sed 's/^/# /'
	fi
}

# prints FILE OPTION...: exactly what is expected
prints()
{
	local want=$1

	shift
	"$RXEDUMP" "$@" >"$tmp/got" 2>"$tmp/err" || { cat "$tmp/err"; return 1; }
	diff -u "$want" "$tmp/got"
}

# JSON that another program reads, with as many objects as there are lines
json_is_json()
{
	"$RXEDUMP" -r "$1" -j -vv 2>/dev/null | python3 -c '
import json, sys
lines = sys.stdin.read().splitlines()
assert lines
for line in lines:
    assert isinstance(json.loads(line), dict)'
}

# An expression that makes no sense for one of two link types: one line says so,
# and what is of the other one is shown.
expression_of_one_link()
{
	local rc=0

	"$RXEDUMP" -r links.pcapng ether host 02:00:00:00:00:02 >"$tmp/got" 2>"$tmp/err" || rc=$?
	cat "$tmp/err"
	[ $rc -eq 1 ] && [ "$(wc -l <"$tmp/got")" -eq 3 ] &&
	[ "$(grep -c "matches: ethernet addresses" "$tmp/err")" -eq 3 ] &&
	grep -q "nothing of link type RAW matches" "$tmp/err"
}

# what is written from a file reads like the file
rewritten()
{
	"$RXEDUMP" -r "$1" -w "$tmp/copy" && "$RXEDUMP" -r "$1" -vv >"$tmp/a" &&
	"$RXEDUMP" -r "$tmp/copy" -vv >"$tmp/b" && diff "$tmp/a" "$tmp/b" &&
	"$RXEDUMP" -r "$1" -w - | "$RXEDUMP" -r - -vv | diff "$tmp/a" -
}

# what was lost while capturing, and when that was, is true of a copy, too
statistics_kept()
{
	local said

	"$RXEDUMP" -r links.pcapng -w "$tmp/copy" &&
	said=$("$RXEDUMP" -r "$tmp/copy" --count 2>&1 >/dev/null) &&
	[ "$said" = "rxedump: $tmp/copy: 7 frames were dropped while capturing" ]
}

# a packet whose ICRC is wrong has a comment that says so, no other one has
comments()
{
	"$RXEDUMP" -r odd.pcap -w "$tmp/copy" &&
	[ "$(grep -ao "bad ICRC" "$tmp/copy" | wc -l)" -eq \
	  "$(grep -c "icrc bad$" odd.pcap.txt)" ]
}

classic()
{
	"$RXEDUMP" -r opcodes-ipv4.pcapng --pcap -w "$tmp/copy" &&
	[ "$(od -An -tx1 -N4 "$tmp/copy")" = " 4d 3c b2 a1" ] &&
	"$RXEDUMP" -r opcodes-ipv4.pcapng | sed 's/ nk0 \(in\|out\)//' >"$tmp/a" &&
	"$RXEDUMP" -r "$tmp/copy" | diff "$tmp/a" -
}

# What a file says is true of its copy, and of a copy of that.
options_kept()
{
	"$RXEDUMP" -r copies.pcapng -w "$tmp/copy" --comment ours --size 1- 2>"$tmp/err" &&
	../list_blocks.py "$tmp/copy" >"$tmp/got" &&
	diff -u copies.pcapng.copy "$tmp/got" &&
	grep -q "copies.pcapng: 2 frames are longer than the file says" "$tmp/err" &&
	"$RXEDUMP" -r "$tmp/copy" -w "$tmp/again" --size 1- 2>"$tmp/err" && [ ! -s "$tmp/err" ] &&
	../list_blocks.py "$tmp/again" | diff "$tmp/got" -
}

# a copy of the classic format was not captured on this host
not_from_here()
{
	"$RXEDUMP" -r odd.pcap -w "$tmp/copy" && ../list_blocks.py "$tmp/copy" |
		sed '3,$d' >"$tmp/got" && cat "$tmp/got" &&
	[ "$(sed -n 2p "$tmp/got")" = "	4: b'rxedump'" ] &&
	! ../list_blocks.py "$tmp/copy" | sed -n 3p | grep "^	"
}

# a capture and text do not go to one place by two names
stdout_by_name()
{
	fails "--print and -w - both want" -r flow.pcapng -w "$tmp/out" --print &&
	"$RXEDUMP" -r flow.pcapng -w /dev/stdout >"$tmp/copy" &&
	"$RXEDUMP" -r flow.pcapng -w "$tmp/b" && cmp "$tmp/copy" "$tmp/b" &&
	"$RXEDUMP" -r flow.pcapng -w /dev/null --print >/dev/null
}

times_classic()
{
	"$RXEDUMP" -r year2042.pcap --pcap -w "$tmp/copy" &&
	"$RXEDUMP" -r year2042.pcap -tttt >"$tmp/a" &&
	"$RXEDUMP" -r "$tmp/copy" -tttt | diff "$tmp/a" - &&
	grep -q "^2106-02-07 06:28:15.123456000 " "$tmp/a" &&
	fails "copy2: --pcap files hold no time before 1970" -r times.pcapng \
		--pcap -w "$tmp/copy2"
}

# when the counts were made is told from the same offset as the frames' times
times_of_statistics()
{
	"$RXEDUMP" -r times.pcapng -w "$tmp/copy" 2>/dev/null &&
	"$RXEDUMP" -r "$tmp/copy" -w "$tmp/again" 2>/dev/null &&
	cmp "$tmp/copy" "$tmp/again" && od -An -v -tx4 "$tmp/copy" | xargs |
		grep -q "00000001 65a0bc00 00080002 00000000 3b9aca00 "
}

# what is in no packet, but programs want to see
nothing_copied()
{
	"$RXEDUMP" -r links.pcapng --qp 0xfffffe -w "$tmp/none" &&
	[ "$("$RXEDUMP" -r "$tmp/none" --count)" = "0 packets" ] &&
	[ "$(od -An -tx4 -j "$(od -An -tu4 -j4 -N4 "$tmp/none")" -N 4 "$tmp/none")" = \
	  " 00000001" ]
}

# selects NUMBER OPTION...: that many packets of all opcodes pass
selects()
{
	local want=$1 got

	shift
	got=$("$RXEDUMP" -r opcodes-ipv4.pcapng --count "$@") || return 1
	[ "$got" = "$want packets" ] || [ "$got" = "$want packet" ] || {
		echo "$got, not $want"
		return 1
	}
}

# selects_of FILE NUMBER OPTION...: the same of another file
selects_of()
{
	local file=$1 want=$2 got

	shift 2
	got=$("$RXEDUMP" -r "$file" --count "$@") || return 1
	[ "${got% *}" = "$want" ] || { echo "$got, not $want"; return 1; }
}

# said FILE STATUS: exactly these messages, and this status
said()
{
	local rc=0

	"$RXEDUMP" -r "$1" >"$tmp/got" 2>"$tmp/err" || rc=$?
	diff -u "$1.err" "$tmp/err" && [ "$rc" -eq "$2" ] || {
		echo "status $rc"
		return 1
	}
}

unread_beside()
{
	[ "$("$RXEDUMP" -r unread.pcapng 2>/dev/null | grep -c " eth0 ")" -eq 2 ]
}

fragments_copied()
{
	"$RXEDUMP" -r fragments.pcapng -w "$tmp/copy" 2>/dev/null &&
	[ "$("$RXEDUMP" -r "$tmp/copy" --count 2>"$tmp/err")" = "7 packets" ] &&
	[ ! -s "$tmp/err" ]
}

# gz FILE...: compressed, one member each
gz()
{
	python3 -c '
import gzip, sys
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        sys.stdout.buffer.write(gzip.compress(file.read()))' "$@"
}

compressed()
{
	"$RXEDUMP" -r flow.pcapng -vv >"$tmp/a" && gz flow.pcapng >"$tmp/gz" &&
	"$RXEDUMP" -r "$tmp/gz" -vv | diff "$tmp/a" - &&
	"$RXEDUMP" -r - -vv <"$tmp/gz" | diff "$tmp/a" - &&
	gz odd.pcap | "$RXEDUMP" -r - -vv 2>/dev/null | diff odd.pcap.txt - &&
	[ "$(gz flow.pcapng flow.pcapng | "$RXEDUMP" -r - --count)" = "40 packets" ] &&
	(gz flow.pcapng; echo rest) >"$tmp/gz" && "$RXEDUMP" -r "$tmp/gz" -vv | diff "$tmp/a" - &&
	"$RXEDUMP" -r "$tmp/gz" --count
}

# compressed_wrong TEXT COMMAND...: what it makes of a compressed capture is said
compressed_wrong()
{
	local text=$1 rc=0

	shift
	gz flow.pcapng | "$@" >"$tmp/gz" || return 1
	"$RXEDUMP" -r "$tmp/gz" --count >"$tmp/got" 2>"$tmp/err" || rc=$?
	cat "$tmp/err"
	[ $rc -eq 1 ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -qF "$text" "$tmp/err"
}

# a byte of it
spoil()
{
	python3 -c '
import sys
data = bytearray(sys.stdin.buffer.read())
data[int(sys.argv[1])] ^= 0x55
sys.stdout.buffer.write(data)' "$1"
}

other_compression()
{
	printf '\xfd7zXZ\0' >"$tmp/xz" && fails "xzcat FILE | rxedump -r -" -r "$tmp/xz" &&
	printf '\x28\xb5\x2f\xfd' >"$tmp/zst" && fails "zstdcat FILE" -r "$tmp/zst"
}

# what another program may write, and what is too large to be kept here
large_file()
{
	python3 -B ../make_files.py --large "$tmp/large.pcapng" &&
	"$RXEDUMP" -r "$tmp/large.pcapng" >"$tmp/got" 2>"$tmp/err" &&
	[ ! -s "$tmp/err" ] && [ "$(cut -d ' ' -f 2 "$tmp/got" | xargs)" = \
				 "eth4999 eth0" ]
}

large_file_cut()
{
	head -c 17000000 "$tmp/large.pcapng" >"$tmp/short" &&
	fails "at byte 28: the file ends within a block" -r "$tmp/short"
}

# A message that was captured as one frame is the packets that it consists of.
# cut.pcapng has these as make_captures.py makes them, one by one.
as_if_cut()
{
	"$RXEDUMP" -r cut.pcapng "$@" >"$tmp/a" &&
	"$RXEDUMP" -r chains.pcapng "$@" | diff "$tmp/a" -
}

# byte by byte
cut_copy()
{
	"$RXEDUMP" -r cut.pcapng --pcap -w "$tmp/a" &&
	"$RXEDUMP" -r chains.pcapng --pcap -w "$tmp/b" && cmp "$tmp/a" "$tmp/b"
}

# of a chain
cut_selects()
{
	local want=$1 got

	shift
	got=$("$RXEDUMP" -r chains.pcapng --count "$@") || return 1
	[ "${got% *}" = "$want" ] || { echo "$got, not $want"; return 1; }
}

stops_in_a_chain()
{
	[ "$("$RXEDUMP" -r chains.pcapng -c 5 | wc -l)" -eq 5 ]
}

# What does not come out even stays as it is.
not_cut()
{
	[ "$("$RXEDUMP" -r nochains.pcapng | grep -c 'psn 100 .* icrc bad$')" -eq 6 ] &&
	[ "$("$RXEDUMP" -r nochains.pcapng | grep -c 'psn 100 .* icrc absent$')" -eq 1 ] &&
	[ "$("$RXEDUMP" -r nochains.pcapng --count)" = "7 packets" ]
}

# fails STATUS "TEXT" OPTION...: one line, this text, nothing on stdout (usage
# errors name --help in a second line)
fails()
{
	local text=$1 rc=0 lines

	shift
	"$RXEDUMP" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	cat "$tmp/err"
	lines=$(grep -cv -- '--help lists' "$tmp/err")
	[ $rc -eq 1 ] && [ ! -s "$tmp/out" ] && [ "$lines" -eq 1 ] &&
		grep -qF -- "$text" "$tmp/err"
}

# Every shorter version of a file: read without a crash; an error unless it
# ends between two blocks; then never more packets than in the whole.
truncated()
{
	local size n rc whole

	size=$(stat -c %s "$1")
	for ((n = 1; n < size; n += $2)); do
		head -c $n "$1" >"$tmp/short"
		rc=0
		"$RXEDUMP" -r "$tmp/short" >"$tmp/out" 2>"$tmp/err" || rc=$?
		[ $rc -le 1 ] || { echo "$n bytes: status $rc"; return 1; }
		[ $rc -eq 0 ] || [ "$(grep -c . "$tmp/err")" -ge 1 ] || return 1
		"$RXEDUMP" -r "$1" 2>/dev/null |
			head -n "$(wc -l <"$tmp/out")" | cmp - "$tmp/out" ||
			return 1
	done
	whole=$(head -c $((size - 1)) "$1" | "$RXEDUMP" -r - --count 2>/dev/null)
	! head -c $((size - 1)) "$1" | "$RXEDUMP" -r - >/dev/null 2>&1 &&
		[ -n "$whole" ]
}

full_disk()
{
	fails "/dev/full: No space left on device" -r opcodes-ipv4.pcapng \
		-w /dev/full
}

full_stdout()
{
	! "$RXEDUMP" -r opcodes-ipv4.pcapng 2>"$tmp/err" >/dev/full &&
		grep -q "standard output: No space left" "$tmp/err"
}

# the file has whole blocks only, and as many packets as we say
size_limit()
{
	local said

	(
		trap '' XFSZ
		ulimit -f 4
		"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/limited"
	) 2>"$tmp/err" && return 1
	cat "$tmp/err"
	said=$(sed -n 's/.*it has \([0-9]*\) frames.*/\1/p' "$tmp/err")
	[ -n "$said" ] &&
	[ "$("$RXEDUMP" -r "$tmp/limited" --count)" = "$said packets" ]
}

# many sections: more than any pipe holds
large()
{
	local n

	for ((n = 0; n < 60; n++)); do
		cat opcodes-ipv4.pcapng opcodes-ipv6.pcapng
	done >"$tmp/large"
}

# pipe OPTION...: its reader goes after a hundred bytes
broken_pipe()
{
	local rc

	large
	"$RXEDUMP" -r "$tmp/large" "$@" 2>"$tmp/err" | head -c 100 >/dev/null
	rc=${PIPESTATUS[0]}
	[ "$rc" -eq 0 ] && [ ! -s "$tmp/err" ] || {
		echo "status $rc: $(cat "$tmp/err")"
		return 1
	}
}

# Each write is a message of its own here: few long ones, since with some kernels a
# system call takes as long as a dozen packets.
long_writes()
{
	large
	python3 - "$RXEDUMP" "$tmp/large" <<-'EOF'
	import socket, subprocess, sys
	ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	with theirs, subprocess.Popen([sys.argv[1], "-r", sys.argv[2], "-w", "-"],
	                              stdout=theirs) as process:
	    theirs.close()
	    lengths = [len(x) for x in iter(lambda: ours.recv(1 << 20), b"")]
	print(lengths)
	sys.exit(process.returncode or max(lengths) < 1 << 17)
	EOF
}

# corrupt "TEXT" FILE OFFSET BYTES: these bytes there instead
corrupt()
{
	cp "$2" "$tmp/corrupt"
	printf '%b' "$4" | dd of="$tmp/corrupt" bs=1 seek="$3" conv=notrunc \
		2>/dev/null
	! "$RXEDUMP" -r "$tmp/corrupt" >/dev/null 2>"$tmp/err" || {
		echo "no error"
		return 1
	}
	cat "$tmp/err"
	grep -qF -- "$1" "$tmp/err"
}

stops_after()
{
	[ "$("$RXEDUMP" -r opcodes-ipv4.pcapng -c 7 | wc -l)" -eq 7 ] &&
	"$RXEDUMP" -r opcodes-ipv4.pcapng -c 7 -w "$tmp/seven" &&
	[ "$("$RXEDUMP" -r "$tmp/seven" --count)" = "7 packets" ]
}

# rotated SIZE OPTION...: files of that size and hardly more, each readable alone,
# have all packets together
rotated()
{
	local size=$1 f sum=0 n want

	shift
	rm -f "$tmp"/rot*
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/rot" "$@" || return 1
	set -- "$tmp"/rot*
	echo "${@##*/}"
	for f; do
		[ "$(stat -c %s "$f")" -lt $((size + 250)) ] || return 1
		[ "$f" = "${*: -1}" ] || [ "$(stat -c %s "$f")" -gt "$size" ] ||
			return 1
		n=$("$RXEDUMP" -r "$f" --count) || return 1
		sum=$((sum + ${n% *}))
		"$RXEDUMP" -r "$f"
	done >"$tmp/rotated" && [ $sum -eq 89 ] && [ $# -gt 2 ] || {
		echo "$sum packets in $# files"
		return 1
	}
	"$RXEDUMP" -r opcodes-ipv4.pcapng >"$tmp/want"
	# the classic format has neither interfaces nor directions
	[ "$(head -c 1 "$f" | od -An -tx1)" = " 0a" ] ||
		sed -i 's/ nk0 \(in\|out\)//' "$tmp/want"
	diff "$tmp/want" "$tmp/rotated"
}

# the last packets, in two files
ring_of_files()
{
	rm -f "$tmp"/rot*
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/rot" -C 2k -W 2 || return 1
	set -- "$tmp"/rot*
	[ "${*##*/}" = "rot0 rot1" ] &&
	"$RXEDUMP" -r opcodes-ipv4.pcapng | tail -n 1 >"$tmp/want" &&
	for f; do "$RXEDUMP" -r "$f" | tail -n 1; done | grep -qxFf "$tmp/want"
}

# numbers with zeros, names of strftime(3)
names_of_files()
{
	rm -f "$tmp"/rot*
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/rot" -C 4k -W 11 &&
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/rot-%Y" -G 3600 || return 1
	set -- "$tmp"/rot*
	echo "${*##*/}"
	[[ ${*##*/} =~ ^rot-20[0-9][0-9]\ rot00\ rot01\ rot02$ ]]
}

not_onto_a_file_of_a_rotation()
{
	cp flow.pcapng "$tmp/self0" &&
	fails "-r and -w are the same file" -r "$tmp/self0" -w "$tmp/self" \
		-C 1k -W 2 && cmp flow.pcapng "$tmp/self0"
}

stops_by_size()
{
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/stop" -a filesize:3 &&
	[ "$(stat -c %s "$tmp/stop")" -ge 3000 ] &&
	[ "$(stat -c %s "$tmp/stop")" -lt 3250 ] &&
	"$RXEDUMP" -r "$tmp/stop" --count
}

# one after the other, and -r's packets are the same
list_of_files()
{
	"$RXEDUMP" -r opcodes-ipv4.pcapng >"$tmp/want" &&
	"$RXEDUMP" -r opcodes-ipv6.pcapng >>"$tmp/want" &&
	printf 'opcodes-ipv4.pcapng\n\nopcodes-ipv6.pcapng\n' >"$tmp/list" &&
	prints "$tmp/want" -V "$tmp/list" && prints "$tmp/want" -V - <"$tmp/list" &&
	echo /nonexistent >>"$tmp/list" &&
	! "$RXEDUMP" -V "$tmp/list" >"$tmp/got" 2>"$tmp/err" &&
	diff "$tmp/want" "$tmp/got" &&
	grep -q "/nonexistent: No such file" "$tmp/err"
}

# a file is taken, with its comments, and the command line is not
expression_of_a_file()
{
	printf 'udp # and not\n  and src\n192.0.2.1\n' >"$tmp/expression"
	selects 89 -F "$tmp/expression" tcp && echo tcp >"$tmp/expression" &&
	selects 0 -F "$tmp/expression"
}

no_such_expression()
{
	fails "-F /nonexistent: No such file" -r odd.pcap -F /nonexistent &&
	head -c 70000 /dev/zero | tr '\0' ' ' >"$tmp/expression" &&
	fails "-F $tmp/expression: File too large" -r odd.pcap -F "$tmp/expression"
}

# code EXPECTED OPTION...: the first line
code()
{
	local want=$1 got

	shift
	got=$("$RXEDUMP" "$@" | head -n 1) || return 1
	[ "$got" = "$want" ] || { echo "$got"; return 1; }
}

harmless()
{
	prints opcodes-ipv4.pcapng.line -r opcodes-ipv4.pcapng -nUpqSKNObfuHl \
		--packet-buffered --no-promiscuous-mode --immediate-mode --nano \
		--dont-verify-checksums --no-optimize \
		--absolute-tcp-sequence-numbers
}

same_captures()
{
	mkdir "$tmp/made" && python3 -B ../make_captures.py "$tmp/made" &&
	python3 -B ../make_files.py "$tmp/made" &&
	python3 -B ../make_tunnels.py "$tmp/made" &&
	python3 -B ../make_cm.py "$tmp/made" &&
	for f in "$tmp"/made/*; do
		cmp "$f" "${f##*/}" || return 1
	done
}

# What comes to nothing leaves the file that was there.
kept()
{
	echo precious >"$tmp/kept"
	! "$RXEDUMP" "$@" -w "$tmp/kept" 2>"$tmp/err" || return 1
	cat "$tmp/err"
	[ "$(cat "$tmp/kept")" = precious ]
}

onto_itself()
{
	cp flow.pcapng "$tmp/self" &&
	fails "-r and -w are the same file" -r "$tmp/self" -w "$tmp/self" &&
	cmp flow.pcapng "$tmp/self"
}

# what the shell appends to stays, also when there is no room for more
appended()
{
	echo precious >"$tmp/log1"
	(ulimit -f 1; trap '' XFSZ
	 ! "$RXEDUMP" -r opcodes-ipv4.pcapng -w - >>"$tmp/log1" 2>"$tmp/err") &&
	[ "$(head -n 1 "$tmp/log1" | tr -d '\0')" = precious ]
}

nothing_in_pcap()
{
	"$RXEDUMP" -r flow.pcapng --qp 0xfffffe --pcap -w "$tmp/none" &&
	[ "$("$RXEDUMP" -r "$tmp/none" --count)" = "0 packets" ]
}

# as Wireshark asks while the user types
extcap_filter()
{
	"$RXEDUMP" --extcap-interface rxedump-any --extcap-capture-filter \
		"$1" >"$tmp/out" 2>"$tmp/err"
}

extcap_filters()
{
	extcap_filter "udp port 4791" && [ ! -s "$tmp/out" ] &&
	extcap_filter "" && [ ! -s "$tmp/out" ] &&
	! extcap_filter "port x" && grep -q "filter 'port x'" "$tmp/out"
}

# A pipe is full, and signals come.
signal_while_writing()
{
	local pid want rc=0

	"$RXEDUMP" -r opcodes-ipv4.pcapng -w "$tmp/whole" || return 1
	want=$(stat -c %s "$tmp/whole")
	mkfifo "$tmp/fifo"
	exec 8<>"$tmp/fifo"
	head -c 64000 /dev/zero >&8
	"$RXEDUMP" -r opcodes-ipv4.pcapng -w - >&8 8>&- &
	pid=$!
	for _ in 1 2 3; do
		sleep 0.2
		kill -USR1 $pid || rc=1
	done
	head -c $((64000 + want)) <&8 | tail -c +64001 >"$tmp/piped"
	wait $pid || rc=1
	exec 8>&-
	[ $rc -eq 0 ] && cmp "$tmp/whole" "$tmp/piped"
}

"$TEST_PCAPNG" >"$tmp/units" || failed=1
while read -r line; do
	case $line in
	1..*) ;;
	*ok*) count=$((count + 1))
	      echo "${line%%ok *}ok $count pcapng writer: ${line#*ok * }" ;;
	*) echo "$line" ;;
	esac
done <"$tmp/units"

t "the captures are what the scripts make" same_captures
for f in chains.pcapng flow.pcapng links.pcapng odd.pcap opcodes-ipv4.pcapng opcodes-ipv6.pcapng \
		cooked.pcapng tags.pcapng linktypes.pcapng obsolete.pcapng \
		fragments.pcapng tunnels.pcapng times.pcapng year2042.pcap \
		copies.pcapng cm.pcapng connections.pcapng; do
	t "$f: text" prints "$f.txt" -r $f -vv
	t "$f: JSON" prints "$f.json" -r $f -j -vv
	t "$f: JSON is JSON" json_is_json $f
	t "$f: written again, it reads the same" rewritten $f
done
t "options and sections are kept in a copy" options_kept
t "no host is made up for the classic format" not_from_here
t "standard output by its name" stdout_by_name
t "statistics of a capture are written again" statistics_kept
t "a line a packet" prints opcodes-ipv4.pcapng.line -r opcodes-ipv4.pcapng
t "numbers, times between, link headers, bytes" prints flow.shown -r flow.pcapng \
	"-#" -ttt -e -XX
t "the same by long names" prints flow.shown -r flow.pcapng --number -ttt -e -XX
t "times since the first one, hexadecimal bytes" prints flow.since -r flow.pcapng \
	-ttttt -x
t "ASCII bytes" prints flow.ascii -r flow.pcapng -t -A
t "bytes of a tunnel" prints tunnels.bytes -r tunnels.pcapng -c 3 -t -x
t "-V" list_of_files
t "-F" expression_of_a_file
t "-F: no such file, a large one" no_such_expression
t "-d" code "(000) ldh      [12]" -d udp
t "-dd -y RAW" code "{ 0x30, 0, 0, 0x00000000 }," -dd -y RAW udp
t "-ddd" code "1" -ddd
t "tcpdump's options that change nothing" harmless
t "statistics" prints flow.stat -r flow.pcapng --stat
t "statistics as JSON" prints flow.stat.json -r flow.pcapng --stat -j
t "statistics of two interfaces and a new PSN" prints pair.stat -r pair.pcapng --stat
t "statistics of a QP that is used again" prints reused.stat -r reused.pcapng --stat
t "statistics of connections that are known" prints connections.stat -r connections.pcapng --stat
t "statistics of connections that are known, JSON" prints connections.stat.json -r connections.pcapng --stat -j
t "statistics: packets of no flow" prints odd.stat.json -r odd.pcap --stat -j
t "chains: the packets that they consist of, text" as_if_cut -vv
t "chains: the packets that they consist of, JSON" as_if_cut -j -vv
t "chains: the packets that they consist of, statistics" as_if_cut --stat -j
t "chains: a copy has a frame for each packet" cut_copy
t "chains: number of packets" cut_selects 15
t "chains: opcode" cut_selects 7 --opcode rc_rdma-write_middle,0x0e,0x01
t "chains: PSN" cut_selects 3 --psn 0xffffff-1
t "chains: size" cut_selects 2 --size 331-400
t "chains: expression" cut_selects 6 ip6
t "chains: -c" stops_in_a_chain
t "what does not come out even is not cut" not_cut
t "the classic format, in nanoseconds" classic
t "the classic format without a packet" nothing_in_pcap
t "times beyond 2038, and what the classic format has no room for" times_classic
t "times of statistics" times_of_statistics
t "nothing matched: an interface is there nevertheless" nothing_copied
t "a file is kept if there is no capture" kept -r /nonexistent
t "a file is kept if there is no interface" kept -i nosuch0
t "comments" comments
t "a file is kept if the filter is wrong" kept -r flow.pcapng "port x"
t "a capture is not written onto itself" onto_itself
t "what is appended to is kept" appended
t "what is written is written in long pieces" long_writes
t "signals do not cut what is being written" signal_while_writing
t "extcap: a filter is right, or what is wrong with it" extcap_filters
t "help" prints help -h

t "--opcode: name" selects 1 --opcode rc_rdma-write_only
t "--opcode: IB_OPCODE_ name" selects 1 --opcode IB_OPCODE_RC_ACKNOWLEDGE
t "--opcode: numbers" selects 2 --opcode 0x64,129
t "--opcode: class" selects 3 --opcode ack
t "--opcode: transport" selects 2 --opcode ud
t "--psn: range" selects 5 --psn 3-7
t "--psn: range that wraps around" selects 7 --psn 86-3
t "--psn: one, first, last" selects 1 --psn 5
t "--psn: open" selects 9 --psn 80-
t "--qp: the right one of several" selects 89 --qp 1,0x11
t "--qp: another one" selects 0 --qp 0x12
t "--host: destination" selects 89 --host 198.51.100.1,192.0.2.2
t "--host: prefix" selects 89 --host 192.0.2.128/24
t "--host: another one" selects 0 --host 192.0.2.3,2001:db8::/32
t "--size: range" selects 3 --size 106-107
t "-Q: direction" selects 44 -Q out
t "filters combined" selects 2 --opcode rc,uc --psn 10-30 --opcode flush --host 192.0.2.1 --size 94- -Q in --qp 17 "ip[8] = 64"
t "expression: of one of two link types" expression_of_one_link
t "expression: of a cooked header" selects_of cooked.pcapng 10 ifindex 3
t "expression: refuses" selects 0 "ip6"
t "expression: accepts" selects 89 udp port 4791 and src 192.0.2.1
t "options behind the expression" selects 5 udp --psn 3-7 port 4791 -Q inout
t "no options behind --" selects 5 --psn 3-7 -- "ip[8]" - 64 = -0
t "-c" stops_after
t "-C: each file is whole" rotated 4096 -C 4k
t "-C: each file is whole, classic format" rotated 2048 -C 2k --pcap
t "-C and -W: the last files stay" ring_of_files
t "-C, -G and -W: names of files" names_of_files
t "-C: a capture is not written onto itself" not_onto_a_file_of_a_rotation
t "-a filesize" stops_by_size
t "-a packets" selects 7 -a packets:7
t "-Q: the direction of a cooked header" selects_of cooked.pcapng 6 -Q out
t "-Q: the other direction of a cooked header" selects_of cooked.pcapng 16 -Q in

t "link types that are not read are named" said unread.pcapng 1
t "frames of a link type that is read are shown nevertheless" unread_beside

t "later fragments of no RoCE datagram are no packets" said fragments.pcapng 0
t "later fragments of no RoCE datagram are not copied" fragments_copied
t "tunnels that are not decoded are named" said notunnels.pcapng 0
t "tunnels: --host, an inner address" selects_of tunnels.pcapng 13 --host 2001:db8::2
t "tunnels: --host, an outer address" selects_of tunnels.pcapng 28 --host 203.0.113.2 --opcode write
t "tunnels: --qp" selects_of tunnels.pcapng 0 --qp 0x12
t "tunnels: an expression, of the outer headers" selects_of tunnels.pcapng 3 udp port 4790

t "large blocks and many interfaces" large_file
t "a large block that is cut" large_file_cut

t "compressed by gzip" compressed
t "compressed by gzip: it ends within the data" compressed_wrong "after 9 packets: the compressed file ends too early" head -c 300
t "compressed by gzip: it ends within the header" compressed_wrong "the compressed file ends too early" head -c 8
t "compressed by gzip: damaged" compressed_wrong "the compressed file is damaged" spoil 200
t "compressed by gzip: wrong checksum" compressed_wrong "after 20 packets: the compressed file is damaged" spoil -6
t "compressed by another program" other_compression

t "no such file" fails "/nonexistent: No such file" -r /nonexistent
t "empty file" fails "standard input: empty" -r -
t "no capture" fails "help: unknown file format" -r help
t "bad expression" fails "filter 'port x y'" -r odd.pcap "port x y"
t "bad opcode" fails "--opcode rc_nothing: no such opcode" --opcode rc_nothing
t "bad number of an opcode" fails "--opcode 256: no such opcode" --opcode 256
t "bad QP" fails "--qp 0x1000000: not a QP number" --qp 0x1000000
t "bad PSN" fails "--psn 1-x: not a range" --psn 1-x
t "bad size" fails "--size 9-1: not a range" --size 9-1
t "bad host" fails "--host 192.0.2.1/33: not an IP" --host 192.0.2.1/33
t "bad snap length" fails "-s 262145: not a number from 0 to 262144" -s 262145
t "bad snap length, negative" fails "-s -1: not a number" -s -1
t "bad count" fails "-c 0: not a number from 1" -c 0
t "bad size of files" fails "-C 5kk: not a size of files" -r odd.pcap -w x -C 5kk
t "bad period" fails "-G 0: not a number from 1" -r odd.pcap -w x -G 0
t "bad end" fails "-a foo:1: not duration:N, filesize:N or packets:N" -r odd.pcap -a foo:1
t "-W alone" fails "-W is for -C or -G" -r odd.pcap -w x -W 2
t "-C and -w -" fails "-C, -G and -a filesize are for -w FILE" -r odd.pcap -w - -C 1
t "-a duration and -r" fails "-a duration is for capturing" -r odd.pcap -a duration:1
[ "$(id -u)" -ne 0 ] ||
	t "no such user" fails "-Z no-such-user: no such user" -r odd.pcap -Z no-such-user
t "bad link type" fails "-y nothing: no link type" -y nothing
t "-V and -r" fails "-V, -r and -i exclude" -r x -V y
t "-V and -w" fails "-V is not for -w" -V x -w y
t "-L alone" fails "-L is for -i" -L
t "too many -t" fails "-t is there five times at most" -r odd.pcap -tttttt
t "bad direction" fails "-Q both: not in, out or inout" -Q both
t "nothing to do" fails "where from?"
t "no packets of what is not there" fails "/nonexistent: No such file" -r /nonexistent --count
t "--count and -w -" fails "--count and --stat print where -w - writes" -r flow.pcapng -w - --count
t "-r and -i" fails "-r and -i exclude" -r x -i y
t "unwritable file" fails "/nonexistent/x: No such file" -r odd.pcap -w /nonexistent/x
t "two link types, classic format" fails "hold one link type" -r links.pcapng --pcap -w "$tmp/two"
t "full disk" full_disk
t "full disk: standard output" full_stdout
t "a file that may not grow ends with a whole block" size_limit
t "a reader that goes away is a normal end" broken_pipe -vv
t "a reader of -w - that goes away is a normal end" broken_pipe -w -
t "corrupt: no magic" corrupt "at byte 0: no byte-order magic" flow.pcapng 8 'x'
t "corrupt: length of a block" corrupt "at byte 28: impossible length" flow.pcapng 32 '\x29'
t "corrupt: huge block" corrupt "at byte 28: impossible length" flow.pcapng 35 '\x7f'
t "corrupt: second length of a block" corrupt "at byte 28: the two lengths" flow.pcapng 64 '\x2c'
t "corrupt: unknown interface" corrupt "at byte 68: a packet of an unknown interface" flow.pcapng 76 '\x01'
t "corrupt: length of a packet" corrupt "at byte 68: impossible length of a packet" flow.pcapng 88 '\xff'
t "corrupt: resolution of time" corrupt "at byte 28: impossible resolution" flow.pcapng 56 '\x20'
t "corrupt: an option of an interface" corrupt "at byte 28: an option ends beyond its block" flow.pcapng 46 '\x14'
t "corrupt: an option of a packet" corrupt "at byte 68: an option ends beyond its block" flow.pcapng 162 '\x09'
t "corrupt: an option of the section" corrupt "at byte 0: an option ends beyond its block" copies.pcapng 27 '\x90'
t "corrupt: length of a resolution" corrupt "at byte 28: wrong length of an option" flow.pcapng 54 '\x02'
t "corrupt: length of flags" corrupt "at byte 68: wrong length of an option" flow.pcapng 162 '\x03'
t "corrupt: version" corrupt "at byte 0: another version of the format" flow.pcapng 12 '\x02'
t "truncated pcapng" truncated links.pcapng 131
t "truncated chains" truncated chains.pcapng 397
t "truncated pcap" truncated odd.pcap 401
echo "1..$count"
[ "$failed" -eq 0 ]
