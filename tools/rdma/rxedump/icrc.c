// SPDX-License-Identifier: GPL-2.0
/*
 * The invariant CRC of RoCE v2 (InfiniBand architecture, annex 17): CRC-32
 * from eight bytes of ones, which stand for a local routing header, to the end
 * of the payload. What routers may change counts as ones.
 */
#include <libdeflate.h>
#include <string.h>
#include "roce.h"

/**
 * roce_icrc() - Compute the ICRC of a packet
 * @ip: from the IP header on
 * @len: up to before the ICRC; has a whole BTH
 * @version: of IP
 * @udp_offset: where the UDP header is
 *
 * Return: the ICRC as the four bytes of a packet read as a big endian number.
 */
uint32_t roce_icrc(const uint8_t *ip, size_t len, unsigned int version,
		   size_t udp_offset)
{
	uint8_t lrh[8], head[40], bth[8 + BTH_LEN];
	size_t ip_len = version == 4 ? 20 : 40;
	size_t bth_end = udp_offset + sizeof(bth);
	uint32_t crc;

	memset(lrh, 0xff, sizeof(lrh));
	memcpy(head, ip, ip_len);
	if (version == 4) {
		head[1] = 0xff;			/* TOS */
		head[8] = 0xff;			/* TTL */
		head[10] = 0xff;		/* checksum */
		head[11] = 0xff;
	} else {
		head[0] |= 0x0f;		/* class, flow label */
		memset(head + 1, 0xff, 3);
		head[7] = 0xff;			/* hop limit */
	}
	memcpy(bth, ip + udp_offset, sizeof(bth));
	memset(bth + 6, 0xff, 2);		/* UDP checksum */
	bth[8 + 4] = 0xff;			/* FECN, BECN, reserved */

	crc = libdeflate_crc32(0, lrh, sizeof(lrh));
	crc = libdeflate_crc32(crc, head, ip_len);
	crc = libdeflate_crc32(crc, ip + ip_len, udp_offset - ip_len);
	crc = libdeflate_crc32(crc, bth, sizeof(bth));
	crc = libdeflate_crc32(crc, ip + bth_end, len - bth_end);
	return __builtin_bswap32(crc);
}
