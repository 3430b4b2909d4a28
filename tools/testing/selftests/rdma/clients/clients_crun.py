#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""clients_crun.py BUNDLE NETNS RXE COMMAND...: an OCI bundle of a container that has
the network namespace, the RXE device's file, this machine's programs, and no
capability."""

import json
import os
import sys


def device(path):
    """The device file as the runtime wants it, for everybody."""
    rdev = os.stat(path).st_rdev
    return {"path": path, "type": "c", "major": os.major(rdev),
            "minor": os.minor(rdev), "fileMode": 0o666, "uid": 0, "gid": 0}


def verbs_of(rxe):
    """/dev/infiniband/uverbsN of the device."""
    verbs = "/sys/class/infiniband_verbs"
    for name in os.listdir(verbs):
        try:
            with open(f"{verbs}/{name}/ibdev", encoding="ascii") as file:
                if file.read().strip() == rxe:
                    return f"/dev/infiniband/{name}"
        except OSError:
            pass
    sys.exit(f"{rxe} has no device file")


def mount(where, kind, *options):
    """One of the file systems that every container has."""
    return {"destination": where, "type": kind, "source": kind,
            "options": ["nosuid", "noexec", *options]}


def bind(path):
    """A folder of this machine's, to be read."""
    return {"destination": path, "type": "bind", "source": path,
            "options": ["bind", "ro", "nosuid", "nodev"]}


def main():
    """Write the bundle. What is mounted is so in the container alone."""
    bundle, netns, rxe, *command = sys.argv[1:]
    devices = [device(verbs_of(rxe)), device("/dev/infiniband/rdma_cm")]
    allowed = [{"allow": False, "access": "rwm"}]
    allowed += [{"allow": True, "type": "c", "major": dev["major"],
                 "minor": dev["minor"], "access": "rw"} for dev in devices]
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "hostname": rxe,
        "process": {
            "args": command,
            "cwd": "/",
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "user": {"uid": 65534, "gid": 65534},
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_MEMLOCK", "hard": 1 << 26,
                         "soft": 1 << 26}],
        },
        "mounts": [
            bind("/usr"),
            bind("/etc"),
            mount("/proc", "proc"),
            mount("/sys", "sysfs", "ro"),
            mount("/dev", "tmpfs", "mode=755"),
            mount("/tmp", "tmpfs", "mode=1777"),
        ],
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "ipc"}, {"type": "uts"},
                {"type": "mount"},
                {"type": "network", "path": f"/run/netns/{netns}"},
            ],
            "devices": devices,
            "resources": {"devices": allowed},
        },
    }
    os.makedirs(f"{bundle}/rootfs")
    for name in "bin", "sbin", "lib", "lib64":
        os.symlink(f"usr/{name}", f"{bundle}/rootfs/{name}")
    with open(f"{bundle}/config.json", "w", encoding="ascii") as file:
        json.dump(config, file, indent=1)


if __name__ == "__main__":
    main()
