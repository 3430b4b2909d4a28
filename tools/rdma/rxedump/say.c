// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include "say.h"

bool say_errors_only;

static void vsay(const char *fmt, va_list args)
{
	fputs("rxedump: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}

void note(const char *fmt, ...)
{
	va_list args;

	if (say_errors_only)
		return;
	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}
