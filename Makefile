# SPDX-License-Identifier: GPL-2.0
#
# The front door: each target is a few steps, each step a small script in
# tools/testing/rxe.  All that is made lives under $(OUT).

TOP	:= $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ARCH	?= um
KVER	?= 7.3
KDIR	?=
DEBUG	?=
OUT	?= $(TOP)/build
TARGETS	?= rdma
TESTS	?=
SCRIPT	?=
BENCH	?=
DEMO	?=
SOAK	?=
MINUTES	?=
SEED	?=
EPOCH	?=
MIRROR	?=

ifeq ($(filter um x86_64,$(ARCH)),)
$(error ARCH=$(ARCH): this is um or x86_64)
endif
ifeq ($(filter 7.2 7.3,$(KVER)),)
$(error KVER=$(KVER): this is 7.2 or 7.3; KDIR= takes any other tree)
endif
ifeq ($(filter 0 1 y n,$(or $(DEBUG),0)),)
$(error DEBUG=$(DEBUG): this is 1 or nothing)
endif
override DEBUG := $(filter 1 y,$(DEBUG))
# Debian's own kernel, as it is shipped, with our module; empty: one built here
DISTRO	?= $(if $(filter-out x86_64,$(ARCH))$(KDIR)$(DEBUG),,amd64)
ifneq ($(and $(DISTRO),$(filter-out x86_64,$(ARCH))$(KDIR)$(DEBUG)),)
$(error DISTRO=$(DISTRO): this is for ARCH=x86_64, without KDIR and DEBUG)
endif
ifeq ($(filter amd64 rt-amd64,$(or $(DISTRO),amd64)),)
$(error DISTRO=$(DISTRO): this is amd64, rt-amd64 or empty)
endif
# a soak test: its time, and more for its last epoch
ifneq ($(filter soak,$(MAKECMDGOALS)),)
TIMEOUT	?= $(shell echo $$(( ($(or $(MINUTES),10)) * 60 + 1200 )))
endif
# KASAN with lockdep, and QEMU without KVM, are slow
TIMEOUT	?= $(if $(DEBUG)$(filter x86_64,$(ARCH)),3600,1800)
override OUT := $(abspath $(OUT))

# A tree of the user's is named by its path, so that two do not mix.
LINE	:= $(if $(KDIR),kdir-$(shell echo '$(abspath $(KDIR))' | cksum | \
	   cut -d' ' -f1),$(KVER))
TREE	:= $(OUT)/tree-$(LINE)
CONF	:= $(ARCH)-$(LINE)$(if $(DEBUG),-debug)$(DISTRO:%=-debian-%)
# In the tree: only then are all paths of kbuild relative, and ccache knows the
# same file of another checkout.
KBUILD	:= $(TREE)/out-$(ARCH)$(if $(DEBUG),-debug)$(DISTRO:%=-debian-%)
STAGE	:= $(OUT)/stage/$(CONF)
KERNEL	:= $(if $(DISTRO),$(STAGE)/vmlinuz,$(KBUILD)/$(if \
	   $(filter um,$(ARCH)),linux,arch/x86/boot/bzImage))
ROOT	:= $(OUT)/root/root.img
LOGS	:= $(OUT)/log
empty	:=
# the selftests that are installed: two makes may run others at once
KSFT	:= $(OUT)/ksft-$(LINE)/$(subst /,-,$(subst $(empty) ,+,$(strip $(TARGETS))))

export TOP ARCH KVER KDIR DEBUG DISTRO OUT TIMEOUT
export TARGETS TESTS SCRIPT BENCH DEMO MIRROR
export SOAK MINUTES SEED EPOCH
export LINE TREE CONF KBUILD STAGE KERNEL ROOT LOGS KSFT

T := $(TOP)/tools/testing/rxe

.PHONY: help run run_tests tree sources kernel root tools dmabuf rdmacore
.PHONY: rxedump shell exec bench soak check selftest modsrc dkms debs series
.PHONY: clean distclean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help:
	@$(T)/help.sh

# make cannot pass on an exit status (its own is 2 for all failures); the
# verdict names the status, and so does make's "Error N".
run: knobs-run kernel root tools
	@test -z "$(DEMO)" || { $(T)/deps.sh tests && $(T)/kselftest.sh; }
	@$(T)/boot.sh run

run_tests: knobs-run_tests kernel root tools
	@$(T)/deps.sh tests
	@$(T)/kselftest.sh
	@$(T)/boot.sh run_tests

exec: knobs-exec kernel root tools
	@$(T)/boot.sh exec

shell: knobs-shell kernel root tools
	@$(T)/boot.sh shell

bench: knobs-bench kernel root tools
	@$(T)/deps.sh bench
	@test -n "$(DISTRO)" || $(T)/stock.sh
	@$(T)/boot.sh bench
	@$(T)/bench/plot $(OUT)/bench/bench.json $(OUT)/bench/bench.svg

soak: knobs-soak kernel root tools
	@$(T)/deps.sh tests
	@$(T)/kselftest.sh
	@$(T)/boot.sh soak

knobs-%:
	@$(T)/knobs.sh $*

tree: sources
	@echo $(TREE)

sources:
	@$(T)/deps.sh tree
	@$(T)/source.sh
	@$(T)/tree.sh

# Debian's own, as it is shipped, with our module; or one that is built here
kernel: sources
	@$(T)/deps.sh kernel
ifneq ($(DISTRO),)
	@$(T)/modsrc.sh
	@$(T)/distro.sh
else
	@$(T)/kernel.sh
endif

# the module by itself, for kernels that are not built here
modsrc: sources
	@$(T)/modsrc.sh

dkms:
	@$(T)/dkms.sh

# Debian packages of the module and of the programs
debs: tools
	@$(T)/deps.sh root
	@$(T)/mkdebs.sh

series: sources
	@$(T)/deps.sh series
	@$(T)/series.sh

root:
	@$(T)/deps.sh root
	@$(T)/root.sh

# programs of ours for the guest
tools: rxedump dmabuf rdmacore

dmabuf:
	@$(T)/deps.sh tests
	@$(T)/dmabuf.sh

rdmacore:
	@$(T)/deps.sh root
	@$(T)/rdmacore.sh

rxedump: sources
	@$(T)/deps.sh rxedump
	@$(T)/rxedump.sh

check:
	@$(T)/deps.sh tree kernel rxedump check
	@$(T)/check.sh

selftest: kernel root debs
	@$(T)/deps.sh selftest
	@$(T)/selftest.sh

print-%:
	@echo '$($*)'

# clean keeps what was downloaded and the guest root
clean:
	rm -rf $(filter-out $(OUT)/dl $(OUT)/root,$(wildcard $(OUT)/*))

distclean:
	rm -rf $(OUT)
