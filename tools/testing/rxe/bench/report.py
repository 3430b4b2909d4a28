# SPDX-License-Identifier: GPL-2.0
"""From samples to cells, ratios, targets, and the table that shows them."""

import math
import statistics

METRICS = {
    "send_lat": "2-byte send latency, us (ib_send_lat, typical)",
    "write_lat": "2-byte write latency, us (ib_write_lat, typical)",
    "send_bw": "64 KiB send, MiB/s (ib_send_bw, average)",
    "write_bw": "64 KiB write, MiB/s (ib_write_bw, average)",
    "read_bw": "64 KiB read, MiB/s (ib_read_bw, average)",
    "read_lat": "2-byte read latency, us (ib_read_lat, typical)",
    "send_lat_e": "2-byte send latency with events, us (ib_send_lat -e)",
    "send_bw_e": "64 KiB send with events, MiB/s (ib_send_bw -e)",
    "send_cpu": "CPU seconds per GiB of it",
    "read_bw_e": "64 KiB read with events, MiB/s (ib_read_bw -e)",
    "read_cpu": "CPU seconds per GiB of it",
    "send_bw_1m": "1 MiB send, MiB/s",
    "write_bw_1m": "1 MiB write, MiB/s",
    "read_bw_1m": "1 MiB read, MiB/s",
    "write_rate": "64-byte writes, thousands a second (ib_write_bw -l 32)",
    "write_rate_8": "64-byte writes, 8 QPs, thousands a second",
}
TCP_METRICS = {
    "tcp_lat": "TCP, 2-byte latency, us",
    "tcp_bw": "TCP, 64 KiB, MiB/s",
    "tcp_cpu": "TCP, CPU seconds per GiB of it",
    "tcp_bw_1m": "TCP, 1 MiB, MiB/s",
    "tcp_rate": "TCP, 64 bytes, thousands a second",
}
# To what of TCP a metric is compared
OF_TCP = {
    **dict.fromkeys(("send_lat", "write_lat"), "tcp_lat"),
    **dict.fromkeys(("send_bw", "write_bw", "read_bw", "send_bw_e",
                     "read_bw_e"), "tcp_bw"),
    **dict.fromkeys(("send_cpu", "read_cpu"), "tcp_cpu"),
    **dict.fromkeys(("send_bw_1m", "write_bw_1m", "read_bw_1m"), "tcp_bw_1m"),
    **dict.fromkeys(("write_rate", "write_rate_8"), "tcp_rate"),
}
SHORT = {
    "send_lat": "send latency", "write_lat": "write latency",
    "read_lat": "read latency", "send_lat_e": "send latency -e",
    "send_bw": "send bandwidth", "write_bw": "write bandwidth",
    "read_bw": "read bandwidth", "send_bw_e": "send -e",
    "read_bw_e": "read -e", "send_cpu": "send -e, CPU",
    "read_cpu": "read -e, CPU", "send_bw_1m": "1 MiB send",
    "write_bw_1m": "1 MiB write", "read_bw_1m": "1 MiB read",
    "write_rate": "64-byte rate", "write_rate_8": "rate, 8 QPs",
    "mr_write_lat": "write latency", "mr_read_lat": "read latency",
    "mr_write_bw": "write bandwidth", "mr_read_bw": "read bandwidth"}

UNITS = {"lat": "us", "cpu": "s/GiB", "rate": "1000/s", "bw": "MiB/s"}
SIW_METRICS = {m: "siw, %s, %s" % (SHORT[m], next(
    unit for part, unit in UNITS.items() if "_" + part in m)) for m in METRICS}

# name, (driver, layer, rules) above, the same below, at most for latency and CPU
# time, at least for bandwidth and rate
RATIOS = (
    ("layer 2 / layer 3, no rules",
     ("ours", 2, 0), ("ours", 3, 0), 0.92, 1.08),
    ("layer 2 / layer 3, 50 rules",
     ("ours", 2, 50), ("ours", 3, 50), None, None),
    ("layer 2 / layer 3, 500 rules",
     ("ours", 2, 500), ("ours", 3, 500), 0.75, 1.5),
    ("layer 2 / stock, no rules",
     ("ours", 2, 0), ("stock", 3, 0), 0.92, 3),
    ("layer 2 / siw, no rules",
     ("ours", 2, 0), ("siw", None, 0), 1, 1.5),
    ("layer 2 / TCP, no rules",
     ("ours", 2, 0), ("tcp", None, 0), 1.5, 0.75),
    ("layer 2, 500 rules / no rules",
     ("ours", 2, 500), ("ours", 2, 0), 1.05, 0.95),
    ("layer 3 / stock, no rules",
     ("ours", 3, 0), ("stock", 3, 0), 1.03, 0.97),
    ("layer 3 / stock, 500 rules",
     ("ours", 3, 500), ("stock", 3, 500), 1.03, 0.97),
    ("MR of udmabuf / ordinary MR of such a PD",
     ("udmabuf", 2, 0), ("mixed", 2, 0), 1.05, 0.95),
    ("MR of the system heap / ordinary MR of such a PD",
     ("system", 2, 0), ("mixed", 2, 0), 1.05, 0.95),
    ("MR of udmabuf / ordinary MR",
     ("udmabuf", 2, 0), ("plain", 2, 0), 1.05, 0.95),
    ("MR of the system heap / ordinary MR",
     ("system", 2, 0), ("plain", 2, 0), 1.05, 0.95),
)
COLUMNS = (("stock, layer 3", "stock", 3), ("layer 3", "ours", 3),
           ("layer 2", "ours", 2))


def confidence(values):
    """Between which values the true median is, with 95 % confidence, however
    the values are distributed: each is above it or below it like a tossed
    coin.  None: too few values to say."""
    n, below = len(values), 0
    for k in range(n // 2 + 1):
        below += math.comb(n, k)
        if 2 * below > 0.05 * 2 ** n:
            break
    return [sorted(values)[k - 1], sorted(values)[n - k]] if k else None


def spread(values):
    """Median, extremes, and how sure the median is."""
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "ci95": confidence(values)}


def verdict(ratio, limit, at_most):
    """Is a target met?  None: the runs differ too much to tell."""
    low, high = ratio["ci95"] or (-math.inf, math.inf)
    if low <= limit <= high:
        return None
    return high < limit if at_most else low > limit


def less_is_better(metric):
    return "_lat" in metric or metric.endswith("_cpu")


def key(sample):
    return tuple(sample[k] for k in ("driver", "layer", "rules", "mtu",
                                     "metric"))


def cells(samples):
    """One for each thing measured: statistics, failures with the reason."""
    groups = {}
    for sample in samples:
        groups.setdefault(key(sample), []).append(sample)
    result = []
    for where, group in groups.items():
        cell = dict(zip(("driver", "layer", "rules", "mtu", "metric"), where))
        values = [s["value"] for s in group if "value" in s]
        errors = [s["error"] for s in group if "error" in s]
        cell["runs"] = len(group)
        cell["failed"] = len(errors)
        if errors:
            cell["error"] = errors[-1]
        if values:
            cell.update(spread(values))
        result.append(cell)
    return result


def ratios(samples):
    """Each is of two runs of the same round, so that drift hits both."""
    by_round = {}
    for sample in samples:
        if "value" in sample:
            by_round.setdefault(key(sample), {})[sample["round"]] = \
                sample["value"]
    result = []
    for name, above, below, at_most, at_least in RATIOS:
        for metric in SHORT:
            for mtu in sorted({s["mtu"] for s in samples}):
                over = by_round.get((*above, mtu, metric), {})
                other = OF_TCP.get(metric) if below[0] == "tcp" else metric
                under = by_round.get((*below, mtu, other), {})
                values = [over[n] / under[n] for n in over if n in under]
                if not values:
                    continue
                ratio = {"name": name, "metric": metric, "mtu": mtu,
                         "values": values, **spread(values)}
                limit = at_most if less_is_better(metric) else at_least
                if limit:
                    ratio["target"] = limit
                    ratio["met"] = verdict(ratio, limit, less_is_better(metric))
                result.append(ratio)
    return result


def number(value):
    return "%.*f" % (2 if value < 100 else 0, value)


def show(cell):
    if not cell:
        return "-"
    if "median" not in cell:
        return "failed*"
    return "%s (%s-%s)%s" % (number(cell["median"]), number(cell["min"]),
                             number(cell["max"]), "*" * bool(cell["failed"]))


class Table:
    """The result as text, 80 columns at most."""

    def __init__(self, result):
        self.result = result
        self.by_key = {key(c): c for c in result["cells"]}
        self.mtus = sorted({c["mtu"] for c in result["cells"]})
        self.rules = sorted({c["rules"] for c in result["cells"]})

    def head(self):
        r, m = self.result, self.result["machine"]
        yield "RXE over netkit (mode l2, two namespaces), %s" % r["date"]
        yield "Linux %s, %s, %s, %d CPUs" % (
            m["kernel"], m["arch"], m["virtualisation"], m["cpus"])
        yield "%s; perftest %s" % (m["cpu_model"], r["perftest"])
        yield ("%d rounds, drivers and layers taking turns; "
               "median (min-max)" % r["rounds"])

    def grid(self, metric):
        yield ""
        yield METRICS[metric]
        yield " MTU rules" + "".join("%22s" % c[0] for c in COLUMNS)
        for mtu in self.mtus:
            for rules in self.rules:
                row = [self.by_key.get((driver, layer, rules, mtu, metric))
                       for _, driver, layer in COLUMNS]
                if any(row):
                    yield "%4d %5d" % (mtu, rules) + "".join(
                        "%22s" % show(cell) for cell in row)

    def references(self):
        yield ""
        yield "%-32s" % "Other transports, no rules" + "".join(
            "%22s" % ("MTU %d" % mtu) for mtu in self.mtus)
        for driver, names in (("siw", SIW_METRICS), ("tcp", TCP_METRICS)):
            for metric, what in names.items():
                row = [self.by_key.get((driver, None, 0, mtu, metric))
                       for mtu in self.mtus]
                if any(row):
                    yield "%-32s" % what + "".join(
                        "%22s" % show(cell) for cell in row)

    def memory(self):
        yield ""
        yield "%-32s" % "Memory regions, layer 2" + "".join(
            "%22s" % ("MTU %d" % mtu) for mtu in self.mtus)
        for driver, what in (("plain", "ordinary"),
                             ("mixed", "mixed PD"),
                             ("udmabuf", "udmabuf"),
                             ("system", "system heap")):
            for metric, unit in (("mr_write_lat", "8-byte write, us"),
                                 ("mr_write_bw", "64 KiB write, MiB/s"),
                                 ("mr_read_bw", "64 KiB read, MiB/s")):
                yield "%-32s" % ("%s, %s" % (what, unit)) + "".join(
                    "%22s" % show(self.by_key.get((driver, 2, 0, mtu, metric)))
                    for mtu in self.mtus)

    def targets(self):
        yield ""
        yield "Ratios, median over the rounds (its 95 % confidence interval)"
        for name, _, _, at_most, at_least in RATIOS:
            mine = [r for r in self.result["ratios"] if r["name"] == name]
            if not mine:
                continue
            yield name + (": latency at most %.2f, bandwidth at least %.2f"
                          % (at_most, at_least) if at_most else "")
            for r in mine:
                yield "    %-15s  MTU %d  %6.2f  %-11s  %s" % (
                    SHORT[r["metric"]], r["mtu"], r["median"],
                    "(%.2f-%.2f)" % tuple(r["ci95"]) if r["ci95"] else "",
                    {True: "met", False: "MISSED", None: "cannot tell"}
                    [r["met"]] if "target" in r else "")

    def failures(self):
        for c in self.result["cells"]:
            if c["failed"]:
                yield "* %s, layer %s, %d rules, MTU %d, %s:" % (
                    c["driver"], c["layer"] or "-", c["rules"], c["mtu"],
                    c["metric"])
                yield "  %d of %d runs failed: %.48s" % (
                    c["failed"], c["runs"], c["error"])

    def lines(self):
        measured = {c["metric"] for c in self.result["cells"]}
        yield from self.head()
        for metric in METRICS:
            if metric in measured:
                yield from self.grid(metric)
        if "tcp_lat" in measured:
            yield from self.references()
            yield from self.memory()
        yield from self.targets()
        yield from self.failures()
