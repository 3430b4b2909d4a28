#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One rank of an MPI job: collectives, messages and one-sided operations, each of
which is repeated, and the data compared.

clients_mpi.py MIB TIMES WHAT..."""

import sys

from mpi4py import MPI
import numpy as np

COMM = MPI.COMM_WORLD
RANK = COMM.rank
SIZE = COMM.size


def pattern(count, seed):
    """Numbers that tell who sent them and when, and whose sums are exact."""
    return (np.arange(count, dtype=np.int64) * 2654435761 + seed) % 1000003


def allreduce(count, turn):
    got = np.empty(count, dtype=np.int64)
    COMM.Allreduce(pattern(count, turn + RANK), got)
    want = sum(pattern(count, turn + rank) for rank in range(SIZE))
    return np.array_equal(got, want)


def sendrecv(count, turn):
    """Around a ring; the sizes from one number up to all of them."""
    count = max(1, count >> (turn * 4 % 20))
    left, right = (RANK - 1) % SIZE, (RANK + 1) % SIZE
    got = np.empty(count, dtype=np.int64)
    COMM.Sendrecv(pattern(count, turn + RANK), right, turn, got, left, turn)
    return np.array_equal(got, pattern(count, turn + left))


def alltoall(count, turn):
    part = count // SIZE
    sent = np.concatenate([pattern(part, turn + RANK * SIZE + rank)
                           for rank in range(SIZE)])
    got = np.empty(part * SIZE, dtype=np.int64)
    COMM.Alltoall(sent, got)
    want = np.concatenate([pattern(part, turn + rank * SIZE + RANK)
                           for rank in range(SIZE)])
    return np.array_equal(got, want)


def onesided(count, turn):
    """Put into the next rank's window, get it from there, count in rank 0's."""
    right = (RANK + 1) % SIZE
    win = MPI.Win.Allocate(8 * (count + 1), 8, comm=COMM)
    mine = np.frombuffer(win.tomemory(), dtype=np.int64)
    mine[:] = 0
    # what is sent must stay there until the fence
    sent = pattern(count, turn + RANK)
    one = np.array([RANK + 1], dtype=np.int64)
    win.Fence()
    win.Put(sent, right, target=(0, count))
    win.Fence()
    ok = np.array_equal(mine[:count], pattern(count, turn + (RANK - 1) % SIZE))
    got = np.empty(count, dtype=np.int64)
    win.Get(got, right, target=(0, count))
    win.Accumulate(one, 0, target=(count, 1))
    win.Fence()
    ok = ok and np.array_equal(got, sent)
    if RANK == 0:
        ok = ok and mine[count] == SIZE * (SIZE + 1) // 2
    win.Fence()
    del mine
    win.Free()
    return ok


def main():
    mib, times = int(sys.argv[1]), int(sys.argv[2])
    for name in sys.argv[3:]:
        for turn in range(times):
            ok = globals()[name](mib * 131072, turn)
            if not COMM.allreduce(ok, op=MPI.LAND):
                if not ok:
                    print(f"rank {RANK}: {name}: wrong data", flush=True)
                return 1
    if RANK == 0:
        print(f"ok {SIZE} ranks", flush=True)
    return 0


sys.exit(main())
