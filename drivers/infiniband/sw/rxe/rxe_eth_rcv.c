// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Network layer 2, receive: frames are taken by the netdev's receive handler,
 * after XDP, packet sockets, tcx and nftables ingress, and before IP. A frame
 * is taken only if IP would have given it to RXE's UDP socket for certain;
 * anything else goes up the stack untouched.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "rxe.h"

/* where the parts of a frame are that was found to be RXE's, in bytes */
struct rxe_eth_frame {
	unsigned int	ip_len;		/* IP header to end of datagram */
	unsigned int	iphdr_len;
	unsigned int	udp_len;
};

static bool rxe_eth_rcv_check_skb(const struct sk_buff *skb)
{
	/* to this host, and by its own address: IP knows the groups */
	if (skb->pkt_type != PACKET_HOST)
		return false;
	/* of a VLAN that has no netdev: IP would not see it */
	if (skb_vlan_tag_present(skb))
		return false;
	/* memory reserve, for sockets that swap */
	return !skb_pfmemalloc(skb);
}

/* ICRC computation assumes a header without options (rxe_icrc_hdr()) */
static bool rxe_eth_rcv_check_ip4(struct net_device *ndev,
				  const struct iphdr *iph,
				  struct rxe_eth_frame *frame)
{
	if (iph->version != IPVERSION || iph->ihl != 5 ||
	    iph->protocol != IPPROTO_UDP || ip_is_fragment(iph))
		return false;

	frame->iphdr_len = sizeof(*iph);
	frame->ip_len = ntohs(iph->tot_len);
	return !ip_fast_csum(iph, iph->ihl) &&
	       rxe_eth_has_addr(ndev, htons(ETH_P_IP), &iph->daddr);
}

static bool rxe_eth_rcv_check_ip6(struct net_device *ndev,
				  const struct ipv6hdr *ip6h,
				  struct rxe_eth_frame *frame)
{
	if (ip6h->version != 6 || ip6h->nexthdr != IPPROTO_UDP)
		return false;

	frame->iphdr_len = sizeof(*ip6h);
	frame->ip_len = sizeof(*ip6h) + ntohs(ip6h->payload_len);
	return rxe_eth_has_addr(ndev, htons(ETH_P_IPV6), &ip6h->daddr);
}

/* RoCE v2 senders put no UDP checksum (IBTA Annex A17 leaves it free): who
 * puts one gets it verified by UDP.
 */
static bool rxe_eth_rcv_check_udp(const struct udphdr *udph,
				  struct rxe_eth_frame *frame)
{
	if (udph->dest != htons(ROCE_V2_UDP_DPORT) || udph->check)
		return false;

	frame->udp_len = ntohs(udph->len);
	return frame->udp_len >= sizeof(*udph) &&
	       frame->iphdr_len + frame->udp_len <= frame->ip_len;
}

/* reads only: other holders of the buffer may look at it */
static bool rxe_eth_rcv_is_ours(const struct sk_buff *skb,
				struct rxe_eth_frame *frame)
{
	struct udphdr *udph, udph_buf;
	struct ipv6hdr buf;
	void *hdr;

	if (!rxe_eth_rcv_check_skb(skb))
		return false;

	if (skb->protocol == htons(ETH_P_IP)) {
		hdr = skb_header_pointer(skb, 0, sizeof(struct iphdr), &buf);
		if (!hdr || !rxe_eth_rcv_check_ip4(skb->dev, hdr, frame))
			return false;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		hdr = skb_header_pointer(skb, 0, sizeof(struct ipv6hdr), &buf);
		if (!hdr || !rxe_eth_rcv_check_ip6(skb->dev, hdr, frame))
			return false;
	} else {
		return false;
	}

	udph = skb_header_pointer(skb, frame->iphdr_len, sizeof(udph_buf),
				  &udph_buf);
	return udph && rxe_eth_rcv_check_udp(udph, frame) &&
	       frame->ip_len <= skb->len;
}

/* A packet of a frag_list is ours if it is one of the kind that the first is,
 * with its headers before its data, and no more and no less than they say.
 */
static bool rxe_eth_rcv_is_member(const struct sk_buff *head,
				  const struct sk_buff *skb,
				  const struct rxe_eth_frame *first)
{
	unsigned int hdr_len = first->iphdr_len + sizeof(struct udphdr);
	const u8 *hdr = skb->data - hdr_len;
	struct rxe_eth_frame frame;

	if (skb_headroom(skb) < hdr_len || skb_has_frag_list(skb) ||
	    skb_network_header(skb) != hdr || skb->sk || skb->destructor)
		return false;

	if (head->protocol == htons(ETH_P_IP)) {
		if (!rxe_eth_rcv_check_ip4(head->dev, (void *)hdr, &frame))
			return false;
	} else {
		if (!rxe_eth_rcv_check_ip6(head->dev, (void *)hdr, &frame))
			return false;
	}
	return rxe_eth_rcv_check_udp((void *)(hdr + frame.iphdr_len), &frame) &&
	       frame.iphdr_len + frame.udp_len == frame.ip_len &&
	       frame.ip_len == hdr_len + skb->len;
}

/* An skb of several packets is ours if it is one that rxe_chain.c makes, or GRO
 * for a netdev that forwards (SKB_GSO_FRAGLIST), and each packet is ours. If
 * somebody has changed the first packet, or the skb comes from user space, the
 * stack knows what to do with it.
 */
static bool rxe_eth_rcv_is_chain(const struct sk_buff *skb,
				 struct rxe_eth_frame *frame)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	const struct sk_buff *seg;
	unsigned int len;

	if (shinfo->gso_type != RXE_CHAIN_GSO_TYPE ||
	    !shinfo->frag_list || skb_network_offset(skb) ||
	    !rxe_eth_rcv_is_ours(skb, frame) ||
	    frame->ip_len != skb->len ||
	    frame->iphdr_len + frame->udp_len != frame->ip_len)
		return false;

	len = skb_pagelen(skb);
	if (skb_headlen(skb) < frame->iphdr_len + sizeof(struct udphdr) ||
	    len != frame->iphdr_len + sizeof(struct udphdr) + shinfo->gso_size)
		return false;

	skb_walk_frags(skb, seg) {
		if (!rxe_eth_rcv_is_member(skb, seg, frame))
			return false;
		len += seg->len;
	}
	return len == skb->len;
}

/* Do what IP and UDP would have done before RXE's socket sees the packet.
 * The sender's hold on the buffer ends here: its QP must not wait for the
 * receiver's.
 */
static int rxe_eth_rcv_trim(struct sk_buff *skb,
			    const struct rxe_eth_frame *frame)
{
	unsigned int hdr_len = frame->iphdr_len + sizeof(struct udphdr);
	int err;

	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);

	/* there is none in the datagram, and the ICRC is better */
	skb->ip_summed = CHECKSUM_NONE;
	err = pskb_trim(skb, frame->iphdr_len + frame->udp_len);
	if (err)
		return err;
	err = rxe_devmem_linearize(skb);
	if (err)
		return err;

	skb_set_transport_header(skb, frame->iphdr_len);
	skb_pull(skb, hdr_len);
	return 0;
}

/* The skb and a reference of the device are consumed. */
static void rxe_eth_rcv_one(struct rxe_dev *rxe, struct sk_buff *skb,
			    const struct rxe_eth_frame *frame,
			    struct rxe_batch *batch)
{
	struct rxe_pkt_info *pkt;

	if (unlikely(rxe_eth_rcv_trim(skb, frame))) {
		rxe_counter_inc(rxe, RXE_CNT_RCVD_DROP_NOMEM);
		kfree_skb(skb);
		ib_device_put(&rxe->ib_dev);
		return;
	}

	pkt = SKB_TO_PKT(skb);
	memset(pkt, 0, sizeof(*pkt));
	pkt->rxe = rxe;
	pkt->port_num = 1;
	pkt->hdr = skb->data;
	pkt->mask = RXE_GRH_MASK | RXE_L2_MASK;
	pkt->paylen = frame->udp_len - sizeof(struct udphdr);

	if (!rxe_devmem_defer(&rxe->layer.devmem, skb))
		rxe_rcv_batched(skb, batch);
}

/* Takes the first packet off the others. Its headers get the lengths that its
 * ICRC was made with.
 *
 * Return: the others, or an error pointer.
 */
static struct sk_buff *rxe_eth_rcv_cut(struct sk_buff *skb,
				       unsigned int iphdr_len)
{
	unsigned int len = skb_pagelen(skb);
	struct sk_buff *segs;

	/* a packet socket may look at the same list */
	if (skb_unclone(skb, GFP_ATOMIC) ||
	    skb_ensure_writable(skb, iphdr_len + sizeof(struct udphdr)))
		return ERR_PTR(-ENOMEM);
	rxe_chain_set_len(skb, iphdr_len, len);

	segs = skb_shinfo(skb)->frag_list;
	skb_shinfo(skb)->frag_list = NULL;
	skb_gso_reset(skb);
	skb->data_len -= skb->len - len;
	skb->len = len;
	return segs;
}

/* A packet that was in a list. The skb is consumed. */
static void rxe_eth_rcv_member(struct rxe_dev *rxe, struct sk_buff *skb,
			       struct net_device *ndev,
			       struct rxe_eth_frame *frame,
			       struct rxe_batch *batch)
{
	/* the device may go at any time, and the rest is lost */
	if (!ib_device_try_get(&rxe->ib_dev)) {
		kfree_skb(skb);
		return;
	}
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb)) {
		rxe_counter_inc(rxe, RXE_CNT_RCVD_DROP_NOMEM);
		ib_device_put(&rxe->ib_dev);
		return;
	}

	skb_mark_not_on_list(skb);
	skb->dev = ndev;
	__skb_push(skb, frame->iphdr_len + sizeof(struct udphdr));
	frame->ip_len = skb->len;
	frame->udp_len = skb->len - frame->iphdr_len;
	rxe_eth_rcv_one(rxe, skb, frame, batch);
}

/* The skb and a reference of the device are consumed. */
static void rxe_eth_rcv_chain(struct rxe_dev *rxe, struct sk_buff *skb,
			      struct rxe_eth_frame *frame)
{
	struct net_device *ndev = skb->dev;
	struct sk_buff *seg, *next;
	struct rxe_batch batch;

	/* the sender's socket counts the length of all */
	skb_orphan(skb);
	seg = rxe_eth_rcv_cut(skb, frame->iphdr_len);
	if (IS_ERR(seg)) {
		rxe_counter_inc(rxe, RXE_CNT_RCVD_DROP_NOMEM);
		kfree_skb(skb);
		ib_device_put(&rxe->ib_dev);
		return;
	}

	rxe_counter_inc(rxe, RXE_CNT_L2_RCVD_CHAINS);
	frame->ip_len = skb->len;
	frame->udp_len = skb->len - frame->iphdr_len;
	rxe_batch_init(&batch);
	rxe_eth_rcv_one(rxe, skb, frame, &batch);
	skb_list_walk_safe(seg, skb, next)
		rxe_eth_rcv_member(rxe, skb, ndev, frame, &batch);
	rxe_batch_end(&batch);
}

/* Softirq, rcu_read_lock() held. The skb is consumed unless the verdict is
 * RX_HANDLER_PASS.
 */
static rx_handler_result_t rxe_eth_rcv(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	bool chain = skb_is_gso(skb);
	struct rxe_eth_frame frame;
	struct rxe_dev *rxe;

	if (chain ? !rxe_eth_rcv_is_chain(skb, &frame) :
		    !rxe_eth_rcv_is_ours(skb, &frame))
		return RX_HANDLER_PASS;

	/* fails before the device is registered and once it goes away; the
	 * reference is put when the packet is freed
	 */
	rxe = rcu_dereference(skb->dev->rx_handler_data);
	if (!ib_device_try_get(&rxe->ib_dev))
		return RX_HANDLER_PASS;

	skb = skb_share_check(skb, GFP_ATOMIC);
	*pskb = skb;
	if (unlikely(!skb)) {
		rxe_counter_inc(rxe, RXE_CNT_RCVD_DROP_NOMEM);
		ib_device_put(&rxe->ib_dev);
	} else if (chain) {
		rxe_eth_rcv_chain(rxe, skb, &frame);
	} else {
		rxe_eth_rcv_one(rxe, skb, &frame, NULL);
	}
	return RX_HANDLER_CONSUMED;
}

/**
 * rxe_eth_rcv_start - take RXE's frames at a netdev
 * @rxe: the device they are for
 * @ndev: its netdev
 *
 * Context: process, rtnl held.
 * Return: 0, -EBUSY if the netdev is a port of a bridge or the like, -EINVAL
 * if it takes no handler.
 */
int rxe_eth_rcv_start(struct rxe_dev *rxe, struct net_device *ndev)
{
	return netdev_rx_handler_register(ndev, rxe_eth_rcv, rxe);
}

/**
 * rxe_eth_rcv_stop - let the frames of a netdev go to IP again
 * @ndev: a netdev whose handler is ours
 *
 * No packet is in the handler once it returns.
 *
 * Context: process, rtnl held.
 */
void rxe_eth_rcv_stop(struct net_device *ndev)
{
	netdev_rx_handler_unregister(ndev);
}
