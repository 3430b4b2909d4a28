/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_OPTIONS_H
#define RXEDUMP_OPTIONS_H

#include <time.h>
#include "filter.h"
#include "print.h"

#define MAX_IFACES_GIVEN	64

struct iface_arg {
	const char *name;
	const char *netns;	/* NULL: where we are */
};

struct options {
	struct iface_arg ifaces[MAX_IFACES_GIVEN];
	unsigned int nr_ifaces;
	const char *read, *write;
	const char *comment;
	bool classic, print, json, count_only, list;
	bool in, out;
	bool headers_only, line_buffered;
	uint32_t snaplen;
	uint64_t count;		/* 0: no end */
	uint64_t max_bytes;	/* -C: of a file; 0 here and below: no limit */
	unsigned int max_files;	/* -W */
	time_t period;		/* -G: seconds a file */
	uint64_t stop_bytes;	/* -a filesize */
	unsigned int stop_seconds; /* -a duration */
	unsigned int ring_kib;
	unsigned int stat;	/* seconds; 0: no statistics */
	bool stat_at_end;
	struct print_opts style;
	struct filter filter;
	char *filter_text;	/* as given, for files */
	char *expression;
	const char *expression_file;	/* -F */
	const char *read_list;		/* -V */
	const char *user;		/* -Z */
	unsigned int dump_code;		/* -d, -dd, -ddd */
	bool list_links;		/* -L */
	int linktype;			/* -y; -1: any */
};

/* -1: go on; else the exit status */
int options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);

#endif
