#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lays RXE as the tree has it, upstream's files and ours, to $OUT/modsrc/$LINE: a
# folder that builds as an external module for a kernel of this line, without
# our tree.

. "$(dirname "$0")/lib.sh"

rxe=drivers/infiniband/sw/rxe
to=$OUT/modsrc/$LINE

lay()
{
	local new=$tmp/new

	mkdir -p "$new/include/trace/events"
	cp -L "$TREE/$rxe"/*.[ch] "$TREE/$rxe/Makefile" "$new"
	cp -L "$TREE/include/trace/events/rxe.h" "$new/include/trace/events"
	# also where the kernel's owner left RXE out
	cat - "$new/Makefile" >"$tmp/Makefile" <<-'END'
	CONFIG_RDMA_RXE := m
	ccflags-y += -I$(src)/include

	END
	mv "$tmp/Makefile" "$new/Makefile"
	mkdir -p "$to"
	rsync -rc --delete "$new/" "$to/"
}

lock "modsrc-$LINE"
scratch
lay
