/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options of a file's blocks, for a copy of it.
 */
#ifndef RXEDUMP_KEEP_H
#define RXEDUMP_KEEP_H

#include <stdio.h>
#include "frame.h"

struct file_option {
	uint16_t code, len;
	const uint8_t *value;
};

/* Options of a block that a copy has, too. */
struct kept {
	const struct file_options *from;	/* NULL: none */
	uint32_t block;			/* PCAPNG_..., its type */
	uint32_t without;		/* 1 << code: those we write ourselves */
};

/* From *@at = 0 on: 1, 0 at the end, -1 if one ends beyond the block. */
int file_option_next(const struct file_options *o, uint32_t *at,
		     struct file_option *option);
/* false: there is none */
bool file_option_find(const struct file_options *o, uint16_t code,
		      struct file_option *option);
bool file_has_comment(const struct file_options *o, const char *text);

size_t kept_len(const struct kept *k);
int kept_put(const struct kept *k, FILE *out);

#endif
