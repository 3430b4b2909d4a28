# SPDX-License-Identifier: GPL-2.0
"""What happens to the network under the traffic, at random."""

import random
import signal
import subprocess

from rxe_soak_net import HERE, Failed, Loop, scale, sh, stack_of

NETEM = ("delay 1ms 1ms", "loss 5%", "loss 30%", "delay 3ms reorder 30% 50%",
         "duplicate 10%", "corrupt 5%", "delay 20ms", "limit 3 delay 2ms",
         "loss 100%")


class Churn(Loop):
    """One end of the pair, disturbed."""

    # how often, and what
    ACTIONS = (
        (6, "flap"), (1, "flap_fast"), (2, "mac"), (3, "mtu"), (4, "address"),
        (10, "layer"), (4, "link"), (6, "netem"), (4, "bpf"), (2, "move"),
        (2, "bridge"), (2, "tap"), (5, "look"),
    )

    def __init__(self, pair, index, seed, log, skip):
        super().__init__(f"churn of {pair.ends[index].rxe}")
        self.pair = pair
        self.end = pair.ends[index]
        self.primary = index == 0
        self.rng = random.Random(seed)
        self.log = log
        self.counts = {}
        self.actions = [(weight, name) for weight, name in self.ACTIONS
                        if name not in skip]

    def doze(self, most):
        """A while that the seed determines."""
        self.nap(self.rng.uniform(0, most))

    def step(self):
        weights, names = zip(*self.actions)
        name = self.rng.choices(names, weights)[0]
        self.counts[name] = self.counts.get(name, 0) + 1
        self.log(f"{self.end.rxe} {name}")
        getattr(self, name)()
        self.end.set_up()
        self.doze(0.4)

    def flap(self):
        """Down, up."""
        self.end.ip(f"link set {self.end.dev} down")
        self.doze(0.3)

    def flap_fast(self):
        """The same, several times."""
        for _ in range(5):
            self.end.ip(f"link set {self.end.dev} down")
            self.end.ip(f"link set {self.end.dev} up")

    def mac(self):
        """Another MAC address, for a while."""
        mac = "02:" + ":".join(f"{self.rng.randrange(256):02x}"
                               for _ in range(5))
        self.end.ip(f"link set {self.end.dev} address {mac}")
        self.doze(0.5)
        self.end.ip(f"link set {self.end.dev} address {self.end.mac}")

    def mtu(self):
        """Another MTU, for a while; below 1280 IPv6 goes as well."""
        mtu = self.rng.choice((576, 1280, 1500, 2200, 4200, 9000))
        self.end.ip(f"link set {self.end.dev} mtu {mtu}")
        self.doze(0.5)
        self.end.ip(f"link set {self.end.dev} mtu 1500")

    def address(self):
        """An address less, or one more."""
        end = self.end
        kind = self.rng.randrange(4)
        if kind == 0:
            end.ip(f"addr del {end.addr}/24 dev {end.dev}")
        elif kind == 1:
            end.ip(f"addr del {end.addr6}/64 dev {end.dev}")
        elif kind == 2:
            end.ip(f"addr flush dev {end.dev}")
        else:
            end.ip(f"addr add 203.0.113.{self.rng.randrange(1, 255)}/32 "
                   f"dev {end.dev}")
        self.doze(0.5)

    def layer(self):
        """The other network layer, some times."""
        for _ in range(self.rng.randint(1, 6)):
            self.end.layer(self.rng.choice((2, 3)))
            self.doze(0.1)

    def link(self):
        """The RXE device goes and comes, with all that use it."""
        sh(f"rdma link del {self.end.rxe}", 20)
        self.doze(0.2)
        self.end.add_rxe()

    def netem(self):
        """A bad wire."""
        dev = self.end.dev
        self.end.run(f"tc qdisc add dev {dev} root netem "
                     + self.rng.choice(NETEM))
        self.doze(1.5)
        self.end.run(f"tc qdisc del dev {dev} root")

    def bpf(self):
        """A BPF program that drops packets."""
        hooks = ["tcx-ingress", "tcx-egress"]
        if self.pair.kind != "veth" and self.primary:
            hooks += ["netkit-primary", "netkit-peer"]
        what = self.rng.choice(("drop-roce", "drop-one-of=7", "count"))
        # pylint: disable=consider-using-with
        prog = subprocess.Popen(
            ["ip", "netns", "exec", self.end.netns, f"{HERE}/rxe_bpf",
             self.end.dev, self.rng.choice(hooks), what],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.doze(1.0)
        prog.terminate()
        try:
            prog.wait(scale(10))
        except subprocess.TimeoutExpired:
            raise Failed("rxe_bpf does not end:\n"
                         + stack_of(prog.pid)) from None

    def move(self):
        """To another namespace, and back: the RXE device cannot follow."""
        end = self.end
        spare = f"{end.netns}-spare"
        end.ip(f"link set {end.dev} netns {spare}")
        sh(f"ip -n {spare} link set {end.dev} up")
        sh(f"ip netns exec {spare} rdma link add {end.rxe}s type rxe "
           f"netdev {end.dev}")
        self.doze(0.3)
        sh(f"ip -n {spare} link set {end.dev} netns {end.netns}")

    def bridge(self):
        """The receive handler is taken for a while."""
        end = self.end
        end.ip("link add rskbr type bridge")
        end.ip("link set rskbr up")
        end.ip(f"link set {end.dev} master rskbr")
        self.doze(0.5)
        end.ip(f"link set {end.dev} nomaster")
        end.ip("link del rskbr")

    def tap(self):
        """An RXE device on the TAP device of the frames' program."""
        end = self.end
        end.ip("addr replace 203.0.113.254/32 dev rsktap")
        end.run(f"rdma link add {end.rxe}t type rxe netdev rsktap")
        self.doze(2)
        sh(f"rdma link del {end.rxe}t", 20)

    def look(self):
        """All that shows what there is, while it goes."""
        for what in ("qp", "cq", "mr", "pd", "ctx"):
            sh(f"rdma resource show {what}")
        sh("rdma statistic show")
        self.end.counters()


class Quiet(Loop):
    """The quiet pair: switches of the layer, and a little loss. Its traffic
    must go on."""

    def __init__(self, pair, seed, log):
        super().__init__("quiet pair")
        self.pair = pair
        self.rng = random.Random(seed)
        self.log = log
        self.counts = {"layer": 0, "netem": 0}
        self.netem = [False, False]

    def step(self):
        index = self.rng.randrange(2)
        end = self.pair.ends[index]
        if self.rng.random() < 0.8:
            self.counts["layer"] += 1
            end.layer(self.rng.choice((2, 3)))
        elif self.netem[index]:
            end.run(f"tc qdisc del dev {end.dev} root")
            self.netem[index] = False
        else:
            self.counts["netem"] += 1
            end.run(f"tc qdisc add dev {end.dev} root netem loss "
                    f"{self.rng.choice((1, 2, 5))}%")
            self.netem[index] = True
        self.nap(self.rng.uniform(0.02, 0.5))


class Connections(Loop):
    """Connections on the disturbed pair: each must go on or end."""

    def __init__(self, pair, seed, log):
        super().__init__("connections")
        self.pair = pair
        self.rng = random.Random(seed)
        self.log = log
        self.counts = {"runs": 0, "ended": 0, "wrong_bytes": 0}

    def step(self):
        options = self.rng.choice((
            "-o mix -s 1000,5000 -w 4", "-o send -s 64 -w 16",
            "-o read -s 20000 -w 2", "-o write -s 3000 -w 8",
            "-t ud -l -i 1000", "-t uc -l -i 1000 -s 5000"))
        wait = "" if "-i" in options else f"-i {scale(15000)}"
        # pylint: disable=consider-using-with
        proc = subprocess.Popen(
            self.pair.xfer(f"-n 0 -T 14 -r 7 {wait} {options}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self.counts["runs"] += 1
        for _ in range(40):
            if self.over() or proc.poll() is not None:
                break
            self.nap(0.1)
        proc.send_signal(signal.SIGTERM)
        self.finish(proc, options)
        self.nap(0.05)

    def finish(self, proc, options):
        """How did it end?"""
        try:
            out, _ = proc.communicate(timeout=scale(40))
        except subprocess.TimeoutExpired:
            stack = stack_of(proc.pid)
            proc.kill()
            raise Failed(f"rxe_xfer {options} hangs:\n{stack}") from None
        self.counts["ended"] += proc.returncode != 0
        # hostile frames with the right ICRC are as good as any
        self.counts["wrong_bytes"] += proc.returncode == 3
        if "no completion" in out:
            if "-t u" not in options:
                raise Failed(f"rxe_xfer {options}: {out.strip()}")
