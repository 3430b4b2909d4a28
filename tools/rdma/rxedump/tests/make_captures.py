#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make the captures of the offline tests, packet by packet.

usage: make_captures.py FOLDER

What headers an opcode has is written down here once more, by hand, from the
InfiniBand architecture: not taken from the decoder.
"""

import ipaddress
import struct
import sys
import zlib

START = 1764000000 * 10**9 + 123456789
STEP = 1000001

RETH = struct.pack("!QII", 0x7f0012345678, 0xabcd, 4096)
AETH = struct.pack("!I", 0x1f000007)
ATOMICETH = struct.pack("!QIQQ", 0x7f0012345678, 0xabcd, 1 << 63, 42)
ATOMICACKETH = struct.pack("!Q", 0xfedcba9876543210)
IMMDT = struct.pack("!I", 0x12345678)
IETH = struct.pack("!I", 0xabcd)
DETH = struct.pack("!II", 0x80010000, 0x112233)
RDETH = struct.pack("!I", 0x445566)
XRCETH = struct.pack("!I", 0x778899)
FETH = struct.pack("!I", 0x12)

# from 0x00 on: what comes behind the transport's own headers, has payload
COMMON = [
    (b"", 1), (b"", 1), (b"", 1), (IMMDT, 1), (b"", 1), (IMMDT, 1),
    (RETH, 1), (b"", 1), (b"", 1), (IMMDT, 1), (RETH, 1), (RETH + IMMDT, 1),
]
ACKED = [
    (RETH, 0), (AETH, 1), (b"", 1), (AETH, 1), (AETH, 1), (AETH, 0),
    (AETH + ATOMICACKETH, 0), (ATOMICETH, 0), (ATOMICETH, 0),
]
RESPONSES = range(0x0d, 0x13)
INVALIDATE = {0x16: (IETH, 1), 0x17: (IETH, 1)}
EXTENDED = {0x1c: (FETH + RETH, 0), 0x1d: (RETH, 1)}


def opcodes():
    """Each opcode: number, headers, has it a payload?"""
    acked = dict(enumerate(COMMON + ACKED))
    rc = {**acked, **INVALIDATE, **EXTENDED}
    for code, (hdrs, data) in rc.items():
        yield code, hdrs, data
    for code, (hdrs, data) in enumerate(COMMON):
        yield 0x20 + code, hdrs, data
    for code, (hdrs, data) in {**acked, **EXTENDED}.items():
        own = RDETH if code in RESPONSES else RDETH + DETH
        yield 0x40 + code, own + hdrs, data
    yield 0x55, RDETH + DETH, 0
    yield 0x64, DETH, 1
    yield 0x65, DETH + IMMDT, 1
    yield 0x81, b"", 0
    for code, (hdrs, data) in rc.items():
        own = b"" if code in RESPONSES else XRCETH
        yield 0xa0 + code, own + hdrs, data


def csum(data):
    """The Internet checksum."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def bth(opcode, qpn=0x11, psn=10237949, se=0, mig=0, pad=0, ack=0, cn=0):
    """Base transport header."""
    return struct.pack("!BBHII", opcode, se << 7 | mig << 6 | pad << 4,
                       0xffff, cn << 30 | qpn, ack << 31 | psn)


def ipv4(payload, frag=0x4000, ident=0x1234, options=b"", proto=17,
         ends=("192.0.2.1", "192.0.2.2")):
    """An IPv4 packet."""
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0x68,
                       ihl * 4 + len(payload), ident, frag, 64, proto, 0,
                       ipaddress.ip_address(ends[0]).packed,
                       ipaddress.ip_address(ends[1]).packed) + options
    return head[:10] + struct.pack("!H", csum(head)) + head[12:] + payload


def ipv6(payload, nexthdr=17):
    """An IPv6 packet."""
    return struct.pack("!IHBB16s16s", 0x66812345, len(payload), nexthdr, 64,
                       ipaddress.ip_address("2001:db8::1").packed,
                       ipaddress.ip_address("2001:db8::2").packed) + payload


def udp(body, port=4791, length=None):
    """A UDP datagram."""
    return struct.pack("!HHHH", 49152, port,
                       8 + len(body) if length is None else length, 0) + body


def roce(body, wrap=ipv4, wrong=0):
    """A packet with its ICRC."""
    blank = wrap(udp(body + b"\0" * 4))
    at = blank.index(body) - 8
    masked = bytearray(blank[:-4])
    if masked[0] >> 4 == 4:
        masked[1] = masked[8] = masked[10] = masked[11] = 0xff
    else:
        masked[0] |= 0x0f
        masked[1] = masked[2] = masked[3] = masked[7] = 0xff
    masked[at + 6] = masked[at + 7] = masked[at + 12] = 0xff
    crc = zlib.crc32(b"\xff" * 8 + bytes(masked)) ^ wrong
    return blank[:-4] + struct.pack("<I", crc)


def eth(packet, vlans=(), kind=None):
    """A frame."""
    kind = kind or (0x86dd if packet[0] >> 4 == 6 else 0x0800)
    tags = b"".join(struct.pack("!HH", 0x8100, tci) for tci in vlans)
    return (bytes.fromhex("02000000000202000000000a") + tags +
            struct.pack("!H", kind) + packet)


class Pcapng:
    """A pcapng file; by default in this machine's byte order."""

    def __init__(self, path, order="<"):
        self.file = open(path, "wb")
        self.order = order
        self.block(0x0a0d0d0a, self.pack("IHHq", 0x1a2b3c4d, 1, 0, -1))

    def pack(self, fmt, *values):
        """As struct.pack()."""
        return struct.pack(self.order + fmt, *values)

    def options(self, options):
        """A list of options."""
        out = b""
        for code, value in options:
            out += self.pack("HH", code, len(value)) + value
            out += b"\0" * (-len(value) % 4)
        return out + b"\0" * 4 if out else b""

    def block(self, kind, body):
        """Any block."""
        body += b"\0" * (-len(body) % 4)
        size = self.pack("I", 12 + len(body))
        self.file.write(self.pack("I", kind) + size + body + size)

    def iface(self, name, link=1, resol=9):
        """An interface."""
        self.block(1, self.pack("HHI", link, 0, 262144) + self.options(
            [(2, name.encode()), (9, bytes([resol]))]))

    def packet(self, frame, iface=0, direction=0, time=0, wire=None):
        """A frame."""
        data = frame + b"\0" * (-len(frame) % 4)
        options = [(2, self.pack("I", direction))] if direction else []
        self.block(6, self.pack("IIIII", iface, time >> 32,
                                time & 0xffffffff, len(frame),
                                wire or len(frame)) + data +
                   self.options(options))


def all_opcodes(path, wrap):
    """One packet of each opcode."""
    out = Pcapng(path)
    out.iface("nk0")
    time = START
    for number, (code, hdrs, data) in enumerate(opcodes()):
        body = bth(code, psn=number) + hdrs + b"rdma-ping-0: ABC\n\0\0\0" * data
        out.packet(eth(roce(body, wrap)), 0, 1 + number % 2, time)
        time += STEP
    out.file.close()


def write_only(**fields):
    """The packet of the talk."""
    return (bth(0x0a, **fields) + RETH +
            b"rdma-ping-1: BCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklm\0")


def odd_frames():
    """What is not an ordinary packet: name, frame, length on the wire."""
    good = roce(write_only())
    yield eth(roce(write_only(se=1, mig=1, ack=1, cn=3))), None
    yield eth(roce(bth(0x04, pad=3) + b"x" * 4)), None
    yield eth(good, (0x6064,)), None
    yield eth(good, (0x0001, 0x2002)), None
    yield eth(good, (1, 2, 3)), None
    yield eth(roce(write_only(), wrong=1)), None
    yield eth(good)[:-2], len(eth(good))
    yield eth(good)[:70], len(eth(good))
    yield eth(good)[:60], len(eth(good))
    yield eth(good)[:44], len(eth(good))
    yield eth(good)[:20], len(eth(good))
    yield eth(good)[:8], len(eth(good))
    yield eth(good) + b"\0" * 10, None
    for syndrome in (0x00, 0x1f, 0x20, 0x21, 0x3f, 0x40, 0x60, 0x61, 0x62,
                     0x63, 0x64, 0x65, 0x7f, 0xe0):
        yield eth(roce(bth(0x11) + struct.pack("!I", syndrome << 24))), None
    yield eth(roce(bth(0x1f) + b"data")), None
    yield eth(roce(bth(0xc0) + b"data")), None
    yield eth(ipv4(udp(b""))), None
    yield eth(ipv4(udp(bth(4)[:11]))), None
    yield eth(ipv4(udp(bth(4)))), None
    yield eth(ipv4(udp(bth(0x0a) + RETH[:15]))), None
    yield eth(ipv4(udp(bth(4, pad=3) + b"\0" * 6))), None
    yield eth(ipv4(udp(bth(4) + b"\0" * 8, length=7))), None
    yield eth(ipv4(udp(bth(4) + b"\0" * 8, length=200))), None
    yield eth(ipv4(udp(write_only(), port=53))), None
    yield eth(ipv4(b"\0" * 20, proto=6)), None
    yield eth(b"\0" * 28, kind=0x0806), None
    yield eth(b"", kind=0x0800), None
    yield eth(b"\x45" + b"\0" * 30, kind=0x0800), None
    yield eth(b"\x65" + b"\0" * 50, kind=0x86dd), None
    # an IP length of more than the frame has
    yield eth(good[:2] + b"\xff\xff" + good[4:]), None
    yield eth(roce(write_only(), ipv6)[:-8]), None
    # fragments: the first with its headers, one that looks like RoCE
    yield eth(ipv4(udp(write_only()), frag=0x2000)), None
    yield eth(ipv4(udp(write_only()), frag=0x2010)), None
    yield eth(ipv4(b"rest", frag=0x0020)), None
    yield eth(ipv6(struct.pack("!BBHI", 17, 0, 1, 77) + udp(write_only()),
                   44)), None
    yield eth(ipv6(struct.pack("!BBHI", 17, 0, 0x109, 77) + b"rest", 44)), None
    yield eth(ipv6(struct.pack("!BBHI", 6, 0, 0x109, 77) + b"rest", 44)), None
    # options and extension headers
    yield eth(roce(write_only(), lambda p: ipv4(p, options=b"\1" * 8))), None
    yield eth(roce(write_only(), lambda p: ipv6(
        b"\x3c\0\1\4\0\0\0\0" + b"\x11\1\1\x0c" + b"\0" * 12 + p, 0))), None
    yield eth(roce(write_only(), lambda p: ipv6(
        struct.pack("!BBHI", 17, 0, 0, 77) + p, 44))), None
    yield eth(ipv6(b"\0\0\1\4\0\0\0\0" * 9 + udp(b""), 0)), None
    yield eth(ipv6(b"\x11\xff\1\4\0\0\0\0", 0)), None


def odd(path):
    """Odd frames in the classic format, microseconds, big endian."""
    with open(path, "wb") as out:
        out.write(struct.pack(">IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for number, (frame, wire) in enumerate(odd_frames()):
            out.write(struct.pack(">IIII", START // 10**9, number,
                                  len(frame), wire or len(frame)) + frame)


def links(path):
    """Several interfaces, link types and resolutions; big endian; a second
    section; blocks that nobody knows; a packet without a time."""
    good = roce(write_only())
    sll = struct.pack("!HHHQH", 0, 1, 6, 0x020000000002 << 16, 0x0800)
    sll2 = struct.pack("!HHIHBBQ", 0x0800, 0, 3, 1, 0, 6, 2)
    out = Pcapng(path, ">")
    out.iface("eth0")
    out.iface("tun0@red", 101)
    out.iface("cooked", 113, 6)
    out.iface("cooked2", 276, 0x80 | 10)
    out.block(0x4242, b"unknown")
    out.packet(eth(good), 0, 1, START)
    out.packet(good, 1, 2, START)
    out.packet(roce(write_only(), ipv6), 1, 2, START)
    out.packet(sll + good, 2, 1, START // 1000)
    out.packet(sll2 + good, 3, 1, START * 1024 // 10**9)
    out.block(5, out.pack("III", 0, 0, 0) +
              out.options([(5, out.pack("Q", 3)), (7, out.pack("Q", 4))]))
    out.order = "<"
    out.block(0x0a0d0d0a, out.pack("IHHq", 0x1a2b3c4d, 1, 0, -1))
    out.iface("a b\x1b[31m")
    out.packet(eth(good), 0, 0, START)
    out.block(3, out.pack("I", len(eth(good))) + eth(good))
    out.file.close()


def flow(path):
    """A QP with losses, for the statistics."""
    out = Pcapng(path)
    out.iface("nk0")
    time = START

    def send(body, ident, delay, back=False):
        nonlocal time
        time += delay * 1000
        ends = ("192.0.2.1", "192.0.2.2")[::-1 if back else 1]
        packet = roce(body, lambda p: ipv4(p, ident=ident, ends=ends))
        out.packet(eth(packet), 0, 1 + (not back), time)

    def ack(psn, syndrome=0x1f, delay=10):
        send(bth(0x11, qpn=0x22, psn=psn) +
             struct.pack("!I", syndrome << 24), 0, delay, True)

    last = 0xffffff
    send(bth(0x04, psn=last - 1, ack=1) + b"data", 1, 0)
    ack(last - 1, delay=10)
    send(bth(0x04, psn=last, ack=1) + b"data", 2, 5)
    ack(last, delay=20)
    send(bth(0x04, psn=0, ack=1) + b"data", 3, 5)
    send(bth(0x04, psn=0, ack=1) + b"data", 3, 5)       # a copy
    send(bth(0x04, psn=last, ack=1) + b"data", 12, 5)   # again, from before 0
    send(bth(0x04, psn=3, ack=1) + b"data", 4, 5)       # 1 and 2 are missing
    ack(0, 0x60)                                        # NAK
    send(bth(0x04, psn=1) + b"data", 5, 5)              # late
    send(bth(0x04, psn=2) + b"data", 6, 5)
    send(bth(0x04, psn=3, ack=1) + b"data", 7, 5)       # again
    ack(3, 0x2c)                                        # RNR
    send(bth(0x04, psn=3, ack=1) + b"data", 8, 5)
    ack(3, delay=30)
    send(bth(0x0c, psn=4, ack=1) + RETH, 9, 5)          # 4 of 1024 bytes
    send(bth(0x0a, psn=8, ack=1) + RETH + b"data", 10, 5)
    ack(8, 0x62)
    send(bth(0x81) + b"\0" * 16, 11, 5)
    send(bth(0x0c, psn=6, ack=1) + RETH, 13, 5)         # the READ's third again
    out.file.close()


def reused(path):
    """A QP whose number is used again, with another peer QP."""
    out = Pcapng(path)
    out.iface("nk0")
    time = START
    for qpn, start in ((0x11, 100), (0x12, 5000)):
        for psn in range(start, start + 40):
            for ends, qp, opcode in (
                    (("192.0.2.1", "192.0.2.2"), qpn, 0x04),
                    (("192.0.2.2", "192.0.2.1"), 0x22, 0x11)):
                body = bth(opcode, qpn=qp, psn=psn, ack=1)
                body += (struct.pack("!I", 0x1f << 24) if opcode == 0x11
                         else b"data")
                frame = eth(roce(body, lambda p, e=ends: ipv4(p, ends=e)))
                out.packet(frame, 0, 1 + (opcode == 4), time)
                time += 10000
    out.file.close()


def pair(path):
    """Both ends of a link, one QP; then the QP's number with a new PSN."""
    out = Pcapng(path)
    out.iface("nk0")
    out.iface("nk1")
    time = START
    for psn in (1, 2, 3, 4, 5, 7000001, 7000002):
        for ends, opcode, out_at in ((("192.0.2.1", "192.0.2.2"), 0x04, 0),
                                     (("192.0.2.2", "192.0.2.1"), 0x11, 1)):
            body = bth(opcode, psn=psn, ack=1 - out_at)
            body += struct.pack("!I", 0x1f << 24) if out_at else b"data"
            frame = eth(roce(body, lambda p, e=ends: ipv4(p, ident=0, ends=e)))
            out.packet(frame, out_at, 2, time)
            out.packet(frame, 1 - out_at, 1, time + 3000)
            time += 10000
    out.file.close()


def chain(bodies, wrap, number=0x1234):
    """The packets of a message as one frame, and as frames of their own."""
    def one(body, ident):
        if wrap is ipv4:
            return roce(body, lambda p: ipv4(p, ident=ident & 0xffff))
        return roce(body, wrap)

    packets = [one(body, number + i) for i, body in enumerate(bodies)]
    head = 28 if wrap is ipv4 else 48
    data = b"".join(packet[head:] for packet in packets)
    if wrap is ipv4:
        return ipv4(udp(data), ident=number), packets
    return wrap(udp(data)), packets


def message(size, mtu, codes, psn, hdrs, qpn=0x11):
    """The packets of a message. @codes: its FIRST, MIDDLE, LAST; @hdrs: theirs."""
    parts = [bytes((i + at) & 0xff for i in range(min(mtu, size - at)))
             for at in range(0, size, mtu)]
    for i, part in enumerate(parts):
        which = 0 if not i else 2 if i == len(parts) - 1 else 1
        pad = -len(part) % 4
        yield (bth(codes[which], qpn=qpn, psn=(psn + i) & 0xffffff, pad=pad,
                   ack=int(which == 2)) + hdrs[which] + part + b"\0" * pad)


WRITE = ((6, 7, 8), (RETH, b"", b""))
READ = ((0x0d, 0x0e, 0x0f), (AETH, b"", AETH))
SEND = ((0, 1, 3), (b"", b"", IMMDT))


def chains():
    """Messages that are one frame each: the frame, the frames of its packets."""
    def made(kind, size, mtu, psn, wrap, number=0x1234):
        codes, hdrs = kind
        packet, packets = chain(list(message(size, mtu, codes, psn, hdrs)),
                                wrap, number)
        return eth(packet), [eth(packet) for packet in packets]

    yield made(WRITE, 601, 256, 100, ipv4)
    yield made(READ, 1500, 512, 0xffffff, ipv6)
    yield made(SEND, 2050, 1024, 7, ipv4, 0xffff)
    # its begin and its end went with other frames
    whole = list(message(1280, 256, *WRITE[:1], 40, WRITE[1]))
    packet, packets = chain(whole[1:4], ipv4, 9)
    yield eth(packet, (0x6064,)), [eth(p, (0x6064,)) for p in packets]
    # one byte, somewhere in the second packet
    frame, packets = made(SEND, 600, 256, 20, ipv6)
    at = 14 + 48 + 272 + 100
    yield (frame[:at] + b"\xee" + frame[at + 1:],
           packets[:1] + [packets[1][:14 + 48 + 100] + b"\xee" +
                          packets[1][14 + 48 + 101:]] + packets[2:])


def no_chains():
    """What looks like a chain, and does not come out even."""
    for frame, _ in list(chains())[:1]:
        at = 14 + 28 + 12 + 16 + 256 + 4        # the second packet
        for offset, value in ((0, 0x1f), (0, 0x04), (7, 0x12), (11, 0xff)):
            yield frame[:at + offset] + bytes([value]) + frame[at + offset + 1:]
        # of a size that no packet has
        packet, _ = chain(list(message(600, 200, *WRITE[:1], 100, WRITE[1])),
                          ipv4)
        yield eth(packet)
        # all ICRCs are wrong
        packets = [frame[14 + 28:at - 4], frame[at:at + 268], frame[at + 272:-4]]
        yield eth(ipv4(udp(b"".join(p + b"bad!" for p in packets))))


def chained(folder):
    """Chains, as tcpdump has them, and what is in them."""
    out, cut = Pcapng(folder + "/chains.pcapng"), Pcapng(folder + "/cut.pcapng")
    out.iface("nk0")
    cut.iface("nk0")
    time = START
    for frame, frames in chains():
        out.packet(frame, 0, 2, time)
        for one in frames:
            cut.packet(one, 0, 2, time)
        time += STEP
    out.file.close()
    cut.file.close()
    out = Pcapng(folder + "/nochains.pcapng")
    out.iface("nk0")
    for frame in no_chains():
        out.packet(frame, 0, 2, time)
    # not all of it is here
    frame = next(chains())[0]
    out.packet(frame[:-1], 0, 2, time, len(frame))
    out.file.close()


def main():
    """Make them all."""
    folder = sys.argv[1]
    all_opcodes(folder + "/opcodes-ipv4.pcapng", ipv4)
    all_opcodes(folder + "/opcodes-ipv6.pcapng", ipv6)
    odd(folder + "/odd.pcap")
    links(folder + "/links.pcapng")
    flow(folder + "/flow.pcapng")
    pair(folder + "/pair.pcapng")
    reused(folder + "/reused.pcapng")
    chained(folder)


if __name__ == "__main__":
    main()
