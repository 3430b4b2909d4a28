// SPDX-License-Identifier: GPL-2.0
/*
 * Wireshark's interface to capture programs, extcap(4): it asks what there is
 * and how to set it, then starts us with a pipe to write to.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "capture.h"
#include "extcap.h"
#include "say.h"

#define PREFIX	"rxedump-"

enum {
	EXT_INTERFACES = 256, EXT_INTERFACE, EXT_DLTS, EXT_CONFIG, EXT_CAPTURE,
	EXT_FIFO, EXT_FILTER, EXT_VERSION, EXT_QP, EXT_OPCODE, EXT_SNAPLEN,
	EXT_HEADERS,
};

static const struct option extcap_options[] = {
	{ "extcap-interfaces", no_argument, NULL, EXT_INTERFACES },
	{ "extcap-interface", required_argument, NULL, EXT_INTERFACE },
	{ "extcap-dlts", no_argument, NULL, EXT_DLTS },
	{ "extcap-config", no_argument, NULL, EXT_CONFIG },
	{ "extcap-capture-filter", required_argument, NULL, EXT_FILTER },
	{ "extcap-version", optional_argument, NULL, EXT_VERSION },
	{ "capture", no_argument, NULL, EXT_CAPTURE },
	{ "fifo", required_argument, NULL, EXT_FIFO },
	{ "qp", required_argument, NULL, EXT_QP },
	{ "opcode", required_argument, NULL, EXT_OPCODE },
	{ "snaplen", required_argument, NULL, EXT_SNAPLEN },
	{ "headers-only", no_argument, NULL, EXT_HEADERS },
	{}
};

/**
 * extcap_wanted() - Was it Wireshark that started us?
 * @argc: of main()
 * @argv: of main()
 *
 * Return: true if so.
 */
bool extcap_wanted(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--extcap-", 9))
			return true;
	return false;
}

static void print_interface(unsigned int ifindex, const char *name)
{
	(void)ifindex;
	printf("interface {value=" PREFIX "%s}{display=RXE: %s}\n", name, name);
}

static int list_interfaces(void)
{
	puts("extcap {version=1.0}{help=man:rxedump(8)}");
	puts("interface {value=" PREFIX "any}{display=RXE: all interfaces}");
	capture_each(print_interface);
	return 0;
}

static int list_dlts(void)
{
	puts("dlt {number=1}{name=EN10MB}{display=Ethernet}");
	return 0;
}

static int list_config(void)
{
	puts("arg {number=0}{call=--qp}{type=string}"
	     "{display=Destination QPs}{tooltip=commas between them}");
	puts("arg {number=1}{call=--opcode}{type=string}"
	     "{display=Opcodes}{tooltip=names or classes, commas between them}");
	puts("arg {number=2}{call=--snaplen}{type=unsigned}{default=0}"
	     "{display=Bytes of a frame}{tooltip=0: all}");
	puts("arg {number=3}{call=--headers-only}{type=boolflag}"
	     "{default=false}{display=Headers only}");
	return 0;
}

static bool set_iface(struct options *o, const char *name)
{
	if (strncmp(name, PREFIX, strlen(PREFIX))) {
		say("--extcap-interface %s: not of ours", name);
		return false;
	}
	o->ifaces[0].name = name + strlen(PREFIX);
	o->nr_ifaces = 1;
	return true;
}

static bool set_expression(struct options *o, const char *text)
{
	free(o->expression);
	o->expression = *text ? strdup(text) : NULL;
	return true;
}

/* Wireshark shows what comes on standard output. */
static int check_filter(const char *text)
{
	struct expression *e;

	if (!text)
		return 0;
	fflush(stdout);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	e = expression_compile(text);
	expression_free(e);
	return !e;
}

static bool set_snaplen(struct options *o, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value > MAX_FRAME) {
		say("--snaplen %s: not a number up to %d", text, MAX_FRAME);
		return false;
	}
	o->snaplen = value ? value : MAX_FRAME;
	return true;
}

/**
 * extcap_main() - Answer Wireshark, or prepare to capture for it
 * @o: is filled for a capture
 * @argc: of main()
 * @argv: of main()
 *
 * Return: -1 to capture, else the status to exit with.
 */
int extcap_main(struct options *o, int argc, char **argv)
{
	bool capture = false, filter = false, ok = true;
	int opt, what = 0;

	*o = (struct options){
		.in = true, .out = true,
		.snaplen = MAX_FRAME, .ring_kib = 16 * 1024, .linktype = -1,
	};
	while (ok && (opt = getopt_long(argc, argv, "", extcap_options,
					NULL)) != -1) {
		switch (opt) {
		case EXT_INTERFACES:
		case EXT_DLTS:
		case EXT_CONFIG:
			what = opt;
			break;
		case EXT_INTERFACE:
			ok = set_iface(o, optarg);
			break;
		case EXT_CAPTURE:
			capture = true;
			break;
		case EXT_FIFO:
			o->write = optarg;
			break;
		case EXT_FILTER:
			filter = true;
			ok = set_expression(o, optarg);
			break;
		case EXT_QP:
			ok = filter_add_qps(&o->filter, optarg);
			break;
		case EXT_OPCODE:
			ok = filter_add_opcodes(&o->filter, optarg);
			break;
		case EXT_SNAPLEN:
			ok = set_snaplen(o, optarg);
			break;
		case EXT_HEADERS:
			o->headers_only = true;
			break;
		case EXT_VERSION:
			break;
		default:
			ok = false;
		}
	}
	if (!ok)
		return 1;
	if (what == EXT_INTERFACES)
		return list_interfaces();
	if (!o->nr_ifaces) {
		say("--extcap-interface is missing");
		return 1;
	}
	if (what)
		return what == EXT_DLTS ? list_dlts() : list_config();
	if (capture && o->write) {
		say_errors_only = true;
		return -1;
	}
	/* as the user types: silence says that it is right */
	if (!capture && filter)
		return check_filter(o->expression);
	say("--capture and --fifo are missing");
	return 1;
}
