// SPDX-License-Identifier: GPL-2.0
/*
 * Before and after the line of a packet: -#, -ttt, -ttttt, -x, -X, -A.
 */
#include <ctype.h>
#include <inttypes.h>
#include "show.h"

static void print_since(FILE *out, int64_t ns, int64_t since)
{
	bool before = ns < since;
	uint64_t diff = before ? since - ns : ns - since;
	uint64_t sec = diff / 1000000000;

	fprintf(out, "%s%02" PRIu64 ":%02u:%02u.%09u ", before ? "-" : "",
		sec / 3600, (unsigned int)(sec / 60 % 60),
		(unsigned int)(sec % 60), (unsigned int)(diff % 1000000000));
}

/**
 * show_before() - Print what stands before the line of a packet
 * @show: of all packets
 * @out: where to
 * @frame: the frame
 * @opts: how the user wants it
 */
void show_before(struct show *show, FILE *out, const struct frame *frame,
		 const struct print_opts *opts)
{
	if (!show->nr++) {
		show->first_ns = frame->ns;
		show->last_ns = frame->ns;
	}
	if (opts->number)
		fprintf(out, "%5" PRIu64 "  ", show->nr);
	if (frame->untimed && (opts->since_last || opts->since_first))
		fputs("- ", out);
	else if (opts->since_last)
		print_since(out, frame->ns, show->last_ns);
	else if (opts->since_first)
		print_since(out, frame->ns, show->first_ns);
	show->last_ns = frame->ns;
}

/* Line ends and tabs as they are, as tcpdump has it. */
static void print_ascii(FILE *out, const uint8_t *p, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		fputc(p[i] == '\n' || p[i] == '\t' ||
		      (isascii(p[i]) && isprint(p[i])) ? p[i] : '.', out);
	fputc('\n', out);
}

/* Without the link header, but with all of a tunnel; or from the first byte on. */
static uint32_t begin(const struct frame *frame, const struct roce_pkt *pkt,
		      unsigned int times)
{
	const uint8_t *ip = pkt->has_ip ? pkt->ip : NULL;
	unsigned int i;

	for (i = pkt->nr_tunnels; i > 0; i--)
		if (pkt->tunnels[i - 1].ip_version)
			ip = pkt->tunnels[i - 1].ip;
	return times > 1 || !ip ? 0 : ip - frame->data;
}

/**
 * show_after() - Print the bytes of a packet
 * @out: where to
 * @frame: the frame
 * @pkt: the same, decoded
 * @opts: how the user wants it
 */
void show_after(FILE *out, const struct frame *frame,
		const struct roce_pkt *pkt, const struct print_opts *opts)
{
	unsigned int hex = opts->hex_ascii ? opts->hex_ascii : opts->hex;
	uint32_t at;

	if (opts->ascii) {
		at = begin(frame, pkt, opts->ascii);
		print_ascii(out, frame->data + at, frame->caplen - at);
	} else if (hex) {
		at = begin(frame, pkt, hex);
		print_hex(out, frame->data + at, frame->caplen - at,
			  opts->hex_ascii);
	}
}
