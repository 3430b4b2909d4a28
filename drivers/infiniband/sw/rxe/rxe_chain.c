// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Network layer 2, transmit: the packets of a message cross the stack as one
 * skb, as the segments of a TCP stream do.
 *
 * The skb is what GRO makes of UDP packets for a netdev that forwards them
 * (SKB_GSO_FRAGLIST): the first packet with all others in its frag_list. Each
 * is a complete RoCE packet, with its own headers and ICRC. netkit and veth
 * take it as it is. Where a netdev or a receiver does not, the core cuts it
 * into the very frames that RXE would have sent (skb_segment_list()). The
 * features and limits of the netdev say whether RXE makes one, and how long.
 */

#include <linux/if_ether.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "rxe.h"

static struct rxe_task *rxe_chain_task(struct rxe_qp *qp,
				       const struct rxe_pkt_info *pkt)
{
	return pkt->mask & RXE_REQ_MASK ? &qp->send_task : &qp->recv_task;
}

/**
 * rxe_chain_ident - the IPv4 ident of a packet
 * @qp: the QP
 * @pkt: the packet
 *
 * Context: process or softirq; the caller runs the task that sends the packet.
 * Return: the ident.
 */
u16 rxe_chain_ident(struct rxe_qp *qp, const struct rxe_pkt_info *pkt)
{
	return rxe_chain_task(qp, pkt)->chain.ident++;
}

/* How long a chain may be: nothing if the netdev does not have the feature. The
 * length fields of IP and UDP set a limit, too.
 */
static void rxe_chain_set_limits(struct rxe_chain *chain,
				 const struct sk_buff *skb)
{
	const struct net_device *ndev = skb->dev;
	netdev_features_t features = READ_ONCE(ndev->features);

	chain->max_segs = 0;
	if (!(features & NETIF_F_FRAGLIST) ||
	    !net_gso_ok(features, RXE_CHAIN_GSO_TYPE))
		return;

	/* gso_features_check() wants less than that, with the Ethernet header */
	chain->max_len = min(netif_get_gso_max_size(ndev, skb) - ETH_HLEN - 1,
			     IP_MAX_MTU);
	chain->max_segs = READ_ONCE(ndev->gso_max_segs);
}

/* Is there, behind this packet, more of the message? */
static bool rxe_chain_begin(struct rxe_chain *chain,
			    const struct rxe_pkt_info *pkt,
			    struct sk_buff *skb)
{
	if (pkt->mask & RXE_END_MASK)
		return false;

	/* as rxe_eth_xmit() does */
	rcu_read_lock();
	if (likely(rcu_access_pointer(pkt->rxe->layer.ndev) == skb->dev))
		rxe_chain_set_limits(chain, skb);
	else
		chain->max_segs = 0;
	rcu_read_unlock();
	if (chain->max_segs < 2 || skb->len > chain->max_len)
		return false;

	chain->head = skb;
	chain->last = NULL;
	chain->segs = 1;
	chain->len = skb->len;
	memcpy(SKB_TO_PKT(skb), pkt, sizeof(*pkt));
	rxe_layer_chained(pkt, skb->len);
	return true;
}

static bool rxe_chain_same_ip4(const struct iphdr *a, const struct iphdr *b,
			       unsigned int distance)
{
	return a->saddr == b->saddr && a->daddr == b->daddr &&
	       a->tos == b->tos && a->ttl == b->ttl &&
	       (u16)(ntohs(a->id) + distance) == ntohs(b->id);
}

static bool rxe_chain_same_ip6(const struct ipv6hdr *a, const struct ipv6hdr *b)
{
	return *(__be32 *)a == *(__be32 *)b && a->hop_limit == b->hop_limit &&
	       ipv6_addr_equal(&a->saddr, &b->saddr) &&
	       ipv6_addr_equal(&a->daddr, &b->daddr);
}

/* Will the frame that the core cuts be the one that RXE has made? The core
 * takes the Ethernet header from the first packet, and numbers the IPv4 idents.
 */
static bool rxe_chain_fits(const struct rxe_chain *chain,
			   const struct sk_buff *skb)
{
	const struct sk_buff *head = chain->head;

	if (chain->segs == chain->max_segs ||
	    head->len + skb->len - skb_transport_offset(skb) -
	    sizeof(struct udphdr) > chain->max_len)
		return false;
	if (head->dev != skb->dev || head->protocol != skb->protocol ||
	    memcmp(skb_mac_header(head), skb_mac_header(skb), ETH_HLEN) ||
	    udp_hdr(head)->source != udp_hdr(skb)->source)
		return false;
	if (skb->protocol == htons(ETH_P_IP))
		return rxe_chain_same_ip4(ip_hdr(head), ip_hdr(skb),
					  chain->segs);
	return rxe_chain_same_ip6(ipv6_hdr(head), ipv6_hdr(skb));
}

static void rxe_chain_append(struct rxe_chain *chain,
			     const struct rxe_pkt_info *pkt, struct sk_buff *skb)
{
	struct sk_buff *head = chain->head;

	rxe_layer_chained(pkt, skb->len);
	chain->len += skb->len;
	chain->segs++;

	__skb_pull(skb, skb_transport_offset(skb) + sizeof(struct udphdr));
	/* the first packet's counts; this one may outlive the netdev */
	skb->dev = NULL;
	if (chain->last)
		chain->last->next = skb;
	else
		skb_shinfo(head)->frag_list = skb;
	chain->last = skb;

	head->len += skb->len;
	head->data_len += skb->len;
	head->truesize += skb->truesize;
}

/**
 * rxe_chain_set_len - have the headers of a datagram name a length
 * @skb: data at the IP header; the headers are linear, and the caller's
 * @iphdr_len: length of the IP header in bytes
 * @len: length of the datagram from the IP header on, in bytes
 *
 * The headers of a chain's first packet name the length of all while it crosses
 * the stack, since IP drops what is behind that. Where the chain is cut, by the
 * core or in rxe_eth_rcv.c, they name the packet's own again.
 */
void rxe_chain_set_len(struct sk_buff *skb, unsigned int iphdr_len,
		       unsigned int len)
{
	struct udphdr *udph = (struct udphdr *)(skb->data + iphdr_len);

	udph->len = htons(len - iphdr_len);
	if (skb->protocol == htons(ETH_P_IP)) {
		ip_hdr(skb)->tot_len = htons(len);
		ip_send_check(ip_hdr(skb));
	} else {
		ipv6_hdr(skb)->payload_len = htons(len - iphdr_len);
	}
}

static void rxe_chain_finish(struct sk_buff *skb, unsigned int segs)
{
	unsigned int iphdr_len = skb_transport_offset(skb);

	skb_shinfo(skb)->gso_type = RXE_CHAIN_GSO_TYPE;
	skb_shinfo(skb)->gso_size = skb_headlen(skb) - iphdr_len -
				    sizeof(struct udphdr);
	skb_shinfo(skb)->gso_segs = segs;
	/* there is no UDP checksum to verify, nor to make */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	rxe_chain_set_len(skb, iphdr_len, skb->len);
}

/**
 * rxe_chain_send - transmit the packets that wait
 * @task: the task that prepared them, which the caller runs
 *
 * Call it before a packet that cannot be one of them, and before the task is
 * left.
 *
 * Context: process or softirq.
 */
void rxe_chain_send(struct rxe_task *task)
{
	struct rxe_chain *chain = &task->chain;
	struct sk_buff *skb = chain->head;
	struct rxe_pkt_info pkt;
	int err;

	if (!skb)
		return;
	chain->head = NULL;

	pkt = *SKB_TO_PKT(skb);
	if (chain->segs > 1)
		rxe_chain_finish(skb, chain->segs);
	rxe_skb_set_owner(skb, task->qp);
	err = rxe_eth_xmit(skb, &pkt);
	rxe_layer_chain_sent(&pkt, chain->segs, chain->len, err);
}

/**
 * rxe_chain_add - let a packet wait for the rest of its message
 * @qp: the QP
 * @pkt: the packet
 * @skb: its buffer, data at the IP header, ICRC in place
 *
 * What waits already is transmitted if the packet does not belong to it, and if
 * it is the last one of its message.
 *
 * Context: process or softirq; the caller runs the task that sends the packet.
 * Return: true if the packet is not the caller's any more.
 */
bool rxe_chain_add(struct rxe_qp *qp, struct rxe_pkt_info *pkt,
		   struct sk_buff *skb)
{
	struct rxe_task *task = rxe_chain_task(qp, pkt);
	struct rxe_chain *chain = &task->chain;

	if (chain->head && (!(pkt->mask & RXE_L2_MASK) ||
			    !rxe_chain_fits(chain, skb)))
		rxe_chain_send(task);
	if (!(pkt->mask & RXE_L2_MASK))
		return false;

	if (chain->head)
		rxe_chain_append(chain, pkt, skb);
	else if (!rxe_chain_begin(chain, pkt, skb))
		return false;

	if (pkt->mask & RXE_END_MASK)
		rxe_chain_send(task);
	return true;
}
