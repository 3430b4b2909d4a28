// SPDX-License-Identifier: GPL-2.0
/*
 * One file after the other. Names and numbers are tcpdump's.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "rotate.h"
#include "say.h"

/* So many that names sort as their numbers do; 0: no limit, and no zeros. */
static int digits(unsigned int files)
{
	int n = 0;

	if (files)
		for (files--; files; files /= 10)
			n++;
	return n;
}

/* false after saying why */
static bool make_name(struct rotation *r)
{
	const struct options *o = r->o;
	int width = o->max_bytes ? digits(o->max_files) : 0;
	char base[PATH_MAX];
	struct tm tm;
	int len;

	if (!o->period)
		len = snprintf(base, sizeof(base), "%s", o->write);
	else if (localtime_r(&r->since, &tm))
		len = strftime(base, sizeof(base), o->write, &tm);
	else
		len = 0;
	if (len <= 0 || (size_t)len >= sizeof(base))
		goto err;
	if (r->nr || width)
		len = snprintf(r->name, sizeof(r->name), "%s%0*u", base, width,
			       r->nr);
	else
		len = snprintf(r->name, sizeof(r->name), "%s", base);
	if ((size_t)len < sizeof(r->name))
		return true;
err:
	say("-w %s: no name of a file", o->write);
	return false;
}

static bool is_input(const struct rotation *r)
{
	struct stat a, b;

	return r->input && !fstat(fileno(r->input), &a) && S_ISREG(a.st_mode) &&
	       !stat(r->name, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static struct writer *open_file(struct rotation *r)
{
	const struct options *o = r->o;

	if (!make_name(r))
		return NULL;
	if (is_input(r)) {
		say("%s: -r and -w are the same file", r->name);
		return NULL;
	}
	return writer_open(r->name, o->classic, o->comment, o->filter_text);
}

struct writer *rotation_first(struct rotation *r, const struct options *o)
{
	r->o = o;
	r->since = time(NULL);
	return open_file(r);
}

struct writer *rotation_next(struct rotation *r)
{
	return open_file(r);
}

/**
 * rotation_due() - Is it another file's turn?
 * @r: the rotation
 * @w: what is being written
 *
 * Return: ROTATE_NEXT if @w is to be closed and rotation_next() to be called,
 * ROTATE_END if that was the last file.
 */
enum rotate rotation_due(struct rotation *r, const struct writer *w)
{
	const struct options *o = r->o;
	time_t now;

	if (o->period) {
		now = time(NULL);
		if (now - r->since >= o->period) {
			if (++r->periods == o->max_files && !o->max_bytes)
				return ROTATE_END;
			r->since = now;
			r->nr = 0;
			return ROTATE_NEXT;
		}
	}
	if (!o->max_bytes || writer_size(w) <= o->max_bytes)
		return ROTATE_NOT;
	r->nr++;
	/* the oldest one is written anew */
	if (r->nr == o->max_files && !o->period)
		r->nr = 0;
	return ROTATE_NEXT;
}

bool rotation_is_over(const struct rotation *r)
{
	const struct options *o = r->o;

	return o->period && o->max_files && !o->max_bytes &&
	       r->periods + 1 == o->max_files &&
	       time(NULL) - r->since >= o->period;
}

bool rotation_is_full(const struct rotation *r, const struct writer *w)
{
	return r->o->stop_bytes && writer_size(w) >= r->o->stop_bytes;
}
