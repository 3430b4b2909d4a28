/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which file is written, and when it is the next one's turn: -C, -G, -W.
 */
#ifndef RXEDUMP_ROTATE_H
#define RXEDUMP_ROTATE_H

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include "options.h"
#include "write.h"

struct rotation {
	const struct options *o;
	unsigned int nr;		/* of the file, with -C */
	unsigned int periods;		/* that are over, with -G */
	time_t since;			/* when this one began */
	FILE *input;			/* is not to be written; or NULL */
	char name[PATH_MAX];
};

enum rotate { ROTATE_NOT, ROTATE_NEXT, ROTATE_END };

/* A file: the writer, or NULL after saying why. */
struct writer *rotation_first(struct rotation *r, const struct options *o);
struct writer *rotation_next(struct rotation *r);
/* Before a frame goes into the file of @w. */
enum rotate rotation_due(struct rotation *r, const struct writer *w);
/* Did the last file have its time? */
bool rotation_is_over(const struct rotation *r);
/* Has the file of @w all that -a wants? */
bool rotation_is_full(const struct rotation *r, const struct writer *w);

#endif
