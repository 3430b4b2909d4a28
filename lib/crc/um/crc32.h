/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC32 functions of UML: the host's CPU is ours, and so is its [V]PCLMULQDQ.
 * The signal frame of the host saves all registers of what is interrupted, and
 * nothing in here sleeps: nothing has to be saved.
 */
#include <asm/cpufeatures.h>
#include <linux/jump_label.h>
#include "../x86/crc-pclmul-consts.h"

static __ro_after_init DEFINE_STATIC_KEY_FALSE(have_pclmulqdq);
static __ro_after_init DEFINE_STATIC_KEY_FALSE(have_vpclmulqdq);

/* @len is at least 16 */
asmlinkage u32 crc32_lsb_pclmul_sse(u32 crc, const u8 *p, size_t len,
				    const void *consts_ptr);
asmlinkage u32 crc32_lsb_vpclmul_avx2(u32 crc, const u8 *p, size_t len,
				      const void *consts_ptr);

static inline u32 crc32_le_arch(u32 crc, const u8 *p, size_t len)
{
	const void *consts =
		crc32_lsb_0xedb88320_consts.fold_across_128_bits_consts;

	if (len < 16 || !static_branch_likely(&have_pclmulqdq))
		return crc32_le_base(crc, p, len);
	if (static_branch_likely(&have_vpclmulqdq))
		return crc32_lsb_vpclmul_avx2(crc, p, len, consts);
	return crc32_lsb_pclmul_sse(crc, p, len, consts);
}

#define crc32_be_arch	crc32_be_base
#define crc32c_arch	crc32c_base

#define crc32_mod_init_arch crc32_mod_init_arch
static void crc32_mod_init_arch(void)
{
	if (!boot_cpu_has(X86_FEATURE_PCLMULQDQ))
		return;
	static_branch_enable(&have_pclmulqdq);
	if (boot_cpu_has(X86_FEATURE_VPCLMULQDQ) &&
	    boot_cpu_has(X86_FEATURE_AVX2))
		static_branch_enable(&have_vpclmulqdq);
}

static inline u32 crc32_optimizations_arch(void)
{
	return static_key_enabled(&have_pclmulqdq) ? CRC32_LE_OPTIMIZATION : 0;
}
