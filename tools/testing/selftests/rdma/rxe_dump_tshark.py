#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare what rxedump and tshark read in a capture, field by field.

usage: rxe_dump_tshark.py [--part] FILE MIN [OPCODES]

FILE has MIN packets at least.  OPCODES: how many different ones at least.
--part: compare the whole packets of those that both read; each has a time of
its own.  Of packets in tunnels the innermost headers are compared.
Opcodes that tshark does not know (reliable datagrams, extended RC, CNP) are
compared up to their BTH.  The bits of a FETH are not compared: tshark takes
others than the kernel's driver does.
"""

import json
import subprocess
import sys

# what tshark calls it, where it is in our JSON
FIELDS = {
    "frame.time_epoch": ("time",), "frame.len": ("len",),
    "frame.cap_len": ("caplen",), "frame.interface_name": ("interface",),
    "frame.packet_flags_direction": ("direction",),
    "eth.src": ("eth", "src"), "eth.dst": ("eth", "dst"),
    "ip.src": ("ip", "src"), "ip.dst": ("ip", "dst"),
    "ip.dsfield": ("ip", "dsfield"), "ip.ttl": ("ip", "ttl"),
    "ip.id": ("ip", "id"),
    "ipv6.src": ("ip", "src"), "ipv6.dst": ("ip", "dst"),
    "ipv6.tclass": ("ip", "dsfield"), "ipv6.hlim": ("ip", "ttl"),
    "ipv6.flow": ("ip", "flow"),
    "udp.srcport": ("udp", "srcport"), "udp.dstport": ("udp", "dstport"),
    "udp.length": ("udp", "length"), "udp.checksum": ("udp", "checksum"),
    "infiniband.bth.opcode": ("bth", "opcode"),
    "infiniband.bth.se": ("bth", "se"), "infiniband.bth.m": ("bth", "m"),
    "infiniband.bth.padcnt": ("bth", "padcnt"),
    "infiniband.bth.tver": ("bth", "tver"),
    "infiniband.bth.p_key": ("bth", "p_key"),
    "infiniband.bth.destqp": ("bth", "destqp"),
    "infiniband.bth.a": ("bth", "a"), "infiniband.bth.psn": ("bth", "psn"),
}
BEHIND_BTH = {
    "infiniband.deth.q_key": ("deth", "q_key"),
    "infiniband.deth.srcqp": ("deth", "srcqp"),
    "infiniband.aeth.syndrome": ("aeth", "syndrome"),
    "infiniband.aeth.msn": ("aeth", "msn"),
    "infiniband.atomiceth.swapdt": ("atomiceth", "swapdt"),
    "infiniband.atomiceth.cmpdt": ("atomiceth", "cmpdt"),
    "infiniband.atomicacketh.origremdt": ("atomicacketh", "origremdt"),
    "infiniband.immdt": ("immdt", "immdt"),
    "infiniband.ieth": ("ieth", "ieth"),
    "infiniband.invariant.crc": ("icrc", "value"),
    # one name for both headers that have it
    "infiniband.reth.va": ("reth|atomiceth", "va"),
    "infiniband.reth.r_key": ("reth|atomiceth", "r_key"),
    "infiniband.reth.dmalen": ("reth", "dmalen"),
}
# of the connection manager's messages; tshark knows no others
CM_IDS = ("localcommid", "remotecommid")
CM_FIELDS = {
    "req": ("serviceid", "localcaguid", "localqkey", "localqpn",
            "responderres", "localeecn", "initdepth", "remoteeecn",
            "remoteresptout", "transpsvctype", "e2eflowctrl", "startpsn",
            "localresptout", "retrcount", "pkey", "pppmtu", "rdcexist",
            "rnrretrcount", "maxcmretr", "srq", "ext_transport",
            "prim_locallid", "prim_remotelid", "prim_tfcclass", "prim_hoplim",
            "prim_sl", "prim_subnetlocal", "prim_localacktout"),
    "rep": ("remotecommid", "localqkey", "localqpn", "localeecn", "startpsn",
            "respres", "initdepth", "tgtackdelay", "failoveracc",
            "e2eflowctrl", "rnrretrcount", "srq", "localcaguid"),
    "rtu": CM_IDS, "rej": CM_IDS + ("msgrej", "rejinfolen", "reason"),
    "dreq": CM_IDS, "drep": CM_IDS,
}
THEIR_TYPES = {"drep": "drsp"}
# what it makes of a service ID of rdma_cm is another field
OTHER_NAMES = {"infiniband.cm.req.serviceid": ("ip_cm",)}


def cm_fields():
    """Our type of message, tshark's field, ours."""
    for kind in ("req", "rep"):
        yield kind, f"infiniband.cm.{kind}", "localcommid"
    yield "dreq", "infiniband.cm.req.remoteqpneecn", "remoteqpneecn"
    for kind, names in CM_FIELDS.items():
        for name in names:
            theirs = THEIR_TYPES.get(kind, kind)
            yield kind, f"infiniband.cm.{theirs}.{name}", name


CM = {theirs: (kind, ours) for kind, theirs, ours in cm_fields()}
BYTES = ("infiniband.immdt", "infiniband.ieth")
KNOWN = set(range(0x15)) | {0x16, 0x17, 0x1c, 0x1d} | \
    set(range(0x20, 0x2c)) | {0x64, 0x65}


def ours(packet, path):
    """A field of our JSON; None if it is not there."""
    for key in path:
        found = None
        for name in key.split("|"):
            if name in packet:
                found = packet[name]
        if found is None:
            return None
        packet = found
    return packet


def number(text, base=0):
    """A number, as JSON, tshark or both write it."""
    if isinstance(text, (bool, int)):
        return int(text)
    if text in ("True", "False"):
        return int(text == "True")
    return int(text, base)


def equal(name, left, right):
    """Are our value and tshark's the same?"""
    if name.endswith(("time_epoch", "src", "dst", "_name")):
        return left == right
    if name.endswith("_direction"):
        return {"in": 1, "out": 2}[left] == number(right)
    if name in BYTES:
        return number(left) == number(right.replace(":", ""), 16)
    return number(left) == number(right)


def same_cm(packet, frame):
    """How many fields of a connection manager's message are the same; one that
    is not, or None."""
    message, count = packet.get("cm", {}), 0
    for theirs, (kind, mine) in CM.items():
        if message.get("type") != kind or \
                any(name in message for name in OTHER_NAMES.get(theirs, ())):
            continue
        other = frame[theirs]
        if not other or number(message[mine]) != number(other):
            return count, f"{theirs} is {message[mine]} for rxedump, " \
                f"{other or 'not there'} for tshark"
        count += 1
    return count, None


def run(*argv):
    """Output of a command, in lines."""
    result = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.PIPE, check=False)
    if result.returncode:
        sys.exit(f"{argv[0]}: {result.stderr.strip()}")
    return result.stdout.splitlines()


def tshark(path):
    """Each frame, as tshark reads it."""
    names = [*FIELDS, *BEHIND_BTH, *CM, "_ws.malformed"]
    argv = ["tshark", "-n", "-r", path, "-Y", "infiniband.bth", "-T",
            "fields", "-E", "occurrence=l"]
    for name in names:
        argv += ["-e", name]
    # a wrong guess of what a payload is makes a frame malformed
    for line in run("tshark", "-G", "heuristic-decodes"):
        table, _, enabled, _, name, *_ = line.split("\t")
        if table == "infiniband.payload" and enabled == "T":
            argv += ["--disable-heuristic", name]
    for line in run(*argv):
        yield dict(zip(names, line.split("\t")))


def both(packets, theirs):
    """Those that rxedump and tshark read whole."""
    frames = {frame["frame.time_epoch"]: frame for frame in theirs
              if frame["infiniband.invariant.crc"] and
              not frame["_ws.malformed"]}
    packets = [packet for packet in packets
               if packet["kind"] == "roce" and packet["icrc"]["state"] == "ok"
               and packet["time"] in frames]
    return packets, [frames[packet["time"]] for packet in packets]


def main():
    """Compare."""
    part = "--part" in sys.argv
    if part:
        sys.argv.remove("--part")
    path, least = sys.argv[1], int(sys.argv[2])
    opcodes = set()
    fields = 0
    packets = [json.loads(line) for line in run("rxedump", "-r", path, "-j")]
    theirs = list(tshark(path))
    if part:
        packets, theirs = both(packets, theirs)
    if len(packets) != len(theirs) or len(packets) < least:
        sys.exit(f"rxedump reads {len(packets)} packets, tshark "
                 f"{len(theirs)}; at least {least} are there")
    for count, (packet, frame) in enumerate(zip(packets, theirs), 1):
        opcode = packet["bth"]["opcode"]
        known = opcode in KNOWN
        if packet["kind"] != "roce" or packet["icrc"]["state"] != "ok" or \
                (known and frame["_ws.malformed"]):
            sys.exit(f"packet {count} is not whole: tshark: "
                     f"{frame['_ws.malformed'] or 'well'}; {packet['bth']}, "
                     f"{packet['icrc']}")
        for name, where in {**FIELDS, **(BEHIND_BTH if known else {})}.items():
            mine, other = ours(packet, where), frame[name] or None
            if name.startswith("ip.") and packet["ip"]["version"] == 6 or \
                    name.startswith("ipv6.") and packet["ip"]["version"] == 4:
                continue
            if (mine is None) != (other is None) or \
                    (mine is not None and not equal(name, mine, other)):
                sys.exit(f"packet {count} ({packet['bth']['name']}): {name} "
                         f"is {mine} for rxedump, {other} for tshark")
            fields += mine is not None
        same, wrong = same_cm(packet, frame)
        if wrong:
            sys.exit(f"packet {count}: {wrong}")
        fields += same
        opcodes.add(opcode)
    if len(sys.argv) > 3 and len(opcodes) < int(sys.argv[3]):
        sys.exit(f"only {len(opcodes)} opcodes: {sorted(opcodes)}")
    print(f"{len(packets)} packets, {len(opcodes)} opcodes, {fields} fields")


if __name__ == "__main__":
    main()
