# SPDX-License-Identifier: GPL-2.0
"""One run of perftest, qperf or dmabuf_perf between the ends: a value and its
details; dmabuf_perf gives several values."""

import itertools
import os
import re
import signal
import subprocess
import time
from typing import NamedTuple

from net import CLIENT, SERVER, Failed, last_line, read, run

RUN_TIMEOUT = 60
MIN_ITERS = 300
QPERF_PORT = 19765


class Perftest(NamedTuple):
    """A program, its options, and the field of its result. A run has so many of
    the benchmark's iterations, or lasts SECONDS."""
    program: str
    options: str
    field: str
    share: float = 0
    scale: float = 1
    cpu_metric: str = ""


SECONDS = 1
# Under UML each system call of a process that is alone on the guest takes 10 to
# 50 us: for the rates of small messages, requests are posted 32 at a time. With
# -e, and with small messages, programs end after a number of messages only.
PERFTEST = {
    "send_lat": Perftest("ib_send_lat", "-s 2", "t_typical", 1),
    "write_lat": Perftest("ib_write_lat", "-s 2", "t_typical", 1),
    "send_bw": Perftest("ib_send_bw", "-s 65536", "BW_average"),
    "write_bw": Perftest("ib_write_bw", "-s 65536", "BW_average"),
    "read_bw": Perftest("ib_read_bw", "-s 65536", "BW_average"),
    "read_lat": Perftest("ib_read_lat", "-s 2", "t_typical", 1),
    "send_lat_e": Perftest("ib_send_lat", "-s 2 -e", "t_typical", 1),
    "send_bw_e": Perftest("ib_send_bw", "-s 65536 -e", "BW_average", 2,
                          cpu_metric="send_cpu"),
    "read_bw_e": Perftest("ib_read_bw", "-s 65536 -e", "BW_average", 2,
                          cpu_metric="read_cpu"),
    "send_bw_1m": Perftest("ib_send_bw", "-s 1048576", "BW_average"),
    "write_bw_1m": Perftest("ib_write_bw", "-s 1048576", "BW_average"),
    "read_bw_1m": Perftest("ib_read_bw", "-s 1048576", "BW_average"),
    "write_rate": Perftest("ib_write_bw", "-s 64 -l 32", "MsgRate", 10, 1000),
    "write_rate_8": Perftest("ib_write_bw", "-s 64 -l 32 -q 8", "MsgRate", 2.5,
                             1000),
}
# Rules change nothing else in them
WITH_RULES = ("send_lat", "write_lat", "send_bw", "write_bw", "read_bw")
DETAILS = ("t_min", "t_avg", "percentile_99", "n_iterations")

# A new port each time: none is in use by what went before.
ports = itertools.count(20000)


def listens(pid, port):
    """Is a socket of that process' namespace listening on the port?"""
    wanted = re.compile(r":%04X \S+ 0A " % port)
    return any(wanted.search(read("/proc/%d/net/%s" % (pid, table)))
               for table in ("tcp", "tcp6")
               if os.path.exists("/proc/%d/net/%s" % (pid, table)))


class Server:
    """A server process, there while the block runs."""

    def __init__(self, port, *argv):
        self.port = port
        self.process = subprocess.Popen(
            SERVER.argv(*argv), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            if listens(self.process.pid, self.port):
                return self
            time.sleep(0.005)
        raise Failed("server: " + self.stop())

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Its last words."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        return last_line(self.process.communicate()[0])

    def must_end(self):
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failed("the server does not end") from None
        if self.process.returncode:
            raise Failed("server: " + self.stop())


def cpu_seconds():
    """What all CPUs of the guest have worked since boot."""
    user, nice, system, _, _, irq, softirq = map(
        int, read("/proc/stat").split()[1:8])
    return ((user + nice + system + irq + softirq) /
            os.sysconf("SC_CLK_TCK"))


def perftest(net, metric, iters):
    """The value of one run, and details of it."""
    test = PERFTEST[metric]
    port = next(ports)
    argv = [test.program, "-F", "-p", str(port), *test.options.split()]
    argv += (["-n", str(max(MIN_ITERS, int(iters * test.share) // 32 * 32))]
             if test.share else ["-D", str(SECONDS), "-f", "0"])
    argv += ["-x", net.gid] if net.gid else ["-R"]
    result = "/tmp/perftest.json"

    before = cpu_seconds()
    with Server(port, *argv, "-d", SERVER.rdma) as server:
        CLIENT.run(*argv, "-d", CLIENT.rdma, SERVER.addr, "--out_json",
                   "--out_json_file=" + result, timeout=RUN_TIMEOUT)
        server.must_end()
    busy = cpu_seconds() - before
    # no JSON: perftest writes what printf makes of NaN
    fields = dict(re.findall(r'"(\w+)": (\d[\d.]*)', read(result)))
    os.unlink(result)
    value = float(fields.get(test.field, 0)) * test.scale
    if not value:
        # perftest could not measure its clock: 0 MiB/s, or inf and NaN us
        raise Failed("%s: no %s (machine too busy to time it?)"
                     % (test.program, test.field))
    details = {k: float(fields[k]) for k in DETAILS if k in fields}
    if test.cpu_metric:
        size = int(re.search(r"-s (\d+)", test.options)[1])
        details["cpu"] = busy / (details["n_iterations"] * size / 2**30)
    return value, details


class Qperf(NamedTuple):
    """A test of qperf, its message size, what it prints in which unit, and
    that in ours."""
    test: str
    size: str
    field: str
    unit: str
    scale: float
    cpu_metric: str = ""


QPERF = {
    "tcp_lat": Qperf("tcp_lat", "2", "latency", "ns", 1e-3),
    "tcp_bw": Qperf("tcp_bw", "64K", "bw", "bytes/sec", 1 / 2**20, "tcp_cpu"),
    "tcp_bw_1m": Qperf("tcp_bw", "1M", "bw", "bytes/sec", 1 / 2**20),
    "tcp_rate": Qperf("tcp_bw", "64", "bw", "bytes/sec", 1 / 64 / 1000),
}


def qperf(metric):
    """The same of TCP."""
    test = QPERF[metric]
    before = cpu_seconds()
    with Server(QPERF_PORT, "qperf"):
        out = CLIENT.run("qperf", "-t", str(SECONDS), "-uu", "-v", "-m",
                         test.size, SERVER.addr, test.test,
                         timeout=RUN_TIMEOUT)
    busy = cpu_seconds() - before
    found = re.search(r"\b%s\s*=\s*([\d.]+) %s" % (test.field, test.unit), out)
    if not found:
        raise Failed("qperf %s: %s" % (test.test, last_line(out)))
    value = float(found[1])
    return value * test.scale, (
        {"cpu": busy / (value * SECONDS / 2**30)} if test.cpu_metric else {})


# what MRs are of: ordinary memory, the same beside a dma-buf in its PD, udmabuf,
# a DMA heap
MEMORY = ("plain", "mixed", "udmabuf", "system")
MEMORY_METRICS = ("mr_write_lat", "mr_read_lat", "mr_write_bw", "mr_read_bw")
DMABUF = "/mnt/share/dmabuf/"


def memory(iters):
    """For each kind a dict of its metrics: one run, in which the kinds take
    turns. The data was verified at both ends."""
    port = next(ports)
    argv = ["env", "LD_PRELOAD=%slibrxe_dmabuf.so" % DMABUF,
            DMABUF + "dmabuf_perf", "-p", str(port), "-m", ",".join(MEMORY),
            "-n", str(max(MIN_ITERS, iters // 5))]
    # its port is RDMA's, not a socket's: the client asks until it is there
    server = subprocess.Popen(SERVER.argv(*argv, "-l", SERVER.addr), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = ask(lambda: CLIENT.run(*argv, SERVER.addr, timeout=RUN_TIMEOUT))
        if server.wait(10):
            raise Failed("server: " + last_line(server.stdout.read()))
    except subprocess.TimeoutExpired:
        raise Failed("the server does not end") from None
    finally:
        server.kill()
        server.communicate()
    result = {}
    for line in out.splitlines():
        fields = line.split()
        if len(fields) == 7 and fields[-1] == "ok":
            result[fields[0]] = dict(zip(MEMORY_METRICS,
                                         map(float, fields[2:6])))
    if set(result) != set(MEMORY):
        raise Failed("dmabuf_perf: " + last_line(out))
    return result


def ask(what):
    """Again, while nobody answers."""
    end = time.monotonic() + 10
    while True:
        try:
            return what()
        except Failed:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def perftest_version():
    return run("dpkg-query", "-W", "-f", "${Version}", "perftest")
