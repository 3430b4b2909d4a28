// SPDX-License-Identifier: GPL-2.0
/*
 * rxedump: what RDMA over Converged Ethernet v2 sends and receives.
 *
 * Frames come from the kernel (capture.c) or from a file (read.c), and go to
 * a printer, a file, the statistics, in any combination.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "capture.h"
#include "chain.h"
#include "conn.h"
#include "expression.h"
#include "extcap.h"
#include "frag.h"
#include "options.h"
#include "priv.h"
#include "read.h"
#include "rotate.h"
#include "say.h"
#include "show.h"
#include "stat.h"
#include "unread.h"
#include "untag.h"
#include "write.h"

#define POLL_MS		40
#define FLUSH_FRAMES	1024	/* read from a file */

static volatile sig_atomic_t interrupted, want_counts;

struct session {
	struct options *o;
	struct expression *expression;
	struct untag untag;
	struct writer *writer;
	struct rotation rotation;
	struct show show;
	struct stat_table *stat;
	struct capture *capture;
	struct conn_table *conns;
	struct chain chain;		/* of a file */
	struct frag_table frags;	/* of a file */
	struct unread unread;		/* of a file */
	unsigned int section;		/* of a file: that is being copied */
	unsigned int nr_copied;		/* interfaces of former sections */
	const struct file_options *from; /* of this section */
	bool opened, print, decode, done, failed, stdout_gone;
	uint64_t packets, others, refused, fragments;
	uint64_t start_ns, end_ns;
	time_t next_stat;
};

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		want_counts = 1;
	else
		interrupted = 1;
}

static void catch_signals(void)
{
	/* A write to a pipe that is full goes on: half a block is no end. */
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &act, NULL);
	/* the second one ends us where we wait */
	act.sa_flags |= SA_RESETHAND;
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Standard output: a reader that went away is a normal end. */
static void flush_stdout(struct session *s)
{
	if (s->stdout_gone || (!fflush(stdout) && !ferror(stdout)))
		return;
	if (errno != EPIPE) {
		say("standard output: %s", strerror(errno));
		s->failed = true;
	}
	s->stdout_gone = true;
	s->done = true;
}

static void write_failed(struct session *s)
{
	if (!writer_broken_pipe(s->writer))
		s->failed = true;
	s->done = true;
}

static void print_packet(struct session *s, const struct frame *frame,
			 const struct roce_pkt *pkt)
{
	const struct print_opts *style = &s->o->style;

	if (s->o->json) {
		json_packet(stdout, frame, pkt, style);
		return;
	}
	show_before(&s->show, stdout, frame, style);
	text_packet(stdout, frame, pkt, style);
	show_after(stdout, frame, pkt, style);
}

static const char *comment_of(const struct roce_pkt *pkt)
{
	if (pkt->kind == ROCE_BAD || pkt->kind == ROCE_FRAGMENT)
		return pkt->why;
	return pkt->icrc_state == ICRC_BAD ? "bad ICRC" : NULL;
}

/* The kernel's filter saw a frame already; -Q is the hooks' choice. */
static bool wanted(struct session *s, const struct frame *frame,
		   const struct roce_pkt *pkt)
{
	const struct options *o = s->o;

	if (!s->capture && (!filter_packet(&o->filter, frame, pkt) ||
			    (frame->dir == DIR_IN && !o->in) ||
			    (frame->dir == DIR_OUT && !o->out)))
		return false;
	return !s->expression ||
	       expression_match(s->expression, untag(&s->untag, frame));
}

static void write_stats(struct session *s);
static int open_ifaces(struct session *s);

/* Another file, if it is its turn; each is complete. */
static bool next_file(struct session *s)
{
	enum rotate what = rotation_due(&s->rotation, s->writer);

	if (what == ROTATE_NOT)
		return true;
	s->done = what == ROTATE_END;
	if (s->done)
		return false;
	if (s->capture)
		write_stats(s);
	if (writer_close(s->writer))
		s->failed = true;
	s->writer = rotation_next(&s->rotation);
	if (!s->writer || writer_section(s->writer, s->from) ||
	    (s->capture && open_ifaces(s)))
		s->failed = true;
	s->done |= s->failed;
	return !s->done;
}

static void write_packet(struct session *s, const struct frame *frame,
			 const char *comment)
{
	if (writer_frame(s->writer, frame, comment))
		write_failed(s);
	if (rotation_is_full(&s->rotation, s->writer))
		s->done = true;
}

/* @pkt is decoded if s->decode */
static void take_packet(struct session *s, const struct frame *frame,
			const struct roce_pkt *pkt)
{
	const char *comment = NULL;

	if (s->decode) {
		if (pkt->kind == ROCE_NOT) {
			s->others++;
			return;
		}
		comment = comment_of(pkt);
	}
	if (!wanted(s, frame, pkt)) {
		s->refused++;
		return;
	}
	if (s->writer && !next_file(s))
		return;
	s->packets++;
	if (s->stat)
		stat_packet(s->stat, frame, pkt);
	if (s->writer)
		write_packet(s, frame, comment);
	if (s->print)
		print_packet(s, frame, pkt);
	if (s->o->count && s->packets == s->o->count)
		s->done = true;
}

static void take_frame(const struct frame *frame, void *arg)
{
	struct session *s = arg;
	struct roce_pkt pkt;

	if (s->done)
		return;
	if (s->decode) {
		roce_decode(frame, &pkt);
		conn_packet(&s->conns, &pkt);
	}
	take_packet(s, frame, &pkt);
}

/* Who wrote the file may have taken the packets of a message for one. */
static void replay_frame(struct session *s, const struct frame *frame)
{
	struct frame one;
	struct roce_pkt pkt;

	roce_decode(frame, &pkt);
	if (pkt.unread_link) {
		unread_link(&s->unread, frame->iface);
		s->failed = true;
		return;
	}
	if (pkt.unread_tunnel) {
		unread_tunnel(&s->unread, pkt.unread_tunnel);
		return;
	}
	if (!frag_is_roce(&s->frags, &pkt)) {
		s->fragments++;
		return;
	}
	if (!chain_find(&s->chain, frame, &pkt)) {
		conn_packet(&s->conns, &pkt);
		take_packet(s, frame, &pkt);
		return;
	}
	while (!s->done && chain_next(&s->chain, &one)) {
		/* what the file says of the frame, it says once */
		if (s->chain.nr > 1)
			one.options = (struct file_options){};
		take_frame(&one, s);
	}
}

static unsigned long long total(const struct session *s, enum count which)
{
	uint64_t counts[NR_COUNTS + 1], sum = 0;
	unsigned int i;

	for (i = 0; i < capture_nr_ifaces(s->capture); i++) {
		capture_counts(s->capture, i, counts);
		sum += counts[which];
	}
	return sum;
}

static void say_counts(const struct session *s)
{
	if (say_errors_only)
		return;
	fprintf(stderr,
		"%llu packets, %llu captured by the kernel, %llu refused by the expression, %llu no RoCE after all\n"
		"%llu frames seen, %llu not RoCE, %llu refused by the filter, %llu later fragments\n"
		"%llu dropped: buffer full, %llu dropped: unreadable, %llu cut: longer than %d bytes, %llu cut: payload in device memory\n",
		(unsigned long long)s->packets, total(s, CNT_CAPTURED),
		(unsigned long long)s->refused,
		(unsigned long long)s->others, total(s, CNT_SEEN),
		total(s, CNT_NOT_ROCE), total(s, CNT_FILTERED),
		total(s, CNT_FRAGMENT), total(s, CNT_RING_FULL),
		total(s, CNT_UNREADABLE), total(s, CNT_CUT), MAX_EVENT_DATA,
		total(s, CNT_IN_DEVICE));
}

static void write_stats(struct session *s)
{
	uint64_t c[NR_COUNTS + 1];
	char comment[256];
	unsigned int i;

	for (i = 0; i < capture_nr_ifaces(s->capture); i++) {
		struct pcapng_stats stats = {
			.start_ns = s->start_ns,
			.end_ns = now_ns(),
			.absent = 1 << PCAPNG_ISB_IFDROP,
			.comment = comment,
		};

		stats.ns = stats.end_ns;
		capture_counts(s->capture, i, c);
		stats.received = c[CNT_SEEN];
		stats.dropped = c[CNT_RING_FULL] + c[CNT_UNREADABLE];
		stats.delivered = c[CNT_CAPTURED];
		stats.accepted = stats.dropped + stats.delivered;
		snprintf(comment, sizeof(comment),
			 "buffer full %llu, unreadable %llu, cut %llu, in device memory %llu, not RoCE %llu, filtered %llu, later fragments %llu",
			 (unsigned long long)c[CNT_RING_FULL],
			 (unsigned long long)c[CNT_UNREADABLE],
			 (unsigned long long)c[CNT_CUT],
			 (unsigned long long)c[CNT_IN_DEVICE],
			 (unsigned long long)c[CNT_NOT_ROCE],
			 (unsigned long long)c[CNT_FILTERED],
			 (unsigned long long)c[CNT_FRAGMENT]);
		if (writer_stats(s->writer, i, &stats))
			write_failed(s);
	}
}

/* What a file says of its capture is true of each copy. */
static void copy_stats(struct session *s, const struct reader *r,
		       unsigned int end)
{
	const struct pcapng_stats *stats;
	const struct iface *iface;
	unsigned int i;

	for (i = s->nr_copied; i < end; i++) {
		iface = reader_iface(r, i, &stats);
		if (!iface)
			break;
		if (stats && (writer_iface(s->writer, i, iface) ||
			      writer_stats(s->writer, i, stats)))
			write_failed(s);
	}
	s->nr_copied = i;
}

/* A copy has the sections of the file, with the interfaces of each. */
static void copy_section(struct session *s, const struct reader *r)
{
	const struct file_options *options;
	unsigned int first;
	unsigned int nr = reader_section(r, &options, &first);

	if (nr == s->section)
		return;
	if (s->section)
		copy_stats(s, r, first);
	s->nr_copied = first;
	s->section = nr;
	s->from = options;
	if (writer_section(s->writer, options))
		write_failed(s);
}

static void copy_end(struct session *s, const struct reader *r)
{
	const struct file_options none = {};
	const struct pcapng_stats *stats;
	const struct iface *iface = reader_iface(r, 0, &stats);

	copy_section(s, r);
	/* it ended before it began */
	if (!s->section && writer_section(s->writer, &none))
		write_failed(s);
	copy_stats(s, r, UINT_MAX);
	/* no program reads a file without an interface */
	if (iface && writer_is_empty(s->writer) &&
	    writer_iface(s->writer, 0, iface))
		write_failed(s);
}

/* however the clock is set */
static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* What is due now and then while capturing. */
static void tick(struct session *s)
{
	time_t now;

	if (want_counts) {
		want_counts = 0;
		say_counts(s);
	}
	if (s->writer && !s->done && writer_flush(s->writer))
		write_failed(s);
	now = time(NULL);
	if (s->stat && now >= s->next_stat) {
		if (s->next_stat)
			stat_print(s->stat, stdout, s->o->json);
		s->next_stat = now + s->o->stat;
	}
	if ((s->end_ns && monotonic_ns() >= s->end_ns) ||
	    (s->writer && rotation_is_over(&s->rotation)))
		s->done = true;
	flush_stdout(s);
}

/* Once there is something to write: a file of that name is gone then. */
static bool open_writer(struct session *s)
{
	const struct options *o = s->o;

	if (o->user && priv_drop(o->user, s->capture ?
				 capture_privileges(o) : 0))
		return false;
	if (!o->write)
		return true;
	s->writer = rotation_first(&s->rotation, o);
	return s->writer;
}

static int open_ifaces(struct session *s)
{
	unsigned int i;

	for (i = 0; s->writer && i < capture_nr_ifaces(s->capture); i++)
		if (writer_iface(s->writer, i, capture_iface(s->capture, i)))
			return -1;
	return 0;
}

static void live(struct session *s)
{
	s->capture = capture_open(s->o, take_frame, s);
	if (!s->capture || !open_writer(s) || open_ifaces(s)) {
		s->failed = true;
		return;
	}
	s->opened = true;
	s->start_ns = now_ns();
	if (s->o->stop_seconds)
		s->end_ns = monotonic_ns() +
			    s->o->stop_seconds * 1000000000ull;
	note("capturing on %u interface%s", capture_nr_ifaces(s->capture),
	     capture_nr_ifaces(s->capture) == 1 ? "" : "s");
	while (!s->done && !interrupted) {
		if (capture_poll(s->capture, POLL_MS) < 0) {
			s->failed = true;
			break;
		}
		tick(s);
	}
	capture_stop(s->capture);
	if (s->writer)
		write_stats(s);
	say_counts(s);
}

static void replay_frames(struct session *s, struct reader *r,
			  const char *name)
{
	struct frame frame = {};
	unsigned int n = 0;
	int ret = 0;

	while (!s->done && !interrupted && (ret = reader_next(r, &frame)) > 0) {
		if (s->writer)
			copy_section(s, r);
		replay_frame(s, &frame);
		if (s->writer && !s->done && !(++n % FLUSH_FRAMES) &&
		    writer_flush(s->writer))
			write_failed(s);
		if (s->o->line_buffered)
			flush_stdout(s);
	}
	if (s->writer)
		copy_end(s, r);
	if (ret < 0) {
		say("%s: after %llu packets: %s", name,
		    (unsigned long long)(s->packets + s->others + s->refused +
					  s->fragments + s->unread.frames),
		    reader_error(r));
		s->failed = true;
	}
	if (reader_dropped(r))
		say("%s: %llu frames were dropped while capturing", name,
		    (unsigned long long)reader_dropped(r));
	if (reader_liars(r))
		say("%s: %llu frames are longer than the file says", name,
		    (unsigned long long)reader_liars(r));
	unread_say(&s->unread, name);
	if (s->fragments)
		say("%s: %llu later fragments are of no RoCE datagram", name,
		    (unsigned long long)s->fragments);
	if (s->expression && expression_failed(s->expression))
		s->failed = true;
	if (s->others)
		say("%s: %llu frames are not RoCE", name,
		    (unsigned long long)s->others);
}

static void replay(struct session *s, const char *path)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	struct reader *r;
	char err[256];

	if (!file) {
		say("%s: %s", name, strerror(errno));
		goto err;
	}
	r = reader_open(file, err, sizeof(err));
	if (!r) {
		say("%s: %s", name, err);
		goto err;
	}
	s->opened = true;
	s->rotation.input = file;
	s->frags = (struct frag_table){};
	s->unread = (struct unread){};
	s->fragments = 0;
	if (open_writer(s))
		replay_frames(s, r, name);
	else
		s->failed = true;
	reader_close(r);
	return;

err:
	s->failed = true;
}

/* One after the other, as if they were one. */
static void replay_list(struct session *s, const char *path)
{
	FILE *list = strcmp(path, "-") ? fopen(path, "r") : stdin;
	size_t size = 0;
	char *name = NULL;

	while (list && !s->done && !s->failed && !interrupted &&
	       getline(&name, &size, list) > 0) {
		name[strcspn(name, "\n")] = 0;
		if (*name)
			replay(s, name);
	}
	if (!list || ferror(list)) {
		say("-V %s: %s", path, strerror(errno));
		s->failed = true;
	}
	free(name);
	if (list && list != stdin)
		fclose(list);
}

static bool prepare(struct session *s)
{
	struct options *o = s->o;

	s->print = o->print || (!o->write && !o->count_only && !o->stat);
	/* What is only captured is taken as it comes, as fast as can be: the kernel
	 * knows what is RoCE, and all else is told by who reads the file.
	 */
	s->decode = s->print || o->stat || o->read || o->read_list;
	if (o->expression) {
		s->expression = expression_compile(o->expression);
		if (!s->expression)
			return false;
		untag_init(&s->untag, o->expression);
	}
	if (o->stat) {
		s->stat = stat_new();
		if (!s->stat)
			return false;
	}
	return true;
}

static void finish(struct session *s)
{
	if (s->opened && s->stat)
		stat_print(s->stat, stdout, s->o->json);
	if (s->opened && s->o->count_only)
		printf("%llu packet%s\n", (unsigned long long)s->packets,
		       s->packets == 1 ? "" : "s");
	/* standard output may be the writer's */
	if (!s->o->write || strcmp(s->o->write, "-"))
		flush_stdout(s);
	if (s->writer && writer_close(s->writer))
		s->failed = true;
	if (s->stat)
		stat_free(s->stat);
	conn_free(s->conns);
	expression_free(s->expression);
	if (s->capture)
		capture_close(s->capture);
}

static void print_iface(unsigned int ifindex, const char *name)
{
	printf("%u.%s\n", ifindex, name);
}

static int list_ifaces(void)
{
	if (!capture_each(print_iface))
		return 0;
	say("-D: %s", strerror(errno));
	return 1;
}

/* 0, or -1: no such interface, which is said */
static int linktype_given(const struct options *o)
{
	const char *dev = o->nr_ifaces ? o->ifaces[0].name : "any";
	int linktype = o->linktype;

	if (linktype < 0)
		linktype = strcmp(dev, "any") ? capture_linktype(dev) :
			   LINKTYPE_ETHERNET;
	if (linktype < 0)
		say("-i %s: no such interface, or of no link type of ours",
		    dev);
	return linktype;
}

static int list_links(const struct options *o)
{
	int linktype = linktype_given(o);

	if (linktype < 0)
		return 1;
	printf("Data link types for %s (use option -y to set):\n  %s\n",
	       o->ifaces[0].name, linktype == LINKTYPE_RAW ?
	       "RAW (Raw IP)" : "EN10MB (Ethernet)");
	return 0;
}

static int dump_code(const struct options *o)
{
	int linktype = linktype_given(o);

	return linktype < 0 || expression_dump(o->expression, linktype,
					       o->dump_code);
}

int main(int argc, char **argv)
{
	struct session s = {};
	struct options o;
	int status;

	if (extcap_wanted(argc, argv))
		status = extcap_main(&o, argc, argv);
	else
		status = options_parse(&o, argc, argv);
	if (status >= 0)
		return status;
	if (o.list || o.list_links || o.dump_code) {
		status = o.list ? list_ifaces() : o.list_links ?
			 list_links(&o) : dump_code(&o);
		options_free(&o);
		return status;
	}
	s.o = &o;
	catch_signals();
	if (!prepare(&s))
		s.failed = true;
	else if (o.read_list)
		replay_list(&s, o.read_list);
	else if (o.read)
		replay(&s, o.read);
	else
		live(&s);
	finish(&s);
	options_free(&o);
	return s.failed;
}
