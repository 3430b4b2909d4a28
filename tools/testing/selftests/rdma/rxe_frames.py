#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Send hostile RoCEv2 frames through a packet socket.

usage: rxe_frames.py NETDEV DEST_MAC SRC_IP DEST_IP LOCAL_IP PING_IP

Each line on stdin is "NAME COUNT"; the answer is how many frames went out,
when the receiver has seen them all: it answered a ping behind them.
LOCAL_IP is an address of the receiving host, but not of its RDMA netdev.
"""

import ipaddress
import random
import socket
import struct
import sys
import zlib

GSI_QKEY = 0x80010000
UD_SEND = 0x64
# opcode: length of its headers, BTH included
HEADERS = {0x04: 12, 0x05: 16, 0x0a: 28, 0x0b: 32, 0x0c: 28, 0x10: 16,
           0x11: 16, 0x12: 24, 0x13: 40, 0x14: 40, 0x24: 12, 0x2a: 28,
           UD_SEND: 20, 0x65: 24}
UNKNOWN = (0x1f, 0x3f, 0x60, 0x80, 0x81, 0xa0, 0xc0, 0xff)
PACKET_VNET_HDR = 15
SOL_PACKET = 263


def csum(data):
    """The Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def bth(opcode=UD_SEND, qpn=1, pkey=0xffff, tver=0, pad=0, psn=0):
    """Base transport header."""
    return struct.pack("!BBHII", opcode, pad << 4 | tver, pkey, qpn, psn)


def deth(qkey=GSI_QKEY):
    """Datagram extended transport header."""
    return struct.pack("!II", qkey, 1)


# A datagram to the GSI, of a MAD version that nobody serves.
MAD = b"\xff" * 256
GOOD = bth() + deth() + MAD


class Sender:
    """Builds frames from one address to another, and sends them."""

    def __init__(self, dev, mac, src, dst, local):
        self.src = ipaddress.ip_address(src).packed
        self.dst = ipaddress.ip_address(dst).packed
        self.local = ipaddress.ip_address(local).packed
        self.v6 = len(self.src) == 16
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.dev = dev
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind((dev, 0))
        self.rng = random.Random(4791)

    def ip(self, payload, proto=17, dst=None, **over):
        """The IP header of a payload; over: fields that lie."""
        dst = dst or self.dst
        if self.v6:
            return struct.pack("!IHBB", over.get("version", 6) << 28,
                               over.get("length", len(payload)), proto,
                               64) + self.src + dst
        options = over.get("options", b"")
        ihl = 5 + len(options) // 4
        head = struct.pack("!BBHHHBBH", over.get("version", 4) << 4 | ihl, 0,
                           over.get("length", ihl * 4 + len(payload)), 1,
                           over.get("frag", 0x4000), 64, proto, 0)
        head += self.src + dst + options
        check = over.get("check", csum(head))
        return head[:10] + struct.pack("!H", check) + head[12:]

    def icrc(self, head, udp, body):
        """The invariant CRC, as the wire has it."""
        if self.v6:
            head = b"\x6f\xff\xff\xff" + head[4:7] + b"\xff" + head[8:40]
        else:
            head = (head[:1] + b"\xff" + head[2:8] + b"\xff" + head[9:10] +
                    b"\xff\xff" + head[12:20])
        masked = (b"\xff" * 8 + head + udp[:6] + b"\xff\xff" + body[:4] +
                  b"\xff" + body[5:])
        return struct.pack("<I", zlib.crc32(masked))

    def udp(self, body, port=4791, length=None, check=0):
        """UDP header and body."""
        length = 8 + len(body) if length is None else length
        return struct.pack("!HHHH", 49152, port, length, check) + body

    def packet(self, body, icrc=None, udp=None, ip=None, ext=b""):
        """IP packet of a body, with its ICRC unless that is given."""
        udp, ip = udp or {}, ip or {}
        proto = 17
        if ext:
            proto, ext = ext
        tail = b"\0" * 4 if icrc is None else icrc
        blank = self.udp(body + tail, **udp)
        head = self.ip(ext + blank if ext else blank, proto, **ip)
        if icrc is None:
            icrc = self.icrc(head, blank[:8], body)
        return head + (ext or b"") + self.udp(body + icrc, **udp)

    def checksummed(self, wrong=0):
        """A good packet with a UDP checksum, right or wrong."""
        packet = self.packet(GOOD)
        at = len(packet) - len(GOOD) - 12
        udp = packet[at:]
        pseudo = self.src + self.dst + struct.pack("!II", len(udp), 17)
        check = (csum(pseudo + udp) or 0xffff) ^ wrong
        return packet[:at + 6] + struct.pack("!H", check) + packet[at + 8:]

    def eth(self, packet, mac=None, vlan=None):
        """A frame."""
        tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
        kind = 0x86dd if self.v6 else 0x0800
        return ((mac or self.mac) + b"\x02\0\0\0\0\x01" + tag +
                struct.pack("!H", kind) + packet)

    def short(self, dst=None):
        """Datagrams that are too small for a BTH."""
        return [self.eth(self.packet(GOOD[:n], icrc=b"",
                                     ip={"dst": dst or self.dst}))
                for n in range(12)]

    def truncated(self):
        """Each opcode, cut at each place before its ICRC ends."""
        return [self.eth(self.packet((bth(op) + b"\0" * 64)[:n], icrc=b""))
                for op, size in HEADERS.items() for n in range(12, size + 4)]

    def mutated(self):
        """Good frames with some bytes overwritten, some cut."""
        good = self.eth(self.packet(GOOD))
        frames = []
        for _ in range(200):
            frame = bytearray(good)
            for _ in range(self.rng.randint(1, 8)):
                frame[self.rng.randrange(12, 90)] = self.rng.randrange(256)
            cut = self.rng.choice((0, 0, 0, self.rng.randrange(14, 80)))
            frames.append(bytes(frame[:cut] if cut else frame))
        return frames

    def noise(self):
        """Random bytes behind the Ethernet header."""
        return [self.eth(self.rng.randbytes(self.rng.randint(1, 300)))
                for _ in range(100)]

    def body(self, *parts, **kw):
        """One frame of a body."""
        return [self.eth(self.packet(b"".join(parts), **kw))]

    def extension(self, kind, data):
        """IPv6: an extension header before UDP."""
        return [self.eth(self.packet(GOOD, ext=(kind, b"\x11" + data)))]

    def frames(self, name):
        """The frames of a name."""
        good = self.packet(GOOD)
        size = len(good)
        table = {
            "good": lambda: [self.eth(good)],
            "padded": lambda: [self.eth(good + b"\xee" * 18)],
            "udp-shorter-than-ip": lambda: [self.longer_ip()],
            "short": self.short,
            "short-local": lambda: self.short(self.local),
            "truncated": self.truncated,
            "pad-too-long": lambda: self.body(bth(pad=3), deth(), b"\0\0"),
            "opcode": lambda: [f for op in UNKNOWN
                               for f in self.body(bth(op), deth(), MAD)],
            "qpn-0": lambda: self.body(bth(qpn=0), deth(), MAD),
            "qpn-unknown": lambda: self.body(bth(qpn=0xabcde), deth(), MAD),
            "version": lambda: self.body(bth(tver=1), deth(), MAD),
            "pkey": lambda: self.body(bth(pkey=0x9234), deth(), MAD),
            "qkey": lambda: self.body(bth(), deth(7), MAD),
            "qp-type": lambda: self.body(bth(0x04), deth(), MAD),
            "icrc": lambda: self.body(GOOD, icrc=b"\1\2\3\4"),
            "payload": lambda: [self.eth(good[:-9] + b"\0" + good[-8:])],
            "mcast-qpn": lambda: self.body(bth(qpn=0xffffff), deth(), MAD),
            "udp-csum": lambda: [self.eth(self.checksummed())],
            "udp-csum-bad": lambda: [self.eth(self.checksummed(0x55))],
            "port": lambda: self.body(GOOD, udp={"port": 4792}),
            "udp-len-long": lambda: self.body(
                GOOD, udp={"length": len(GOOD) + 40}),
            "udp-len-7": lambda: self.body(GOOD, udp={"length": 7}),
            "udp-len-0": lambda: self.body(GOOD, udp={"length": 0}),
            "ip-len-long": lambda: self.body(GOOD, ip={"length": size + 9}),
            "ip-len-short": lambda: self.body(GOOD, ip={"length": 3}),
            "ip-version": lambda: self.body(GOOD, ip={"version": 5}),
            "ip-csum": lambda: self.body(GOOD, ip={"check": 0x1234}),
            "ip-options": lambda: self.body(GOOD, ip={"options": b"\1" * 4}),
            "first-fragment": lambda: self.body(GOOD, ip={"frag": 0x2000}),
            "later-fragment": lambda: self.body(GOOD, ip={"frag": 0x0010}),
            "other-mac": lambda: [self.eth(good, b"\x02\0\0\0\0\x99")],
            "broadcast-mac": lambda: [self.eth(good, b"\xff" * 6)],
            "vlan": lambda: [self.eth(good, vlan=5)],
            "priority-tag": lambda: [self.eth(good, vlan=0x6000)],
            "local-address": lambda: self.body(GOOD, ip={"dst": self.local}),
            "foreign-address": lambda: self.body(
                GOOD, ip={"dst": self.dst[:-1] + b"\x77"}),
            "hop-by-hop": lambda: self.extension(0, b"\0\1\4\0\0\0\0"),
            "destination-options": lambda: self.extension(
                60, b"\0\1\4\0\0\0\0"),
            "fragment-header": lambda: self.extension(
                44, b"\0\0\1\0\0\0\1"),
            "mutated": self.mutated,
            "noise": self.noise,
        }
        return table[name]()

    def longer_ip(self):
        """The datagram ends before the packet does."""
        udp = self.udp(GOOD + b"\0" * 4)
        head = self.ip(udp + b"\0" * 6)
        icrc = self.icrc(head, udp[:8], GOOD)
        return self.eth(head + self.udp(GOOD + icrc) + b"\xee" * 6)

    def send_gso(self):
        """A frame that says it is several: UDP segmentation offload."""
        iplen = 40 if self.v6 else 20
        packet = self.packet(GOOD + b"\xee" * 744)
        vnet = struct.pack("=BBHHHH", 1, 5, 14 + iplen + 8, 500, 14 + iplen,
                           6)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.bind((self.dev, 0))
        sock.send(vnet + self.eth(packet))

    def send(self, name, count):
        """Send each frame of a name count times; how many that were."""
        if name == "gso":
            for _ in range(count):
                self.send_gso()
            return count
        frames = self.frames(name) * count
        for frame in frames:
            self.sock.send(frame)
        return len(frames)


def ping(address, seq):
    """Send an echo request and wait for the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW,
                       socket.IPPROTO_ICMP) as sock:
        sock.settimeout(20)
        sock.connect((address, 0))
        body = struct.pack("!HH", 4791, seq & 0xffff)
        sock.send(struct.pack("!BBH", 8, 0, csum(b"\x08\0" + body)) + body)
        while True:
            answer = sock.recv(2048)
            if answer[20:21] == b"\0" and answer[24:28] == body:
                return


def main():
    """Serve requests."""
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    dev, mac, src, dst, local, target = sys.argv[1:]
    sender = Sender(dev, mac, src, dst, local)
    for seq, line in enumerate(sys.stdin):
        name, count = line.split()
        sent = sender.send(name, int(count))
        ping(target, seq)
        print(sent, flush=True)


if __name__ == "__main__":
    main()
