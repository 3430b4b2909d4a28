/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_READ_H
#define RXEDUMP_READ_H

#include <stdio.h>
#include "frame.h"

struct pcapng_stats;
struct reader;

struct reader *reader_open(FILE *file, char *err, size_t size);
/* 1: a frame, valid until the next call; 0: the end; -1: reader_error() */
int reader_next(struct reader *r, struct frame *frame);
const char *reader_error(const struct reader *r);
/* frames that the file says were lost */
uint64_t reader_dropped(const struct reader *r);
/* frames of which more is there than they say they had */
uint64_t reader_liars(const struct reader *r);
/* Interface number @id, NULL if there is none (yet), and what became of its
 * frames, NULL if the file does not say. Valid until reader_next().
 */
const struct iface *reader_iface(const struct reader *r, unsigned int id,
				 const struct pcapng_stats **stats);
/* How many sections began, 0: none yet. The last one's options go to @options,
 * which may be NULL, and the number of its first interface to @first.
 */
unsigned int reader_section(const struct reader *r,
			    const struct file_options **options,
			    unsigned int *first);
void reader_close(struct reader *r);

/* pcapng_read.c */
struct pcapng_reader;

struct pcapng_reader *pcapng_open(FILE *file);
int pcapng_next(struct pcapng_reader *r, struct frame *frame);
const char *pcapng_error(const struct pcapng_reader *r);
uint64_t pcapng_dropped(const struct pcapng_reader *r);
const struct iface *pcapng_iface(const struct pcapng_reader *r, unsigned int id,
				 const struct pcapng_stats **stats);
unsigned int pcapng_section_nr(const struct pcapng_reader *r,
			       const struct file_options **options,
			       unsigned int *first);
void pcapng_close(struct pcapng_reader *r);

#endif
