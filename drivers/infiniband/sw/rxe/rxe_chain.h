/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Network layer 2: the packets of a message cross the stack as one skb.
 */

#ifndef RXE_CHAIN_H
#define RXE_CHAIN_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct rxe_pkt_info;
struct rxe_qp;
struct rxe_task;

/* what an skb says that is a chain */
#define RXE_CHAIN_GSO_TYPE	(SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST)

/**
 * struct rxe_chain - the packets of a task that wait for the rest of a message
 * @head: the first one, data at the IP header; NULL: there are none
 * @last: the last one, data at the BTH
 * @segs: how many packets there are
 * @len: what the packets would have on the wire, from the IP headers to the
 *	 ICRCs, in bytes
 * @max_len: what @head may have in the end, from its IP header on, in bytes
 * @max_segs: how many packets there may be
 * @ident: IPv4 ident of the next packet that the task prepares
 *
 * Only the holder of the task accesses it. It is empty while nobody runs the
 * task.
 */
struct rxe_chain {
	struct sk_buff	*head;
	struct sk_buff	*last;
	unsigned int	segs;
	unsigned int	len;
	unsigned int	max_len;
	unsigned int	max_segs;
	u16		ident;
};

u16 rxe_chain_ident(struct rxe_qp *qp, const struct rxe_pkt_info *pkt);
bool rxe_chain_add(struct rxe_qp *qp, struct rxe_pkt_info *pkt,
		   struct sk_buff *skb);
void rxe_chain_send(struct rxe_task *task);
void rxe_chain_set_len(struct sk_buff *skb, unsigned int iphdr_len,
		       unsigned int len);

/**
 * rxe_chain_goes_on - does the next packet of a message go on from this one?
 * @chain: of the task, which the caller runs
 *
 * Then nothing has to be looked up anew. Every 16 packets the task looks at
 * what has come meanwhile.
 *
 * Return: true if so.
 */
static inline bool rxe_chain_goes_on(const struct rxe_chain *chain)
{
	return chain->head && chain->segs % 16;
}

#endif /* RXE_CHAIN_H */
