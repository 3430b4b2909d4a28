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
	if (skb_is_gso(skb))
		return false;
	/* memory reserve, for sockets that swap */
	return !skb_pfmemalloc(skb);
}

/* ICRC computation assumes a header without options (rxe_icrc_hdr()) */
static bool rxe_eth_rcv_check_ip4(const struct sk_buff *skb,
				  struct rxe_eth_frame *frame)
{
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!iph || iph->version != IPVERSION || iph->ihl != 5 ||
	    iph->protocol != IPPROTO_UDP || ip_is_fragment(iph))
		return false;

	frame->iphdr_len = sizeof(*iph);
	frame->ip_len = ntohs(iph->tot_len);
	if (frame->ip_len > skb->len || ip_fast_csum(iph, iph->ihl))
		return false;

	return rxe_eth_has_addr(skb->dev, skb->protocol, &iph->daddr);
}

static bool rxe_eth_rcv_check_ip6(const struct sk_buff *skb,
				  struct rxe_eth_frame *frame)
{
	const struct ipv6hdr *ip6h;
	struct ipv6hdr buf;

	ip6h = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!ip6h || ip6h->version != 6 || ip6h->nexthdr != IPPROTO_UDP)
		return false;

	frame->iphdr_len = sizeof(*ip6h);
	frame->ip_len = sizeof(*ip6h) + ntohs(ip6h->payload_len);
	if (frame->ip_len > skb->len)
		return false;

	return rxe_eth_has_addr(skb->dev, skb->protocol, &ip6h->daddr);
}

/* RoCE v2 senders put no UDP checksum (IBTA Annex A17 leaves it free): who
 * puts one gets it verified by UDP.
 */
static bool rxe_eth_rcv_check_udp(const struct sk_buff *skb,
				  struct rxe_eth_frame *frame)
{
	const struct udphdr *udph;
	struct udphdr buf;

	udph = skb_header_pointer(skb, frame->iphdr_len, sizeof(buf), &buf);
	if (!udph || udph->dest != htons(ROCE_V2_UDP_DPORT) || udph->check)
		return false;

	frame->udp_len = ntohs(udph->len);
	return frame->udp_len >= sizeof(*udph) &&
	       frame->iphdr_len + frame->udp_len <= frame->ip_len;
}

/* reads only: other holders of the buffer may look at it */
static bool rxe_eth_rcv_is_ours(const struct sk_buff *skb,
				struct rxe_eth_frame *frame)
{
	if (!rxe_eth_rcv_check_skb(skb))
		return false;

	if (skb->protocol == htons(ETH_P_IP)) {
		if (!rxe_eth_rcv_check_ip4(skb, frame))
			return false;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (!rxe_eth_rcv_check_ip6(skb, frame))
			return false;
	} else {
		return false;
	}

	return rxe_eth_rcv_check_udp(skb, frame);
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

/* Softirq, rcu_read_lock() held. The skb is consumed unless the verdict is
 * RX_HANDLER_PASS.
 */
static rx_handler_result_t rxe_eth_rcv(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct rxe_eth_frame frame;
	struct rxe_pkt_info *pkt;
	struct rxe_dev *rxe;

	if (!rxe_eth_rcv_is_ours(skb, &frame))
		return RX_HANDLER_PASS;

	/* fails before the device is registered and once it goes away; the
	 * reference is put when the packet is freed
	 */
	rxe = rcu_dereference(skb->dev->rx_handler_data);
	if (!ib_device_try_get(&rxe->ib_dev))
		return RX_HANDLER_PASS;

	skb = skb_share_check(skb, GFP_ATOMIC);
	*pskb = skb;
	if (unlikely(!skb))
		goto nomem;
	if (unlikely(rxe_eth_rcv_trim(skb, &frame)))
		goto nomem;

	pkt = SKB_TO_PKT(skb);
	memset(pkt, 0, sizeof(*pkt));
	pkt->rxe = rxe;
	pkt->port_num = 1;
	pkt->hdr = skb->data;
	pkt->mask = RXE_GRH_MASK | RXE_L2_MASK;
	pkt->paylen = frame.udp_len - sizeof(struct udphdr);

	if (!rxe_devmem_defer(&rxe->layer.devmem, skb))
		rxe_rcv(skb);
	return RX_HANDLER_CONSUMED;

nomem:
	rxe_counter_inc(rxe, RXE_CNT_RCVD_DROP_NOMEM);
	kfree_skb(skb);
	ib_device_put(&rxe->ib_dev);
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
