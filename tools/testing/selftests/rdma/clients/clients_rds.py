#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""clients_rds.py FROM TO SOCKETS MESSAGES

Messages of RDS by its transport for RDMA, from one address of this host to
another and back; both ends see that they are what they were.
"""

import ctypes
import hashlib
import os
import socket
import struct
import sys
import threading

SOL_RDS = 276
SO_RDS_TRANSPORT = 8
RDS_TRANS_IB = 0
PORT = 5000
SIZES = [1, 100, 4000, 70000, 100000]
LIBC = ctypes.CDLL(None, use_errno=True)


def sockaddr(addr, port):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    raw = socket.inet_pton(family, addr)
    head = struct.pack("=H", family) + struct.pack("!H", port)
    if family == socket.AF_INET:
        return head + raw + bytes(8)
    return head + bytes(4) + raw + bytes(4)


def check(status, what):
    if status:
        raise OSError(ctypes.get_errno(), what)


def endpoint(own, peer, port):
    """Python knows no IPv6 address of AF_RDS."""
    sock = socket.socket(socket.AF_RDS, socket.SOCK_SEQPACKET, 0)
    sock.setsockopt(SOL_RDS, SO_RDS_TRANSPORT, struct.pack("i", RDS_TRANS_IB))
    for call, addr in ((LIBC.bind, own), (LIBC.connect, peer)):
        raw = sockaddr(addr, port)
        check(call(sock.fileno(), raw, len(raw)), addr)
    sock.settimeout(30)
    return sock


def echo(sock, count):
    for _ in range(count):
        data = sock.recv(1 << 20)
        sock.send(hashlib.sha256(data).digest() + data)


def ask(sock, count):
    for number in range(count):
        data = os.urandom(SIZES[number % len(SIZES)])
        sock.send(data)
        if sock.recv(1 << 20) != hashlib.sha256(data).digest() + data:
            raise ValueError("the data have changed")


def main(own, peer, sockets, count):
    errors = []

    def run(end, sock):
        try:
            end(sock, count)
        except (OSError, ValueError) as error:
            errors.append("%s: %r" % (end.__name__, error))

    threads = []
    for port in range(PORT, PORT + sockets):
        for end, pair in ((echo, (peer, own)), (ask, (own, peer))):
            threads.append(threading.Thread(target=run, args=(
                end, endpoint(*pair, port))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit("; ".join(errors))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
