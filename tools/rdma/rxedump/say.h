/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_SAY_H
#define RXEDUMP_SAY_H

/* A line on standard error: standard output is for data only. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
