#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What iproute2 cannot ask of the netdev family of generic netlink.

    bind DEV QUEUE PAGES
        Binds a udmabuf of so many pages to a receive queue. Says "ready", keeps it
        until SIGTERM, then says into how many pages the NIC wrote.
    bind-no-vmap DEV QUEUE PAGES
        The same with a buffer that no CPU can map, of the test exporter.
    lease DEV PHYS NETNSID QUEUE
        Makes a new receive queue of DEV, which is queue QUEUE of PHYS, in the
        namespace of that id (-1: this one). Says its number.
"""

import fcntl
import mmap
import os
import signal
import socket
import struct
import sys

PAGE = mmap.PAGESIZE
UDMABUF_CREATE = 0x40187542	# _IOW('u', 0x42, 24 bytes)
DMABUF_TEST_CREATE = 0xc0105400	# _IOWR('T', 0, 16 bytes)
DMABUF_TEST_NO_VMAP = 1
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2
SOL_NETLINK, NETLINK_GENERIC = 270, 16
NETLINK_CAP_ACK, NETLINK_EXT_ACK = 10, 11
NLMSG_ERROR, NLM_F_REQUEST, NLM_F_ACK, NLM_F_ACK_TLVS = 2, 1, 4, 0x200
NLA_F_NESTED, NLMSGERR_ATTR_MSG = 0x8000, 1
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 0x10, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
# include/uapi/linux/netdev.h
BIND_RX, QUEUE_CREATE = 13, 16
DMABUF_IFINDEX, DMABUF_QUEUES, DMABUF_FD = 1, 2, 3
QUEUE_ID, QUEUE_IFINDEX, QUEUE_TYPE, QUEUE_LEASE = 1, 2, 3, 8
LEASE_IFINDEX, LEASE_QUEUE, LEASE_NETNS_ID = 1, 2, 3
RX = 0


def attr(kind, value):
    """A number is a u32."""
    if isinstance(value, int):
        value = struct.pack("=i" if value < 0 else "=I", value)
    return struct.pack("=HH", 4 + len(value), kind) + value + \
        bytes(-len(value) % 4)


def nest(kind, *attrs):
    return attr(kind | NLA_F_NESTED, b"".join(attrs))


def attrs_of(data):
    result = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        result[kind & 0x3fff] = data[4:size]
        data = data[(size + 3) & ~3:]
    return result


class Genl:
    """A socket of generic netlink: what it binds lives as long as it does."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                  NETLINK_GENERIC)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        found = self.ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
                         attr(CTRL_ATTR_FAMILY_NAME, b"netdev\0"))
        self.family = struct.unpack("=H", found[CTRL_ATTR_FAMILY_ID][:2])[0]

    def ask(self, family, cmd, *attrs):
        """The attributes of the answer, or SystemExit with the kernel's words."""
        body = struct.pack("=BBH", cmd, 1, 0) + b"".join(attrs)
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family,
                                   NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
        answer = {}
        while True:
            data = self.sock.recv(65536)
            while data:
                size, kind, flags = struct.unpack_from("=IHH", data)
                if kind != NLMSG_ERROR:
                    answer = attrs_of(data[20:size])
                    data = data[(size + 3) & ~3:]
                    continue
                err = -struct.unpack_from("=i", data, 16)[0]
                if not err:
                    return answer
                said = attrs_of(data[36:size]) if flags & NLM_F_ACK_TLVS else {}
                why = said.get(NLMSGERR_ATTR_MSG, b"\0")[:-1].decode()
                sys.exit("rxe_netdev: %s%s" % (os.strerror(err),
                                               why and ": " + why))


def udmabuf(pages):
    """The file of a udmabuf, and its memory."""
    memfd = os.memfd_create("rxe", os.MFD_ALLOW_SEALING)
    os.ftruncate(memfd, pages * PAGE)
    fcntl.fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)
    memory = mmap.mmap(memfd, pages * PAGE)
    with open("/dev/udmabuf", "rb") as dev:
        # of what cannot be changed it would return a copy, not the file
        create = bytearray(struct.pack("=IIQQ", memfd, 0, 0, pages * PAGE))
        file = fcntl.ioctl(dev, UDMABUF_CREATE, create)
    os.close(memfd)
    return file, memory


def unmappable(pages):
    """The same, but there is no memory to look at."""
    create = bytearray(struct.pack("=QIi", pages * PAGE, DMABUF_TEST_NO_VMAP,
                                   -1))
    with open("/dev/dmabuf_test", "r+b", buffering=0) as dev:
        fcntl.ioctl(dev, DMABUF_TEST_CREATE, create)
    return struct.unpack("=QIi", create)[2], b""


def bind(dev, queue, pages, alloc=udmabuf):
    file, memory = alloc(int(pages))
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    genl = Genl()
    genl.ask(genl.family, BIND_RX,
             attr(DMABUF_IFINDEX, socket.if_nametoindex(dev)),
             nest(DMABUF_QUEUES, attr(QUEUE_ID, int(queue)),
                  attr(QUEUE_TYPE, RX)),
             attr(DMABUF_FD, file))
    os.close(file)
    print("ready", flush=True)
    signal.sigwait((signal.SIGTERM,))
    written = sum(any(memory[at:at + PAGE])
                  for at in range(0, len(memory), PAGE))
    print("written %d" % written, flush=True)


def lease(dev, phys, netnsid, queue):
    genl = Genl()
    of = [attr(LEASE_IFINDEX, int(phys)),
          nest(LEASE_QUEUE, attr(QUEUE_ID, int(queue)), attr(QUEUE_TYPE, RX))]
    if int(netnsid) >= 0:
        of.append(attr(LEASE_NETNS_ID, int(netnsid)))
    answer = genl.ask(genl.family, QUEUE_CREATE,
                      attr(QUEUE_IFINDEX, socket.if_nametoindex(dev)),
                      attr(QUEUE_TYPE, RX), nest(QUEUE_LEASE, *of))
    print(struct.unpack("=I", answer[QUEUE_ID])[0])


def main():
    commands = {"bind": (bind, 3), "lease": (lease, 4), "bind-no-vmap":
                (lambda *args: bind(*args, alloc=unmappable), 3)}
    name, args = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if name not in commands or len(args) != commands[name][1]:
        sys.exit(__doc__)
    try:
        commands[name][0](*args)
    except OSError as err:
        sys.exit("rxe_netdev: %s" % err)


main()
