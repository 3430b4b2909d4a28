// SPDX-License-Identifier: GPL-2.0
/*
 * A capture file being written: pcapng by our own writer, or the classic
 * format by libpcap.
 *
 * What cannot be written whole is taken back: after a failure the file ends
 * with the last block of the last flush that went well, and we say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "say.h"
#include "write.h"

#define BUFFER_SIZE	(1 << 17)
#define NOT_WRITTEN	UINT32_MAX

struct writer {
	const char *name;
	const char *filter, *comment;
	FILE *file;
	char *buffer;			/* of our own: setvbuf() ignores a size without */
	bool regular, failed, broken_pipe;
	off_t good;			/* what is surely in the file */
	uint64_t frames, good_frames;

	/* number in the file of each interface */
	uint32_t *numbers;
	unsigned int nr_ids, nr_written;
	bool described;			/* any of them, in any section */

	/* the classic format */
	bool classic;
	int linktype;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
};

static int failed(struct writer *w)
{
	int err = errno;

	if (w->failed)
		return -1;
	w->failed = true;
	w->broken_pipe = err == EPIPE;
	__fpurge(w->file);
	if (w->broken_pipe)
		return -1;
	if (w->regular && !ftruncate(fileno(w->file), w->good))
		say("%s: %s: it has %llu frames, %llu more are lost", w->name,
		    strerror(err), (unsigned long long)w->good_frames,
		    (unsigned long long)(w->frames - w->good_frames));
	else
		say("%s: %s: its last block is incomplete", w->name,
		    strerror(err));
	return -1;
}

/**
 * writer_flush() - Hand over to the system what was written so far
 * @w: the writer
 *
 * Return: 0, or -1 after saying why.
 */
int writer_flush(struct writer *w)
{
	if (w->failed)
		return -1;
	if (fflush(w->file))
		return failed(w);
	if (w->regular)
		w->good = lseek(fileno(w->file), 0, SEEK_CUR);
	w->good_frames = w->frames;
	return 0;
}

/**
 * writer_open() - Create a capture file
 * @path: its name, "-" for standard output
 * @classic: in the classic format, not pcapng
 * @comment: for its header, or NULL
 * @filter: for its interfaces, or NULL; must stay
 *
 * Return: the writer, or NULL after saying why.
 */
struct writer *writer_open(const char *path, bool classic, const char *comment,
			   const char *filter)
{
	struct writer *w = calloc(1, sizeof(*w));
	struct stat st;

	if (!w)
		return NULL;
	w->name = strcmp(path, "-") ? path : "standard output";
	w->filter = filter;
	w->comment = comment;
	w->classic = classic;
	w->file = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!w->file) {
		say("%s: %s", path, strerror(errno));
		free(w);
		return NULL;
	}
	w->buffer = malloc(BUFFER_SIZE);
	if (w->buffer)
		setvbuf(w->file, w->buffer, _IOFBF, BUFFER_SIZE);
	w->regular = !fstat(fileno(w->file), &st) && S_ISREG(st.st_mode);
	/* what the shell appends to is not ours to cut */
	if (w->regular)
		w->good = fcntl(fileno(w->file), F_GETFL) & O_APPEND ?
			  st.st_size : lseek(fileno(w->file), 0, SEEK_CUR);
	return w;
}

/**
 * writer_section() - Begin a section: it has interfaces of its own
 * @w: the writer
 * @from: options of the section that is copied, NULL if we captured ourselves
 *
 * Return: 0, or -1 after saying why.
 */
int writer_section(struct writer *w, const struct file_options *from)
{
	struct utsname uts = {};
	char os[256] = "";
	unsigned int i;

	for (i = 0; i < w->nr_ids; i++)
		w->numbers[i] = NOT_WRITTEN;
	w->nr_written = 0;
	if (w->failed)
		return -1;
	if (w->classic)
		return 0;
	if (!from && !uname(&uts))
		snprintf(os, sizeof(os), "%s %s", uts.sysname, uts.release);
	if (pcapng_section(w->file, uts.machine, os, "rxedump", w->comment))
		return failed(w);
	/* at once if it is the first: whether that goes well is to be known */
	return w->described ? 0 : writer_flush(w);
}

/* Has no interface been described yet? */
bool writer_is_empty(const struct writer *w)
{
	return !w->described;
}

static int classic_head(struct writer *w, const struct iface *iface)
{
	int dlt = iface->linktype == LINKTYPE_RAW ? DLT_RAW : iface->linktype;
	unsigned int nano = PCAP_TSTAMP_PRECISION_NANO;

	if (w->dumper && iface->linktype == w->linktype)
		return 0;
	if (w->dumper) {
		say("%s: --pcap files hold one link type, and %s has another",
		    w->name, iface->name);
		return -1;
	}
	w->linktype = iface->linktype;
	w->pcap = pcap_open_dead_with_tstamp_precision(dlt, MAX_FRAME, nano);
	if (!w->pcap)
		return failed(w);
	w->dumper = pcap_dump_fopen(w->pcap, w->file);
	return w->dumper ? writer_flush(w) : failed(w);
}

/**
 * writer_iface() - Describe an interface, unless that was done
 * @w: the writer
 * @id: its number for us
 * @iface: the interface
 *
 * Return: 0, or -1 after saying why.
 */
int writer_iface(struct writer *w, unsigned int id, const struct iface *iface)
{
	uint32_t *numbers;
	unsigned int i;

	if (id < w->nr_ids && w->numbers[id] != NOT_WRITTEN)
		return 0;
	if (id >= w->nr_ids) {
		numbers = realloc(w->numbers, (id + 1) * sizeof(*numbers));
		if (!numbers)
			return failed(w);
		for (i = w->nr_ids; i <= id; i++)
			numbers[i] = NOT_WRITTEN;
		w->numbers = numbers;
		w->nr_ids = id + 1;
	}
	if (w->classic) {
		if (classic_head(w, iface))
			return -1;
	} else if (pcapng_interface(w->file, iface, w->filter)) {
		return failed(w);
	}
	w->numbers[id] = w->nr_written++;
	w->described = true;
	return 0;
}

static int classic_frame(struct writer *w, const struct frame *frame)
{
	int64_t seconds = whole_seconds(frame->ns);
	struct pcap_pkthdr hdr = {
		.ts.tv_sec = seconds,
		.ts.tv_usec = rest_of_second(frame->ns),
		.caplen = frame->caplen,
		.len = frame->len,
	};

	if (seconds < 0 || seconds > UINT32_MAX) {
		say("%s: --pcap files hold no time before 1970 or after 2106",
		    w->name);
		return -1;
	}
	pcap_dump((u_char *)w->dumper, &hdr, frame->data);
	return 0;
}

/**
 * writer_frame() - Write a frame
 * @w: the writer
 * @frame: the frame
 * @comment: to go with it if the format has room for that, or NULL
 *
 * Return: 0, or -1 after saying why.
 */
int writer_frame(struct writer *w, const struct frame *frame,
		 const char *comment)
{
	if (w->failed || writer_iface(w, frame->iface_id, frame->iface))
		return -1;
	if (w->classic && classic_frame(w, frame))
		return -1;
	w->frames++;
	if (!w->classic)
		pcapng_packet(w->file, w->numbers[frame->iface_id], frame,
			      comment);
	return ferror(w->file) ? failed(w) : 0;
}

/**
 * writer_stats() - Write the counts of an interface
 * @w: the writer
 * @id: the interface
 * @stats: the counts
 *
 * Return: 0, or -1 after saying why.
 */
int writer_stats(struct writer *w, unsigned int id,
		 const struct pcapng_stats *stats)
{
	if (w->failed)
		return -1;
	if (w->classic || id >= w->nr_ids || w->numbers[id] == NOT_WRITTEN)
		return 0;
	if (pcapng_statistics(w->file, w->numbers[id], stats))
		return failed(w);
	return 0;
}

/* The reader of our pipe went away: a normal end. */
bool writer_broken_pipe(const struct writer *w)
{
	return w->broken_pipe;
}

/**
 * writer_close() - End the file
 * @w: the writer, is gone afterwards
 *
 * Return: 0, or -1 after saying why if not all is in the file.
 */
int writer_close(struct writer *w)
{
	static const struct iface none = { .linktype = LINKTYPE_ETHERNET };
	int err;

	/* a file without a frame is a capture, too */
	if (!w->described && !w->failed)
		writer_iface(w, 0, &none);
	err = writer_flush(w);
	if (w->broken_pipe)
		err = 0;
	if (fclose(w->file) && !err && errno != EPIPE) {
		say("%s: %s", w->name, strerror(errno));
		err = -1;
	}
	if (w->pcap)
		pcap_close(w->pcap);
	free(w->buffer);
	free(w->numbers);
	free(w);
	return err;
}
