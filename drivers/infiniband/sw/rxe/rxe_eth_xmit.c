// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Network layer 2, transmit: the whole frame is built here, from the address
 * vector, and handed to dev_queue_xmit(). No route, no netfilter output hook
 * and no neighbour is asked. What cannot go this way goes by IP.
 */

#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/arp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <trace/events/rxe.h>

#include "rxe.h"

static __be16 rxe_eth_protocol(const struct rxe_av *av)
{
	return av->network_type == RXE_NETWORK_TYPE_IPV4 ? htons(ETH_P_IP) :
							   htons(ETH_P_IPV6);
}

static const void *rxe_eth_saddr(const struct rxe_av *av)
{
	if (av->network_type == RXE_NETWORK_TYPE_IPV4)
		return &av->sgid_addr._sockaddr_in.sin_addr;
	return &av->sgid_addr._sockaddr_in6.sin6_addr;
}

static const void *rxe_eth_daddr(const struct rxe_av *av)
{
	if (av->network_type == RXE_NETWORK_TYPE_IPV4)
		return &av->dgid_addr._sockaddr_in.sin_addr;
	return &av->dgid_addr._sockaddr_in6.sin6_addr;
}

static unsigned int rxe_eth_ip_udp_len(__be16 protocol)
{
	return sizeof(struct udphdr) + (protocol == htons(ETH_P_IP) ?
					sizeof(struct iphdr) :
					sizeof(struct ipv6hdr));
}

static bool rxe_eth_has_addr4(struct net_device *ndev, __be32 addr)
{
	struct in_device *in_dev = __in_dev_get_rcu(ndev);
	struct in_ifaddr *ifa;

	if (!in_dev)
		return false;

	in_dev_for_each_ifa_rcu(ifa, in_dev)
		if (ifa->ifa_local == addr)
			return true;
	return false;
}

/**
 * rxe_eth_has_addr - is an IP address one of a netdev's own?
 * @ndev: the netdev
 * @protocol: ETH_P_IP or ETH_P_IPV6
 * @addr: the address, a &struct in_addr or &struct in6_addr
 *
 * The GID table of an RXE device is made from these addresses. Asking for
 * them takes no lock, and is right also while the table is behind.
 *
 * Context: any, under rcu_read_lock().
 * Return: true if it is, and may be used (an IPv6 address is not tentative).
 */
bool rxe_eth_has_addr(struct net_device *ndev, __be16 protocol,
		      const void *addr)
{
	if (protocol == htons(ETH_P_IP))
		return rxe_eth_has_addr4(ndev, *(const __be32 *)addr);
	if (!ipv6_mod_enabled())
		return false;
	return ipv6_chk_addr(dev_net(ndev), addr, ndev, 1);
}

/* of a VLAN, say, whose GIDs the device has, too */
static bool rxe_eth_upper_has_addr(struct net_device *ndev, __be16 protocol,
				   const void *addr)
{
	struct net_device *upper;
	struct list_head *iter;

	netdev_for_each_upper_dev_rcu(ndev, upper, iter)
		if (rxe_eth_has_addr(upper, protocol, addr))
			return true;
	return false;
}

/* The resolver gives our own link-layer address for more than ourselves:
 *
 *  - for every destination if the netdev has no ARP: netkit and ipvlan in
 *    layer-3 mode, where all addresses are alike;
 *  - for an IPv6 destination on this host (rdma_translate_ip() looks at the
 *    netdev that it is bound to). Where it is another netdev, as the other half
 *    of a pair, that one's address is meant.
 *
 * NULL if only IP can tell.
 */
static const u8 *rxe_eth_dmac(struct net_device *ndev, const struct rxe_av *av)
{
	__be16 protocol = rxe_eth_protocol(av);
	const void *daddr = rxe_eth_daddr(av);
	struct net_device *dst;

	if (likely(!ether_addr_equal(ndev->dev_addr, av->dmac)) ||
	    rxe_eth_has_addr(ndev, protocol, daddr))
		return av->dmac;

	if (rxe_eth_upper_has_addr(ndev, protocol, daddr))
		return NULL;
	if (ndev->flags & IFF_NOARP)
		return av->dmac;
	if (!ipv6_mod_enabled() || protocol == htons(ETH_P_IP))
		return NULL;

	dst = ipv6_dev_find(dev_net(ndev), daddr, NULL);
	return dst && dst->type == ARPHRD_ETHER ? dst->dev_addr : NULL;
}

/**
 * rxe_eth_find_dmac - fill in the link-layer address that a user left out
 * @attr: what the user gave, its SGID resolved
 * @av: address vector made of it
 *
 * Users in the kernel have to resolve it themselves. SMC-R v2 does not at the
 * end that listens: a proposal of v2 alone names no link-layer address of its
 * sender. SMC-R v2 is for IPv4 only. IP has talked to the peer by then, so the
 * netdev has a neighbour for it; the neighbour is a gateway if it has none, and
 * the packets go by IP.
 *
 * Context: any.
 */
void rxe_eth_find_dmac(const struct rdma_ah_attr *attr, struct rxe_av *av)
{
	struct net_device *ndev;
	struct neighbour *neigh;

	if (likely(!is_zero_ether_addr(av->dmac)) ||
	    av->network_type != RXE_NETWORK_TYPE_IPV4)
		return;

	rcu_read_lock();
	ndev = rdma_read_gid_attr_ndev_rcu(attr->grh.sgid_attr);
	if (IS_ERR(ndev) || ndev->type != ARPHRD_ETHER)
		goto out;
	neigh = __ipv4_neigh_lookup_noref(ndev, *(u32 *)rxe_eth_daddr(av));
	if (neigh && READ_ONCE(neigh->nud_state) & NUD_VALID)
		neigh_ha_snapshot(av->dmac, neigh, ndev);
out:
	rcu_read_unlock();
}

/* an old rdma-core puts the address vector where the user can change it
 * while we read it
 */
static bool rxe_eth_is_user_av(const struct rxe_av *av,
			       const struct rxe_pkt_info *pkt)
{
	return pkt->wqe && av == &pkt->wqe->wr.wr.ud.av;
}

/* NULL if the packet can go at layer 2, else why not */
static const char *rxe_eth_refusal(struct net_device *ndev,
				   const struct rxe_av *av, int paylen,
				   const struct rxe_pkt_info *pkt)
{
	__be16 protocol = rxe_eth_protocol(av);

	if (unlikely(!ndev))
		return "netdev";
	if (unlikely(rxe_eth_is_user_av(av, pkt)))
		return "user_av";
	/* IP gives the copy to the members on this host */
	if (unlikely(is_multicast_ether_addr(av->dmac)))
		return "multicast";
	if (unlikely(is_zero_ether_addr(av->dmac) &&
		     !(ndev->flags & IFF_NOARP)))
		return "lladdr";
	if (unlikely(rxe_eth_ip_udp_len(protocol) + paylen >
		     READ_ONCE(ndev->mtu)))
		return "mtu";
	/* IP refuses a source that is not the host's; the GID may be one of
	 * a VLAN on top, or have lost its address
	 */
	if (unlikely(!rxe_eth_has_addr(ndev, protocol, rxe_eth_saddr(av))))
		return "source";
	return NULL;
}

/* The Ethernet header goes to its place now, while RCU holds the netdev and
 * the caller the address vector. The data stays at the BTH.
 */
static struct sk_buff *rxe_eth_alloc_skb(struct net_device *ndev,
					 const struct rxe_av *av,
					 const u8 *dmac, int paylen)
{
	__be16 protocol = rxe_eth_protocol(av);
	unsigned int hdr_len = ETH_HLEN + rxe_eth_ip_udp_len(protocol);
	struct sk_buff *skb;
	struct ethhdr *eth;

	skb = alloc_skb(LL_RESERVED_SPACE(ndev) + hdr_len + paylen +
			ndev->needed_tailroom, GFP_ATOMIC);
	if (unlikely(!skb))
		return NULL;

	skb_reserve(skb, LL_RESERVED_SPACE(ndev) + hdr_len);
	skb->dev = ndev;
	skb->protocol = protocol;

	skb_set_mac_header(skb, -(int)hdr_len);
	eth = eth_hdr(skb);
	ether_addr_copy(eth->h_dest, dmac);
	ether_addr_copy(eth->h_source, ndev->dev_addr);
	eth->h_proto = protocol;

	return skb;
}

/* NULL if the packet was begun, else why not */
static const char *rxe_eth_begin(struct net_device *ndev,
				 const struct rxe_av *av, int paylen,
				 struct rxe_pkt_info *pkt, struct sk_buff **skb)
{
	const char *refusal;
	const u8 *dmac;

	refusal = rxe_eth_refusal(ndev, av, paylen, pkt);
	if (unlikely(refusal))
		return refusal;
	dmac = rxe_eth_dmac(ndev, av);
	if (unlikely(!dmac))
		return "destination";
	*skb = rxe_eth_alloc_skb(ndev, av, dmac, paylen);
	if (unlikely(!*skb))
		return "memory";

	/* stays in the device, as rxe_is_loopback() has it at layer 3 */
	if (ether_addr_equal(ndev->dev_addr, dmac) &&
	    rxe_eth_has_addr(ndev, rxe_eth_protocol(av), rxe_eth_daddr(av)))
		pkt->mask |= RXE_LOOPBACK_MASK;
	return NULL;
}

/**
 * rxe_eth_init_packet - begin a packet at layer 2
 * @rxe: sending device
 * @av: address vector, referenced by the caller
 * @paylen: length from the BTH to the ICRC in bytes
 * @pkt: the packet: @qp, @opcode, @psn, @mask set, @wqe set or NULL
 *
 * Context: process or softirq.
 * Return: a buffer with the data at the BTH and RXE_L2_MASK in @pkt->mask, with
 * RXE_LOOPBACK_MASK if it is for @rxe itself, or NULL if the packet must go by
 * IP (which is counted).
 */
struct sk_buff *rxe_eth_init_packet(struct rxe_dev *rxe, struct rxe_av *av,
				    int paylen, struct rxe_pkt_info *pkt)
{
	struct sk_buff *skb = NULL;
	const char *refusal;

	rcu_read_lock();
	refusal = rxe_eth_begin(rcu_dereference(rxe->layer.ndev), av, paylen,
				pkt, &skb);
	rcu_read_unlock();

	pkt->rxe = rxe;
	if (unlikely(refusal)) {
		rxe_counter_inc(rxe, RXE_CNT_L2_SENT_FALLBACK);
		trace_rxe_fallback(pkt, qp_num(pkt->qp), RXE_LAYER_ETH, paylen,
				   refusal);
		return NULL;
	}

	pkt->port_num = 1;
	pkt->hdr = skb_put(skb, paylen);
	pkt->mask |= RXE_GRH_MASK | RXE_L2_MASK;
	return skb;
}

/* The ident of a datagram that is never fragmented may be anything (RFC 6864,
 * section 4.1). Where the core cuts a chain it counts, and the ICRC covers it.
 */
static void rxe_eth_push_ip4(const struct rxe_av *av, struct sk_buff *skb,
			     u16 ident)
{
	struct iphdr *iph = skb_push(skb, sizeof(*iph));

	skb_reset_network_header(skb);
	iph->version	= IPVERSION;
	iph->ihl	= sizeof(*iph) >> 2;
	iph->tos	= av->grh.traffic_class;
	iph->tot_len	= htons(skb->len);
	iph->id		= htons(ident);
	iph->frag_off	= htons(IP_DF);
	iph->ttl	= av->grh.hop_limit;
	iph->protocol	= IPPROTO_UDP;
	iph->saddr	= *(__be32 *)rxe_eth_saddr(av);
	iph->daddr	= *(__be32 *)rxe_eth_daddr(av);
	ip_send_check(iph);
}

static void rxe_eth_push_ip6(const struct rxe_av *av, struct sk_buff *skb)
{
	unsigned int len = skb->len;
	struct ipv6hdr *ip6h = skb_push(skb, sizeof(*ip6h));

	skb_reset_network_header(skb);
	ip6_flow_hdr(ip6h, av->grh.traffic_class, 0);
	ip6h->payload_len = htons(len);
	ip6h->nexthdr	= IPPROTO_UDP;
	ip6h->hop_limit	= av->grh.hop_limit;
	memcpy(&ip6h->saddr, rxe_eth_saddr(av), sizeof(ip6h->saddr));
	memcpy(&ip6h->daddr, rxe_eth_daddr(av), sizeof(ip6h->daddr));
}

/**
 * rxe_eth_prepare - put IP and UDP headers before the BTH
 * @av: address vector, referenced by the caller
 * @pkt: the packet
 * @skb: what rxe_eth_init_packet() returned
 *
 * They are what the IP layer would have sent, byte for byte, but for the
 * ident of IPv4. All that the ICRC covers is final after it.
 */
void rxe_eth_prepare(struct rxe_av *av, struct rxe_pkt_info *pkt,
		     struct sk_buff *skb)
{
	struct udphdr *udph = skb_push(skb, sizeof(*udph));

	skb_reset_transport_header(skb);
	udph->source	= htons(pkt->qp->src_port);
	udph->dest	= htons(ROCE_V2_UDP_DPORT);
	udph->len	= htons(skb->len);
	udph->check	= 0;

	if (skb->protocol == htons(ETH_P_IP))
		rxe_eth_push_ip4(av, skb, rxe_chain_ident(pkt->qp, pkt));
	else
		rxe_eth_push_ip6(av, skb);
}

/**
 * rxe_eth_xmit - transmit a prepared packet
 * @skb: data at the IP header, Ethernet header before it; always consumed
 * @pkt: the packet
 *
 * Context: process or softirq.
 * Return: 0 or a NET_XMIT code. A netdev that is down or gone loses packets as
 * an unplugged cable does, so there are no errors.
 */
int rxe_eth_xmit(struct sk_buff *skb, struct rxe_pkt_info *pkt)
{
	int err = NET_XMIT_DROP;

	rcu_read_lock();
	if (likely(rcu_access_pointer(pkt->rxe->layer.ndev) == skb->dev)) {
		__skb_push(skb, ETH_HLEN);
		err = dev_queue_xmit(skb);
	} else {
		skb->dev = NULL; /* may be freed */
		kfree_skb(skb);
	}
	rcu_read_unlock();

	return err < 0 ? NET_XMIT_DROP : err;
}
