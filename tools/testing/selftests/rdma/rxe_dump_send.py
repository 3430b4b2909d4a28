#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Send the odd frames of rxedump's offline tests.

usage: rxe_dump_send.py TESTS NETDEV FILE

Whole ones only, and only what rxedump takes when capturing: no later
fragments.  FILE gets the same as a pcap file.
"""

import importlib.util
import socket
import struct
import sys

LATER = (b"rest",)


def load(folder):
    """The module that makes the frames."""
    spec = importlib.util.spec_from_file_location(
        "make_captures", folder + "/make_captures.py")
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def later(frame):
    """A fragment that is not the first?"""
    return frame.endswith(LATER) or frame[20:22] == b"\x20\x10"


def main():
    """Send."""
    folder, dev, path = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((dev, 0))
    with open(path, "wb") as out:
        out.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for frame, wire in load(folder).odd_frames():
            if wire or len(frame) < 15 or later(frame):
                continue
            sock.send(frame)
            out.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) +
                      frame)


if __name__ == "__main__":
    main()
