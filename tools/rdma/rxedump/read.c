// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a capture: pcapng by our own reader, the classic format by libpcap.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include "read.h"
#include "roce.h"
#include "unpack.h"

/* of a section header, the same in both byte orders; no classic file has it */
#define PCAPNG_FIRST_BYTE	0x0a

struct reader {
	FILE *file;
	struct pcapng_reader *ng;
	pcap_t *pcap;
	struct iface iface;	/* the only one of the classic format */
	uint64_t liars;
	struct unpack *unpack;	/* of a compressed file */
};

static int linktype_of(pcap_t *pcap)
{
	int dlt = pcap_datalink(pcap);

	return dlt == DLT_RAW ? LINKTYPE_RAW : dlt;
}

static bool open_classic(struct reader *r, char *err, size_t size)
{
	char pcap_err[PCAP_ERRBUF_SIZE];
	unsigned int nano = PCAP_TSTAMP_PRECISION_NANO;

	r->pcap = pcap_fopen_offline_with_tstamp_precision(r->file, nano,
							   pcap_err);
	if (!r->pcap) {
		snprintf(err, size, "%.200s", pcap_err);
		return false;
	}
	r->iface.linktype = linktype_of(r->pcap);
	r->iface.snaplen = pcap_snapshot(r->pcap);
	return true;
}

/* The first two bytes tell all formats apart. They stay in the stream. */
static bool peek(FILE *file, unsigned char magic[2])
{
	int first = getc(file), second;

	if (first == EOF)
		return false;
	second = getc(file);
	if (second != EOF)
		ungetc(second, file);
	ungetc(first, file);
	magic[0] = first;
	magic[1] = second == EOF ? 0 : second;
	return true;
}

/* From here on the file is what is in it, if it is compressed. */
static bool unpack(struct reader *r, unsigned char magic[2], char *err,
		   size_t size)
{
	const char *command = unpack_command(magic);
	FILE *file;

	if (command) {
		snprintf(err, size,
			 "compressed: decompress it first: %s FILE | rxedump -r -",
			 command);
		return false;
	}
	if (!unpack_is_gzip(magic))
		return true;
	file = unpack_open(r->file, &r->unpack);
	if (!file) {
		snprintf(err, size, "no memory");
		return false;
	}
	r->file = file;
	if (peek(file, magic))
		return true;
	snprintf(err, size, "%s", unpack_error(r->unpack) ?
		 unpack_error(r->unpack) : "empty: no capture");
	return false;
}

static bool open_format(struct reader *r, const unsigned char magic[2],
			char *err, size_t size)
{
	if (magic[0] != PCAPNG_FIRST_BYTE) {
		if (open_classic(r, err, size))
			return true;
		if (unpack_error(r->unpack))
			snprintf(err, size, "%s", unpack_error(r->unpack));
		return false;
	}
	r->ng = pcapng_open(r->file);
	if (!r->ng)
		snprintf(err, size, "no memory");
	return r->ng;
}

/**
 * reader_open() - Begin to read a capture
 * @file: the stream; the reader owns it from now on
 * @err: what is wrong goes here
 * @size: of @err
 *
 * Return: the reader, or NULL.
 */
struct reader *reader_open(FILE *file, char *err, size_t size)
{
	struct reader *r = calloc(1, sizeof(*r));
	unsigned char magic[2];

	if (!r) {
		snprintf(err, size, "no memory");
		fclose(file);
		return NULL;
	}
	r->file = file;
	if (!peek(file, magic)) {
		snprintf(err, size, "%s", ferror(file) ? strerror(errno) :
			 "empty: no capture");
		goto err_close;
	}
	if (unpack(r, magic, err, size) && open_format(r, magic, err, size))
		return r;

err_close:
	fclose(r->file);
	free(r);
	return NULL;
}

static int next_classic(struct reader *r, struct frame *frame)
{
	struct pcap_pkthdr *hdr;
	const u_char *data;

	switch (pcap_next_ex(r->pcap, &hdr, &data)) {
	case 1:
		frame->iface = &r->iface;
		frame->iface_id = 0;
		frame->dir = DIR_UNKNOWN;
		/* libpcap takes the 32 bits of the file for a signed number */
		frame->ns = (uint32_t)hdr->ts.tv_sec * (int64_t)NS_PER_SECOND +
			    hdr->ts.tv_usec;
		frame->untimed = false;
		frame->flags = 0;
		frame->options = (struct file_options){};
		frame->len = hdr->len;
		frame->caplen = hdr->caplen;
		frame->data = data;
		return 1;
	case PCAP_ERROR_BREAK:
		return 0;
	default:
		return -1;
	}
}

/**
 * reader_next() - The next frame
 * @r: the reader
 * @frame: is filled; valid until the next call
 *
 * Return: 1, 0 at the end, -1 and reader_error() for a corrupt file.
 */
int reader_next(struct reader *r, struct frame *frame)
{
	int ret = r->ng ? pcapng_next(r->ng, frame) : next_classic(r, frame);

	if (ret <= 0)
		return ret;
	if (frame->dir == DIR_UNKNOWN)
		frame->dir = link_direction(frame);
	/* what is here was on the wire */
	if (frame->caplen > frame->len) {
		frame->len = frame->caplen;
		r->liars++;
	}
	return ret;
}

uint64_t reader_liars(const struct reader *r)
{
	return r->liars;
}

const char *reader_error(const struct reader *r)
{
	if (unpack_error(r->unpack))
		return unpack_error(r->unpack);
	return r->ng ? pcapng_error(r->ng) : pcap_geterr(r->pcap);
}

uint64_t reader_dropped(const struct reader *r)
{
	return r->ng ? pcapng_dropped(r->ng) : 0;
}

const struct iface *reader_iface(const struct reader *r, unsigned int id,
				 const struct pcapng_stats **stats)
{
	*stats = NULL;
	if (r->ng)
		return pcapng_iface(r->ng, id, stats);
	return id ? NULL : &r->iface;
}

unsigned int reader_section(const struct reader *r,
			    const struct file_options **options,
			    unsigned int *first)
{
	static const struct file_options none;

	if (r->ng)
		return pcapng_section_nr(r->ng, options, first);
	*options = &none;
	*first = 0;
	return 1;
}

void reader_close(struct reader *r)
{
	if (r->ng) {
		pcapng_close(r->ng);
		fclose(r->file);
	} else {
		/* closes the file as well */
		pcap_close(r->pcap);
	}
	free(r);
}
