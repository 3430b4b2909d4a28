// SPDX-License-Identifier: GPL-2.0
/*
 * Expressions as tcpdump's -F and -d have them.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include "expression.h"
#include "frame.h"
#include "say.h"

#define MAX_EXPRESSION	65535	/* of a file */

/* From a '#' to the end of the line it is a comment. */
static void drop_comments(char *text)
{
	bool comment = false;

	for (; *text; text++) {
		comment = *text != '\n' && (comment || *text == '#');
		if (comment || *text == '\n')
			*text = ' ';
	}
}

/* false and errno */
static bool read_text(FILE *file, char *text)
{
	size_t len = fread(text, 1, MAX_EXPRESSION + 1, file);

	if (ferror(file))
		return false;
	if (len > MAX_EXPRESSION)
		errno = EFBIG;
	return len <= MAX_EXPRESSION;
}

char *expression_read(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = calloc(1, MAX_EXPRESSION + 2);

	if (file && text && read_text(file, text)) {
		drop_comments(text);
	} else {
		say("-F %s: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (file && file != stdin)
		fclose(file);
	return text;
}

int expression_dump(const char *text, int linktype, unsigned int how)
{
	int dlt = linktype == LINKTYPE_RAW ? DLT_RAW : linktype;
	pcap_t *pcap = pcap_open_dead(dlt, MAX_FRAME);
	struct bpf_program prog;
	int err = -1;

	if (pcap)
		err = pcap_compile(pcap, &prog, text ? text : "", 1,
				   PCAP_NETMASK_UNKNOWN);
	if (!err) {
		bpf_dump(&prog, how);
		pcap_freecode(&prog);
	} else {
		say("filter '%s': %s", text ? text : "",
		    pcap ? pcap_geterr(pcap) : "no memory");
	}
	if (pcap)
		pcap_close(pcap);
	return err;
}
