// SPDX-License-Identifier: GPL-2.0
/*
 * A compressed capture as a stream of what is in it: gzip by zlib. Of others we
 * know the command to pipe them through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "frame.h"
#include "unpack.h"

#define GZIP_ONLY	(16 + MAX_WBITS)

struct unpack {
	FILE *packed;
	z_stream z;
	bool started, within;		/* a member of the file */
	bool damaged;			/* behind what was read */
	const char *err;
	unsigned char in[1 << 14];
};

static const struct {
	unsigned char magic[2];
	const char *command;
} others[] = {
	{ "\x1f\x9d", "zcat" },
	{ "\x28\xb5", "zstdcat" },
	{ "\x42\x5a", "bzcat" },
	{ "\x04\x22", "lz4cat" },
	{ "\xfd\x37", "xzcat" },
};

const char *unpack_command(const unsigned char magic[2])
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!memcmp(others[i].magic, magic, 2))
			return others[i].command;
	return NULL;
}

bool unpack_is_gzip(const unsigned char magic[2])
{
	return magic[0] == 0x1f && magic[1] == 0x8b;
}

static ssize_t failed(struct unpack *u, const char *why)
{
	u->err = why;
	errno = EIO;
	return -1;
}

/* More of the file, unless there is some: 1, 0 at its end, -1. */
static int more(struct unpack *u)
{
	if (u->z.avail_in)
		return 1;
	u->z.next_in = u->in;
	u->z.avail_in = fread(u->in, 1, sizeof(u->in), u->packed);
	if (u->z.avail_in)
		return 1;
	return ferror(u->packed) ? failed(u, "cannot be read") : 0;
}

/* As gzip does it: behind a member another one may follow, and what is no member
 * is ignored.
 */
static int next_member(struct unpack *u)
{
	int ret = more(u);

	if (ret <= 0)
		return ret;
	if (u->started && u->z.next_in[0] != 0x1f)
		return 0;
	if (inflateReset(&u->z) != Z_OK)
		return failed(u, "no memory");
	u->started = true;
	u->within = true;
	return 1;
}

static ssize_t unpack_read(void *cookie, char *buf, size_t size)
{
	struct unpack *u = cookie;
	int ret;

	u->z.next_out = (unsigned char *)buf;
	u->z.avail_out = size;
	while (u->z.avail_out == size) {
		if (u->damaged)
			return failed(u, "the compressed file is damaged");
		if (!u->within) {
			ret = next_member(u);
			if (ret <= 0)
				return ret;
		}
		ret = more(u);
		if (ret <= 0)
			return ret ? ret : failed(u,
				"the compressed file ends too early");
		ret = inflate(&u->z, Z_NO_FLUSH);
		if (ret == Z_STREAM_END)
			u->within = false;
		else if (ret != Z_OK)
			u->damaged = true;
	}
	return size - u->z.avail_out;
}

static int unpack_close(void *cookie)
{
	struct unpack *u = cookie;
	int ret = fclose(u->packed);

	inflateEnd(&u->z);
	free(u);
	return ret;
}

FILE *unpack_open(FILE *packed, struct unpack **u)
{
	static const cookie_io_functions_t functions = {
		.read = unpack_read, .close = unpack_close,
	};
	FILE *file;

	*u = calloc(1, sizeof(**u));
	if (!*u)
		return NULL;
	(*u)->packed = packed;
	if (inflateInit2(&(*u)->z, GZIP_ONLY) != Z_OK)
		goto err_free;
	file = fopencookie(*u, "r", functions);
	if (file)
		return file;
	inflateEnd(&(*u)->z);

err_free:
	free(*u);
	*u = NULL;
	return NULL;
}

const char *unpack_error(const struct unpack *u)
{
	return u ? u->err : NULL;
}
