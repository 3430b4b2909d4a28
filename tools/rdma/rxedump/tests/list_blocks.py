#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""List the blocks of a pcapng file with their options, whatever byte order.

usage: list_blocks.py FILE
"""

import struct
import sys

FIXED = {0x0a0d0d0a: ("section", 16, "IHHq"), 1: ("interface", 8, "HHI"),
         3: ("simple packet", 4, "I"), 5: ("statistics", 12, "III"),
         6: ("packet", 20, "IIIII")}
NUMBERS = {(1, 8): "Q", (1, 10): "I", (1, 14): "q", (6, 2): "I", (6, 4): "Q",
           (6, 5): "Q", (6, 6): "I"}


def blocks(data):
    """Byte order, type and body of each block."""
    at, order = 0, "<"
    while at < len(data):
        if data[at:at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8] == 0x4d else ">"
        kind, size = struct.unpack_from(order + "II", data, at)
        yield order, kind, data[at + 8:at + size - 4]
        at += size


def options(order, data):
    """Code and value of each option."""
    at = 0
    while len(data) - at >= 4:
        code, size = struct.unpack_from(order + "HH", data, at)
        if not code:
            break
        yield code, data[at + 4:at + 4 + size]
        at += 4 + size + -size % 4


def main():
    """List them."""
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    for order, kind, body in blocks(data):
        name, size, fields = FIXED[kind]
        values = struct.unpack_from(order + fields, body)
        print(name, *values)
        if kind == 3:
            continue
        if kind == 6:
            size += values[3] + -values[3] % 4
        for code, value in options(order, body[size:]):
            form = NUMBERS.get((kind, code)) if kind != 5 else None
            if form:
                value = hex(struct.unpack(order + form, value)[0])
            print(f"\t{code}: {value}")


if __name__ == "__main__":
    main()
