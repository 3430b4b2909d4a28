/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A captured frame and the interface it was seen on: what capture and the
 * file readers produce, and what decoder, printers and writers take.
 */
#ifndef RXEDUMP_FRAME_H
#define RXEDUMP_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* numbers of files; www.tcpdump.org/linktypes.html */
#define LINKTYPE_NULL		0
#define LINKTYPE_ETHERNET	1
#define LINKTYPE_PPP		9
#define LINKTYPE_PPP_HDLC	50
#define LINKTYPE_RAW		101
#define LINKTYPE_C_HDLC		104
#define LINKTYPE_LOOP		108
#define LINKTYPE_LINUX_SLL	113
#define LINKTYPE_PPP_PPPD	166
#define LINKTYPE_PPP_WITH_DIR	204
#define LINKTYPE_IPV4		228
#define LINKTYPE_IPV6		229
#define LINKTYPE_LINUX_SLL2	276

/* What libpcap takes; longer frames are no frames. */
#define MAX_FRAME		262144

#define IFACE_NAME_LEN		64

enum direction { DIR_UNKNOWN, DIR_IN, DIR_OUT };

/* Options of a block of a file, as they stand there. */
struct file_options {
	const uint8_t *data;
	uint32_t len;
	bool swapped;			/* of the other byte order */
};

struct iface {
	char name[IFACE_NAME_LEN];	/* "nk0", "nk0@red"; "" if unknown */
	int linktype;
	uint32_t snaplen;
	int64_t offset;			/* of times in a file, seconds */
	struct file_options options;	/* if it comes from a file */
};

#define NS_PER_SECOND		1000000000

/* Rounded down, of times before 1970 as well. */
static inline int64_t whole_seconds(int64_t ns)
{
	return ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
}

static inline unsigned int rest_of_second(int64_t ns)
{
	return (ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND;
}

struct frame {
	const struct iface *iface;
	unsigned int iface_id;
	enum direction dir;
	int64_t ns;			/* since 1970, UTC; before: negative */
	bool untimed;			/* nobody said when: ns is 0 */
	bool tag_put_back;		/* the kernel had the first tag elsewhere */
	uint32_t len;			/* on the wire */
	uint32_t caplen;		/* in data */
	const uint8_t *data;
	uint32_t flags;			/* of a file: more than the direction */
	struct file_options options;	/* if it comes from a file */
};

#endif
