#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""clients_sock.py eid add|del
clients_sock.py server ADDRESS PORT
clients_sock.py client ADDRESS PORT SOCKETS BYTES

Sockets of SMC. Each message goes to the server and back, and both ends see
that it is what it was. eid adds the name by which both ends know that they may
use SMC-R version 2.
"""

import hashlib
import os
import socket
import struct
import sys
import threading

IPPROTO_SMC = 256
GENL_ID_CTRL = 16
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2
SMC_NETLINK_ADD_UEID = 10
SMC_NETLINK_REMOVE_UEID = 11
SMC_NLA_EID_TABLE_ENTRY = 1
EID = b"RXE-SELFTEST"
SIZES = [1, 100, 4000, 70000, 1 << 20]


class Netlink:
    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)

    def call(self, family, command, attr, value):
        value += b"\0"
        attrs = struct.pack("HH", 4 + len(value), attr) + value
        attrs += b"\0" * (-len(attrs) % 4)
        body = struct.pack("BBH", command, 1, 0) + attrs
        # NLM_F_REQUEST | NLM_F_ACK
        self.sock.send(struct.pack("IHHII", 16 + len(body), family, 5, 1, 0) +
                       body)
        return self.sock.recv(65536)

    def family(self, name):
        answer = self.call(GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
                           CTRL_ATTR_FAMILY_NAME, name)
        self.sock.recv(65536)
        at = 20
        while at < len(answer):
            length, kind = struct.unpack_from("HH", answer, at)
            if kind == CTRL_ATTR_FAMILY_ID:
                return struct.unpack_from("H", answer, at + 4)[0]
            at += (length + 3) & ~3
        sys.exit("no family " + name.decode())


def eid(what):
    netlink = Netlink()
    command = SMC_NETLINK_ADD_UEID if what == "add" else SMC_NETLINK_REMOVE_UEID
    answer = netlink.call(netlink.family(b"SMC_GEN_NETLINK"), command,
                          SMC_NLA_EID_TABLE_ENTRY, EID.ljust(32))
    error = struct.unpack_from("i", answer, 16)[0]
    if error:
        sys.exit("cannot %s the EID: %s" % (what, os.strerror(-error)))


def receive(sock, length):
    data = bytearray()
    while len(data) < length:
        part = sock.recv(min(length - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def echo(sock):
    with sock:
        while True:
            try:
                length = struct.unpack("!I", receive(sock, 4))[0]
                data = receive(sock, length)
                sock.sendall(hashlib.sha256(data).digest() + data)
            except (EOFError, OSError):
                return


def server(addr, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SMC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((addr, port))
    sock.listen(64)
    print("ready", flush=True)
    while True:
        threading.Thread(target=echo, args=(sock.accept()[0],),
                         daemon=True).start()


def send(sock, data):
    sock.sendall(struct.pack("!I", len(data)) + data)


def stream(addr, port, left):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SMC) as sock:
        sock.settimeout(60)
        sock.connect((addr, port))
        count = 0
        while left > 0:
            data = os.urandom(SIZES[count % len(SIZES)])
            sender = threading.Thread(target=send, args=(sock, data))
            sender.start()
            answer = receive(sock, 32 + len(data))
            sender.join()
            if answer != hashlib.sha256(data).digest() + data:
                raise ValueError("the data have changed")
            left -= len(data)
            count += 1


def client(addr, port, sockets, length):
    errors = []

    def one():
        try:
            stream(addr, port, length)
        except (OSError, EOFError, ValueError) as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=one) for _ in range(sockets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit("; ".join(errors))


if __name__ == "__main__":
    ROLE, *ARGS = sys.argv[1:]
    if ROLE == "eid":
        eid(ARGS[0])
    elif ROLE == "server":
        server(ARGS[0], int(ARGS[1]))
    else:
        client(ARGS[0], *map(int, ARGS[1:]))
