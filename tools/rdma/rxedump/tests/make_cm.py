#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make captures of how connections begin and end.

usage: make_cm.py FOLDER

Where the fields are is written down here once more, from chapter 12 of the
InfiniBand architecture: not taken from the decoder.
"""

import ipaddress
import struct
import sys

from make_captures import (AETH, DETH, START, STEP, Pcapng, bth, eth, ipv4, ipv6,
                           roce)

A, B = "192.0.2.1", "192.0.2.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
GUID = 0x0200_00ff_fe00_000a
REQ, MRA, REJ, REP, RTU, DREQ, DREP, SIDR_REQ, SIDR_REP, LAP, APR = range(
    0x10, 0x1b)


def mad(attribute, body, mgmt=7, version=2, method=3):
    """A management datagram."""
    head = struct.pack("!BBBBHHQHHI", 1, mgmt, version, method, 0, 0,
                       0x1122334455667788, attribute, 0, 0)
    return (head + body).ljust(256, b"\0")


def gid(address):
    """An address as a GID."""
    packed = ipaddress.ip_address(address).packed
    return packed if len(packed) == 16 else b"\0" * 10 + b"\xff\xff" + packed


def bits24(value, low=0):
    """24 bits, and 8 behind them."""
    return struct.pack("!I", value << 8 | low)


def req(service, private, ends=(A, B), comm=0x11aa, qpn=0x11):
    """A request."""
    path = struct.pack("!HH", 0xffff, 0xfffe) + gid(ends[0]) + gid(ends[1]) + \
        struct.pack("!IBBBB", 0xabcde << 12 | 3, 0x69, 64, 5 << 4 | 8, 18 << 3)
    alternate = b"\0" * 4 + gid("::") * 2 + b"\0" * 8
    return mad(REQ, struct.pack("!IIQQII", comm, 0, service, GUID, 0,
                                0x80010000) +
               bits24(qpn, 4) + bits24(0, 5) + bits24(0, 20 << 3 | 0 << 1 | 1) +
               bits24(0x123456, 19 << 3 | 7) +
               struct.pack("!HBB", 0xffff, 3 << 4 | 6, 10 << 4 | 8) + path +
               alternate + private)


def ip_cm(ends, sport, rest):
    """What rdma_cm puts in front of the private data."""
    packed = [ipaddress.ip_address(end).packed.rjust(16, b"\0")
              for end in ends]
    version = 6 if ":" in ends[0] else 4
    return struct.pack("!BBH", 0, version << 4, sport) + b"".join(packed) + rest


def rep(comm=0x22bb, remote=0x11aa, qpn=0x22):
    """Its answer."""
    return mad(REP, struct.pack("!III", comm, remote, 0) + bits24(qpn) +
               bits24(0) + bits24(0x654321) +
               struct.pack("!BBBBQ", 6, 3, 17 << 3 | 1, 7 << 5 | 1 << 4,
                           GUID + 1) + b"accepted")


def ids(attribute, rest=b""):
    """A message of which most is private."""
    return mad(attribute, struct.pack("!II", 0x11aa, 0x22bb) + rest)


def rej(reason, of, info=0, private=b"no"):
    """A refusal."""
    return ids(REJ, struct.pack("!BBH", of << 6, info << 1, reason) +
               b"i" * info + b"\0" * (72 - info) + private)


def talk():
    """Management datagrams, and whether the second host sends."""
    rdma_cm = 0x0000000001060000
    yield req(rdma_cm + 4420, ip_cm((A, B), 40000, b"hello")), 0
    yield ids(MRA, struct.pack("!BB", 0, 9 << 3) + b"wait"), 1
    yield rep(), 1
    yield ids(RTU, b"go"), 0
    yield ids(DREQ, bits24(0x22) + b"bye"), 0
    yield ids(DREP), 1
    yield req(rdma_cm + 1, ip_cm((A6, B6), 40001, b""), (A6, B6)), 0
    # of another kind of service, and one that says it is not of IP
    yield req(0x1000000000000042, b"anything"), 0
    yield req(rdma_cm + 1, b"\0\x50"), 0
    for reason in (8, 10, 28, 34, 0, 99):
        yield rej(reason, reason % 3, 4 * (reason == 28)), 1
    yield mad(SIDR_REQ, struct.pack("!IHHQ", 7, 0xffff, 0, rdma_cm + 2)), 0
    yield mad(SIDR_REP, struct.pack("!IBBH", 7, 0, 0, 0) + bits24(0x33) +
              struct.pack("!QI", rdma_cm + 2, 0x1234567)), 1
    yield ids(LAP), 0
    yield ids(APR), 1
    # other managers' datagrams, and what is none of these messages
    yield mad(0x11, b"", mgmt=3, version=2, method=1), 0
    yield mad(0x1b, b""), 0
    yield mad(REQ, b"", version=3), 0


def send(out, time, body, back):
    """A packet between the two hosts."""
    ends = (B, A) if back else (A, B)
    packet = roce(body, lambda p: ipv4(p, ends=ends))
    out.packet(eth(packet), 0, 1 + (not back), time)


def connections(path):
    """QPs of several connections between two hosts have the same PSNs at the
    same time. One has no REP; a QP's number is used again."""
    out = Pcapng(path)
    out.iface("nk0")
    time = START

    def manage(datagram, back):
        nonlocal time
        time += STEP
        send(out, time, bth(0x64, qpn=1, psn=0) + DETH[:4] +
             struct.pack("!I", 1) + datagram, back)

    def talk_of(pairs):
        nonlocal time
        for psn in range(100, 104):
            time += STEP
            for _, there in pairs:
                send(out, time, bth(0x04, qpn=there, psn=psn, ack=1) + b"data",
                     0)
            for number, (here, _) in enumerate(pairs, 1):
                send(out, time + number * 10000,
                     bth(0x11, qpn=here, psn=psn) + AETH, 1)

    pairs = [(0x11, 0x22), (0x12, 0x23), (0x13, 0x24)]
    talk_of(pairs)
    for number, (here, there) in enumerate(pairs):
        manage(req(0x1060001, b"", comm=number, qpn=here), 0)
        manage(req(0x1060001, b"", comm=number, qpn=here), 0)
        if number < 2:
            manage(rep(10 + number, number, there), 1)
    talk_of(pairs)
    # a request of another host does not end the first one
    manage(req(0x1060001, b"", comm=0, qpn=0x11), 1)
    talk_of(pairs[:1])
    manage(req(0x1060001, b"", comm=7, qpn=0x11), 0)
    manage(rep(17, 7, 0x25), 1)
    talk_of([(0x11, 0x25)])
    # nor does one with the number of a communication that was there
    manage(req(0x1060001, b"", comm=7, qpn=0x14), 0)
    manage(rep(18, 7, 0x26), 1)
    talk_of([(0x11, 0x25), (0x14, 0x26)])
    out.file.close()


def main():
    """Make them."""
    connections(sys.argv[1] + "/connections.pcapng")
    out = Pcapng(sys.argv[1] + "/cm.pcapng")
    out.iface("nk0")
    time = START

    def put(datagram, back, wrap=ipv4, qpn=1, code=0x64, cut=None):
        nonlocal time
        ends = (B, A) if back else (A, B)
        packet = roce(bth(code, qpn=qpn, psn=0) + DETH[:4] +
                      struct.pack("!I", 1) + datagram,
                      wrap if wrap is ipv6 else lambda p: ipv4(p, ends=ends))
        frame = eth(packet)
        out.packet(frame[:cut], 0, 1 + (not back), time, len(frame))
        time += STEP

    for datagram, back in talk():
        put(datagram, back)
    first = next(talk())[0]
    put(first, 0, ipv6)
    # the capture ends in the datagram: behind a field, in one, in its header
    for cut in (14 + 28 + 20 + 24 + 36, 14 + 28 + 20 + 24 + 34,
                14 + 28 + 20 + 23):
        put(first, 0, cut=cut)
    # no datagram of this kind
    put(first[:-4], 0)
    put(b"\2" + first[1:], 0)
    put(first, 0, qpn=2)
    put(first, 0, code=0x04)
    out.file.close()


if __name__ == "__main__":
    main()
