# SPDX-License-Identifier: GPL-2.0
"""Two network namespaces, a netkit pair, and an RDMA device on each end.

     client a                  server b
   bench0 on nk0 <--netkit--> nk1 on bench1
   192.0.2.1                   192.0.2.2
"""

import glob
import ipaddress
import json
import os
import subprocess
import time

RESTORE = "iptables-legacy-restore"
# Beside a kernel of Debian's own lies its own module.
STOCK = next(iter(glob.glob("/mnt/share/stock/rdma_rxe.ko") + glob.glob(
    "/lib/modules/%s/kernel/drivers/infiniband/sw/rxe/rdma_rxe.ko*"
    % os.uname().release)), None)
SYSCTL = "net.rxe.rxe_network_layer"


class Failed(Exception):
    """One line that says what did not work."""


class End:
    """One end of the pair."""

    def __init__(self, netns, netdev, ifindex, rdma, addr):
        self.netns = netns
        self.netdev = netdev
        self.ifindex = str(ifindex)
        self.rdma = rdma
        self.addr = addr

    def argv(self, *argv):
        return ["ip", "netns", "exec", self.netns, *argv]

    def run(self, *argv, **kwargs):
        return run(*self.argv(*argv), **kwargs)

    def gid_index(self):
        """The index of the GID that is our address: it comes a bit late."""
        v4 = ipaddress.ip_address(self.addr).packed
        mapped = "0000:" * 5 + "ffff:%s:%s" % (v4[:2].hex(), v4[2:].hex())
        for _ in range(100):
            for name in glob.glob("/sys/class/infiniband/%s/ports/1/gids/*"
                                  % self.rdma):
                if read(name).strip() == mapped:
                    return name.rsplit("/", 1)[1]
            time.sleep(0.05)
        raise Failed("%s has no GID for %s" % (self.rdma, self.addr))


# Not the same index twice: siw gives a wildcard socket of one namespace the
# ifindex of a netdev in the other, and equal ones are "address in use".
CLIENT = End("a", "nk0", 101, "bench0", "192.0.2.1")
SERVER = End("b", "nk1", 102, "bench1", "192.0.2.2")
ENDS = (CLIENT, SERVER)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def has_siw():
    """Debian's kernel has no siw."""
    return not subprocess.run(("modinfo", "siw"), capture_output=True,
                              check=False).returncode


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def run(*argv, stdin="", timeout=60):
    """Runs a command to its end; its output."""
    try:
        done = subprocess.run(argv, input=stdin, text=True, timeout=timeout,
                              capture_output=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise Failed("%s: %s" % (" ".join(argv), err)) from err
    if done.returncode:
        raise Failed("%s: %s" % (" ".join(argv),
                                 last_line(done.stdout + done.stderr)))
    return done.stdout


class Net:
    """The set-up, and which driver is on it."""

    def __init__(self):
        self.driver = None
        self.gid = None
        for end in ENDS:
            run("ip", "netns", "add", end.netns)
        run("ip", "link", "add", CLIENT.netdev, "index", CLIENT.ifindex,
            "netns", CLIENT.netns, "type", "netkit", "mode", "l2",
            "peer", "name", SERVER.netdev, "index", SERVER.ifindex,
            "netns", SERVER.netns)
        for end in ENDS:
            run("ip", "-n", end.netns, "addr", "add", end.addr + "/24",
                "dev", end.netdev)
            run("ip", "-n", end.netns, "link", "set", end.netdev, "up")

    def set_mtu(self, mtu):
        for end in ENDS:
            run("ip", "-n", end.netns, "link", "set", end.netdev,
                "mtu", str(mtu))

    def set_rules(self, count):
        """As many rules in INPUT and OUTPUT of both namespaces: all are
        looked at, none matches RoCE, which is UDP."""
        rules = "".join("-A %s -p tcp --dport %d -j DROP\n" % (chain, n)
                        for chain in ("INPUT", "OUTPUT")
                        for n in range(count))
        for end in ENDS:
            end.run(RESTORE, stdin="*filter\n%sCOMMIT\n" % rules)

    def use(self, driver):
        """Swaps the module, unless it is there already."""
        if driver == self.driver:
            return
        self.unload()
        if driver == "stock":
            needs = run("modinfo", "-F", "depends", STOCK).strip()
            if needs:
                run("modprobe", "-a", *needs.split(","))
            run("insmod", STOCK)
        else:
            run("modprobe", "siw" if driver == "siw" else "rdma_rxe")
        for end in ENDS:
            end.run("rdma", "link", "add", end.rdma, "type",
                    "siw" if driver == "siw" else "rxe",
                    "netdev", end.netdev)
        # siw connects by rdma_cm, which finds the GID itself
        self.gid = None if driver == "siw" else CLIENT.gid_index()
        if self.gid and SERVER.gid_index() != self.gid:
            raise Failed("the GID has another index at each end")
        self.driver = driver

    def unload(self):
        """Also what a set-up left that stopped halfway."""
        self.driver = None
        there = {link["ifname"] for link in json.loads(run("rdma", "-j",
                                                           "link"))}
        for end in ENDS:
            if end.rdma in there:
                end.run("rdma", "link", "del", end.rdma)
        for module in ("siw", "rdma_rxe"):
            if os.path.exists("/sys/module/%s/refcnt" % module):
                run("rmmod", module)

    @staticmethod
    def set_layer(layer):
        for end in ENDS:
            end.run("sysctl", "-qw", "%s=%d" % (SYSCTL, layer))

    @staticmethod
    def sent_by_layer():
        """How many packets both ends have sent, at each layer."""
        sent = {2: 0, 3: 0}
        for end in ENDS:
            out = run("rdma", "-j", "statistic", "show", "link",
                      end.rdma + "/1")
            counters = json.loads(out)[0]
            for layer in sent:
                sent[layer] += counters["l%d_sent_pkts" % layer]
        return sent
