// SPDX-License-Identifier: GPL-2.0
/*
 * Receive into device memory, as a NIC with header split does it: the headers
 * of TCP and UDP go to a linear buffer, the payload goes to memory of the
 * queue's provider (a dma-buf that was bound to the queue), which the stack
 * cannot read.
 */

#include <linux/dma-direct.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/netdev_rx_queue.h>
#include <net/page_pool/helpers.h>

#include "netdevsim.h"

/* So little payload of UDP stays with the headers, as it does on NICs that copy
 * what is short. So receivers see packets of both kinds, one after the other.
 */
#define NSIM_DEVMEM_COPYBREAK	64

/**
 * nsim_devmem_pool() - have a queue's page pool take memory of a provider
 * @params: of the pool, filled in for ordinary memory
 * @dev: netdev, its instance lock held
 * @idx: number of the RX queue
 *
 * Does nothing to the pool of a queue that nothing is bound to.
 */
void nsim_devmem_pool(struct page_pool_params *params, struct net_device *dev,
		      unsigned int idx)
{
	if (!netif_rxq_has_unreadable_mp(dev, idx))
		return;

	params->flags |= PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV |
			 PP_FLAG_ALLOW_UNREADABLE_NETMEM;
	params->dev = dev->dev.parent;
	params->netdev = dev;	/* its NAPI may not be added yet */
	params->max_len = PAGE_SIZE;
	params->queue_idx = idx;
}

/* Length of all that is not payload, or 0: not split. */
static unsigned int nsim_devmem_hdr_len(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h;
	const struct tcphdr *th;
	const struct iphdr *iph;
	struct ipv6hdr ip6buf;
	struct tcphdr tbuf;
	struct iphdr ipbuf;
	unsigned int len;
	u8 proto;

	if (skb->protocol == htons(ETH_P_IP)) {
		iph = skb_header_pointer(skb, 0, sizeof(ipbuf), &ipbuf);
		if (!iph || iph->version != IPVERSION || iph->ihl < 5 ||
		    iph->frag_off & htons(IP_MF | IP_OFFSET))
			return 0;
		len = iph->ihl * 4;
		proto = iph->protocol;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		ip6h = skb_header_pointer(skb, 0, sizeof(ip6buf), &ip6buf);
		if (!ip6h)
			return 0;
		len = sizeof(ip6buf);
		proto = ip6h->nexthdr;
	} else {
		return 0;
	}

	if (proto == IPPROTO_UDP) {
		len += sizeof(struct udphdr);
		if (len + NSIM_DEVMEM_COPYBREAK >= skb->len)
			return 0;
	} else if (proto == IPPROTO_TCP) {
		th = skb_header_pointer(skb, len, sizeof(tbuf), &tbuf);
		if (!th)
			return 0;
		len += th->doff * 4;
	} else {
		return 0;
	}
	return len < skb->len ? len : 0;
}

/* What the DMA engine would do. A netdevsim is no PCI device, so no IOMMU is
 * in between: its addresses are physical ones. I/O memory it does not reach.
 */
static int nsim_devmem_dma(struct device *dev, netmem_ref netmem,
			   const struct sk_buff *skb, unsigned int from,
			   unsigned int len)
{
	phys_addr_t phys;

	phys = dma_to_phys(dev, page_pool_get_dma_addr_netmem(netmem));
	if (!pfn_valid(PHYS_PFN(phys)) || PageHighMem(phys_to_page(phys)))
		return -EFAULT;
	return skb_copy_bits(skb, from, phys_to_virt(phys), len);
}

/* The payload of @skb, from @from on, to @to. */
static int nsim_devmem_fill(struct page_pool *pool, struct sk_buff *to,
			    const struct sk_buff *skb, unsigned int from)
{
	netmem_ref netmem;
	unsigned int len;
	int err, i;

	for (i = 0; from < skb->len; i++, from += len) {
		if (i == MAX_SKB_FRAGS)
			return -EMSGSIZE;
		len = min_t(unsigned int, skb->len - from, PAGE_SIZE);
		netmem = page_pool_alloc_netmems(pool, GFP_ATOMIC | __GFP_NOWARN);
		if (!netmem)
			return -ENOMEM;
		err = nsim_devmem_dma(pool->p.dev, netmem, skb, from, len);
		if (err) {
			page_pool_put_full_netmem(pool, netmem, true);
			return err;
		}
		skb_add_rx_frag_netmem(to, i, netmem, 0, len, PAGE_SIZE);
	}
	return 0;
}

/**
 * nsim_devmem_rcv() - receive a packet as its queue wants it
 * @rq: the queue
 * @skb: the packet, data at the network header; consumed if it is replaced or
 *	 dropped
 *
 * Context: NAPI of the queue.
 * Return: @skb, a packet in its stead whose payload is in device memory, or
 * NULL if there was no memory.
 */
struct sk_buff *nsim_devmem_rcv(struct nsim_rq *rq, struct sk_buff *skb)
{
	struct sk_buff *split;
	unsigned int hdr_len;

	if (!page_pool_is_unreadable(rq->page_pool))
		return skb;
	hdr_len = nsim_devmem_hdr_len(skb);
	if (!hdr_len)
		return skb;

	split = napi_alloc_skb(&rq->napi, ETH_HLEN + hdr_len);
	if (!split)
		goto err_drop;
	skb_mark_for_recycle(split);
	skb_copy_bits(skb, -ETH_HLEN, skb_put(split, ETH_HLEN + hdr_len),
		      ETH_HLEN + hdr_len);
	if (nsim_devmem_fill(rq->page_pool, split, skb, hdr_len))
		goto err_free;

	split->protocol = eth_type_trans(split, skb->dev);
	skb_shinfo(split)->gso_size = skb_shinfo(skb)->gso_size;
	skb_shinfo(split)->gso_segs = skb_shinfo(skb)->gso_segs;
	skb_shinfo(split)->gso_type = skb_shinfo(skb)->gso_type;
	/* on the sender's promise, as for any packet that stays on the host */
	split->ip_summed = skb->ip_summed == CHECKSUM_PARTIAL ?
			   CHECKSUM_UNNECESSARY : skb->ip_summed;
	consume_skb(skb);
	return split;

err_free:
	kfree_skb(split);
err_drop:
	dev_dstats_rx_dropped(skb->dev);
	kfree_skb(skb);
	return NULL;
}
