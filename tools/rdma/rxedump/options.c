// SPDX-License-Identifier: GPL-2.0
/*
 * The command line. Options that tcpdump has too mean what they mean there.
 */
#include <errno.h>
#include <getopt.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include "expression.h"
#include "options.h"
#include "say.h"
#include "write.h"

#define VERSION		"1.0"
#define DEFAULT_RING	(16 * 1024)	/* KiB */
#define MAX_RING	(1024 * 1024)

static const char usage[] =
"usage: rxedump [option...] [expression]\n"
"\n"
"  -i IFACE          capture on this interface (may be repeated), any: on all\n"
"  --netns NS        the -i that follow are in this namespace (name or file)\n"
"  -r FILE           read a capture (pcap, pcapng, gzip; -: standard input)\n"
"  -V FILE           read the captures that it names, one a line\n"
"  -w FILE           write pcapng (-: standard output)\n"
"  --pcap            write the classic format instead\n"
"  --print           print even with -w\n"
"  -j                print a JSON object a packet\n"
"  -v, -vv           all fields; and the payload\n"
"  -x, -X, -A        the bytes behind the link header: in hexadecimal, and in\n"
"                    ASCII; in ASCII only; twice: with the link header\n"
"  -e                the addresses of the link header, and the length\n"
"  -#                a number before each packet\n"
"  -t, -tt, -tttt    no time; seconds since 1970; with the date\n"
"  -ttt, -ttttt      the time since the packet before, since the first one\n"
"  -c N              end after N packets\n"
"  -a duration:N     end after N seconds; filesize:N: after N kB are written\n"
"  -C N[kmg]         begin another file after N million bytes (KiB, MiB, GiB)\n"
"  -G N              begin another file after N seconds; -w is for strftime(3)\n"
"  -W N              no more than N files: -C begins again, -G ends\n"
"  --count           print only how many packets there are\n"
"  -Q in|out|inout   direction\n"
"  -s N              capture N bytes of a frame (0: all, the default)\n"
"  --headers-only    capture all headers and no payload\n"
"  -B KIB            size of the kernel's buffer (16384)\n"
"  --stat[=SECONDS]  a summary of each QP, every so often and at the end\n"
"  -Z USER           open files as this user; keep what capturing needs\n"
"  --comment TEXT    goes into the file's header\n"
"  -D                list the interfaces\n"
"  -L, -y TYPE       list the link types of the interface; take this one only\n"
"  -F FILE           the expression is in a file\n"
"  -d, -dd, -ddd     print the code of the expression, as C, as numbers\n"
"  -bfHKlnNOpqSuU    accepted: names are never looked up, lines never held back\n"
"  -h, --help        this text\n"
"  --version         the version\n"
"\n"
"Filters; all that are given must match, of a list one entry:\n"
"  --qp N,...        destination QP\n"
"  --opcode OP,...   name, number or class: rc uc rd ud xrc cnp send write read\n"
"                    atomic flush ack request response\n"
"  --psn A-B         range of PSNs; may wrap around\n"
"  --host ADDR,...   source or destination address or prefix\n"
"  --size A-B        size of the frame\n"
"  expression        pcap-filter(7), evaluated in user space\n";

enum {
	OPT_NETNS = 256, OPT_PCAP, OPT_PRINT, OPT_COUNT, OPT_HEADERS, OPT_STAT,
	OPT_COMMENT, OPT_VERSION, OPT_QP, OPT_OPCODE, OPT_PSN, OPT_HOST,
	OPT_SIZE,
};

#define SHORT_OPTIONS	"i:r:w:c:s:Q:B:a:C:F:G:V:W:Z:y:jvntlDhdLexXA#" HARMLESS
#define HARMLESS	"bfHKNOpqSuU"

static const struct option long_options[] = {
	/* tcpdump's */
	{ "interface", required_argument, NULL, 'i' },
	{ "list-interfaces", no_argument, NULL, 'D' },
	{ "list-data-link-types", no_argument, NULL, 'L' },
	{ "linktype", required_argument, NULL, 'y' },
	{ "snapshot-length", required_argument, NULL, 's' },
	{ "buffer-size", required_argument, NULL, 'B' },
	{ "direction", required_argument, NULL, 'Q' },
	{ "relinquish-privileges", required_argument, NULL, 'Z' },
	{ "number", no_argument, NULL, '#' },
	{ "packet-buffered", no_argument, NULL, 'U' },
	{ "no-promiscuous-mode", no_argument, NULL, 'p' },
	{ "no-optimize", no_argument, NULL, 'O' },
	{ "dont-verify-checksums", no_argument, NULL, 'K' },
	{ "absolute-tcp-sequence-numbers", no_argument, NULL, 'S' },
	{ "immediate-mode", no_argument, NULL, 'U' },
	{ "nano", no_argument, NULL, 'U' },
	/* and ours */
	{ "netns", required_argument, NULL, OPT_NETNS },
	{ "pcap", no_argument, NULL, OPT_PCAP },
	{ "print", no_argument, NULL, OPT_PRINT },
	{ "count", no_argument, NULL, OPT_COUNT },
	{ "headers-only", no_argument, NULL, OPT_HEADERS },
	{ "stat", optional_argument, NULL, OPT_STAT },
	{ "comment", required_argument, NULL, OPT_COMMENT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "qp", required_argument, NULL, OPT_QP },
	{ "opcode", required_argument, NULL, OPT_OPCODE },
	{ "psn", required_argument, NULL, OPT_PSN },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "size", required_argument, NULL, OPT_SIZE },
	{}
};

static bool parse_count(const char *option, const char *text, uint64_t min,
			uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !errno && !*end && *value >= min &&
	    *value <= max)
		return true;
	say("%s %s: not a number from %llu to %llu", option, text,
	    (unsigned long long)min, (unsigned long long)max);
	return false;
}

static bool add_iface(struct options *o, const char *name, const char *netns)
{
	if (o->nr_ifaces == MAX_IFACES_GIVEN) {
		say("-i %s: more than %d interfaces", name, MAX_IFACES_GIVEN);
		return false;
	}
	o->ifaces[o->nr_ifaces++] = (struct iface_arg){ name, netns };
	return true;
}

static bool set_direction(struct options *o, const char *text)
{
	o->in = !strcmp(text, "in") || !strcmp(text, "inout");
	o->out = !strcmp(text, "out") || !strcmp(text, "inout");
	if (o->in || o->out)
		return true;
	say("-Q %s: not in, out or inout", text);
	return false;
}

static bool append(char **to, const char *a, const char *b)
{
	char *text;

	if (asprintf(&text, "%s%s%s%s%s", *to ? *to : "", *to ? " " : "", a,
		     *b ? " " : "", b) < 0)
		return false;
	free(*to);
	*to = text;
	return true;
}

static bool filter_option(struct options *o, int opt)
{
	switch (opt) {
	case OPT_QP:
		return filter_add_qps(&o->filter, optarg) &&
		       append(&o->filter_text, "--qp", optarg);
	case OPT_OPCODE:
		return filter_add_opcodes(&o->filter, optarg) &&
		       append(&o->filter_text, "--opcode", optarg);
	case OPT_PSN:
		return filter_set_psn(&o->filter, optarg) &&
		       append(&o->filter_text, "--psn", optarg);
	case OPT_HOST:
		return filter_add_hosts(&o->filter, optarg) &&
		       append(&o->filter_text, "--host", optarg);
	default:
		return filter_set_size(&o->filter, optarg) &&
		       append(&o->filter_text, "--size", optarg);
	}
}

/* Millions of bytes, or with a suffix KiB, MiB, GiB. */
static bool set_max_bytes(struct options *o, const char *text)
{
	static const char suffixes[] = "kmg";
	size_t len = strspn(text, "0123456789");
	const char *suffix = NULL;
	char *end;

	if (text[len])
		suffix = strchr(suffixes, text[len] | 0x20);
	errno = 0;
	o->max_bytes = strtoull(text, &end, 10);
	if (!len || errno || (*end && (!suffix || end[1])) || !o->max_bytes ||
	    o->max_bytes > 1 << 30) {
		say("-C %s: not a size of files", text);
		return false;
	}
	o->max_bytes *= suffix ? 1ull << 10 * (suffix - suffixes + 1) :
			1000000;
	return true;
}

/* as dumpcap and tshark have it */
static bool set_stop(struct options *o, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? colon - text : 0;
	uint64_t value;

	if (len == 8 && !strncmp(text, "duration", len)) {
		if (!parse_count("-a duration", colon + 1, 1, INT32_MAX, &value))
			return false;
		o->stop_seconds = value;
	} else if (len == 8 && !strncmp(text, "filesize", len)) {
		if (!parse_count("-a filesize", colon + 1, 1, INT64_MAX / 1000,
				 &value))
			return false;
		o->stop_bytes = value * 1000;
	} else if (len == 7 && !strncmp(text, "packets", len)) {
		return parse_count("-a packets", colon + 1, 1, INT64_MAX,
				   &o->count);
	} else {
		say("-a %s: not duration:N, filesize:N or packets:N", text);
		return false;
	}
	return true;
}

static bool number_option(struct options *o, int opt)
{
	uint64_t value = 1;

	switch (opt) {
	case 'c':
		if (!parse_count("-c", optarg, 1, INT64_MAX, &value))
			return false;
		o->count = value;
		return true;
	case 's':
		if (!parse_count("-s", optarg, 0, MAX_FRAME, &value))
			return false;
		o->snaplen = value ? value : MAX_FRAME;
		return true;
	case 'G':
		if (!parse_count("-G", optarg, 1, INT32_MAX, &value))
			return false;
		o->period = value;
		return true;
	case 'W':
		if (!parse_count("-W", optarg, 1, 1000000, &value))
			return false;
		o->max_files = value;
		return true;
	case 'B':
		if (!parse_count("-B", optarg, 4, MAX_RING, &value))
			return false;
		o->ring_kib = value;
		return true;
	default:
		if (optarg && !parse_count("--stat", optarg, 1, 86400, &value))
			return false;
		o->stat = value;
		return true;
	}
}

static bool set_linktype(struct options *o, const char *text)
{
	int dlt = pcap_datalink_name_to_val(text);

	o->linktype = dlt == DLT_RAW ? LINKTYPE_RAW : dlt;
	if (dlt >= 0)
		return true;
	say("-y %s: no link type", text);
	return false;
}

/* How packets are printed: false if @opt is none of these. */
static bool show_option(struct print_opts *style, int opt)
{
	switch (opt) {
	case 'v':
		style->verbose++;
		return true;
	case 'e':
		style->link = true;
		return true;
	case 'x':
		style->hex++;
		return true;
	case 'X':
		style->hex_ascii++;
		return true;
	case 'A':
		style->ascii++;
		return true;
	case '#':
		style->number = true;
		return true;
	default:
		return false;
	}
}

/* Those of tcpdump that are about names, checksums, sequence numbers of TCP, the
 * optimizer, promiscuous mode: they change nothing here.
 */
static bool harmless_option(int opt)
{
	return opt < 256 && strchr(HARMLESS, opt);
}

/* Options that only set something: false if @opt is none of them. */
static bool simple_option(struct options *o, int opt)
{
	switch (opt) {
	case 'r':
		o->read = optarg;
		return true;
	case 'w':
		o->write = optarg;
		return true;
	case 'D':
		o->list = true;
		return true;
	case 'j':
		o->json = true;
		return true;
	case 'V':
		o->read_list = optarg;
		return true;
	case 'Z':
		o->user = optarg;
		return true;
	case 'F':
		o->expression_file = optarg;
		return true;
	case 'L':
		o->list_links = true;
		return true;
	case 'd':
		o->dump_code++;
		return true;
	case 'n':
	case 'l':
		o->line_buffered = true;
		return true;
	case OPT_PCAP:
		o->classic = true;
		return true;
	case OPT_PRINT:
		o->print = true;
		return true;
	case OPT_COUNT:
		o->count_only = true;
		return true;
	case OPT_HEADERS:
		o->headers_only = true;
		return true;
	case OPT_COMMENT:
		o->comment = optarg;
		return true;
	default:
		return show_option(&o->style, opt) || harmless_option(opt);
	}
}

static bool set_time_style(struct options *o, unsigned int nr_t)
{
	static const enum time_style styles[] = {
		TIME_DAY, TIME_NONE, TIME_EPOCH, TIME_NONE, TIME_DATE,
		TIME_NONE,
	};

	if (nr_t >= ARRAY_SIZE(styles)) {
		say("-t is there five times at most");
		return false;
	}
	o->style.time = styles[nr_t];
	o->style.since_last = nr_t == 3;
	o->style.since_first = nr_t == 5;
	return true;
}

static bool consistent(const struct options *o)
{
	const char *why = NULL;

	if (o->read && o->nr_ifaces)
		why = "-r and -i exclude one another";
	else if (o->read_list && (o->read || o->nr_ifaces))
		why = "-V, -r and -i exclude one another";
	else if (o->read_list && o->write)
		why = "-V is not for -w: mergecap makes one file of several";
	else if (o->list_links && !o->nr_ifaces)
		why = "-L is for -i";
	else if (!o->read && !o->read_list && !o->nr_ifaces && !o->list &&
		 !o->dump_code)
		why = "where from? -i INTERFACE or -r FILE (-D lists interfaces)";
	else if (o->print && o->write && !strcmp(o->write, "-"))
		why = "--print and -w - both want standard output";
	else if ((o->count_only || o->stat) && o->write &&
		 !strcmp(o->write, "-"))
		why = "--count and --stat print where -w - writes";
	else if (o->classic && !o->write)
		why = "--pcap is for -w";
	else if (o->comment && (!o->write || o->classic))
		why = "--comment is for -w, and pcapng";
	else if ((o->max_bytes || o->period || o->stop_bytes) &&
		 (!o->write || !strcmp(o->write, "-")))
		why = "-C, -G and -a filesize are for -w FILE";
	else if (o->max_files && !o->max_bytes && !o->period)
		why = "-W is for -C or -G";
	else if (o->stop_seconds && (o->read || o->read_list))
		why = "-a duration is for capturing";
	if (why)
		say("%s", why);
	return !why;
}

static int bad_usage(void)
{
	fputs("rxedump --help lists the options\n", stderr);
	return 1;
}

/* What a file says replaces what the command line says. */
static bool take_expression(struct options *o, int argc, char **argv)
{
	if (o->expression_file)
		o->expression = expression_read(o->expression_file);
	for (; !o->expression_file && optind < argc; optind++)
		if (!append(&o->expression, argv[optind], ""))
			return false;
	if (!o->expression)
		return !o->expression_file;
	return append(&o->filter_text, o->expression, "");
}

static bool one_option(struct options *o, int opt)
{
	switch (opt) {
	case 'a':
		return set_stop(o, optarg);
	case 'C':
		return set_max_bytes(o, optarg);
	case 'y':
		return set_linktype(o, optarg);
	case 'Q':
		return set_direction(o, optarg);
	case 'c': case 's': case 'B': case 'G': case 'W': case OPT_STAT:
		return number_option(o, opt);
	case OPT_QP: case OPT_OPCODE: case OPT_PSN: case OPT_HOST:
	case OPT_SIZE:
		return filter_option(o, opt);
	default:
		return simple_option(o, opt);
	}
}

/**
 * options_parse() - Read the command line
 * @o: is filled
 * @argc: of main()
 * @argv: of main()
 *
 * Return: -1 to go on, else the status to exit with.
 */
int options_parse(struct options *o, int argc, char **argv)
{
	const char *netns = NULL;
	unsigned int nr_t = 0;
	int opt;
	bool ok;

	*o = (struct options){
		.in = true, .out = true,
		.snaplen = MAX_FRAME, .ring_kib = DEFAULT_RING, .linktype = -1,
	};
	while ((opt = getopt_long(argc, argv, SHORT_OPTIONS,
				  long_options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			fputs(usage, stdout);
			return 0;
		case OPT_VERSION:
			puts("rxedump " VERSION);
			return 0;
		case 'i':
			ok = add_iface(o, optarg, netns);
			break;
		case OPT_NETNS:
			netns = optarg;
			ok = true;
			break;
		case 't':
			nr_t++;
			ok = true;
			break;
		default:
			ok = one_option(o, opt);
		}
		if (!ok)
			return bad_usage();
	}
	if (!take_expression(o, argc, argv))
		return 1;
	if (o->write && writer_is_stdout(o->write))
		o->write = "-";
	if (!set_time_style(o, nr_t) || !consistent(o))
		return bad_usage();
	return -1;
}

void options_free(struct options *o)
{
	free(o->filter_text);
	free(o->expression);
}
