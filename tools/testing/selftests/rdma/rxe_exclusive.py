#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a process in a network namespace can do with RDMA devices.

usage: rxe_exclusive.py open FILE...
       rxe_exclusive.py sources DEVICE GID...
       rxe_exclusive.py limit DEVICE
       rxe_exclusive.py keep DEVICE
       rxe_exclusive.py uevents
"""

import errno
import os
import socket
import sys
import time

NETLINK_KOBJECT_UEVENT = 15


def name_of(err):
    return errno.errorcode.get(abs(err), str(err))


def open_files(*paths):
    """Print how open() ends, one word a file."""
    for path in paths:
        try:
            os.close(os.open(path, os.O_RDWR))
            print("ok")
        except OSError as ex:
            print(name_of(ex.errno))


def sources(dev, *dests):
    """Print each index of the GID table that a handle to a destination takes."""
    from pyverbs.addr import AH, AHAttr, GID, GlobalRoute
    from pyverbs.device import Context
    from pyverbs.pd import PD
    from pyverbs.pyverbs_error import PyverbsRDMAError

    ctx = Context(name=dev)
    pd = PD(ctx)
    # pyverbs keeps the index in 8 bits
    for index in range(min(ctx.query_port(1).gid_tbl_len, 256)):
        for dest in dests:
            route = GlobalRoute(dgid=GID(dest), sgid_index=index)
            try:
                AH(pd, attr=AHAttr(gr=route, is_global=1, port_num=1)).close()
                print(index)
            except PyverbsRDMAError:
                pass


def limit(dev):
    """Print how many objects could be made, and why not one more."""
    from pyverbs.cq import CQ
    from pyverbs.device import Context
    from pyverbs.pyverbs_error import PyverbsRDMAError

    ctx = Context(name=dev)
    made = []
    try:
        while len(made) < 100:
            made.append(CQ(ctx, 1))
        print(len(made), "no limit")
    except PyverbsRDMAError as ex:
        print(len(made), name_of(ex.error_code))


def keep(dev):
    """Have objects of a device while its namespace ends, from outside of it."""
    from pyverbs.cq import CQ
    from pyverbs.device import Context
    from pyverbs.enums import IBV_ACCESS_LOCAL_WRITE, IBV_QPT_RC
    from pyverbs.mr import MR
    from pyverbs.pd import PD
    from pyverbs.pyverbs_error import PyverbsError
    from pyverbs.qp import QP, QPCap, QPInitAttr

    ctx = Context(name=dev)
    pd = PD(ctx)
    cq = CQ(ctx, 8)
    mr = MR(pd, 4096, IBV_ACCESS_LOCAL_WRITE)
    qp = QP(pd, QPInitAttr(qp_type=IBV_QPT_RC, scq=cq, rcq=cq,
                           cap=QPCap(max_send_wr=4, max_recv_wr=4)))
    with open("/proc/1/ns/net") as init:
        os.setns(init.fileno(), os.CLONE_NEWNET)
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            MR(pd, 4096, IBV_ACCESS_LOCAL_WRITE).close()
        except PyverbsError as ex:
            print("gone", name_of(ex.error_code), flush=True)
            break
        time.sleep(0.02)
    # what the kernel has destroyed has nothing to destroy
    os._exit(0 if time.monotonic() < end and mr and qp else 1)


def uevents():
    """Print the uevents of this namespace."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                         NETLINK_KOBJECT_UEVENT)
    sock.bind((0, 1))
    print("ready", flush=True)
    while True:
        print(sock.recv(8192).split(b"\0")[0].decode(), flush=True)


if __name__ == "__main__":
    CASES = {"open": open_files, "sources": sources, "limit": limit,
             "keep": keep, "uevents": uevents}
    CASES[sys.argv[1]](*sys.argv[2:])
