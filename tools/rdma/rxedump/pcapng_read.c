// SPDX-License-Identifier: GPL-2.0
/*
 * The pcapng reader. libpcap has one, but it drops the names of interfaces and
 * the direction of packets, and refuses files whose interfaces differ in link
 * type. Nothing in a file is trusted.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "keep.h"
#include "pcapng.h"
#include "read.h"

#define MAX_BLOCK	(16 << 20)
#define MAX_IFACES	(1 << 20)

struct source {
	struct iface iface;
	bool binary;		/* of the resolution: a power of two */
	uint8_t exponent;
	struct pcapng_stats *stats;	/* of frames; NULL: not said */
	char *comment;		/* of stats */
};

struct pcapng_reader {
	FILE *file;
	bool swapped;
	uint64_t at;			/* where the block starts */
	uint8_t *block;			/* its body */
	size_t size, len;
	struct source **sources;
	unsigned int nr, room;
	unsigned int section;		/* first one of this section */
	unsigned int nr_sections;
	struct file_options options;	/* of this section */
	char err[128];
};

static int corrupt(struct pcapng_reader *r, const char *what)
{
	snprintf(r->err, sizeof(r->err), "at byte %" PRIu64 ": %s", r->at,
		 what);
	return -1;
}

static uint16_t num16(const struct pcapng_reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t num32(const struct pcapng_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t num64(const struct pcapng_reader *r, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap64(v) : v;
}

/* The byte order of a section decides how its own length is read. */
static int section_order(struct pcapng_reader *r, const uint8_t *magic)
{
	r->swapped = false;
	if (num32(r, magic) == PCAPNG_MAGIC)
		return 0;
	r->swapped = true;
	if (num32(r, magic) == PCAPNG_MAGIC)
		return 0;
	return corrupt(r, "no byte-order magic");
}

static int grow(struct pcapng_reader *r, size_t size)
{
	uint8_t *block;

	if (size <= r->size)
		return 0;
	block = realloc(r->block, size);
	if (!block)
		return corrupt(r, "no memory for a block");
	r->block = block;
	r->size = size;
	return 0;
}

/* Others may be of any length: they are not kept. */
static bool is_wanted(uint32_t type)
{
	switch (type) {
	case PCAPNG_SHB:
	case PCAPNG_IDB:
	case PCAPNG_OPB:
	case PCAPNG_SPB:
	case PCAPNG_ISB:
	case PCAPNG_EPB:
		return true;
	default:
		return false;
	}
}

static int pass_over(struct pcapng_reader *r, size_t len)
{
	uint8_t waste[4096];
	size_t part;

	for (; len; len -= part) {
		part = len < sizeof(waste) ? len : sizeof(waste);
		if (fread(waste, part, 1, r->file) != 1)
			return -1;
	}
	return 0;
}

/* @start bytes of it were read already. */
static int read_body(struct pcapng_reader *r, const uint8_t *head, size_t start)
{
	if (grow(r, r->len))
		return -1;
	if (start)
		memcpy(r->block, head, start);
	if (r->len > start &&
	    fread(r->block + start, r->len - start, 1, r->file) != 1)
		return corrupt(r, "the file ends within a block");
	return 0;
}

/* Read a block: 1, 0 at the end of the file, -1. */
static int read_block(struct pcapng_reader *r, uint32_t *type)
{
	uint8_t head[12], tail[4];
	size_t got = fread(head, 1, 8, r->file), start = 0;
	uint32_t len;

	if (!got && !ferror(r->file))
		return 0;
	if (got != 8)
		return corrupt(r, ferror(r->file) ? "cannot be read" :
			       "the file ends within a block");
	*type = num32(r, head);
	if (*type == PCAPNG_SHB) {
		start = 4;
		if (fread(head + 8, 4, 1, r->file) != 1)
			return corrupt(r, "the file ends within a block");
		if (section_order(r, head + 8))
			return -1;
	}
	len = num32(r, head + 4);
	if (len % 4 || len < 12 + start ||
	    (is_wanted(*type) && len > MAX_BLOCK))
		return corrupt(r, "impossible length of a block");
	r->len = len - 12;
	if (!is_wanted(*type)) {
		if (pass_over(r, r->len))
			return corrupt(r, "the file ends within a block");
	} else if (read_body(r, head + 8, start)) {
		return -1;
	}
	if (fread(tail, sizeof(tail), 1, r->file) != 1)
		return corrupt(r, "the file ends within a block");
	if (num32(r, tail) != len)
		return corrupt(r, "the two lengths of a block differ");
	return 1;
}

/* The options from byte @at of the block on: none ends beyond it. */
static int read_options(struct pcapng_reader *r, size_t at,
			struct file_options *o)
{
	struct file_option option;
	uint32_t pos = 0;
	int ret;

	*o = (struct file_options){ r->block + at, r->len - at, r->swapped };
	while ((ret = file_option_next(o, &pos, &option)) > 0)
		;
	return ret ? corrupt(r, "an option ends beyond its block") : 0;
}

/* The block makes room for the next one. */
static int keep_options(struct pcapng_reader *r, struct file_options *o)
{
	uint8_t *data = malloc(o->len + 1);

	if (!data)
		return corrupt(r, "no memory for options");
	memcpy(data, o->data, o->len);
	o->data = data;
	return 0;
}

/* Texts end up on terminals: from the character @first on. */
static void copy_text(char *to, size_t size, const uint8_t *from, size_t len,
		      uint8_t first)
{
	size_t i;

	if (len > size - 1)
		len = size - 1;
	for (i = 0; i < len && from[i]; i++)
		to[i] = from[i] >= first && from[i] < 0x7f ? from[i] : '?';
	to[i] = 0;
}

static int read_section(struct pcapng_reader *r)
{
	if (r->len < 16)
		return corrupt(r, "a section header is too short");
	if (num16(r, r->block + 4) != 1)
		return corrupt(r, "another version of the format");
	free((void *)r->options.data);
	r->options.data = NULL;
	if (read_options(r, 16, &r->options) || keep_options(r, &r->options)) {
		r->options = (struct file_options){};
		return -1;
	}
	r->section = r->nr;
	r->nr_sections++;
	return 0;
}

static struct source *add_source(struct pcapng_reader *r)
{
	unsigned int room = r->room ? r->room * 2 : 8;
	struct source **sources, *s;

	if (r->nr == MAX_IFACES) {
		corrupt(r, "more than a million interfaces");
		return NULL;
	}
	if (r->nr == r->room) {
		sources = realloc(r->sources, room * sizeof(*sources));
		if (!sources)
			goto no_memory;
		r->sources = sources;
		r->room = room;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		goto no_memory;
	r->sources[r->nr++] = s;
	return s;

no_memory:
	corrupt(r, "no memory for an interface");
	return NULL;
}

static int read_iface_option(struct pcapng_reader *r, struct source *s,
			     const struct file_option *o)
{
	switch (o->code) {
	case PCAPNG_IF_NAME:
		copy_text(s->iface.name, sizeof(s->iface.name), o->value,
			  o->len, '!');
		return 0;
	case PCAPNG_IF_TSRESOL:
		if (o->len != 1)
			break;
		s->binary = *o->value & 0x80;
		s->exponent = *o->value & 0x7f;
		return 0;
	case PCAPNG_IF_TSOFFSET:
		if (o->len != 8)
			break;
		s->iface.offset = num64(r, o->value);
		return 0;
	default:
		return 0;
	}
	return corrupt(r, "wrong length of an option");
}

static int read_iface(struct pcapng_reader *r)
{
	struct file_option option;
	struct file_options options;
	struct source *s;
	uint32_t at = 0;

	if (r->len < 8)
		return corrupt(r, "an interface block is too short");
	if (read_options(r, 8, &options))
		return -1;
	s = add_source(r);
	if (!s)
		return -1;
	s->iface.linktype = num16(r, r->block);
	s->iface.snaplen = num32(r, r->block + 4);
	s->exponent = 6;
	while (file_option_next(&options, &at, &option) > 0)
		if (read_iface_option(r, s, &option))
			return -1;
	if (s->exponent > (s->binary ? 63 : 19))
		return corrupt(r, "impossible resolution of time");
	if (options.len && keep_options(r, &options))
		return -1;
	s->iface.options = options;
	if (!options.len)
		s->iface.options.data = NULL;
	return 0;
}

/* What is too far from 1970 becomes the first or the last time there is. */
static int64_t to_ns(const struct source *s, uint64_t ticks)
{
	__int128 ns = (__int128)ticks * NS_PER_SECOND;
	uint64_t per_second = 1;
	unsigned int i;

	for (i = 0; i < s->exponent; i++)
		per_second *= s->binary ? 2 : 10;
	ns = ns / per_second + (__int128)s->iface.offset * NS_PER_SECOND;
	return ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : ns;
}

static struct source *source(struct pcapng_reader *r, uint32_t number)
{
	if (number >= r->nr - r->section)
		return NULL;
	return r->sources[r->section + number];
}

/* The obsolete block differs in its first four bytes only. */
static int read_packet(struct pcapng_reader *r, struct frame *frame,
		       bool obsolete)
{
	struct file_option flags;
	struct source *s;
	uint32_t number;

	if (r->len < 20)
		return corrupt(r, "a packet block is too short");
	number = obsolete ? num16(r, r->block) : num32(r, r->block);
	s = source(r, number);
	if (!s)
		return corrupt(r, "a packet of an unknown interface");
	frame->iface = &s->iface;
	frame->iface_id = r->section + number;
	frame->ns = to_ns(s, (uint64_t)num32(r, r->block + 4) << 32 |
			  num32(r, r->block + 8));
	frame->untimed = false;
	frame->caplen = num32(r, r->block + 12);
	frame->len = num32(r, r->block + 16);
	if (frame->caplen > r->len - 20 || frame->caplen > MAX_FRAME)
		return corrupt(r, "impossible length of a packet");
	frame->data = r->block + 20;
	frame->dir = DIR_UNKNOWN;
	frame->flags = 0;
	if (read_options(r, 20 + ((frame->caplen + 3) & ~3u), &frame->options))
		return -1;
	if (!file_option_find(&frame->options, PCAPNG_EPB_FLAGS, &flags))
		return 1;
	if (flags.len != 4)
		return corrupt(r, "wrong length of an option");
	frame->flags = num32(r, flags.value);
	if ((frame->flags & 3) == 1)
		frame->dir = DIR_IN;
	else if ((frame->flags & 3) == 2)
		frame->dir = DIR_OUT;
	return 1;
}

/* without a time, of the section's first interface */
static int read_simple(struct pcapng_reader *r, struct frame *frame)
{
	struct source *s = source(r, 0);

	if (r->len < 4 || !s)
		return corrupt(r, "a packet of an unknown interface");
	frame->iface = &s->iface;
	frame->iface_id = r->section;
	frame->ns = 0;
	frame->untimed = true;
	frame->flags = 0;
	frame->options = (struct file_options){};
	frame->dir = DIR_UNKNOWN;
	frame->len = num32(r, r->block);
	frame->caplen = r->len - 4;
	if (frame->caplen > frame->len)
		frame->caplen = frame->len;
	if (s->iface.snaplen && frame->caplen > s->iface.snaplen)
		frame->caplen = s->iface.snaplen;
	if (frame->caplen > MAX_FRAME)
		return corrupt(r, "impossible length of a packet");
	frame->data = r->block + 4;
	return 1;
}

static uint64_t time_of(const struct pcapng_reader *r, const struct source *s,
			const uint8_t *p)
{
	return to_ns(s, (uint64_t)num32(r, p) << 32 | num32(r, p + 4));
}

static void read_count(const struct pcapng_reader *r, struct source *s,
		       uint16_t code, const uint8_t *value)
{
	struct pcapng_stats *stats = s->stats;

	switch (code) {
	case PCAPNG_ISB_STARTTIME:
		stats->start_ns = time_of(r, s, value);
		break;
	case PCAPNG_ISB_ENDTIME:
		stats->end_ns = time_of(r, s, value);
		break;
	case PCAPNG_ISB_IFRECV:
		stats->received = num64(r, value);
		break;
	case PCAPNG_ISB_IFDROP:
		stats->missed = num64(r, value);
		break;
	case PCAPNG_ISB_FILTERACCEPT:
		stats->accepted = num64(r, value);
		break;
	case PCAPNG_ISB_OSDROP:
		stats->dropped = num64(r, value);
		break;
	case PCAPNG_ISB_USRDELIV:
		stats->delivered = num64(r, value);
		break;
	default:
		return;
	}
	stats->absent &= ~(1u << code);
}

/* The counts are those up to now: later ones take the place of earlier ones. */
static int read_stats(struct pcapng_reader *r)
{
	struct file_options options;
	struct file_option option;
	struct source *s;
	uint32_t at = 0;

	if (r->len < 12)
		return corrupt(r, "a statistics block is too short");
	if (read_options(r, 12, &options))
		return -1;
	s = source(r, num32(r, r->block));
	if (!s)
		return corrupt(r, "statistics of an unknown interface");
	if (!s->stats)
		s->stats = malloc(sizeof(*s->stats));
	if (!s->stats)
		return corrupt(r, "no memory for statistics");
	*s->stats = (struct pcapng_stats){
		.ns = time_of(r, s, r->block + 4), .absent = ~0u,
		.offset = s->iface.offset,
	};
	while (file_option_next(&options, &at, &option) > 0) {
		if (option.code == PCAPNG_OPT_COMMENT) {
			free(s->comment);
			s->comment = strndup((const char *)option.value,
					     option.len);
			s->stats->comment = s->comment;
		} else if (option.len == 8) {
			read_count(r, s, option.code, option.value);
		}
	}
	return 0;
}

/**
 * pcapng_open() - Begin to read
 * @file: a stream that starts with a section header
 *
 * Return: the reader, or NULL for want of memory.
 */
struct pcapng_reader *pcapng_open(FILE *file)
{
	struct pcapng_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->file = file;
	return r;
}

/**
 * pcapng_next() - Read up to the next frame
 * @r: the reader
 * @frame: the frame, valid until the next call
 *
 * Return: 1, 0 at the end, -1 and pcapng_error() for a corrupt file.
 */
int pcapng_next(struct pcapng_reader *r, struct frame *frame)
{
	uint32_t type;
	int ret;

	for (;;) {
		ret = read_block(r, &type);
		if (ret <= 0)
			return ret;
		if (!r->at && type != PCAPNG_SHB)
			return corrupt(r, "no section header");
		switch (type) {
		case PCAPNG_SHB:
			ret = read_section(r);
			break;
		case PCAPNG_IDB:
			ret = read_iface(r);
			break;
		case PCAPNG_EPB:
		case PCAPNG_OPB:
			ret = read_packet(r, frame, type == PCAPNG_OPB);
			break;
		case PCAPNG_SPB:
			ret = read_simple(r, frame);
			break;
		case PCAPNG_ISB:
			ret = read_stats(r);
			break;
		default:
			ret = 0;
		}
		if (ret < 0)
			return ret;
		r->at += 12 + r->len;
		if (ret)
			return ret;
	}
}

const char *pcapng_error(const struct pcapng_reader *r)
{
	return r->err;
}

uint64_t pcapng_dropped(const struct pcapng_reader *r)
{
	uint64_t sum = 0;
	const struct pcapng_stats *stats;
	unsigned int i;

	for (i = 0; i < r->nr; i++) {
		stats = r->sources[i]->stats;
		if (stats)
			sum += stats->missed + stats->dropped;
	}
	return sum;
}

const struct iface *pcapng_iface(const struct pcapng_reader *r, unsigned int id,
				 const struct pcapng_stats **stats)
{
	const struct source *s = id < r->nr ? r->sources[id] : NULL;

	*stats = s ? s->stats : NULL;
	return s ? &s->iface : NULL;
}

unsigned int pcapng_section_nr(const struct pcapng_reader *r,
			       const struct file_options **options,
			       unsigned int *first)
{
	*options = &r->options;
	*first = r->section;
	return r->nr_sections;
}

void pcapng_close(struct pcapng_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->nr; i++) {
		free(r->sources[i]->stats);
		free(r->sources[i]->comment);
		free((void *)r->sources[i]->iface.options.data);
		free(r->sources[i]);
	}
	free((void *)r->options.data);
	free(r->sources);
	free(r->block);
	free(r);
}
