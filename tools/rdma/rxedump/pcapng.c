// SPDX-License-Identifier: GPL-2.0
/*
 * The pcapng writer. A block is laid out in two steps, its length and then its
 * bytes: options are collected in a list first. Byte order is the machine's,
 * as the format wants it.
 */
#include <stdint.h>
#include <string.h>
#include "keep.h"
#include "pcapng.h"

#define MAX_OPTIONS	8
#define MAX_OPTION_LEN	0xffff
#define SHORT_BLOCK	256

struct option {
	uint16_t code, len;
	const void *value;
};

struct options {
	unsigned int nr;
	struct option list[MAX_OPTIONS];
	struct kept kept;		/* behind ours */
};

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static void add_bytes(struct options *o, uint16_t code, const void *value,
		      size_t len)
{
	if (len > MAX_OPTION_LEN)
		len = MAX_OPTION_LEN;
	o->list[o->nr++] = (struct option){ code, len, value };
}

static void add_text(struct options *o, uint16_t code, const char *text)
{
	if (text && *text)
		add_bytes(o, code, text, strlen(text));
}

static size_t options_len(const struct options *o)
{
	size_t len = kept_len(&o->kept);
	unsigned int i;

	for (i = 0; i < o->nr; i++)
		len += 4 + padded(o->list[i].len);
	return len ? len + 4 : 0;	/* end of options */
}

static int put(FILE *out, const void *data, size_t len)
{
	/* we have one thread */
	return len && fwrite_unlocked(data, len, 1, out) != 1 ? -1 : 0;
}

static int put32(FILE *out, uint32_t value)
{
	return put(out, &value, sizeof(value));
}

static int put_padded(FILE *out, const void *data, size_t len)
{
	static const uint8_t zeros[4];

	if (put(out, data, len))
		return -1;
	return put(out, zeros, padded(len) - len);
}

static int put_options(FILE *out, const struct options *o)
{
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		const struct option *opt = &o->list[i];

		if (put(out, &opt->code, 2) || put(out, &opt->len, 2) ||
		    put_padded(out, opt->value, opt->len))
			return -1;
	}
	if (kept_put(&o->kept, out))
		return -1;
	return options_len(o) ? put32(out, 0) : 0;
}

/* A block: fixed part, data padded to four bytes, options. */
static int put_block(FILE *out, uint32_t type, const void *fixed,
		     size_t fixed_len, const void *data, size_t data_len,
		     const struct options *o)
{
	uint32_t len = 12 + fixed_len + padded(data_len) + options_len(o);

	if (put32(out, type) || put32(out, len) ||
	    put(out, fixed, fixed_len) || put_padded(out, data, data_len) ||
	    put_options(out, o))
		return -1;
	return put32(out, len);
}

/**
 * pcapng_section() - Write the header of a file
 * @out: where to
 * @hardware: what machine, or NULL; so for all texts
 * @os: what kernel
 * @app: what program
 * @comment: of the user
 * @from: options of the section that is copied, or NULL
 *
 * Return: 0, or -1.
 */
int pcapng_section(FILE *out, const char *hardware, const char *os,
		   const char *app, const char *comment,
		   const struct file_options *from)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t len;		/* of the section: not known */
	} fixed = { PCAPNG_MAGIC, 1, 0, -1 };
	struct options o = {
		.kept = { from, PCAPNG_SHB, 1 << PCAPNG_SHB_USERAPPL },
	};

	add_text(&o, PCAPNG_SHB_HARDWARE, hardware);
	add_text(&o, PCAPNG_SHB_OS, os);
	add_text(&o, PCAPNG_SHB_USERAPPL, app);
	add_text(&o, PCAPNG_OPT_COMMENT, comment);
	return put_block(out, PCAPNG_SHB, &fixed, sizeof(fixed), NULL, 0, &o);
}

/* An interface has one filter: that of the capture, if there was one. */
static void add_filter(struct options *o, const struct iface *iface,
		       const char *filter, char *text, size_t size)
{
	struct file_option old;

	if (file_option_find(&iface->options, PCAPNG_IF_FILTER, &old)) {
		if (old.len == 1 + strlen(filter) &&
		    !memcmp(old.value + 1, filter, old.len - 1))
			return;
		snprintf(text, size, "copied with %s", filter);
		if (!file_has_comment(&iface->options, text))
			add_text(o, PCAPNG_OPT_COMMENT, text);
		return;
	}
	/* the first byte says: a string */
	text[0] = 0;
	snprintf(text + 1, size - 1, "%s", filter);
	add_bytes(o, PCAPNG_IF_FILTER, text, 1 + strlen(text + 1));
}

/**
 * pcapng_interface() - Write the description of an interface
 * @out: where to
 * @iface: the interface; the first one written has number 0 in the file
 * @filter: the filter as the user gave it, or NULL
 *
 * Return: 0, or -1.
 */
int pcapng_interface(FILE *out, const struct iface *iface, const char *filter)
{
	struct {
		uint16_t linktype, reserved;
		uint32_t snaplen;
	} fixed = { iface->linktype, 0, iface->snaplen };
	static const uint8_t nanoseconds = 9;
	struct options o = {
		.kept = { &iface->options, PCAPNG_IDB,
			  1 << PCAPNG_IF_TSRESOL | 1 << PCAPNG_IF_TSOFFSET },
	};
	struct file_option old;
	char text[1024];

	if (!file_option_find(&iface->options, PCAPNG_IF_NAME, &old))
		add_text(&o, PCAPNG_IF_NAME, iface->name);
	add_bytes(&o, PCAPNG_IF_TSRESOL, &nanoseconds, 1);
	if (iface->offset)
		add_bytes(&o, PCAPNG_IF_TSOFFSET, &iface->offset,
			  sizeof(iface->offset));
	if (filter && *filter)
		add_filter(&o, iface, filter, text, sizeof(text));
	return put_block(out, PCAPNG_IDB, &fixed, sizeof(fixed), NULL, 0, &o);
}

/* A block has times as nanoseconds from its interface's offset on. */
static uint64_t to_ticks(int64_t ns, int64_t offset)
{
	return (uint64_t)ns - (uint64_t)offset * NS_PER_SECOND;
}

/* Of a frame with no comment, which nearly all are: three writes, not twelve; one
 * if it is short, as headers are.
 */
static int put_plain_packet(FILE *out, uint32_t iface,
			    const struct frame *frame)
{
	size_t pad = padded(frame->caplen) - frame->caplen;
	uint64_t ticks = to_ticks(frame->ns, frame->iface->offset);
	struct {
		uint32_t type, block_len, iface, high, low, caplen, len;
	} head = { PCAPNG_EPB, sizeof(head) + frame->caplen + pad + 16, iface,
		   ticks >> 32, ticks, frame->caplen, frame->len };
	struct {
		uint8_t zeros[4];
		uint16_t code, opt_len;
		uint32_t flags, end, block_len;
	} tail = { {}, PCAPNG_EPB_FLAGS, 4, frame->dir == DIR_IN ? 1 : 2, 0,
		   head.block_len };
	const uint8_t *rest = (uint8_t *)&tail + sizeof(tail.zeros) - pad;
	size_t rest_len = sizeof(tail) - sizeof(tail.zeros) + pad;
	uint8_t block[SHORT_BLOCK];

	if (head.block_len <= sizeof(block)) {
		memcpy(block, &head, sizeof(head));
		memcpy(block + sizeof(head), frame->data, frame->caplen);
		memcpy(block + sizeof(head) + frame->caplen, rest, rest_len);
		return put(out, block, head.block_len);
	}
	if (put(out, &head, sizeof(head)) ||
	    put(out, frame->data, frame->caplen))
		return -1;
	return put(out, rest, rest_len);
}

/**
 * pcapng_is_simple() - Is it a frame without a time that a block is there for?
 * @frame: the frame
 *
 * Return: true if so. Such a block has one length only, and no interface: that is
 * number 0.
 */
bool pcapng_is_simple(const struct frame *frame)
{
	uint32_t snaplen = frame->iface->snaplen;

	return frame->untimed &&
	       frame->caplen == (snaplen && snaplen < frame->len ? snaplen :
				 frame->len);
}

static int put_simple(FILE *out, const struct frame *frame)
{
	const struct options none = {};

	return put_block(out, PCAPNG_SPB, &frame->len, sizeof(frame->len),
			 frame->data, frame->caplen, &none);
}

static int put_full_packet(FILE *out, uint32_t iface,
			   const struct frame *frame, const char *comment)
{
	uint64_t ticks = to_ticks(frame->ns, frame->iface->offset);
	struct {
		uint32_t iface, high, low, caplen, len;
	} fixed = { iface, ticks >> 32, ticks, frame->caplen, frame->len };
	uint32_t flags = frame->flags & ~3u;
	struct options o = {
		.kept = { &frame->options, PCAPNG_EPB, 1 << PCAPNG_EPB_FLAGS },
	};

	if (frame->dir != DIR_UNKNOWN)
		flags |= frame->dir == DIR_IN ? 1 : 2;
	if (flags)
		add_bytes(&o, PCAPNG_EPB_FLAGS, &flags, sizeof(flags));
	if (comment && !file_has_comment(&frame->options, comment))
		add_text(&o, PCAPNG_OPT_COMMENT, comment);
	return put_block(out, PCAPNG_EPB, &fixed, sizeof(fixed), frame->data,
			 frame->caplen, &o);
}

/**
 * pcapng_packet() - Write a frame
 * @out: where to
 * @iface: number of its interface in the file
 * @frame: the frame
 * @comment: to go with it, or NULL
 *
 * Return: 0, or -1.
 */
int pcapng_packet(FILE *out, unsigned int iface, const struct frame *frame,
		  const char *comment)
{
	if (!iface && pcapng_is_simple(frame))
		return put_simple(out, frame);
	if (frame->dir != DIR_UNKNOWN && !comment && !frame->flags &&
	    !frame->options.len)
		return put_plain_packet(out, iface, frame);
	return put_full_packet(out, iface, frame, comment);
}

/**
 * pcapng_statistics() - Write what became of an interface's frames
 * @out: where to
 * @iface: its number in the file
 * @stats: the counts
 *
 * Return: 0, or -1.
 */
int pcapng_statistics(FILE *out, unsigned int iface,
		      const struct pcapng_stats *stats)
{
	uint64_t ticks = to_ticks(stats->ns, stats->offset);
	uint64_t first = to_ticks(stats->start_ns, stats->offset);
	uint64_t last = to_ticks(stats->end_ns, stats->offset);
	struct {
		uint32_t iface, high, low;
	} fixed = { iface, ticks >> 32, ticks };
	/* times are two halves, the high one first */
	uint32_t start[2] = { first >> 32, first };
	uint32_t end[2] = { last >> 32, last };
	const struct option counts[] = {
		{ PCAPNG_ISB_STARTTIME, 8, start },
		{ PCAPNG_ISB_ENDTIME, 8, end },
		{ PCAPNG_ISB_IFRECV, 8, &stats->received },
		{ PCAPNG_ISB_IFDROP, 8, &stats->missed },
		{ PCAPNG_ISB_FILTERACCEPT, 8, &stats->accepted },
		{ PCAPNG_ISB_OSDROP, 8, &stats->dropped },
		{ PCAPNG_ISB_USRDELIV, 8, &stats->delivered },
	};
	struct options o = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (!(stats->absent & 1 << counts[i].code))
			o.list[o.nr++] = counts[i];
	add_text(&o, PCAPNG_OPT_COMMENT, stats->comment);
	return put_block(out, PCAPNG_ISB, &fixed, sizeof(fixed), NULL, 0, &o);
}
