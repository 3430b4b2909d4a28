// SPDX-License-Identifier: GPL-2.0
/*
 * What a file says in options of its blocks stays true of a copy: comments,
 * names, filters, flags. They are copied as they are, but for the byte order of
 * numbers: a copy has this machine's.
 */
#include <string.h>
#include "keep.h"
#include "pcapng.h"

/* Custom options that are not to be copied when a file is changed */
#define CUSTOM_TEXT_PRIVATE	19372
#define CUSTOM_BYTES_PRIVATE	19373

#define LAST_IDB_OPTION		17
#define LAST_EPB_OPTION		7

int file_option_next(const struct file_options *o, uint32_t *at,
		     struct file_option *option)
{
	uint32_t left = o->len - *at;
	const uint8_t *p;

	if (left < 4)
		return 0;
	p = o->data + *at;
	memcpy(&option->code, p, 2);
	memcpy(&option->len, p + 2, 2);
	if (o->swapped) {
		option->code = __builtin_bswap16(option->code);
		option->len = __builtin_bswap16(option->len);
	}
	if (!option->code)
		return 0;
	if (left - 4 < option->len)
		return -1;
	option->value = p + 4;
	*at += 4 + ((option->len + 3u) & ~3u);
	/* the padding of the last one may be missing */
	if (*at > o->len)
		*at = o->len;
	return 1;
}

bool file_option_find(const struct file_options *o, uint16_t code,
		      struct file_option *option)
{
	uint32_t at = 0;

	while (file_option_next(o, &at, option) > 0)
		if (option->code == code)
			return true;
	return false;
}

bool file_has_comment(const struct file_options *o, const char *text)
{
	struct file_option option;
	uint32_t at = 0;

	while (file_option_next(o, &at, &option) > 0)
		if (option.code == PCAPNG_OPT_COMMENT &&
		    option.len == strlen(text) &&
		    !memcmp(option.value, text, option.len))
			return true;
	return false;
}

/* How many bytes of a value make a number; 0: it is no number. */
static unsigned int number_size(uint32_t block, unsigned int code)
{
	static const uint8_t iface[LAST_IDB_OPTION + 1] = {
		[8] = 8, [10] = 4, [16] = 8, [17] = 8,
	};
	static const uint8_t packet[LAST_EPB_OPTION + 1] = {
		[4] = 8, [5] = 8, [6] = 4,
	};

	if (block == PCAPNG_IDB && code <= LAST_IDB_OPTION)
		return iface[code];
	if (block == PCAPNG_EPB && code <= LAST_EPB_OPTION)
		return packet[code];
	return 0;
}

/* Of one that nobody knows, numbers cannot be turned round. */
static bool is_known(uint32_t block, unsigned int code)
{
	switch (block) {
	case PCAPNG_IDB:
		return code <= LAST_IDB_OPTION;
	case PCAPNG_EPB:
		return code <= LAST_EPB_OPTION;
	default:
		return code <= PCAPNG_SHB_USERAPPL;
	}
}

static bool is_kept(const struct kept *k, const struct file_option *option)
{
	if (option->code < 32 && k->without >> option->code & 1)
		return false;
	if (option->code == CUSTOM_TEXT_PRIVATE ||
	    option->code == CUSTOM_BYTES_PRIVATE)
		return false;
	return !k->from->swapped || is_known(k->block, option->code);
}

size_t kept_len(const struct kept *k)
{
	struct file_option option;
	uint32_t at = 0;
	size_t len = 0;

	while (k->from && file_option_next(k->from, &at, &option) > 0)
		if (is_kept(k, &option))
			len += 4 + ((option.len + 3u) & ~3u);
	return len;
}

static int put_value(const struct kept *k, const struct file_option *option,
		     FILE *out)
{
	unsigned int size = number_size(k->block, option->code), i;
	static const uint8_t zeros[4];
	size_t pad = -option->len & 3;

	if (k->from->swapped && size && option->len == size) {
		for (i = size; i; i--)
			if (putc_unlocked(option->value[i - 1], out) == EOF)
				return -1;
		return 0;
	}
	if (option->len &&
	    fwrite_unlocked(option->value, option->len, 1, out) != 1)
		return -1;
	return pad && fwrite_unlocked(zeros, pad, 1, out) != 1 ? -1 : 0;
}

int kept_put(const struct kept *k, FILE *out)
{
	struct file_option option;
	uint32_t at = 0;

	while (k->from && file_option_next(k->from, &at, &option) > 0) {
		if (!is_kept(k, &option))
			continue;
		if (fwrite_unlocked(&option.code, 2, 1, out) != 1 ||
		    fwrite_unlocked(&option.len, 2, 1, out) != 1 ||
		    put_value(k, &option, out))
			return -1;
	}
	return 0;
}
