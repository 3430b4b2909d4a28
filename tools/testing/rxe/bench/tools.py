# SPDX-License-Identifier: GPL-2.0
"""One run of perftest, qperf or dmabuf_perf between the ends: a value and its
details; dmabuf_perf gives several values."""

import itertools
import os
import re
import signal
import subprocess
import time

from net import CLIENT, SERVER, Failed, last_line, read, run

RUN_TIMEOUT = 60
MIN_ITERS = 300
QPERF_PORT = 19765

# perftest program, message size, share of the iterations, field of the value
PERFTEST = {
    "send_lat": ("ib_send_lat", 2, 1, "t_typical"),
    "write_lat": ("ib_write_lat", 2, 1, "t_typical"),
    "send_bw": ("ib_send_bw", 65536, 0.5, "BW_average"),
    "write_bw": ("ib_write_bw", 65536, 0.5, "BW_average"),
    "read_bw": ("ib_read_bw", 65536, 0.5, "BW_average"),
}
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


def perftest(net, metric, iters):
    program, size, share, field = PERFTEST[metric]
    port = next(ports)
    argv = [program, "-F", "-s", str(size), "-p", str(port),
            "-n", str(max(MIN_ITERS, int(iters * share)))]
    argv += ["-x", net.gid] if net.gid else ["-R"]
    result = "/tmp/perftest.json"

    with Server(port, *argv, "-d", SERVER.rdma) as server:
        CLIENT.run(*argv, "-d", CLIENT.rdma, SERVER.addr, "--out_json",
                   "--out_json_file=" + result, timeout=RUN_TIMEOUT)
        server.must_end()
    # no JSON: perftest writes what printf makes of NaN
    fields = dict(re.findall(r'"(\w+)": (\d[\d.]*)', read(result)))
    os.unlink(result)
    value = float(fields.get(field, 0))
    if not value:
        # perftest could not measure its clock: 0 MiB/s, or inf and NaN us
        raise Failed("%s: no %s (machine too busy to time it?)"
                     % (program, field))
    return value, {k: float(fields[k]) for k in DETAILS if k in fields}


# qperf test, message size, unit that it prints, our units in one of those
QPERF = {
    "tcp_lat": ("tcp_lat", "2", "latency", "ns", 1e-3),
    "tcp_bw": ("tcp_bw", "64K", "bw", "bytes/sec", 1 / 2**20),
}


def qperf(metric):
    test, size, name, unit, scale = QPERF[metric]
    with Server(QPERF_PORT, "qperf"):
        out = CLIENT.run("qperf", "-t", "1", "-uu", "-v", "-m", size,
                         SERVER.addr, test, timeout=RUN_TIMEOUT)
    found = re.search(r"\b%s\s*=\s*([\d.]+) %s" % (name, unit), out)
    if not found:
        raise Failed("qperf %s: %s" % (test, last_line(out)))
    return float(found.group(1)) * scale, {}


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
