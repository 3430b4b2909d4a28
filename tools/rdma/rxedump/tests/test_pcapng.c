// SPDX-License-Identifier: GPL-2.0
/*
 * The pcapng writer, byte by byte as the format wants it, and back through the
 * reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pcapng.h"
#include "read.h"

static unsigned int nr, failures;
static char *out;
static size_t out_len;
static FILE *file;

static void begin(void)
{
	file = open_memstream(&out, &out_len);
	if (!file)
		exit(1);
}

static void end(void)
{
	fclose(file);
}

static void result(bool ok, const char *name)
{
	printf("%sok %u %s\n", ok ? "" : "not ", ++nr, name);
	failures += !ok;
}

static bool is(const void *want, size_t len)
{
	size_t i;

	if (out_len == len && !memcmp(out, want, len))
		return true;
	printf("# %zu bytes, not %zu:", out_len, len);
	for (i = 0; i < out_len; i++)
		printf(" %02x", (uint8_t)out[i]);
	putchar('\n');
	return false;
}

static const struct iface nk0 = {
	.name = "nk0", .linktype = LINKTYPE_ETHERNET, .snaplen = 262144,
};

static const struct iface tun = {
	.name = "tun@red", .linktype = LINKTYPE_RAW, .snaplen = 64,
};

static void test_section(void)
{
	static const uint8_t want[] =
		"\x0a\x0d\x0d\x0a" "\x28\x00\x00\x00" "\x4d\x3c\x2b\x1a"
		"\x01\x00\x00\x00" "\xff\xff\xff\xff\xff\xff\xff\xff"
		"\x04\x00\x03\x00" "app\0" "\0\0\0\0" "\x28\x00\x00\x00";

	begin();
	pcapng_section(file, NULL, "", "app", NULL, NULL);
	end();
	result(is(want, sizeof(want) - 1), "a section header");
}

static void test_interface(void)
{
	static const uint8_t want[] =
		"\x01\x00\x00\x00" "\x34\x00\x00\x00" "\x01\x00\x00\x00"
		"\x00\x00\x04\x00"			/* all 32 bits */
		"\x02\x00\x03\x00" "nk0\0"
		"\x09\x00\x01\x00" "\x09\0\0\0"
		"\x0b\x00\x07\x00" "\0--qp 1\0"
		"\0\0\0\0" "\x34\x00\x00\x00";

	begin();
	pcapng_interface(file, &nk0, "--qp 1");
	end();
	result(is(want, sizeof(want) - 1), "an interface with a filter");
}

static void test_packet(void)
{
	static const uint8_t want[] =
		"\x06\x00\x00\x00" "\x34\x00\x00\x00" "\x02\x00\x00\x00"
		"\x04\x03\x02\x01" "\x08\x07\x06\x05"	/* high, low */
		"\x05\x00\x00\x00" "\x00\x00\x01\x00"
		"abcde\0\0\0"
		"\x02\x00\x04\x00" "\x02\x00\x00\x00"
		"\0\0\0\0" "\x34\x00\x00\x00";
	struct frame frame = {
		.iface = &nk0, .dir = DIR_OUT, .ns = 0x0102030405060708,
		.len = 65536, .caplen = 5, .data = (const uint8_t *)"abcde",
	};

	begin();
	pcapng_packet(file, 2, &frame, NULL);
	end();
	result(is(want, sizeof(want) - 1), "a packet that was cut");
	begin();
	frame.dir = DIR_UNKNOWN;
	frame.caplen = 0;
	pcapng_packet(file, 2, &frame, NULL);
	end();
	result(out_len == 32, "an empty packet has no options");
}

static void test_statistics(void)
{
	static const uint8_t want[] =
		"\x05\x00\x00\x00" "\x6c\x00\x00\x00" "\x00\x00\x00\x00"
		"\x01\x00\x00\x00" "\x02\x00\x00\x00"
		"\x02\x00\x08\x00" "\x01\0\0\0\x01\0\0\0"
		"\x03\x00\x08\x00" "\x01\0\0\0\x02\0\0\0"
		"\x04\x00\x08\x00" "\x0a\0\0\0\0\0\0\0"
		"\x06\x00\x08\x00" "\x09\0\0\0\0\0\0\0"
		"\x07\x00\x08\x00" "\x02\0\0\0\0\0\0\0"
		"\x08\x00\x08\x00" "\x07\0\0\0\0\0\0\0"
		"\x01\x00\x01\x00" "x\0\0\0"
		"\0\0\0\0" "\x6c\x00\x00\x00";
	struct pcapng_stats stats = {
		.ns = 0x100000002,
		.start_ns = 0x100000001, .end_ns = 0x100000002,
		.absent = 1 << PCAPNG_ISB_IFDROP,
		.received = 10, .accepted = 9, .dropped = 2, .delivered = 7,
		.comment = "x",
	};

	begin();
	pcapng_statistics(file, 0, &stats);
	end();
	result(is(want, sizeof(want) - 1), "statistics with a comment");
}

static bool same(const struct frame *got, const struct frame *want)
{
	return got->ns == want->ns && got->len == want->len &&
	       got->caplen == want->caplen && got->dir == want->dir &&
	       got->iface->linktype == want->iface->linktype &&
	       !strcmp(got->iface->name, want->iface->name) &&
	       !memcmp(got->data, want->data, want->caplen);
}

static void test_round_trip(void)
{
	static uint8_t data[MAX_FRAME];
	struct frame want[] = {
		{ .iface = &nk0, .dir = DIR_IN, .ns = 1, .len = 1, .caplen = 1,
		  .data = data },
		{ .iface = &tun, .dir = DIR_UNKNOWN, .ns = 1ull << 60,
		  .len = UINT32_MAX, .caplen = 7, .data = data + 1 },
		{ .iface = &nk0, .dir = DIR_OUT, .ns = 2, .len = MAX_FRAME,
		  .caplen = MAX_FRAME, .data = data },
	};
	const struct pcapng_stats stats = {
		.ns = 7ll << 60, .start_ns = 1, .received = 1ull << 40,
		.missed = 5, .dropped = 7,
		.absent = 1 << PCAPNG_ISB_ENDTIME | 1 << PCAPNG_ISB_USRDELIV,
		.comment = "said",
	}, *read;
	struct frame got;
	struct reader *r;
	unsigned int i;
	bool ok = true;
	char err[256];
	char *again;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + (i >> 8);
	begin();
	pcapng_section(file, "x86_64", "Linux", "test", "a comment",
		       NULL);
	pcapng_interface(file, &nk0, NULL);
	pcapng_interface(file, &tun, NULL);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		pcapng_packet(file, want[i].iface == &tun, &want[i], "said");
	pcapng_statistics(file, 1, &stats);
	end();
	r = reader_open(fmemopen(out, out_len, "r"), err, sizeof(err));
	for (i = 0; r && i < ARRAY_SIZE(want); i++)
		ok &= reader_next(r, &got) == 1 && same(&got, &want[i]);
	ok = ok && r && !reader_next(r, &got);
	result(ok, "what is written is read");
	result(r && reader_dropped(r) == 12, "drops in the file are read");
	ok = r && reader_iface(r, 0, &read) && !read &&
	     reader_iface(r, 1, &read) && read && !strcmp(read->comment, "said");
	begin();
	if (ok)
		pcapng_statistics(file, 1, read);
	end();
	again = out;
	begin();
	pcapng_statistics(file, 1, &stats);
	end();
	result(ok && !memcmp(again, out, out_len),
	       "statistics are read as they were written");
	result(r && !reader_iface(r, 2, &read), "there is no other interface");
	if (r)
		reader_close(r);
}

/* A stream that is full: the writer says so. */
static void test_full(void)
{
	FILE *full = fopen("/dev/full", "w");
	bool ok = full;

	if (full) {
		setvbuf(full, NULL, _IONBF, 0);
		ok = pcapng_section(full, NULL, NULL, "app", NULL, NULL) < 0;
		fclose(full);
	}
	result(ok, "a failed write is an error");
}

int main(void)
{
	test_section();
	test_interface();
	test_packet();
	test_statistics();
	test_round_trip();
	test_full();
	printf("1..%u\n", nr);
	return failures != 0;
}
