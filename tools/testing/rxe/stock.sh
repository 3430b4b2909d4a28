#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds upstream's rdma_rxe.ko, without our overlay, for the kernel in
# $KBUILD to $STAGE/stock: what bench compares with.

. "$(dirname "$0")/lib.sh"

rxe=drivers/infiniband/sw/rxe
src=$OUT/stock-$CONF

# upstream's files: not our links, and the pristine ones of those we patch
pristine()
{
	mkdir -p "$src"
	find "$TREE/$rxe" -maxdepth 1 -type f -exec cp -t "$tmp" {} +
	if [ -d "$TREE/.rxe/orig/$rxe" ]; then
		cp "$TREE/.rxe/orig/$rxe"/* "$tmp"
	fi
	rsync -rc "$tmp/" "$src/"
}

build()
{
	make -C "$TREE" O="$KBUILD" ARCH="$ARCH" CC="$cc" M="$src" \
		-j"$(nproc)" modules
}

lock "$CONF"
scratch
cc=gcc
! command -v ccache >/dev/null || cc="ccache gcc"
pristine
step "stock rxe $CONF" "$LOGS/stock-$CONF.log" build
mkdir -p "$STAGE/stock"
cp "$src/rdma_rxe.ko" "$STAGE/stock/rdma_rxe.ko.new"
strip --strip-debug "$STAGE/stock/rdma_rxe.ko.new"
mv "$STAGE/stock/rdma_rxe.ko.new" "$STAGE/stock/rdma_rxe.ko"
