/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the fuzzers: a generator of random numbers that a seed determines,
 * so that a run can be repeated.
 */
#ifndef RXE_FUZZ_H
#define RXE_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct rng {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t rng_next(struct rng *r)
{
	r->state += 0x9e3779b97f4a7c15ull;
	return rng_mix(r->state);
}

/* 0 .. n - 1 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return n ? (rng_next(r) >> 32) % n : 0;
}

static inline bool one_of(struct rng *r, uint32_t n)
{
	return !rng_below(r, n);
}

/* the seed of part number @n of what has the seed @seed */
static inline uint64_t sub_seed(uint64_t seed, uint64_t n)
{
	return rng_mix(seed + rng_mix(n + 1));
}

/* Small numbers, limits and their neighbours, and anything else. */
static inline uint32_t odd_u32(struct rng *r)
{
	static const uint32_t odd[] = {
		0, 1, 2, 31, 32, 33, 0xff, 0x100, 0xfff, 0x1000, 0xffff,
		0x10000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000,
		0x80000001, 0xfffff000, 0xfffffffe, 0xffffffff,
	};

	return one_of(r, 3) ? rng_next(r) : odd[rng_below(r, ARRAY_SIZE(odd))];
}

static inline uint64_t odd_u64(struct rng *r)
{
	switch (rng_below(r, 4)) {
	case 0:
		return odd_u32(r);
	case 1:
		return -(uint64_t)odd_u32(r);
	case 2:
		return (uint64_t)odd_u32(r) << 32;
	default:
		return rng_next(r);
	}
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

#define die(fmt, ...) do {						\
	fflush(stdout);							\
	fprintf(stderr, "%s: " fmt "\n", program_invocation_short_name,	\
		##__VA_ARGS__);						\
	exit(1);							\
} while (0)

#define die_errno(fmt, ...) die(fmt ": %s", ##__VA_ARGS__, strerror(errno))

#endif /* RXE_FUZZ_H */
