#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""reg_dmabuf.py dlsym|pyverbs DEVICE: registers a udmabuf with the RDMA device, as
programs do that load libibverbs with dlopen() and find its functions with
dlsym(), or with pyverbs.  Prints "registered" or the error."""

import ctypes
import errno
import fcntl
import mmap
import os
import struct
import sys

SIZE = 4 * mmap.PAGESIZE
UDMABUF_CREATE = 0x40187542
LOCAL_WRITE = 1

POINTER, U64, INT = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int


def udmabuf():
    """A dma-buf of ordinary memory, as a descriptor."""
    memory = os.memfd_create("reg_dmabuf", os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, SIZE)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    # of an array that can be written to, ioctl() returns what the kernel does
    create = bytearray(struct.pack("IIQQ", memory, 0, 0, SIZE))
    with open("/dev/udmabuf", "rb") as exporter:
        return fcntl.ioctl(exporter, UDMABUF_CREATE, create)


def call(lib, name, types, *args):
    """Calls a function that returns a pointer, NULL for an error."""
    function = getattr(lib, name)
    function.restype, function.argtypes = POINTER, types
    result = function(*args)
    if not result:
        raise OSError(ctypes.get_errno(), name)
    return result


def find(lib, device):
    """The struct ibv_device of this name."""
    devices = ctypes.cast(call(lib, "ibv_get_device_list", [POINTER], None),
                          ctypes.POINTER(POINTER))
    lib.ibv_get_device_name.restype = ctypes.c_char_p
    lib.ibv_get_device_name.argtypes = [POINTER]
    for one in devices:
        if not one:
            raise OSError(errno.ENODEV, device)
        if lib.ibv_get_device_name(one) == device.encode():
            return one


def by_dlsym(device, buf):
    """ctypes is dlopen() and dlsym()."""
    lib = ctypes.CDLL("libibverbs.so.1", use_errno=True)
    context = call(lib, "ibv_open_device", [POINTER], find(lib, device))
    pd = call(lib, "ibv_alloc_pd", [POINTER], context)
    mr = call(lib, "ibv_reg_dmabuf_mr", [POINTER, U64, U64, U64, INT, INT],
              pd, 0, SIZE, 0, buf, LOCAL_WRITE)
    lib.ibv_dereg_mr.argtypes = [POINTER]
    if lib.ibv_dereg_mr(mr):
        raise OSError(ctypes.get_errno(), "ibv_dereg_mr")


def by_pyverbs(device, buf):
    """Python's own way, a library that is linked with libibverbs."""
    # pylint: disable=import-outside-toplevel,import-error
    from pyverbs.device import Context
    from pyverbs.mr import DmaBufMR
    from pyverbs.pd import PD
    from pyverbs.pyverbs_error import PyverbsRDMAError

    try:
        with Context(name=device) as context, PD(context) as pd:
            DmaBufMR(pd, SIZE, LOCAL_WRITE, buf).close()
    except PyverbsRDMAError as e:
        raise OSError(e.error_code, "pyverbs") from e


def main():
    """Prints what came of it."""
    how = {"dlsym": by_dlsym, "pyverbs": by_pyverbs}[sys.argv[1]]
    buf = udmabuf()
    try:
        how(sys.argv[2], buf)
    except OSError as e:
        print(os.strerror(e.errno))
    else:
        print("registered")


main()
