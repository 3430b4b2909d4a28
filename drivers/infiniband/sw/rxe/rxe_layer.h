/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Network layers: how RXE's packets meet the network device.
 *
 *	3  ip		upstream's path: route, netfilter, UDP socket
 *	2  ethernet	dev_queue_xmit() on the netdev, and the netdev's
 *			receive handler, before IP
 *
 * The frames on the wire are the same at both, so the two directions are
 * independent and each end may use its own.
 */

#ifndef RXE_LAYER_H
#define RXE_LAYER_H

#include <linux/list.h>
#include <linux/types.h>

#include "rxe_devmem.h"

struct net;
struct net_device;
struct rxe_av;
struct rxe_dev;
struct rxe_pkt_info;
struct sk_buff;

/* values of net.rxe.rxe_network_layer */
enum rxe_layer_id {
	RXE_LAYER_ETH	= 2,
	RXE_LAYER_IP	= 3,
};

/**
 * struct rxe_layer - how one RXE device meets its netdev
 * @tx: layer that the next packet is sent at, an enum rxe_layer_id.
 *	Written under rtnl, read locklessly.
 * @ndev: the netdev, from rxe_layer_attach() until it is unregistered or the
 *	  device goes away. Holds no reference: the NETDEV_UNREGISTER notifier
 *	  clears it a grace period before the netdev is freed, so whoever
 *	  finds it set under rcu_read_lock() may use it until the unlock.
 * @has_handler: the netdev's receive handler is ours. Under rtnl.
 * @list: in rxe_layer_list while @ndev is set. Under rtnl.
 * @devmem: packets whose payload the netdev put into device memory
 */
struct rxe_layer {
	u8			tx;
	struct net_device __rcu	*ndev;
	bool			has_handler;
	struct list_head	list;
	struct rxe_devmem	devmem;
};

/* rxe_layer.c */
int rxe_layer_init(void);
void rxe_layer_exit(void);
void rxe_layer_attach(struct rxe_dev *rxe, struct net_device *ndev);
void rxe_layer_detach(struct rxe_dev *rxe);
void rxe_layer_netdev_event(struct net_device *ndev, unsigned long event,
			    void *info);
void rxe_layer_change(struct net *net, enum rxe_layer_id layer);
int rxe_layer_sent(struct rxe_pkt_info *pkt, unsigned int len, int err);
void rxe_layer_chained(const struct rxe_pkt_info *pkt, unsigned int len);
void rxe_layer_chain_sent(struct rxe_pkt_info *pkt, unsigned int pkts,
			  unsigned int len, int err);
void rxe_layer_lost(struct rxe_dev *rxe, struct rxe_pkt_info *pkt,
		    unsigned int len);
void rxe_layer_rcvd(struct rxe_pkt_info *pkt, unsigned int len);
void rxe_layer_rcv_drop(struct rxe_pkt_info *pkt, struct sk_buff *skb,
			enum rxe_counters why);

/* rxe_eth_xmit.c */
struct sk_buff *rxe_eth_init_packet(struct rxe_dev *rxe, struct rxe_av *av,
				    int paylen, struct rxe_pkt_info *pkt);
void rxe_eth_prepare(struct rxe_av *av, struct rxe_pkt_info *pkt,
		     struct sk_buff *skb);
int rxe_eth_xmit(struct sk_buff *skb, struct rxe_pkt_info *pkt);
bool rxe_eth_has_addr(struct net_device *ndev, __be16 protocol,
		      const void *addr);
void rxe_eth_find_dmac(const struct rdma_ah_attr *attr, struct rxe_av *av);

/* rxe_eth_rcv.c */
int rxe_eth_rcv_start(struct rxe_dev *rxe, struct net_device *ndev);
void rxe_eth_rcv_stop(struct net_device *ndev);

/* rxe_sysctl.c */
int rxe_sysctl_init(void);
void rxe_sysctl_exit(void);
enum rxe_layer_id rxe_sysctl_network_layer(struct net *net);

#endif /* RXE_LAYER_H */
