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
	const struct file_options *from;	/* of the section that is copied */
	FILE *file;
	char *buffer;			/* of our own: setvbuf() ignores a size without */
	bool regular, failed, broken_pipe;
	off_t good;			/* what is surely in the file */
	uint64_t frames, good_frames;

	/* of each interface: its number in the file, and its snaplen there */
	uint32_t *numbers, *snaplens;
	unsigned int nr_ids, nr_written;
	bool begun;			/* a section */
	bool described;			/* any interface, in any section */

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
 * writer_is_stdout() - Is it standard output by another name, like /dev/stdout?
 * @path: the name
 *
 * Return: true if so. /dev/null keeps apart what goes there.
 */
bool writer_is_stdout(const char *path)
{
	struct stat a, b;

	return !fstat(STDOUT_FILENO, &a) && !stat(path, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       (!S_ISCHR(a.st_mode) || isatty(STDOUT_FILENO));
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
 * @from: options of the section that is copied, NULL if we captured ourselves;
 *	must stay until the next one
 *
 * Without it the first interface begins one, that we captured ourselves.
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
	w->from = from;
	w->begun = true;
	if (w->failed)
		return -1;
	if (w->classic)
		return 0;
	if (!from && !uname(&uts))
		snprintf(os, sizeof(os), "%s %s", uts.sysname, uts.release);
	if (pcapng_section(w->file, uts.machine, os, "rxedump", w->comment,
			   from))
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

static int make_room(struct writer *w, unsigned int id)
{
	size_t size = (id + 1) * sizeof(uint32_t);
	uint32_t *more;

	more = realloc(w->numbers, size);
	if (!more)
		return -1;
	w->numbers = more;
	more = realloc(w->snaplens, size);
	if (!more)
		return -1;
	w->snaplens = more;
	for (; w->nr_ids <= id; w->nr_ids++) {
		w->numbers[w->nr_ids] = NOT_WRITTEN;
		w->snaplens[w->nr_ids] = 0;
	}
	return 0;
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
	if (!w->begun && writer_section(w, NULL))
		return -1;
	if (id < w->nr_ids && w->numbers[id] != NOT_WRITTEN)
		return 0;
	if (id >= w->nr_ids && make_room(w, id))
		return failed(w);
	if (w->classic) {
		if (classic_head(w, iface))
			return -1;
	} else if (pcapng_interface(w->file, iface, w->filter)) {
		return failed(w);
	}
	w->numbers[id] = w->nr_written++;
	w->snaplens[id] = iface->snaplen;
	w->described = true;
	return 0;
}

/* Programs do not read a frame that is longer than its interface allows. If such
 * a one comes later, the interface is described once more.
 */
static int describe(struct writer *w, const struct frame *frame)
{
	const struct iface *iface = frame->iface;
	unsigned int id = frame->iface_id;
	struct iface wide;

	if (frame->caplen <= iface->snaplen || !iface->snaplen)
		return writer_iface(w, id, iface);
	wide = *iface;
	wide.snaplen = 0;
	if (id < w->nr_ids && !w->classic && w->snaplens[id])
		w->numbers[id] = NOT_WRITTEN;
	return writer_iface(w, id, &wide);
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

/* The interface of a frame without a time is the first one of a section. */
static int make_first(struct writer *w, const struct frame *frame)
{
	if (w->classic || !w->numbers[frame->iface_id] ||
	    !pcapng_is_simple(frame))
		return 0;
	if (writer_section(w, w->from))
		return -1;
	return writer_iface(w, frame->iface_id, frame->iface);
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
	if (w->failed || describe(w, frame) || make_first(w, frame))
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

uint64_t writer_size(const struct writer *w)
{
	off_t size = ftello(w->file);

	return size < 0 ? 0 : size;
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
	free(w->snaplens);
	free(w);
	return err;
}
