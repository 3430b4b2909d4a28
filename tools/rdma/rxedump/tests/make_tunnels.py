#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make captures of RoCE in tunnels.

usage: make_tunnels.py FOLDER
"""

import struct
import sys

from make_captures import (START, STEP, Pcapng, bth, eth, ipv4, ipv6, roce,
                           udp, write_only)

ENDS = ("203.0.113.1", "203.0.113.2")
GOOD = roce(write_only())
GOOD6 = roce(write_only(), ipv6)
FRAME = eth(GOOD, (0x6007,))


def outer4(payload, proto, **more):
    """What tunnels go in."""
    return eth(ipv4(payload, proto=proto, ends=ENDS, **more))


def over_udp(port, payload, length=None):
    """A tunnel over UDP."""
    return outer4(udp(payload, port, length), 17)


def gre(kind, payload, flags=0, fields=b""):
    """A tunnel of GRE."""
    return outer4(struct.pack("!HH", flags, kind) + fields + payload, 47)


def vxlan(payload, flags=0x08, following=0):
    """The header of VXLAN."""
    return struct.pack("!BHBI", flags, 0, following, 0xabcde << 8) + payload


def geneve(kind, payload, options=b"", version=0):
    """The header of Geneve."""
    return struct.pack("!BBHI", version << 6 | len(options) // 4, 0, kind,
                       0xabcde << 8) + options + payload


def erspan2(payload, cut=0):
    """ERSPAN's second type: with a sequence number of GRE."""
    return gre(0x88be, struct.pack("!HHI", 0x1064, cut << 10 | 0x3ab, 7) +
               payload, 0x1000, b"\0\0\0\1")


def erspan3(payload, kind=0, sub=b""):
    """ERSPAN's third type."""
    return gre(0x22eb, struct.pack("!HHIHH", 0x2064, 0x3ab, 99, 0,
                                   kind << 10 | bool(sub)) + sub + payload,
               0x1000, b"\0\0\0\1")


def mpls(payload, *labels):
    """A stack of labels."""
    last = len(labels) - 1
    return b"".join(struct.pack("!I", label << 12 | (i == last) << 8 | 64)
                    for i, label in enumerate(labels)) + payload


def auth(payload, following=17, words=4):
    """An authentication header."""
    return struct.pack("!BBHII", following, words, 0, 0x1001, 5) + \
        b"\xaa" * (words * 4 - 4) + payload


def tunnels():
    """Each that is decoded: its frame."""
    yield over_udp(4789, vxlan(FRAME))
    yield over_udp(8472, vxlan(eth(GOOD6)))
    yield over_udp(4790, vxlan(GOOD, 0x0c, 1))
    yield over_udp(4790, vxlan(GOOD6, 0x0c, 2))
    yield over_udp(4790, vxlan(FRAME, 0x0c, 3))
    yield over_udp(6081, geneve(0x6558, FRAME))
    yield over_udp(6081, geneve(0x0800, GOOD, b"\1\2\3\1data"))
    yield over_udp(6635, mpls(GOOD, 16))
    yield over_udp(4754, struct.pack("!HH", 0, 0x0800) + GOOD)
    yield gre(0x0800, GOOD)
    yield gre(0x86dd, GOOD6, 0xb000, b"\0\0\0\0" + b"\0\0\1\0" + b"\0\0\0\1")
    yield gre(0x6558, FRAME, 0x2000, b"\0\0\1\1")
    yield gre(0x8847, mpls(GOOD, 77))
    yield gre(0x880b, b"\xff\x03\x00\x21" + GOOD, 0x3081,
              struct.pack("!HHII", 4 + len(GOOD), 42, 1, 1))
    yield gre(0x88be, FRAME)
    yield erspan2(FRAME)
    # the switch kept 90 bytes, and 60
    yield erspan2(FRAME[:90], 1)
    yield erspan2(FRAME[:60], 1)
    yield erspan3(FRAME)
    yield erspan3(FRAME, 0, b"platform")
    yield erspan3(GOOD6, 2)
    yield outer4(GOOD, 4)
    yield outer4(GOOD6, 41)
    yield eth(ipv6(GOOD, 4))
    yield eth(ipv6(GOOD6, 41))
    yield eth(ipv6(b"\x29\2\4\0" + b"\0" * 20 + GOOD6, 43))
    yield eth(ipv6(FRAME, 143))
    yield outer4(b"\x30\0" + FRAME, 97)
    yield outer4(mpls(GOOD6, 3), 137)
    yield eth(mpls(GOOD, 100, 2000, 1048575), (5,), kind=0x8847)
    yield eth(mpls(GOOD6, 2), kind=0x8848)
    # no control word: an address that does not begin as one
    yield eth(mpls(b"\xa6" + FRAME[1:], 9), kind=0x8847)
    yield eth(mpls(b"\0\0\0\1" + FRAME, 9), kind=0x8847)
    yield eth(b"\x11\0" + struct.pack("!HH", 77, 2 + len(GOOD)) + b"\0\x21" +
              GOOD + b"padding", kind=0x8864)
    yield eth(ipv4(auth(GOOD[20:]), proto=51))
    yield eth(ipv6(auth(GOOD6[40:]), 51))
    yield outer4(auth(GOOD, 4), 51)
    yield outer4(ipv4(ipv6(GOOD, 4), proto=41), 4)
    yield over_udp(4789, vxlan(eth(mpls(ipv4(GOOD, proto=4), 1, 2), (1, 2),
                                   kind=0x8847)))
    # eight of them, the last one with an unknown opcode in it
    packet = roce(bth(0x1f) + b"data")
    for _ in range(8):
        packet = ipv4(packet, proto=4)
    yield eth(packet)
    # the inner packet lies, and ends too early
    yield over_udp(4789, vxlan(eth(GOOD[:-8])))
    yield over_udp(4789, vxlan(eth(ipv4(udp(b"")))))


def no_tunnels():
    """What has a tunnel's number and is none, or has something else in it."""
    tcp = ipv4(b"\0" * 20, proto=6)
    yield over_udp(4789, vxlan(FRAME, 0))
    yield over_udp(4789, vxlan(eth(tcp)))
    yield over_udp(4789, b"\x08\0\0")
    yield over_udp(6081, geneve(0x6558, FRAME, version=1))
    yield over_udp(6081, geneve(0x6558, b"", b"")[:-1] + b"\x3f")
    yield over_udp(6081, geneve(0x0800, tcp))
    yield gre(0x0800, GOOD, 0x0002)
    yield gre(0x0800, GOOD, 0x2001, b"\0" * 8)
    yield gre(0x88be, b"\x20" + b"\0" * 40, 0x1000, b"\0" * 4)
    yield gre(0x22eb, b"\x10" + b"\0" * 40, 0x1000, b"\0" * 4)
    yield erspan3(b"\0" * 60, 3)
    yield outer4(tcp, 4)
    yield outer4(b"\x40\0" + FRAME, 97)
    yield eth(mpls(b"", 1), kind=0x8847)
    yield eth(mpls(b"", 1)[:2] + b"\0\0" + GOOD, kind=0x8847)
    yield eth(b"\x21\0\0\1\0\4\0\x21" + GOOD, kind=0x8864)
    yield eth(ipv4(auth(GOOD[20:])[:1] + b"\0" + GOOD, proto=51))
    # later fragments of tunnels are nobody's
    yield outer4(GOOD, 4, frag=0x2010)


def named():
    """What is not decoded, and has a name."""
    yield outer4(b"\0\0\1\1" + b"x" * 40, 50)
    yield eth(ipv6(b"\0\0\1\1" + b"x" * 40, 50))
    yield outer4(b"x" * 40, 115)
    for port in (1701, 2152, 3544, 4341, 4500, 6080, 51820):
        yield over_udp(port, b"x" * 40)
    yield eth(b"x" * 40, kind=0x88e5)
    yield eth(b"x" * 60, kind=0x8915)
    yield gre(0x0800, GOOD, 0x4000, b"\0" * 8)
    yield over_udp(4790, vxlan(b"x" * 40, 0x0c, 4))
    packet = GOOD
    for _ in range(9):
        packet = ipv4(packet, proto=4)
    yield eth(packet)
    yield outer4(GOOD, 4, frag=0x2000)


def write(path, frames):
    """A file of one interface."""
    out = Pcapng(path)
    out.iface("eth0")
    for number, frame in enumerate(frames):
        out.packet(frame, 0, 1 + number % 2, START + number * STEP)
    out.file.close()


def main():
    """Make them all."""
    folder = sys.argv[1]
    write(folder + "/tunnels.pcapng", tunnels())
    write(folder + "/notunnels.pcapng", [*no_tunnels(), *named(), FRAME])


if __name__ == "__main__":
    main()
