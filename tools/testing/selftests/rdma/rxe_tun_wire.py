#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rxe_tun_wire.py NETNS_A DEV_A NETNS_B DEV_B: makes two TUN devices, which
have no link-layer addresses, and is the wire between them until killed."""

import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000


def tun(netns, name):
    """The device belongs to the namespace that it was opened in."""
    with open("/run/netns/" + netns, "rb") as ns:
        os.setns(ns.fileno(), os.CLONE_NEWNET)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF,
                struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def relay(ends):
    """A packet that the other end does not take is lost, as on a wire."""
    peer = {ends[0]: ends[1], ends[1]: ends[0]}
    while True:
        for fd in select.select(ends, [], [])[0]:
            packet = os.read(fd, 65536)
            try:
                os.write(peer[fd], packet)
            except OSError:
                pass


ENDS = [tun(*sys.argv[1:3]), tun(*sys.argv[3:5])]
print("ready", flush=True)
relay(ENDS)
