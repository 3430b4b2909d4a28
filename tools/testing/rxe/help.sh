#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
cat <<'EOF'
RXE over netkit: an overlay on the Linux kernel tree

  make run                      builds, boots, shows RXE at layers 3 and 2
  make run DEMO=devmem          a NIC's queues leased to a container
  make run_tests TARGETS=rdma   the kselftests in the guest (TESTS="a.sh b.sh")
  make tree                     the patched kernel tree, ready to edit
  make shell                    a shell in the booted guest
  make exec SCRIPT=file         runs the file as root in the guest
  make bench                    layer 3 / layer 2 / peers, to build/bench
                                (BENCH="--quick --rounds 5")
  make soak MINUTES=10          everything at once at random, from a SEED that
                                it says; EPOCH=n repeats an epoch of it
  make dkms                     the module for the kernel of a machine of yours
  make debs                     Debian 13 packages of the module, RXE's provider
                                with dma-bufs, rxedump, dmabuf_perf
  make series                   the overlay as mails for git am, to build/series
  make check                    checkpatch, sparse, W=1, shellcheck, patches
  make selftest                 tests the harness: provokes each verdict
  make print-VAR                KERNEL, ROOT, TREE, KBUILD ...
  make clean | distclean        all but downloads and the guest root | all

  ARCH=um|x86_64   User Mode Linux (default) or QEMU (KVM if the CPU has it)
  DISTRO=amd64     with x86_64: Debian's own kernel, as it is shipped, with our
                   module (default); rt-amd64: its PREEMPT_RT one; empty, or
                   with KDIR, DEBUG: one that is built here
  KVER=7.3|7.2     the kernel line
  KDIR=dir         a kernel tree of yours (it is copied, never modified)
  DEBUG=1          KASAN, lockdep, kmemleak ... in a build folder of its own
  TIMEOUT=seconds  how long a guest may run (1800; slow guests 3600; soak
                   MINUTES and 20 more)
  SOAK=options     of the soak test, e.g. "--parts verbs --no scribble": see
                   SOAK=--help
  MIRROR=uri       the Debian mirror, else that of this machine's apt
  OUT=dir          where all of it goes (build)

Verdicts, with the exit status of the step (make shows it as "Error N"):
  PASS             0
  TEST FAILED    100   the job failed (exec: the script's own status)
  KERNEL SPLAT   101   WARNING, BUG, KASAN, lockdep ... since the job's start
  LEAK           102   kmemleak (DEBUG=1)
  HANG           103   TIMEOUT
  GUEST DIED     104   no status left: panic, power-off, crash
A guest reads /mnt/share; what it writes to /mnt/out comes back to build/out.
EOF
