/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Several packets in one frame.
 *
 * At network layer 2 the kernel's driver sends the packets of a message as one
 * skb where the netdev can cut it. Who looks at a netdev sees one frame: the
 * headers up to UDP of the first packet, with the length of all, and behind them
 * the UDP payloads of all packets.
 */
#ifndef RXEDUMP_CHAIN_H
#define RXEDUMP_CHAIN_H

#include "roce.h"

#define MAX_CHAIN_HDRS	512		/* up to and with UDP */

struct chain {
	const struct frame *whole;
	struct roce_pkt first;		/* the frame's headers */
	uint32_t mtu;			/* data bytes of each but the last */
	uint32_t hdrs_len;		/* up to the first BTH */
	uint32_t end;			/* of the UDP payload */
	bool guessed;			/* nobody said where the first one ends */

	/* the packet that chain_next() gave */
	unsigned int nr;
	uint32_t at;
	uint8_t opcode;
	uint32_t psn;

	uint8_t data[MAX_CHAIN_HDRS + UINT16_MAX];
};

bool chain_begin(struct chain *c, const struct frame *whole, uint32_t gso_size);
bool chain_find(struct chain *c, const struct frame *whole,
		const struct roce_pkt *pkt);
bool chain_next(struct chain *c, struct frame *frame);

#endif
