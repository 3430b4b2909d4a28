# SPDX-License-Identifier: GPL-2.0
"""What must hold all the time: no task hangs, the kernel does not complain."""

import os
import re
import time

from rxe_soak_net import Failed, Loop, scale, stack_of

# bad page, oops, warning, lockup
BAD_TAINT = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14


def read(path):
    """A file that may be gone."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def tasks():
    """All (process, thread) pairs."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                yield pid, tid
        except OSError:
            pass


def state_of(pid, tid):
    """(state, name, start time) or None."""
    stat = read(f"/proc/{pid}/task/{tid}/stat")
    if not stat:
        return None
    name = stat[stat.index("(") + 1:stat.rindex(")")]
    rest = stat[stat.rindex(")") + 2:].split()
    return rest[0], name, rest[19]


def switches(pid, tid):
    """How often it has slept."""
    return re.findall(r"ctxt_switches:\s*(\d+)",
                      read(f"/proc/{pid}/task/{tid}/status"))


def in_group(group):
    """The processes of a group, with their states."""
    found = []
    for pid in os.listdir("/proc"):
        stat = read(f"/proc/{pid}/stat") if pid.isdigit() else ""
        if stat and stat[stat.rindex(")") + 2:].split()[2] == str(group):
            found.append(pid)
    return found


def lockdep_on():
    """Has it found nothing yet?"""
    return not re.search(r"debug_locks: *0", read("/proc/lockdep_stats"))


class Watcher(Loop):
    """Looks at all tasks, all the time."""

    def __init__(self, stuck):
        super().__init__("watcher")
        self.stuck = stuck      # seconds
        self.taint = self.bad_taint()
        self.lockdep = lockdep_on()
        self.asleep = {}
        self.ask = None         # who knows what its tasks do
        self.longest = 0.0
        self.longest_where = ""
        self.samples = 0

    @staticmethod
    def bad_taint():
        """The bits of the taint that say that something is wrong."""
        return int(read("/proc/sys/kernel/tainted")) & BAD_TAINT

    def sample(self):
        """The same sleep without a signal for too long is a hang."""
        now, asleep = time.monotonic(), {}
        for pid, tid in tasks():
            state = state_of(pid, tid)
            if not state or state[0] != "D":
                continue
            key = tid, state[2], *switches(pid, tid)
            asleep[key] = since = self.asleep.get(key, now)
            if now - since > self.longest:
                self.longest = now - since
                self.longest_where = f"{state[1]}:\n" + stack_of(
                    f"{pid}/task/{tid}")
            if now - since > self.stuck:
                raise Failed(f"task {tid} ({state[1]}) is in D for more than "
                             f"{self.stuck} s:\n"
                             + stack_of(f"{pid}/task/{tid}")
                             + (self.ask() if self.ask else ""))
        self.asleep = asleep
        self.samples += 1

    def check_kernel(self):
        """The kernel has no word to say of it."""
        if self.bad_taint() & ~self.taint:
            raise Failed("the kernel has warned")
        if self.lockdep and not lockdep_on():
            raise Failed("lockdep has found something")

    def step(self):
        self.sample()
        self.check_kernel()
        self.nap(scale(0.5))


def all_stuck():
    """The stacks of all tasks that are in D now."""
    text = ""
    for pid, tid in tasks():
        state = state_of(pid, tid)
        if state and state[0] == "D":
            text += f"task {tid} ({state[1]}):\n" + stack_of(
                f"{pid}/task/{tid}")
    return text
