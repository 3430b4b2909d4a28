// SPDX-License-Identifier: GPL-2.0
/*
 * Which receive queue a packet goes to: that of the first rule that it matches
 * (ethtool -N), else that of the indirection table (ethtool -X), else the one
 * with the number of the sender's transmit queue.
 */

#include <linux/ethtool.h>
#include <linux/skbuff.h>
#include <net/flow_dissector.h>
#include <net/ipv6.h>
#include <net/netdev_lock.h>

#include "netdevsim.h"

struct nsim_rule {
	struct ethtool_rx_flow_spec	fs;
	struct rcu_head			rcu;
};

static struct nsim_rule *nsim_rule_get(struct netdevsim *ns, unsigned int at)
{
	return rcu_dereference_protected(ns->steer.rules[at],
					 lockdep_rtnl_is_held() ||
					 lockdep_is_held(&ns->netdev->lock));
}

/* netdev's lock held, or rtnl */
static void nsim_rule_set(struct netdevsim *ns, unsigned int at,
			  struct nsim_rule *rule)
{
	struct nsim_rule *old = nsim_rule_get(ns, at);

	rcu_assign_pointer(ns->steer.rules[at], rule);
	WRITE_ONCE(ns->steer.count, ns->steer.count + !!rule - !!old);
	if (old)
		kfree_rcu(old, rcu);
}

static bool nsim_match_ports(__be16 psrc, __be16 psrc_mask, __be16 pdst,
			     __be16 pdst_mask,
			     const struct flow_dissector_key_ports *ports)
{
	return !((psrc ^ ports->src) & psrc_mask) &&
	       !((pdst ^ ports->dst) & pdst_mask);
}

static bool nsim_match_ip4(const struct ethtool_tcpip4_spec *rule,
			   const struct ethtool_tcpip4_spec *mask,
			   const struct flow_keys *keys)
{
	const struct flow_dissector_key_ipv4_addrs *addrs =
		&keys->addrs.v4addrs;

	return keys->control.addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS &&
	       !((rule->ip4src ^ addrs->src) & mask->ip4src) &&
	       !((rule->ip4dst ^ addrs->dst) & mask->ip4dst) &&
	       nsim_match_ports(rule->psrc, mask->psrc, rule->pdst, mask->pdst,
				&keys->ports);
}

static bool nsim_match_ip6(const struct ethtool_tcpip6_spec *rule,
			   const struct ethtool_tcpip6_spec *mask,
			   const struct flow_keys *keys)
{
	const struct flow_dissector_key_ipv6_addrs *addrs =
		&keys->addrs.v6addrs;

	return keys->control.addr_type == FLOW_DISSECTOR_KEY_IPV6_ADDRS &&
	       !ipv6_masked_addr_cmp((const struct in6_addr *)rule->ip6src,
				     (const struct in6_addr *)mask->ip6src,
				     &addrs->src) &&
	       !ipv6_masked_addr_cmp((const struct in6_addr *)rule->ip6dst,
				     (const struct in6_addr *)mask->ip6dst,
				     &addrs->dst) &&
	       nsim_match_ports(rule->psrc, mask->psrc, rule->pdst, mask->pdst,
				&keys->ports);
}

static bool nsim_match(const struct ethtool_rx_flow_spec *fs,
		       const struct flow_keys *keys)
{
	switch (fs->flow_type) {
	case TCP_V4_FLOW:
		return keys->basic.ip_proto == IPPROTO_TCP &&
		       nsim_match_ip4(&fs->h_u.tcp_ip4_spec,
				      &fs->m_u.tcp_ip4_spec, keys);
	case UDP_V4_FLOW:
		return keys->basic.ip_proto == IPPROTO_UDP &&
		       nsim_match_ip4(&fs->h_u.udp_ip4_spec,
				      &fs->m_u.udp_ip4_spec, keys);
	case TCP_V6_FLOW:
		return keys->basic.ip_proto == IPPROTO_TCP &&
		       nsim_match_ip6(&fs->h_u.tcp_ip6_spec,
				      &fs->m_u.tcp_ip6_spec, keys);
	default:
		return keys->basic.ip_proto == IPPROTO_UDP &&
		       nsim_match_ip6(&fs->h_u.udp_ip6_spec,
				      &fs->m_u.udp_ip6_spec, keys);
	}
}

/* Later fragments have no ports: no rule is theirs. */
static int nsim_steer_by_rule(struct netdevsim *ns, const struct sk_buff *skb)
{
	struct nsim_rule *rule;
	struct flow_keys keys;
	unsigned int at;

	if (!skb_flow_dissect_flow_keys(skb, &keys, 0) ||
	    keys.control.flags & FLOW_DIS_IS_FRAGMENT)
		return -1;

	for (at = 0; at < NSIM_RULES; at++) {
		rule = rcu_dereference(ns->steer.rules[at]);
		if (rule && nsim_match(&rule->fs, &keys))
			return rule->fs.ring_cookie;
	}
	return -1;
}

/**
 * nsim_steer() - choose the queue that receives a packet
 * @ns: receiver
 * @skb: packet, data at its Ethernet header, network header set
 *
 * Context: under rcu_read_lock().
 * Return: number of a queue of @ns.
 */
unsigned int nsim_steer(struct netdevsim *ns, struct sk_buff *skb)
{
	struct net_device *dev = ns->netdev;
	int rxq = -1;

	if (READ_ONCE(ns->steer.count) && dev->features & NETIF_F_NTUPLE)
		rxq = nsim_steer_by_rule(ns, skb);
	if (rxq < 0 && netif_is_rxfh_configured(dev))
		rxq = READ_ONCE(ns->steer.indir[skb_get_hash(skb) %
						NSIM_INDIR_SIZE]);
	if (rxq < 0)
		rxq = skb_get_queue_mapping(skb);
	return rxq % dev->num_rx_queues;
}

static int nsim_rule_check(struct net_device *dev,
			   const struct ethtool_rx_flow_spec *fs)
{
	switch (fs->flow_type) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
		if (fs->m_u.tcp_ip4_spec.tos)
			return -EOPNOTSUPP;
		break;
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
		if (fs->m_u.tcp_ip6_spec.tclass)
			return -EOPNOTSUPP;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (fs->ring_cookie == RX_CLS_FLOW_DISC)
		return -EOPNOTSUPP;
	return fs->ring_cookie < dev->real_num_rx_queues ? 0 : -EINVAL;
}

/* Where a rule is to go: @location, or a free place. */
static int nsim_rule_place(struct netdevsim *ns, u32 location)
{
	int at;

	switch (location) {
	case RX_CLS_LOC_ANY:
	case RX_CLS_LOC_FIRST:
		for (at = 0; at < NSIM_RULES; at++)
			if (!nsim_rule_get(ns, at))
				return at;
		return -ENOSPC;
	case RX_CLS_LOC_LAST:
		for (at = NSIM_RULES - 1; at >= 0; at--)
			if (!nsim_rule_get(ns, at))
				return at;
		return -ENOSPC;
	default:
		return location < NSIM_RULES ? location : -EINVAL;
	}
}

static int nsim_rule_insert(struct netdevsim *ns,
			    struct ethtool_rx_flow_spec *fs)
{
	struct nsim_rule *rule;
	int err, at;

	if (!(ns->netdev->features & NETIF_F_NTUPLE))
		return -EOPNOTSUPP;
	err = nsim_rule_check(ns->netdev, fs);
	if (err)
		return err;
	at = nsim_rule_place(ns, fs->location);
	if (at < 0)
		return at;

	rule = kmalloc_obj(*rule);
	if (!rule)
		return -ENOMEM;
	fs->location = at;
	rule->fs = *fs;
	nsim_rule_set(ns, at, rule);
	return 0;
}

int nsim_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *cmd)
{
	struct netdevsim *ns = netdev_priv(dev);

	switch (cmd->cmd) {
	case ETHTOOL_SRXCLSRLINS:
		return nsim_rule_insert(ns, &cmd->fs);
	case ETHTOOL_SRXCLSRLDEL:
		if (cmd->fs.location >= NSIM_RULES ||
		    !nsim_rule_get(ns, cmd->fs.location))
			return -ENOENT;
		nsim_rule_set(ns, cmd->fs.location, NULL);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int nsim_rules_list(struct netdevsim *ns, struct ethtool_rxnfc *cmd,
			   u32 *locations)
{
	unsigned int at, n = 0;

	for (at = 0; at < NSIM_RULES; at++) {
		if (!nsim_rule_get(ns, at))
			continue;
		if (n == cmd->rule_cnt)
			return -EMSGSIZE;
		locations[n++] = at;
	}
	cmd->rule_cnt = n;
	cmd->data = NSIM_RULES;
	return 0;
}

int nsim_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *cmd,
		   u32 *locations)
{
	struct netdevsim *ns = netdev_priv(dev);
	struct nsim_rule *rule;

	switch (cmd->cmd) {
	case ETHTOOL_GRXCLSRLCNT:
		cmd->rule_cnt = ns->steer.count;
		cmd->data = NSIM_RULES | RX_CLS_LOC_SPECIAL;
		return 0;
	case ETHTOOL_GRXCLSRULE:
		rule = cmd->fs.location < NSIM_RULES ?
			nsim_rule_get(ns, cmd->fs.location) : NULL;
		if (!rule)
			return -ENOENT;
		cmd->fs = rule->fs;
		return 0;
	case ETHTOOL_GRXCLSRLALL:
		return nsim_rules_list(ns, cmd, locations);
	default:
		return -EOPNOTSUPP;
	}
}

u32 nsim_get_rx_ring_count(struct net_device *dev)
{
	return dev->real_num_rx_queues;
}

u32 nsim_get_rxfh_indir_size(struct net_device *dev)
{
	return NSIM_INDIR_SIZE;
}

/* Until a table is set, netdevsim does without: this is what one would be. The hash
 * is the flow hash of the stack, under the name that tools expect.
 */
int nsim_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
{
	struct netdevsim *ns = netdev_priv(dev);
	unsigned int n;

	rxfh->hfunc = ETH_RSS_HASH_TOP;
	if (!rxfh->indir)
		return 0;
	for (n = 0; n < NSIM_INDIR_SIZE; n++)
		rxfh->indir[n] = netif_is_rxfh_configured(dev) ?
			ns->steer.indir[n] :
			ethtool_rxfh_indir_default(n, dev->real_num_rx_queues);
	return 0;
}

int nsim_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
		  struct netlink_ext_ack *extack)
{
	struct netdevsim *ns = netdev_priv(dev);
	unsigned int n;

	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE &&
	    rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "only the Toeplitz hash");
		return -EOPNOTSUPP;
	}
	if (rxfh->indir)
		for (n = 0; n < NSIM_INDIR_SIZE; n++)
			WRITE_ONCE(ns->steer.indir[n], rxfh->indir[n]);
	return 0;
}

/**
 * nsim_steer_exit() - forget all rules
 * @ns: an unregistered netdevsim that no other is linked to
 *
 * Context: process, rtnl held.
 */
void nsim_steer_exit(struct netdevsim *ns)
{
	unsigned int at;

	for (at = 0; at < NSIM_RULES; at++)
		nsim_rule_set(ns, at, NULL);
}
