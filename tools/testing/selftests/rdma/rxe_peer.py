#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Be a hostile peer of an RC or UC QP.

usage: rxe_peer.py NETDEV DEST_MAC SRC_IP RXE DEST_IP CASE

A QP of the device RXE is connected to a QP that does not exist. This program
plays its part: it sends frames to DEST_IP from SRC_IP by a packet socket on
NETDEV, and reads what the QP sends. It runs in the namespace of NETDEV. Each
case says what the QP has to answer, or how the QP's own work request has to
end. IPv4.
"""

import socket
import struct
import sys
import time

import pyverbs.enums as e
from pyverbs.addr import AHAttr, GID, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

import rxe_frames

SEND_ONLY, WRITE_FIRST, WRITE_MIDDLE, WRITE_LAST = 0x04, 0x06, 0x07, 0x08
WRITE_ONLY, READ, READ_FIRST, READ_MIDDLE = 0x0a, 0x0c, 0x0d, 0x0e
READ_LAST, READ_ONLY, ACK, FETCH_ADD = 0x0f, 0x10, 0x11, 0x14
ATOMIC_ACK, FLUSH = 0x12, 0x1c
UC = 0x20

NAK_PSN, NAK_INVALID, NAK_ACCESS = 0x60, 0x61, 0x62
ACK_REQUEST = 1 << 31
MTU = 1024
SIZE = 65536
PSN = 0x1000
PEER_QPN = 0xabcdef
BTH = 14 + 20 + 8
ACCESS = (e.IBV_ACCESS_LOCAL_WRITE | e.IBV_ACCESS_REMOTE_WRITE |
          e.IBV_ACCESS_REMOTE_READ | e.IBV_ACCESS_REMOTE_ATOMIC)
FLUSH_ACCESS = 1 << 8


class Wrong(Exception):
    """What the QP did and should not."""


class Victim:
    """A QP in RTS, and memory that its peer may access."""

    def __init__(self, dev, addr, peer, kind, resources, access):
        self.ctx = Context(name=dev)
        self.pd = PD(self.ctx)
        self.cq = CQ(self.ctx, 64)
        self.mr = MR(self.pd, SIZE, access)
        cap = QPCap(max_send_wr=16, max_recv_wr=16, max_send_sge=1,
                    max_recv_sge=1)
        init = QPInitAttr(qp_type=kind, scq=self.cq, rcq=self.cq, cap=cap)
        self.qp = QP(self.pd, init)
        self.connect(addr, peer, kind, resources, access)

    def gid_index(self, gid):
        """The index of a GID of the device."""
        for index in range(32):
            if str(self.ctx.query_gid(1, index)) == gid:
                return index
        raise Wrong(f"no GID {gid}")

    def connect(self, addr, peer, kind, resources, access):
        """To RTS, towards the QP that does not exist."""
        attr = QPAttr(port_num=1)
        attr.qp_access_flags = access
        self.qp.to_init(attr)
        route = GlobalRoute(dgid=GID(mapped(peer)),
                            sgid_index=self.gid_index(mapped(addr)))
        attr.ah_attr = AHAttr(gr=route, is_global=1, port_num=1)
        attr.path_mtu = e.IBV_MTU_1024
        attr.dest_qp_num = PEER_QPN
        attr.rq_psn = attr.sq_psn = PSN
        if kind == e.IBV_QPT_RC:
            attr.max_dest_rd_atomic = resources
            attr.min_rnr_timer = 1
            attr.timeout = 14
            attr.retry_cnt = attr.rnr_retry = 1
            attr.max_rd_atomic = 4
        self.qp.to_rts(attr)

    def post(self, opcode, size):
        """A SEND, WRITE or READ of SIZE bytes."""
        wr = SendWR(opcode=opcode, num_sge=1,
                    sg=[SGE(self.mr.buf, size, self.mr.lkey)])
        if opcode != e.IBV_WR_SEND:
            wr.set_wr_rdma(0x1234, 0x10000)
        wr.send_flags = e.IBV_SEND_SIGNALED
        self.qp.post_send(wr)

    def status(self, seconds=20):
        """Of the next completion, None if there is none."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            count, wcs = self.cq.poll(1)
            if count:
                return wcs[0].status
            time.sleep(0.005)
        return None

    def state(self):
        """The QP's state."""
        attr, _ = self.qp.query(e.IBV_QP_STATE)
        return attr.qp_state


def mapped(addr):
    """The GID of an IPv4 address, as pyverbs prints it."""
    raw = b"\0" * 10 + b"\xff\xff" + socket.inet_aton(addr)
    return ":".join(raw[i:i + 2].hex() for i in range(0, 16, 2))


class Peer(rxe_frames.Sender):
    """The peer's side of the wire."""

    def __init__(self, dev, mac, src, dst, qpn):
        super().__init__(dev, mac, src, dst, src)
        self.qpn = qpn
        self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                 socket.htons(3))
        self.tap.bind((dev, 3))

    def put(self, opcode, psn, *parts):
        """One packet to the QP, which has to acknowledge it."""
        body = b"".join(parts)
        pad = -len(body) % 4
        head = rxe_frames.bth(opcode, self.qpn, pad=pad,
                              psn=(PSN + psn) | ACK_REQUEST)
        self.sock.send(self.eth(self.packet(head + body + b"\0" * pad)))

    def get(self, seconds=10):
        """The next packet from the QP: opcode, PSN, what follows the BTH."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tap.settimeout(max(end - time.monotonic(), 0.001))
            try:
                frame, addr = self.tap.recvfrom(65536)
            except TimeoutError:
                break
            if addr[2] == 4 or frame[36:38] != b"\x12\xb7":
                continue
            head = frame[BTH:BTH + 12]
            if struct.unpack("!I", b"\0" + head[5:8])[0] != PEER_QPN:
                continue
            psn = struct.unpack("!I", b"\0" + head[9:12])[0]
            return head[0], psn - PSN, frame[BTH + 12:-4]
        return None

    def want(self, opcode, psn, syndrome=None):
        """The next packet is this one; returns what follows the BTH."""
        packet = self.get()
        if not packet:
            raise Wrong(f"no packet, but not {opcode:#x}")
        if packet[:2] != (opcode, psn):
            raise Wrong(f"packet {packet[0]:#x} psn {packet[1]}, "
                        f"not {opcode:#x} psn {psn}")
        if syndrome is not None and packet[2][0] != syndrome:
            raise Wrong(f"syndrome {packet[2][0]:#x}, not {syndrome:#x}")
        return packet[2]

    def silence(self, seconds=0.5):
        """The QP does not answer."""
        packet = self.get(seconds)
        if packet:
            raise Wrong(f"packet {packet[0]:#x} psn {packet[1]}, but none "
                        "should come")


def aeth(syndrome=0x1f, msn=0):
    """Acknowledge extended transport header."""
    return struct.pack("!I", syndrome << 24 | msn)


def reth(victim, size, offset=0):
    """RDMA extended transport header."""
    return struct.pack("!QII", victim.mr.buf + offset, victim.mr.rkey, size)


def atmeth(victim, add, offset=0):
    """Atomic extended transport header of a FETCH ADD."""
    return struct.pack("!QIQQ", victim.mr.buf + offset, victim.mr.rkey, add, 0)


def want_status(victim, *wanted):
    """The work request ends so."""
    status = victim.status()
    if status not in wanted:
        raise Wrong(f"completion status {status}, not {wanted}")


def untouched(victim, size=SIZE):
    """Nobody wrote to the memory."""
    if victim.mr.read(size, 0) != b"\0" * size:
        raise Wrong("the memory has changed")


def zero_write(victim, peer):
    """A WRITE says length 0 and brings data."""
    peer.put(WRITE_ONLY, 0, reth(victim, 0), b"x" * 64)
    peer.want(ACK, 0, NAK_INVALID)
    untouched(victim)


def zero_write_first(victim, peer):
    """The same, as the first packet of several."""
    peer.put(WRITE_FIRST, 0, reth(victim, 0), b"x" * MTU)
    peer.want(ACK, 0, NAK_INVALID)
    untouched(victim)


def uc_zero_write(victim, peer):
    """UC drops it, and takes the next one."""
    peer.put(UC | WRITE_ONLY, 0, reth(victim, 0), b"x" * 64)
    peer.put(UC | WRITE_ONLY, 1, reth(victim, 4, 128), b"good")
    end = time.monotonic() + 10
    while victim.mr.read(4, 128) != b"good":
        if time.monotonic() > end:
            raise Wrong("the next WRITE does not arrive")
        time.sleep(0.01)
    untouched(victim, 128)


def long_write(victim, peer):
    """Each packet of a WRITE brings what the first one announced."""
    peer.put(WRITE_FIRST, 0, reth(victim, 2 * MTU), b"x" * MTU)
    peer.put(WRITE_LAST, 1, b"x" * (MTU - 4))
    while True:
        opcode, psn, rest = peer.get() or (0, 0, b"\0")
        if (opcode, psn, rest[0]) == (ACK, 1, NAK_INVALID):
            return
        if opcode != ACK or rest[0] & 0x60:
            raise Wrong(f"packet {opcode:#x} psn {psn} syndrome {rest[0]:#x}")


def replay_zero(victim, peer):
    """A READ is repeated after an operation without data."""
    victim.mr.write("secret", 6)
    for psn in (0, 0):
        peer.put(READ, 0, reth(victim, 64))
        if not peer.want(READ_ONLY, 0, 0x1f)[4:].startswith(b"secret"):
            raise Wrong("the READ's data is wrong")
        if psn == 0:
            peer.put(WRITE_ONLY, 1, reth(victim, 0))
            peer.want(ACK, 1, 0x1f)
    peer.put(READ, 2, reth(victim, 64))
    peer.want(READ_ONLY, 2, 0x1f)


def replay_type(victim, peer):
    """What is repeated is another operation than there was."""
    peer.put(FETCH_ADD, 0, atmeth(victim, victim.mr.buf))
    peer.want(ATOMIC_ACK, 0, 0x1f)
    peer.put(FETCH_ADD, 1, atmeth(victim, 0))
    peer.want(ATOMIC_ACK, 1, 0x1f)
    peer.put(READ, 1, reth(victim, 0))
    peer.silence()
    peer.put(FLUSH, 1, struct.pack("!I", 0x10), reth(victim, 8))
    peer.silence()
    peer.put(FETCH_ADD, 1, atmeth(victim, 0))
    if struct.unpack("!Q", peer.want(ATOMIC_ACK, 1)[4:12])[0] != \
       victim.mr.buf:
        raise Wrong("the original value is wrong")


def flush_no_resource(victim, peer):
    """A FLUSH takes a responder resource, and there is none."""
    peer.put(FLUSH, 0, struct.pack("!I", 1), reth(victim, 64))
    peer.want(ACK, 0, NAK_INVALID)


def flush_no_type(victim, peer):
    """A FLUSH that is for nothing needs no right."""
    peer.put(FLUSH, 0, struct.pack("!I", 0), reth(victim, 64))
    peer.want(ACK, 0, NAK_INVALID)


def ghost_ack(victim, peer):
    """An acknowledge of what was not sent yet ends nothing."""
    victim.post(e.IBV_WR_SEND, 64)
    peer.want(SEND_ONLY, 0)
    peer.put(ACK, 1000, aeth())
    want_status(victim, e.IBV_WC_RETRY_EXC_ERR)


def ghost_nak(victim, peer):
    """Nor does a NAK."""
    victim.post(e.IBV_WR_SEND, 64)
    peer.want(SEND_ONLY, 0)
    peer.put(ACK, 0x700000, aeth(NAK_PSN))
    want_status(victim, e.IBV_WC_RETRY_EXC_ERR)


def nak_read(victim, peer):
    """A NAK behind a READ does not answer the READ: it is sent again."""
    victim.post(e.IBV_WR_RDMA_READ, 64)
    victim.post(e.IBV_WR_SEND, 64)
    peer.want(READ, 0)
    peer.want(SEND_ONLY, 1)
    peer.put(ACK, 1, aeth(NAK_PSN))
    peer.want(READ, 0)
    peer.put(READ_ONLY, 0, aeth(), b"y" * 64)
    peer.want(SEND_ONLY, 1)
    peer.put(ACK, 1, aeth())
    want_status(victim, e.IBV_WC_SUCCESS)
    if victim.mr.read(64, 0) != b"y" * 64:
        raise Wrong("the READ ended without its data")


def read_response(*parts):
    """A READ of 2 1/2 packets is answered by packets of these lengths."""
    def case(victim, peer):
        victim.post(e.IBV_WR_RDMA_READ, 2 * MTU + 512)
        peer.want(READ, 0)
        for psn, (opcode, size) in enumerate(parts):
            head = b"" if opcode == READ_MIDDLE else aeth()
            peer.put(opcode, psn, head, b"x" * size)
        want_status(victim, e.IBV_WC_BAD_RESP_ERR)
    return case


def read_good(victim, peer):
    """The control: the right lengths are taken."""
    victim.post(e.IBV_WR_RDMA_READ, 2 * MTU + 512)
    peer.want(READ, 0)
    peer.put(READ_FIRST, 0, aeth(), b"x" * MTU)
    peer.put(READ_MIDDLE, 1, b"x" * MTU)
    peer.put(READ_LAST, 2, aeth(), b"x" * 512)
    want_status(victim, e.IBV_WC_SUCCESS)


# name: function, QP type, responder resources, access
RC, UC_QP = e.IBV_QPT_RC, e.IBV_QPT_UC
CASES = {
    "zero-write": (zero_write, RC, 4, ACCESS),
    "zero-write-first": (zero_write_first, RC, 4, ACCESS),
    "uc-zero-write": (uc_zero_write, UC_QP, 0, ACCESS),
    "long-write": (long_write, RC, 4, ACCESS),
    "replay-zero": (replay_zero, RC, 4, ACCESS),
    "replay-type": (replay_type, RC, 4, ACCESS),
    "flush-no-resource": (flush_no_resource, RC, 0, ACCESS | FLUSH_ACCESS),
    "flush-no-type": (flush_no_type, RC, 4, ACCESS | FLUSH_ACCESS),
    "ghost-ack": (ghost_ack, RC, 4, ACCESS),
    "ghost-nak": (ghost_nak, RC, 4, ACCESS),
    "nak-read": (nak_read, RC, 4, ACCESS),
    "read-good": (read_good, RC, 4, ACCESS),
    "read-short-first": (read_response(
        (READ_FIRST, MTU - 4), (READ_MIDDLE, MTU), (READ_LAST, 516)),
        RC, 4, ACCESS),
    "read-short-middle": (read_response(
        (READ_FIRST, MTU), (READ_MIDDLE, 4), (READ_LAST, 512)),
        RC, 4, ACCESS),
    "read-short-last": (read_response(
        (READ_FIRST, MTU), (READ_MIDDLE, MTU), (READ_LAST, 4)),
        RC, 4, ACCESS),
    "read-early-last": (read_response(
        (READ_FIRST, MTU), (READ_LAST, 512)), RC, 4, ACCESS),
    "read-only": (read_response((READ_ONLY, MTU)), RC, 4, ACCESS),
    "read-long-last": (read_response(
        (READ_FIRST, MTU), (READ_MIDDLE, MTU), (READ_LAST, MTU)),
        RC, 4, ACCESS),
}


def main():
    """Play one case."""
    if len(sys.argv) != 7 or sys.argv[6] not in CASES:
        sys.exit(__doc__)
    dev, mac, src, rxe, dst, name = sys.argv[1:]
    case, kind, resources, access = CASES[name]
    victim = Victim(rxe, dst, src, kind, resources, access)
    peer = Peer(dev, mac, src, dst, victim.qp.qp_num)
    try:
        case(victim, peer)
    except Wrong as wrong:
        sys.exit(f"{name}: {wrong}")


main()
