/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compressed captures.
 */
#ifndef RXEDUMP_UNPACK_H
#define RXEDUMP_UNPACK_H

#include <stdbool.h>
#include <stdio.h>

struct unpack;

/* The command that decompresses to standard output what begins so, or NULL. */
const char *unpack_command(const unsigned char magic[2]);
bool unpack_is_gzip(const unsigned char magic[2]);

/* A stream of what is in @packed, which it owns; NULL: no memory. @u is for
 * unpack_error() as long as the stream is open.
 */
FILE *unpack_open(FILE *packed, struct unpack **u);
/* NULL: nothing is wrong */
const char *unpack_error(const struct unpack *u);

#endif
