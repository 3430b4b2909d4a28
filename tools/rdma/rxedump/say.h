/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_SAY_H
#define RXEDUMP_SAY_H

#include <stdbool.h>

/* Who started us takes each line on standard error for an error: no notes. */
extern bool say_errors_only;

/* A line on standard error: standard output is for data only. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for what is no error. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
