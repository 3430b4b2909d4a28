#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make captures as other programs and other hosts write them.

usage: make_files.py FOLDER
       make_files.py --large FILE
"""

import struct
import sys

from make_captures import (START, STEP, Pcapng, chains, eth, ipv4, ipv6, roce,
                           udp, write_only)

GOOD = roce(write_only())
GOOD6 = roce(write_only(), ipv6)


def sll(packet, kind=0, tags=(), ethertype=0x0800):
    """A cooked frame, as tcpdump -i any wrote it up to version 4.99."""
    return struct.pack("!HHHQ", kind, 1, 6, 0x020000000002 << 16) + \
        tagged(packet, tags, ethertype)


def sll2(packet, kind=0, tags=(), ethertype=0x0800):
    """A cooked frame of the second version."""
    body = tagged(packet, tags, ethertype)
    return body[:2] + struct.pack("!HIHBBQ", 0, 3, 1, kind, 6,
                                  0x020000000002 << 16) + body[2:]


def tagged(packet, tags, ethertype):
    """Ethertypes and tags, and a packet behind them."""
    out = b""
    for number, tci in enumerate(tags):
        out += struct.pack("!HH", 0x8100 if number else 0x88a8, tci)
    return out + struct.pack("!H", ethertype) + packet


def cooked(path):
    """Both cooked headers, all directions, VLAN tags behind them."""
    out = Pcapng(path)
    out.iface("any", 113)
    out.iface("any2", 276)
    time = START
    for number, wrap in enumerate((sll, sll2)):
        for kind in range(5):
            out.packet(wrap(GOOD, kind), number, 0, time)
            time += STEP
        out.packet(wrap(GOOD, 4, (0x0005,)), number, 0, time)
        out.packet(wrap(GOOD6, 0, (0x6064, 0x0002), 0x86dd), number, 0, time)
        # the file's own word is the better one
        out.packet(wrap(GOOD, 4), number, 1, time)
        # it ends in the tag, in the header
        out.packet(wrap(GOOD, 0, (5,))[:17 if number == 0 else 21], number, 0,
                   time, 100)
        out.packet(wrap(GOOD)[:11], number, 0, time, 100)
        time += STEP
    out.file.close()


def many_tags(path):
    """More tags than anybody needs."""
    out = Pcapng(path)
    out.iface("eth0")
    for count in (3, 8, 40):
        out.packet(eth(GOOD, range(1, count + 1)), 0, 1, START)
    out.file.close()


def link_types(path):
    """Link types of tunnels, loopbacks and serial lines."""
    ppp = b"\xff\x03\x00\x21"
    ppp6 = b"\x00\x57"
    out = Pcapng(path)
    for number, (link, frames) in enumerate((
            (0, (b"\2\0\0\0" + GOOD, b"\0\0\0\2" + GOOD,
                 b"\x1c\0\0\0" + GOOD6, b"\0\0\0\x1e" + GOOD6,
                 b"\x18\0\0\0" + GOOD6, b"\x07\0\0\0" + GOOD6, b"\2\0")),
            (108, (b"\0\0\0\2" + GOOD, b"\0\0\0\x18" + GOOD6)),
            (9, (ppp + GOOD, ppp[2:] + GOOD, b"\x21" + GOOD, ppp6 + GOOD6,
                 ppp[:3])),
            (50, (ppp + GOOD, b"\x0f\x00\x08\x00" + GOOD)),
            (104, (ppp + GOOD, b"\x0f\x00\x86\xdd" + GOOD6)),
            (166, (b"\0" + ppp[1:] + GOOD, b"\1" + ppp[1:] + GOOD)),
            (204, (b"\0" + ppp + GOOD, b"\1" + ppp + GOOD)),
            (228, (GOOD,)), (229, (GOOD6,)))):
        iface_with(out, number, f"link{link}", link, frames)
    out.file.close()


def iface_with(out, number, name, link, frames):
    """Interface @number and its frames."""
    out.iface(name, link)
    for frame in frames:
        out.packet(frame, number, 0, START)


def unread(path):
    """Link types that nobody decodes for RoCE, between one that is."""
    out = Pcapng(path)
    iface_with(out, 0, "radio", 127, [eth(GOOD)] * 3)
    iface_with(out, 1, "eth0", 1, [eth(GOOD)] * 2)
    iface_with(out, 2, "", 197, [eth(GOOD)])
    iface_with(out, 3, "odd", 60000, [eth(GOOD)])
    iface_with(out, 4, "radio", 127, [eth(GOOD)] * 2)
    out.file.close()


def fragments(path):
    """Fragments of RoCE's datagrams and of others, numbers used again."""
    out = Pcapng(path)
    out.iface("eth0")
    first = udp(write_only() + b"x" * 6)

    def part(ident, frag, body, ends=("192.0.2.1", "192.0.2.2")):
        out.packet(eth(ipv4(body, frag, ident, ends=ends)), 0, 0, START)

    part(1, 0x2000, first)
    part(2, 0x2000, udp(b"dns" * 8, port=53))
    part(1, 0x200d, b"more" * 2)
    part(2, 0x2004, b"more")
    part(1, 0x000e, b"last")
    part(2, 0x0005, b"last")
    part(1, 0x000e, b"back", ("192.0.2.2", "192.0.2.1"))
    part(3, 0x000e, b"before its first")
    part(3, 0x2000, first)
    part(3, 0x000e, b"behind it")
    # the number 1 once more, for another port
    part(1, 0x2000, udp(b"dns" * 8, port=53))
    part(1, 0x0004, b"last")
    out.packet(eth(ipv6(struct.pack("!BBHI", 17, 0, 1, 77) + first, 44)), 0)
    out.packet(eth(ipv6(struct.pack("!BBHI", 17, 0, 0x108, 77) + b"v6", 44)), 0)
    out.packet(eth(ipv6(struct.pack("!BBHI", 17, 0, 0x108, 78) + b"v6", 44)), 0)
    out.file.close()


def times(path):
    """Before 1970, far from it, none at all."""
    out = Pcapng(path)
    out.iface("eth0")
    for offset in (-10, 1 << 33, -(1 << 62)):
        out.block(1, out.pack("HHI", 1, 0, 262144) + out.options(
            [(2, b"off%d" % offset), (9, b"\6"), (14, out.pack("q", offset))]))
    out.iface("s", 1, 0)
    for number in range(4):
        out.packet(eth(GOOD), number, 1, 5000001)
    out.block(5, out.pack("III", 1, 0, 6000000) + out.options(
        [(2, out.pack("II", 0, 1000000)), (3, out.pack("II", 0, 2000000)),
         (5, out.pack("Q", 1))]))
    out.packet(eth(GOOD), 1, 1, 10 * 10**6)
    out.packet(eth(GOOD), 0, 1, (1 << 63) - 1)
    out.packet(eth(GOOD), 4, 1, (1 << 64) - 1)
    out.block(3, out.pack("I", len(eth(GOOD))) + eth(GOOD))
    out.file.close()


def section(out, order, options):
    """Begin one."""
    out.order = order
    out.block(0x0a0d0d0a, out.pack("IHHq", 0x1a2b3c4d, 1, 0, -1) +
              out.options(options))


def full_packet(out, number, frame, length, options):
    """A packet with any options, that says any length."""
    out.block(6, out.pack("IIIII", number, START >> 32, START & 0xffffffff,
                          len(frame), length) + frame +
              b"\0" * (-len(frame) % 4) + out.options(options))


def copies(path):
    """What a copy has to keep: options of all blocks, in both byte orders;
    lengths that contradict one another."""
    out = Pcapng(path)
    out.file.seek(0)
    bad = eth(roce(write_only(), wrong=1))
    size = len(bad)
    for order in "><":
        section(out, order, [(2, b"a machine"), (3, b"some OS"), (4, b"tool"),
                             (1, b"of Monday"), (1, order.encode()),
                             (2988, out.pack("I", 1) + b"custom"),
                             (19372, out.pack("I", 1) + b"private")])
        out.block(1, out.pack("HHI", 1, 0, 64) + out.options(
            [(2, "Ethernet 2 (\u00e9\U0001f40b\"".encode() + b"\xff)"),
             (3, b"the second one"), (8, out.pack("Q", 10**11)),
             (9, b"\x09"), (11, b"\0udp port 4791"), (14, out.pack("q", -1)),
             (1, b"on the left"), (0x7777, out.pack("I", 5))]))
        out.iface("unused")
        out.iface("eth1")
        out.block(1, out.pack("HHI", 1, 0, 100) + out.options([(9, b"\x09")]))
        full_packet(out, 3, eth(GOOD), size, [])
        full_packet(out, 2, bad, size, [
            (1, b"look here"), (2, out.pack("I", 0x01200011)), (1, b"and here"),
            (3, b"\2hash"), (4, out.pack("Q", 3)), (5, out.pack("Q", 1 << 40)),
            (6, out.pack("I", 7)), (0x7777, out.pack("I", 5))])
        full_packet(out, 2, bad, size, [(1, b"bad ICRC")])
        full_packet(out, 0, eth(GOOD)[:64], size, [])
        full_packet(out, 0, eth(GOOD), size - 10, [])
        full_packet(out, 2, next(chains())[0], 811,
                    [(1, b"a chain"), (2, out.pack("I", 2))])
        out.block(3, out.pack("I", size) + eth(GOOD)[:64])
    out.file.close()


def year_2042(path):
    """The classic format counts seconds up to 2106."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for second in (0x7fffffff, 0x80000000, 2300000000, 0xffffffff):
            frame = eth(GOOD)
            out.write(struct.pack("<IIII", second, 123456, len(frame),
                                  len(frame)) + frame)


def obsolete(path):
    """Packet blocks of the format's first draft, both byte orders."""
    out = Pcapng(path, ">")
    for order in "><":
        if order != out.order:
            out.order = order
            out.block(0x0a0d0d0a, out.pack("IHHq", 0x1a2b3c4d, 1, 0, -1))
        out.iface("eth0")
        out.iface("eth1", 101)
        for number, frame in enumerate((eth(GOOD), GOOD6)):
            data = frame + b"\0" * (-len(frame) % 4)
            out.block(2, out.pack("HHIIII", number, 0xffff - number,
                                  START >> 32, START & 0xffffffff,
                                  len(frame), len(frame)) + data +
                      out.options([(2, out.pack("I", 1 + number))]))
    out.file.close()


def large(path):
    """Not kept beside the others: a block of 17 MiB that nobody knows, and
    more interfaces than fit into 12 bits."""
    out = Pcapng(path)
    out.block(0x0bad, b"x" * (17 << 20))
    for number in range(5000):
        out.iface(f"eth{number}")
    out.packet(eth(GOOD), 4999, 1, START)
    out.block(0x4242, b"x" * (17 << 20))
    out.packet(eth(GOOD), 0, 1, START)
    out.file.close()


def main():
    """Make them all."""
    if sys.argv[1] == "--large":
        large(sys.argv[2])
        return
    folder = sys.argv[1]
    cooked(folder + "/cooked.pcapng")
    many_tags(folder + "/tags.pcapng")
    link_types(folder + "/linktypes.pcapng")
    obsolete(folder + "/obsolete.pcapng")
    fragments(folder + "/fragments.pcapng")
    unread(folder + "/unread.pcapng")
    times(folder + "/times.pcapng")
    copies(folder + "/copies.pcapng")
    year_2042(folder + "/year2042.pcap")


if __name__ == "__main__":
    main()
