/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC32 functions of UML: the host's CPU is ours, and so is its PCLMULQDQ. Who
 * is interrupted has all registers saved in the signal frame, and nobody sleeps
 * in here: nothing has to be saved.
 */
#include <asm/cpufeatures.h>
#include <linux/jump_label.h>
#include "../x86/crc-pclmul-consts.h"

static __ro_after_init DEFINE_STATIC_KEY_FALSE(have_pclmulqdq);

/* @len is at least 16 */
asmlinkage u32 crc32_lsb_pclmul_sse(u32 crc, const u8 *p, size_t len,
				    const void *consts_ptr);

static inline u32 crc32_le_arch(u32 crc, const u8 *p, size_t len)
{
	if (len >= 16 && static_branch_likely(&have_pclmulqdq))
		return crc32_lsb_pclmul_sse(crc, p, len,
				crc32_lsb_0xedb88320_consts.fold_across_128_bits_consts);
	return crc32_le_base(crc, p, len);
}

#define crc32_be_arch	crc32_be_base
#define crc32c_arch	crc32c_base

#define crc32_mod_init_arch crc32_mod_init_arch
static void crc32_mod_init_arch(void)
{
	if (boot_cpu_has(X86_FEATURE_PCLMULQDQ))
		static_branch_enable(&have_pclmulqdq);
}

static inline u32 crc32_optimizations_arch(void)
{
	return static_key_enabled(&have_pclmulqdq) ? CRC32_LE_OPTIMIZATION : 0;
}
