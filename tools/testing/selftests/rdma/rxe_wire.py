#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check RoCEv2 frames in capture files.

usage: rxe_wire.py count FILE        how many RoCE frames
       rxe_wire.py check FILE [TOS]  each header, checksum and ICRC
       rxe_wire.py same FILE FILE    the same frames, byte by byte
       rxe_wire.py like FILE FILE    the same but for what differs by run:
                                     IPv4 ident and checksum, QPNs, the port
                                     made from them, keys, addresses, ICRC
"""

import struct
import sys
import zlib

ETH = 14
RETH = {0x06, 0x0a, 0x0b, 0x0c, 0x26, 0x2a, 0x2b}
FETCH_ADD = 0x14
ATOMIC = {0x13, FETCH_ADD}
DETH = {0x64, 0x65}


def frames(path):
    """The RoCE frames of a pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") \
        else ">"
    at = 24
    while at + 16 <= len(data):
        size, wire = struct.unpack_from(order + "II", data, at + 8)
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if len(frame) < size:
            return
        if size != wire:
            sys.exit(f"{path}: a frame of {wire} bytes was cut to {size}")
        if is_roce(frame):
            yield frame


def ip_len(frame):
    """Length of the IP header; 0 if it is no IP."""
    return {b"\x08\x00": 20, b"\x86\xdd": 40}.get(frame[12:14], 0)


def is_roce(frame):
    """Is it UDP to port 4791?"""
    size = ip_len(frame)
    if not size or len(frame) < ETH + size + 8:
        return False
    proto = frame[ETH + (9 if size == 20 else 6)]
    return proto == 17 and frame[ETH + size + 2:ETH + size + 4] == b"\x12\xb7"


def icrc(frame):
    """The ICRC that the frame should end with."""
    size = ip_len(frame)
    packet = bytearray(frame[ETH:-4])
    if size == 20:
        packet[1] = packet[8] = packet[10] = packet[11] = 0xff
    else:
        packet[0:4] = b"\x6f\xff\xff\xff"
        packet[7] = 0xff
    packet[size + 6] = packet[size + 7] = packet[size + 12] = 0xff
    return struct.pack("<I", zlib.crc32(b"\xff" * 8 + bytes(packet)))


def csum_ok(header):
    """Is the checksum of an IPv4 header right?"""
    total = sum(struct.unpack("!10H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total == 0xffff


def faults(frame, tos):
    """What is wrong with a frame, as text."""
    size = ip_len(frame)
    head = frame[ETH:ETH + size]
    udp = frame[ETH + size:ETH + size + 8]
    if size == 20:
        total = struct.unpack("!H", head[2:4])[0]
        if head[0] != 0x45:
            yield "version or header length"
        if head[6:8] != b"\x40\x00":
            yield "DF or fragment offset"
        if not csum_ok(head):
            yield "header checksum"
        found, ttl = head[1], head[8]
    else:
        total = size + struct.unpack("!H", head[4:6])[0]
        if head[0] >> 4 != 6:
            yield "version"
        found, ttl = (head[0] << 4 | head[1] >> 4) & 0xff, head[7]
    if tos is not None and (found != tos or ttl != 64):
        yield f"traffic class {found} or TTL {ttl}"
    if total != len(frame) - ETH:
        yield f"IP length {total} of {len(frame) - ETH}"
    if struct.unpack("!H", udp[4:6])[0] != total - size:
        yield "UDP length"
    if udp[6:8] != b"\0\0":
        yield "UDP checksum"
    bth = ETH + size + 8
    if frame[bth] == FETCH_ADD and any(frame[bth + 32:bth + 40]):
        yield "bytes where FETCH_ADD has none to compare"
    if frame[-4:] != icrc(frame):
        yield f"ICRC {frame[-4:].hex()}, not {icrc(frame).hex()}"


def normal(frame):
    """The frame without what differs from run to run."""
    size = ip_len(frame)
    frame = bytearray(frame)
    if size == 20:
        frame[ETH + 4:ETH + 6] = frame[ETH + 10:ETH + 12] = b"\0\0"
    at = ETH + size
    frame[at:at + 2] = b"\0\0"
    at += 8
    frame[at + 5:at + 8] = b"\0\0\0"
    opcode = frame[at]
    at += 12
    if opcode in RETH or opcode in ATOMIC:
        frame[at:at + 12] = bytes(12)
    elif opcode in DETH:
        frame[at + 5:at + 8] = bytes(3)
    frame[-4:] = bytes(4)
    return bytes(frame)


def by_direction(path):
    """Normal frames of each sender, in their order."""
    result = {}
    for frame in frames(path):
        size = ip_len(frame)
        source = frame[ETH + 12:ETH + 16] if size == 20 else \
            frame[ETH + 8:ETH + 24]
        result.setdefault(bytes(source), []).append(normal(frame))
    return result


def check(path, tos=None):
    """All frames of a file; an empty one is no proof."""
    number = 0
    for number, frame in enumerate(frames(path), 1):
        for fault in faults(frame, None if tos is None else int(tos)):
            sys.exit(f"frame {number}: {fault}: {frame[:80].hex()}")
    if not number:
        sys.exit("no RoCE frame")


def same(path, other):
    """Two captures of the same traffic."""
    one, two = sorted(frames(path)), sorted(frames(other))
    if not one or one != two:
        sys.exit(f"{len(one)} and {len(two)} frames, not the same")


def like(path, other):
    """Two runs of the same program."""
    one, two = by_direction(path), by_direction(other)
    if not one or one.keys() != two.keys():
        sys.exit("not the same senders")
    for sender, sent in one.items():
        if len(sent) != len(two[sender]):
            sys.exit(f"{len(sent)} and {len(two[sender])} frames of "
                     f"{sender.hex()}")
        for number, (left, right) in enumerate(zip(sent, two[sender]), 1):
            if left != right:
                sys.exit(f"frame {number}: {left[:80].hex()} and "
                         f"{right[:80].hex()}")


def main():
    """Run a command."""
    commands = {"check": check, "same": same, "like": like,
                "count": lambda path: print(len(list(frames(path))))}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
