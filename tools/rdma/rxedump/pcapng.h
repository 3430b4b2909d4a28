/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing the blocks of a pcapng file (draft-ietf-opsawg-pcapng). libpcap reads
 * the format but does not write it.
 */
#ifndef RXEDUMP_PCAPNG_H
#define RXEDUMP_PCAPNG_H

#include <stdio.h>
#include "frame.h"

#define PCAPNG_SHB	0x0a0d0d0a
#define PCAPNG_IDB	1
#define PCAPNG_OPB	2	/* obsolete, older than EPB */
#define PCAPNG_SPB	3
#define PCAPNG_ISB	5
#define PCAPNG_EPB	6
#define PCAPNG_MAGIC	0x1a2b3c4d

#define PCAPNG_OPT_COMMENT	1
#define PCAPNG_SHB_HARDWARE	2
#define PCAPNG_SHB_OS		3
#define PCAPNG_SHB_USERAPPL	4
#define PCAPNG_IF_NAME		2
#define PCAPNG_IF_TSRESOL	9
#define PCAPNG_IF_FILTER	11
#define PCAPNG_IF_TSOFFSET	14
#define PCAPNG_EPB_FLAGS	2
#define PCAPNG_ISB_STARTTIME	2
#define PCAPNG_ISB_ENDTIME	3
#define PCAPNG_ISB_IFRECV	4
#define PCAPNG_ISB_IFDROP	5
#define PCAPNG_ISB_FILTERACCEPT	6
#define PCAPNG_ISB_OSDROP	7
#define PCAPNG_ISB_USRDELIV	8

/* Interface statistics, for the end of a capture. */
struct pcapng_stats {
	int64_t ns;		/* of the counts */
	int64_t start_ns, end_ns;
	int64_t offset;		/* as the interface's */
	uint64_t received;	/* frames at the hooks */
	uint64_t missed;	/* by the interface; none that we know of */
	uint64_t accepted;	/* of these, what the filter let through */
	uint64_t dropped;	/* of these, what found no room */
	uint64_t delivered;
	uint32_t absent;	/* 1 << PCAPNG_ISB_...: not known */
	const char *comment;	/* NULL: none */
};

/* All of them: 0, or -1 with errno as the stream left it. */
int pcapng_section(FILE *out, const char *hardware, const char *os,
		   const char *app, const char *comment,
		   const struct file_options *from);
int pcapng_interface(FILE *out, const struct iface *iface, const char *filter);
int pcapng_packet(FILE *out, unsigned int iface, const struct frame *frame,
		  const char *comment);
bool pcapng_is_simple(const struct frame *frame);
int pcapng_statistics(FILE *out, unsigned int iface,
		      const struct pcapng_stats *stats);

#endif
