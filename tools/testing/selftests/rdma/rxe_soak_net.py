# SPDX-License-Identifier: GPL-2.0
"""What the soak test runs on: commands with a limit, pairs of namespaces.

    +---- rsk-a ------+              +---- rsk-b ------+
    | rsxa            |              | rsxb            |
    | rska0           +--------------+ rskb0           |
    | 192.0.2.1/24    | veth, netkit | 192.0.2.2/24    |
    | 2001:db8::1/64  |              | 2001:db8::2/64  |
    +-----------------+              +-----------------+

Each namespace also has one end of a veth pair whose other end, "canary", is in
the first namespace: when a namespace is really gone, its canary is, too.
"""

import ipaddress
import json
import os
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = os.environ.get("KSFT_MACHINE_SLOW") == "yes"


def scale(seconds):
    """A time limit, longer on a slow machine."""
    return seconds * (5 if SLOW else 1)


class Failed(Exception):
    """Something that must not be."""


def stack_of(pid):
    """Where a task waits, in the kernel. Not all kernels keep stacks."""
    text = ""
    for name in "wchan", "stack":
        try:
            with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
                text += file.read() + "\n"
        except OSError:
            pass
    return text


def sh(command, limit=30, check=False):
    """Run a command (one string); its output. A hang is a failure."""
    limit = scale(limit)
    # no "with": that waits for the end, and there may be none
    # pylint: disable=consider-using-with
    proc = subprocess.Popen(command.split(), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True,
                            stdin=subprocess.DEVNULL)
    try:
        out, _ = proc.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        stack = stack_of(proc.pid)
        proc.kill()
        raise Failed(f"no end of '{command}' in {limit} s:\n{stack}") from None
    if check and proc.returncode:
        raise Failed(f"{command}: {out.strip() or proc.returncode}")
    return out if not proc.returncode else None


def must(command, limit=30):
    """Run a command that has to succeed."""
    return sh(command, limit, check=True)


def waitfor(limit, true):
    """Until a condition holds: does it, in time?"""
    end = time.monotonic() + scale(limit)
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def rxe_devices():
    """The names of the RXE devices of ours that there are."""
    links = json.loads(sh("rdma -j link show") or "[]")
    return [link["ifname"] for link in links
            if link["ifname"].startswith("rsx")]


class End:
    """One end of a pair."""

    def __init__(self, letter, net, host):
        self.netns = f"rsk-{letter}"
        self.dev = f"rsk{letter}0"
        self.rxe = f"rsx{letter}"
        self.addr = f"{net[0]}.{host}"
        self.addr6 = f"{net[1]}::{host}"
        self.canary = f"canary-{letter}"
        self.mac = None

    def run(self, command, limit=30):
        """A command in the namespace."""
        return sh(f"ip netns exec {self.netns} {command}", limit)

    def ip(self, command):
        """ip's configuration of the namespace."""
        return sh(f"ip -n {self.netns} {command}")

    def layer(self, layer):
        """Set the network layer."""
        # a shell would cost more than the switch
        return self.run(f"sysctl -qw net.rxe.rxe_network_layer={layer}")

    def add_addresses(self):
        """Both addresses, if they are not there."""
        self.ip(f"addr replace {self.addr}/24 dev {self.dev}")
        self.ip(f"addr replace {self.addr6}/64 dev {self.dev} nodad")

    def add_rxe(self):
        """The RXE device; None if it is there already."""
        return self.run(f"rdma link add {self.rxe} type rxe netdev {self.dev}")

    def set_up(self):
        """Everything as it ought to be, whatever there is now."""
        self.ip(f"link set {self.dev} up")
        self.add_addresses()
        if not os.path.exists(f"/sys/class/infiniband/{self.rxe}"):
            self.add_rxe()

    def gids(self):
        """What the kernel has made of the addresses so far."""
        found = set()
        for index in range(8):
            path = f"/sys/class/infiniband/{self.rxe}/ports/1/gids/{index}"
            try:
                with open(path, encoding="ascii") as file:
                    found.add(file.read().strip())
            except OSError:
                pass
        return found

    def has_gids(self):
        """Is there one for each address?"""
        want = f"::ffff:{self.addr}", self.addr6
        return self.gids() >= {ipaddress.ip_address(addr).packed.hex(":", 2)
                               for addr in want}

    def counters(self):
        """The device's counters, as they are now."""
        path = f"/sys/class/infiniband/{self.rxe}/ports/1/hw_counters"
        found = {}
        try:
            for name in os.listdir(path):
                if name != "lifespan":
                    with open(f"{path}/{name}", encoding="ascii") as file:
                        found[name] = int(file.read())
        except OSError:
            pass
        return found


class Pair:
    """Two namespaces, netdevs, RXE devices."""

    def __init__(self, letters, kind, net):
        self.kind = kind
        self.ends = [End(letters[0], net, 1), End(letters[1], net, 2)]

    def set_up(self):
        """Make all of it."""
        a, b = self.ends
        for end in self.ends:
            must(f"ip netns add {end.netns}")
            must(f"ip link add {end.canary} type veth peer name canary "
                 f"netns {end.netns}")
            must(f"ip -n {end.netns} link set lo up")
        peer = f"peer name {b.dev} netns {b.netns}"
        if self.kind == "veth":
            must(f"ip link add {a.dev} netns {a.netns} type veth {peer}")
        else:
            mode = self.kind.split("-")[1]
            must(f"ip link add {a.dev} netns {a.netns} type netkit "
                 f"mode {mode} {peer}")
        for end in self.ends:
            end.set_up()
            end.mac = end.run(f"cat /sys/class/net/{end.dev}/address").strip()
        for end in self.ends:
            if not waitfor(10, end.has_gids):
                raise Failed(f"{end.rxe} has only {end.gids()}")

    def xfer(self, options):
        """rxe_xfer from one end to the other, as words."""
        a, b = self.ends
        return ([f"{HERE}/rxe_xfer"] + options.split() +
                [a.rxe, a.addr, b.rxe, b.addr])


class Loop(threading.Thread):
    """Something that goes on beside until it is stopped."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.halt = threading.Event()
        self.failure = None

    def nap(self, seconds):
        """Sleep, unless it is over."""
        self.halt.wait(seconds)

    def over(self):
        """Has someone stopped us?"""
        return self.halt.is_set()

    def step(self):
        """What is repeated."""
        raise NotImplementedError

    def run(self):
        """Repeat it; an exception is kept for stop()."""
        try:
            while not self.over():
                self.step()
        except Exception as err:    # pylint: disable=broad-except
            self.failure = err

    def stop(self):
        """End it; raise what ended it before."""
        self.halt.set()
        self.join(scale(60))
        if self.is_alive():
            raise Failed(f"'{self.name}' does not end")
        if self.failure:
            raise self.failure
