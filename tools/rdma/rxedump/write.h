/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_WRITE_H
#define RXEDUMP_WRITE_H

#include "pcapng.h"

struct writer;

bool writer_is_stdout(const char *path);
struct writer *writer_open(const char *path, bool classic, const char *comment,
			   const char *filter);
int writer_section(struct writer *w, const struct file_options *from);
bool writer_is_empty(const struct writer *w);
int writer_iface(struct writer *w, unsigned int id, const struct iface *iface);
int writer_frame(struct writer *w, const struct frame *frame,
		 const char *comment);
int writer_stats(struct writer *w, unsigned int id,
		 const struct pcapng_stats *stats);
int writer_flush(struct writer *w);
int writer_close(struct writer *w);
/* of the file; 0: not known, of a pipe */
uint64_t writer_size(const struct writer *w);
bool writer_broken_pipe(const struct writer *w);

#endif
