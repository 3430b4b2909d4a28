#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the user space tools for dma-bufs to $OUT/dmabuf, for the guest.

. "$(dirname "$0")/lib.sh"

lock dmabuf
mkdir -p "$OUT/dmabuf"
step "dmabuf tools" "$LOGS/dmabuf.log" \
	make -C "$TOP/tools/rdma/dmabuf" OUTPUT="$OUT/dmabuf"
