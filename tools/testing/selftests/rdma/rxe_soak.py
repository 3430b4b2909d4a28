#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A soak test of RXE: everything at once, at random, from a seed.

It runs in epochs. In each a fuzzer of the verbs, two senders of hostile frames,
changes of the network and connections run beside each other; at its end all of
it goes, and nothing may stay: no process, no device, no socket, no namespace, no
user of the module. The seed of an epoch follows from that of the run and the
number of the epoch, so that one can be repeated by itself: --seed S --epoch N.
The order of what happens is the same again, the timing is only nearly so.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

from rxe_soak_churn import Churn, Connections, Quiet
from rxe_soak_net import (HERE, SLOW, Failed, Pair, must, rxe_devices, scale,
                          sh, stack_of, waitfor)
from rxe_soak_watch import Watcher, all_stuck, in_group, read

PARTS = ("verbs", "frames", "churn", "quiet", "connections", "unload")
# kinds of hostility of rxe_fuzz_verbs that can be left out
HOSTILITY = ("scribble", "hostile-wqe", "hostile-cmd", "illegal", "mm", "fork",
             "kill", "close", "dmabuf", "odp", "mw", "mcast", "srq", "ud", "uc",
             "resize")
FAULTS = "/sys/kernel/debug"
CHURNED = ("192.0.2", "2001:db8")
QUIET = ("198.51.100", "2001:db8:1")


def seed_of(seed, *what):
    """The seed of a part."""
    text = f"{seed} " + " ".join(str(part) for part in what)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def open_now(path, flags):
    """A file that is written at once: the kernel may not live until later."""
    return os.open(path, flags | os.O_DSYNC, 0o644)


class Log:
    """The last actions, in memory and in a file that outlives the kernel."""

    def __init__(self, folder):
        self.last = collections.deque(maxlen=40)
        self.file = None
        self.lock = threading.Lock()
        self.path = folder and f"{folder}/actions.log"
        self.start = time.monotonic()

    def begin(self, text):
        """A new epoch: what was is over."""
        self.last.clear()
        self.start = time.monotonic()
        if self.path:
            if self.file:
                self.file.close()
            # pylint: disable=consider-using-with
            self.file = open(self.path, "w", buffering=1, encoding="ascii",
                             opener=open_now)
        self(text)

    def __call__(self, text):
        with self.lock:
            line = f"{time.monotonic() - self.start:8.3f} {text}"
            self.last.append(line)
            if self.file:
                self.file.write(line + "\n")


class Program:
    """A program beside that says JSON at its end."""

    def __init__(self, words, name):
        self.name = name
        # pylint: disable=consider-using-with
        self.proc = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True)

    def wait_ready(self):
        """Until it says so."""
        if self.proc.stdout.readline().strip() != "ready":
            raise Failed(f"{self.name}: {self.proc.stderr.read().strip()}")

    def alive(self):
        """Is it still there?"""
        return self.proc.poll() is None

    def stop(self, limit):
        """End it; what it counted."""
        self.proc.terminate()
        try:
            out, err = self.proc.communicate(timeout=scale(limit))
        except subprocess.TimeoutExpired:
            stack = stack_of(self.proc.pid)
            self.proc.kill()
            raise Failed(f"{self.name} does not end:\n{stack}") from None
        if self.proc.returncode:
            raise Failed(f"{self.name}: status {self.proc.returncode}: "
                         f"{err.strip()[-500:]}")
        left = in_group(self.proc.pid)
        if left:
            raise Failed(f"{self.name} left processes: {' '.join(left)}:\n"
                         + "".join(stack_of(pid) for pid in left))
        return json.loads(out.strip().splitlines()[-1])


class Epoch:
    """One of them, from an empty machine to an empty machine."""

    def __init__(self, args, number, log):
        self.args = args
        self.number = number
        self.seed = seed_of(args.seed, number)
        self.log = log
        self.rng = random.Random(self.seed)
        self.seconds = args.epoch_seconds or self.rng.randint(20, 60)
        self.pairs = []
        self.programs = []
        self.loops = []
        self.stats = {}
        self.quiet_xfer = None
        self.churned = self.quiet = None

    def has(self, part):
        """Is this part wanted?"""
        return part in self.args.parts

    def add(self, prefix, counts):
        """Numbers of a part."""
        for key, value in counts.items():
            key = f"{prefix}.{key}"
            self.stats[key] = self.stats.get(key, 0) + value

    # ---- beginning ----

    def set_up(self):
        """Namespaces, netdevs, RXE devices."""
        must("modprobe rdma_rxe")
        # buffers that can be revoked; without it there are others
        sh("modprobe -q dmabuf_test_exporter")
        kinds = ("veth", "netkit-l2", "netkit-l3")
        self.churned = Pair("ab", self.rng.choice(kinds[:2]), CHURNED)
        self.quiet = Pair("cd", self.rng.choice(kinds), QUIET)
        self.log(f"pairs: {self.churned.kind}, {self.quiet.kind}")
        for pair in self.churned, self.quiet:
            self.pairs.append(pair)
            pair.set_up()
        for end in self.churned.ends:
            must(f"ip netns add {end.netns}-spare")

    def start_verbs(self):
        """The fuzzer of the verbs."""
        words = [f"{HERE}/rxe_fuzz_verbs", "--seed",
                 str(seed_of(self.seed, "verbs")), "--seconds", "86400",
                 "--workers", str(self.args.workers),
                 "--patience", str(scale(15))]
        words += [f"--no-{what}" for what in self.args.no
                  if what in HOSTILITY]
        if self.args.out:
            words += ["--log", f"{self.args.out}/workers.log"]
        if self.fail_allocations():
            words.append("--fail-alloc")
        for end in self.churned.ends:
            words += [end.rxe, f"{end.addr},{end.addr6}"]
        self.programs.append(("verbs", Program(words, "rxe_fuzz_verbs")))

    @staticmethod
    def fail_allocations():
        """Where the kernel can do that: for processes that ask for it."""
        there = False
        for kind in "failslab", "fail_page_alloc":
            folder = f"{FAULTS}/{kind}"
            if not os.path.isdir(folder):
                continue
            there = True
            for name, value in (("task-filter", "Y"), ("probability", "2"),
                                ("interval", "1"), ("times", "-1"),
                                ("verbose", "0"), ("ignore-gfp-wait", "N")):
                if os.path.exists(f"{folder}/{name}"):
                    with open(f"{folder}/{name}", "w",
                              encoding="ascii") as file:
                        file.write(value)
        return there

    def start_frames(self):
        """Senders of hostile frames, one at each end."""
        for index, end in enumerate(self.churned.ends):
            to = self.churned.ends[1 - index]
            words = ["ip", "netns", "exec", end.netns,
                     f"{HERE}/rxe_fuzz_frames", "--seed",
                     str(seed_of(self.seed, "frames", index)), "--seconds",
                     "86400", "--rate", str(self.args.rate)]
            if "gso" in self.args.no:
                words.append("--no-gso")
            if "icrc" in self.args.no:
                words.append("--no-icrc")
            if "tap" not in self.args.no:
                words += ["--tap", "rsktap"]
            words += [end.dev, to.mac, end.addr, to.addr, end.addr6,
                      to.addr6]
            program = Program(words, f"rxe_fuzz_frames at {end.rxe}")
            self.programs.append(("frames", program))
            program.wait_ready()

    def start_loops(self):
        """What Python itself does."""
        if self.has("churn"):
            for index in 0, 1:
                loop = Churn(self.churned, index,
                             seed_of(self.seed, "churn", index), self.log,
                             self.args.no)
                self.loops.append(("churn", loop))
        if self.has("connections"):
            self.loops.append(("connections", Connections(
                self.churned, seed_of(self.seed, "connections"), self.log)))
        if self.has("quiet"):
            self.quiet_xfer = Program(
                self.quiet.xfer("-n 0 -o mix -s 64,1024,9000,40000 -w 4 "
                                f"-i {scale(30000)}"), "the quiet connection")
            self.loops.append(("quiet", Quiet(
                self.quiet, seed_of(self.seed, "quiet"), self.log)))
        for _, loop in self.loops:
            loop.start()

    def go_on(self, watcher):
        """Until the time is over, or something fails."""
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            time.sleep(0.2)
            if watcher.failure:
                raise watcher.failure
            for _, loop in self.loops:
                if loop.failure:
                    raise loop.failure
            for name, program in self.programs:
                if not program.alive():
                    program.stop(1)
                    raise Failed(f"{name} has ended before its time")
            if self.quiet_xfer and not self.quiet_xfer.alive():
                out, err = self.quiet_xfer.proc.communicate()
                raise Failed(f"the quiet connection: {out} {err}")

    # ---- the end ----

    def stop(self):
        """All that goes on."""
        self.log("stop")
        for name, loop in self.loops:
            loop.stop()
            self.add(name, loop.counts)
        for name, program in self.programs:
            self.add(name, program.stop(30))
        if self.quiet_xfer:
            self.stop_quiet()

    def stop_quiet(self):
        """It saw no error and no wrong byte, and moved something."""
        proc = self.quiet_xfer.proc
        proc.terminate()
        try:
            out, err = proc.communicate(timeout=scale(40))
        except subprocess.TimeoutExpired:
            raise Failed("the quiet connection hangs:\n"
                         + stack_of(proc.pid)) from None
        words = out.split()
        if proc.returncode or "arrived" not in words:
            raise Failed(f"the quiet connection: status {proc.returncode}: "
                         f"{out.strip()} {err.strip()}")
        arrived = int(words[words.index("arrived") + 1])
        self.add("quiet", {"messages": arrived})
        if not arrived:
            raise Failed("the quiet connection moved nothing")

    def check_counters(self):
        """They are there, none is absurd, and the quiet pair's say so."""
        for pair in self.pairs:
            for end in pair.ends:
                counters = end.counters()
                for name, value in counters.items():
                    if not 0 <= value < 1 << 48:
                        raise Failed(f"{end.rxe}: {name} is {value}")
                sent = sum(counters.get(f"l{layer}_sent_pkts", 0)
                           for layer in (2, 3))
                if pair is not self.quiet or not self.has("quiet"):
                    continue
                if not sent:
                    raise Failed(f"{end.rxe} has sent nothing: {counters}")
                for why in "short", "opcode", "length", "icrc":
                    if counters.get(f"rcvd_drop_{why}"):
                        raise Failed(f"{end.rxe} dropped: {why}")

    def delete_devices(self):
        """All RXE devices, each by its name."""
        self.log("delete the RXE devices")
        start = time.monotonic()
        for name in rxe_devices():
            # one goes by itself: its TAP device has gone
            sh(f"rdma link del {name}", 10)
        if not waitfor(10, lambda: not rxe_devices()):
            raise Failed(f"left: {' '.join(rxe_devices())}")
        self.stats["link_del_ms"] = int((time.monotonic() - start) * 1000)

    def namespaces(self):
        """Those that there are."""
        names = []
        for pair in self.pairs:
            for end in pair.ends:
                names.append(end.netns)
                if pair is self.churned:
                    names.append(f"{end.netns}-spare")
        return names

    def check_sockets(self):
        """Without a device there is no socket on RoCE's port."""
        def left():
            found = sh("ss -Huan sport = :4791") or ""
            for name in self.namespaces():
                found += sh(f"ip netns exec {name} "
                            "ss -Huan sport = :4791") or ""
            return found
        if not waitfor(5, lambda: not left()):
            raise Failed(f"sockets without a device:\n{left()}")

    def delete_namespaces(self):
        """Gone is only what the kernel has cleaned up."""
        self.log("delete the namespaces")
        start = time.monotonic()
        for name in self.namespaces():
            sh(f"ip netns del {name}")
        for pair in self.pairs:
            for end in pair.ends:
                path = f"/sys/class/net/{end.canary}"
                if not waitfor(20, lambda p=path: not os.path.exists(p)):
                    raise Failed(f"namespace {end.netns} is still there")
        self.stats["netns_del_ms"] = int((time.monotonic() - start) * 1000)

    def unload(self):
        """Nobody uses the module."""
        if not self.has("unload") or not os.path.isdir(
                "/sys/module/rdma_rxe/holders"):
            return
        self.log("unload")
        start = time.monotonic()
        gone = waitfor(10, lambda: sh("rmmod rdma_rxe", 10) is not None)
        if not gone:
            raise Failed("rdma_rxe does not unload: "
                         + read("/sys/module/rdma_rxe/refcnt"))
        self.stats["unload_ms"] = int((time.monotonic() - start) * 1000)

    def what_takes_long(self):
        """The fuzzer of the verbs knows what its threads are at."""
        for name, program in self.programs:
            if name == "verbs" and program.alive() and self.args.out:
                program.proc.send_signal(signal.SIGUSR1)
                time.sleep(scale(0.5))
                return "\n".join(line for line in read(
                    f"{self.args.out}/workers.log").splitlines()
                    if line.startswith("task "))
        return ""

    def clean_up(self):
        """After a failure, so that others can go on: as far as it goes."""
        for _, loop in self.loops:
            loop.halt.set()
        programs = [program for _, program in self.programs]
        if self.quiet_xfer:
            programs.append(self.quiet_xfer)
        for program in programs:
            try:
                os.killpg(program.proc.pid, signal.SIGKILL)
            except OSError:
                pass
        for _, loop in self.loops:
            loop.join(scale(5))
        try:
            for name in rxe_devices():
                sh(f"rdma link del {name}", 10)
            for name in self.namespaces():
                sh(f"ip netns del {name}", 10)
        except Failed:
            pass

    def run(self, watcher):
        """All of it."""
        watcher.ask = self.what_takes_long
        self.set_up()
        if self.has("frames"):
            self.start_frames()
        if self.has("verbs"):
            self.start_verbs()
        self.start_loops()
        self.go_on(watcher)
        self.stop()
        self.check_counters()
        self.delete_devices()
        self.check_sockets()
        self.delete_namespaces()
        self.unload()
        if watcher.failure:
            raise watcher.failure
        watcher.check_kernel()


def memory():
    """What the kernel itself holds, in KiB."""
    want = ("SUnreclaim", "VmallocUsed", "Percpu", "KernelStack")
    found = {}
    for line in read("/proc/meminfo").splitlines():
        name, value = line.split(":")
        if name in want:
            found[name] = int(value.split()[0])
    return found


def kernel_lines():
    """Of this epoch the first complaint, if there is one; and the last lines."""
    lines = (sh("dmesg") or "").splitlines()
    found = []
    for number, line in enumerate(lines):
        if "rxe_soak: epoch" in line:
            found = []
        elif not found and ("cut here" in line or "BUG:" in line or
                            "possible" in line):
            found = lines[number:number + 40] + ["..."]
    return found + lines[-15:]


class Run:
    """All epochs, and the report."""

    def __init__(self, args):
        self.args = args
        self.log = Log(args.out)
        self.epochs = []
        self.totals = collections.Counter()

    def say_failure(self, epoch, err):
        """Everything that helps to find the cause."""
        print(f"FAILED: seed {self.args.seed} epoch {epoch.number}: {err}")
        print("the last actions:")
        print("\n".join(self.log.last))
        stuck = all_stuck()
        if stuck:
            print("tasks in D:\n" + stuck)
        print("the kernel's lines:")
        print("\n".join(kernel_lines()))
        print(f"once more: make soak SEED={self.args.seed} "
              f"EPOCH={epoch.number}", flush=True)

    def one(self, number, watcher):
        """One epoch; is all well?"""
        epoch = Epoch(self.args, number, self.log)
        text = (f"epoch {number} of seed {self.args.seed}, "
                f"{epoch.seconds} s")
        self.log.begin(text)
        print(text, flush=True)
        with open("/dev/kmsg", "w", encoding="ascii") as file:
            file.write(f"rxe_soak: {text}\n")
        start, failure = time.monotonic(), None
        try:
            epoch.run(watcher)
        except Failed as err:
            failure = str(err)
            self.say_failure(epoch, failure)
            epoch.clean_up()
        self.totals.update(epoch.stats)
        self.epochs.append({
            "epoch": number, "seconds": round(time.monotonic() - start, 1),
            "failure": failure, "stats": epoch.stats, "memory": memory()})
        return not failure

    def report(self, watcher, next_epoch):
        """As JSON; after each epoch, for the next one may be the last."""
        if not self.args.out:
            return
        result = {"seed": self.args.seed, "next_epoch": next_epoch,
                  "longest_in_d_s": round(watcher.longest, 1),
                  "longest_in_d": watcher.longest_where,
                  "totals": self.totals, "epochs": self.epochs}
        path = f"{self.args.out}/soak.json"
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
        os.rename(path + ".new", path)

    def table(self):
        """The sums, by their kinds."""
        print(f"{'':32} {'total':>12}")
        for key in sorted(self.totals):
            print(f"{key:32} {self.totals[key]:12}")

    def run(self):
        """Until the time is over or an epoch fails: was all well?"""
        number = self.args.epoch or 0
        end = time.monotonic() + self.args.minutes * 60
        watcher = Watcher(self.args.stuck)
        watcher.start()
        good = True
        while good:
            good = self.one(number, watcher)
            number += 1
            self.report(watcher, number)
            if time.monotonic() >= end:
                break
        self.table()
        print(f"{len(self.epochs)} epochs; the longest sleep in D, in "
              f"{watcher.samples} samples, was {watcher.longest:.1f} s: "
              f"{watcher.longest_where}")
        if good:
            print(f"to go on: make soak SEED={self.args.seed} EPOCH={number} "
                  f"MINUTES={self.args.minutes or 10:g}")
        return good


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="of the run")
    parser.add_argument("--epoch", type=int, help="this one; with --minutes: "
                        "from this one on")
    parser.add_argument("--minutes", type=float, help="how long; else one "
                        "epoch")
    parser.add_argument("--epoch-seconds", type=int, help="of each epoch "
                        "(20 to 60)")
    parser.add_argument("--workers", type=int, default=2 if SLOW else 4,
                        help="processes of the fuzzer of the verbs")
    parser.add_argument("--rate", type=int, default=2000 if SLOW else 8000,
                        help="frames a second, of each end")
    parser.add_argument("--parts", default=",".join(PARTS),
                        help="only these: " + ",".join(PARTS))
    parser.add_argument("--no", action="append", default=[], help="without "
                        "this: an action of the churn, a kind of hostility "
                        "of rxe_fuzz_verbs, gso, icrc")
    parser.add_argument("--stuck", type=float, default=scale(5),
                        help="seconds that a task may be in D; more on a "
                        "machine that has other work")
    parser.add_argument("--out", help="a folder for soak.json, actions.log, "
                        "workers.log")
    args = parser.parse_args()
    args.parts = args.parts.split(",")
    args.minutes = args.minutes or 0
    if args.seed is None:
        args.seed = int.from_bytes(os.urandom(4), "big")
    return args


def main():
    """Run it."""
    args = parse()
    print(f"seed {args.seed}", flush=True)
    must("rdma system set netns shared")
    # threads may hang in the kernel: do not wait for them
    good = Run(args).run()
    sys.stdout.flush()
    os._exit(0 if good else 1)  # pylint: disable=protected-access


if __name__ == "__main__":
    main()
