#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Send responses that a responder would not send, or not then.

usage: rxe_responder.py late-ack NETDEV
           each packet in the middle of a READ's response that leaves NETDEV is
           followed by an acknowledge that was sent before
       rxe_responder.py answer OPCODE NETDEV DEST_MAC SRC_IP DEST_IP QPN
           each READ and WRITE that arrives at NETDEV is answered by a response
           of this opcode, to QPN

Both until SIGTERM. IPv4 without options.
"""

import socket
import struct
import sys

import rxe_frames

PACKET_HOST = 0
PACKET_OUTGOING = 4
BTH = 14 + 20 + 8
READ_MIDDLE = 0x0e
ACK = 0x11
REQUESTS = (0x0a, 0x0c)


def roce(sock, direction):
    """The RoCE frames of a direction, for ever."""
    while True:
        frame, addr = sock.recvfrom(65536)
        if (addr[2] == direction and len(frame) >= BTH + 12 and
                frame[12:14] == b"\x08\0" and frame[23] == 17 and
                frame[36:38] == struct.pack("!H", 4791)):
            yield frame


def late_ack(dev):
    """An old one, again and again."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((dev, 3))
    print("ready", flush=True)
    ack = None
    for frame in roce(sock, PACKET_OUTGOING):
        if frame[BTH] == ACK and not ack:
            ack = frame
        elif frame[BTH] == READ_MIDDLE and ack:
            sock.send(ack)


def answer(opcode, dev, mac, src, dst, qpn):
    """No request gets what it asked for."""
    opcode = int(opcode, 0)
    sender = rxe_frames.Sender(dev, mac, src, dst, src)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((dev, 3))
    print("ready", flush=True)
    for frame in roce(sock, PACKET_HOST):
        if frame[BTH] not in REQUESTS:
            continue
        psn = struct.unpack("!I", frame[BTH + 8:BTH + 12])[0] & 0xffffff
        body = rxe_frames.bth(opcode, int(qpn), psn=psn)
        body += b"\0" * (rxe_frames.HEADERS[opcode] - len(body))
        sender.sock.send(sender.eth(sender.packet(body)))


def main():
    """One or the other."""
    what, *args = sys.argv[1:] or [""]
    if what == "late-ack" and len(args) == 1:
        late_ack(*args)
    elif what == "answer" and len(args) == 6:
        answer(*args)
    else:
        sys.exit(__doc__)


main()
