/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The text of a pcap-filter expression, and its code.
 */
#ifndef RXEDUMP_EXPRESSION_H
#define RXEDUMP_EXPRESSION_H

/* What a file says, as one expression: NULL after saying why. */
char *expression_read(const char *path);
/* Print its code, for people (1), as C (2), as numbers (3): 0, or -1 after saying
 * why.
 */
int expression_dump(const char *text, int linktype, unsigned int how);

#endif
