// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Which network layer an RXE device uses, from when until when, and the
 * accounts of what passed through it.
 */

#include <linux/rtnetlink.h>
#include <trace/events/rxe.h>

#include "rxe.h"

/* devices whose netdev is there; under rtnl */
static LIST_HEAD(rxe_layer_list);

static void rxe_layer_start_rcv(struct rxe_dev *rxe, struct net_device *ndev)
{
	int err;

	if (rxe->layer.has_handler)
		return;

	err = rxe_eth_rcv_start(rxe, ndev);
	if (!err) {
		rxe->layer.has_handler = true;
		return;
	}

	rxe_counter_inc(rxe, RXE_CNT_L2_RCVD_FALLBACK);
	netdev_info(ndev, "RXE receives at layer 3: receive handler %s\n",
		    err == -EBUSY ? "in use" : "not possible");
}

static void rxe_layer_stop_rcv(struct rxe_dev *rxe, struct net_device *ndev)
{
	if (!rxe->layer.has_handler)
		return;

	rxe_eth_rcv_stop(ndev);
	rxe->layer.has_handler = false;
}

/* A packet keeps the layer it was begun at: what is between prepare and
 * transmit when the value changes is sent, not lost. In the other direction
 * the UDP socket is open all the time, and takes over in the instant in which
 * the handler goes.
 */
static void rxe_layer_set(struct rxe_dev *rxe, enum rxe_layer_id layer)
{
	struct net_device *ndev = rtnl_dereference(rxe->layer.ndev);

	/* no other link layer has Ethernet headers to build and take */
	if (ndev->type != ARPHRD_ETHER)
		layer = RXE_LAYER_IP;

	if (layer == RXE_LAYER_ETH)
		rxe_layer_start_rcv(rxe, ndev);
	else
		rxe_layer_stop_rcv(rxe, ndev);
	WRITE_ONCE(rxe->layer.tx, layer);
}

/**
 * rxe_layer_change - set the network layer of a namespace's devices
 * @net: network namespace
 * @layer: the layer that counts from the next packet on
 *
 * Context: process, rtnl held.
 */
void rxe_layer_change(struct net *net, enum rxe_layer_id layer)
{
	struct rxe_dev *rxe;

	ASSERT_RTNL();

	list_for_each_entry(rxe, &rxe_layer_list, layer.list)
		if (net_eq(dev_net(rtnl_dereference(rxe->layer.ndev)), net))
			rxe_layer_set(rxe, layer);
}

/* Whoever holds a netdev's receive handler gives it back only after the
 * notifiers have heard that the netdev leaves it: try later.
 */
static void rxe_layer_retry(struct work_struct *work)
{
	struct rxe_dev *rxe;

	rtnl_lock();
	list_for_each_entry(rxe, &rxe_layer_list, layer.list)
		if (rxe->layer.tx == RXE_LAYER_ETH)
			rxe_layer_set(rxe, RXE_LAYER_ETH);
	rtnl_unlock();
}

static DECLARE_WORK(rxe_layer_retry_work, rxe_layer_retry);

/**
 * rxe_layer_attach - begin to use a netdev
 * @rxe: device that is about to be registered
 * @ndev: its netdev, referenced by the caller
 *
 * Does nothing if the netdev is going away already. The counterpart is
 * rxe_layer_detach(), which may be called in any case.
 *
 * Context: process; takes rtnl.
 */
void rxe_layer_attach(struct rxe_dev *rxe, struct net_device *ndev)
{
	rxe_devmem_init(&rxe->layer.devmem);
	INIT_LIST_HEAD(&rxe->layer.list);
	rxe->layer.tx = RXE_LAYER_IP;

	rtnl_lock();
	if (ndev->reg_state == NETREG_REGISTERED) {
		rcu_assign_pointer(rxe->layer.ndev, ndev);
		list_add(&rxe->layer.list, &rxe_layer_list);
		rxe_layer_set(rxe, rxe_sysctl_network_layer(dev_net(ndev)));
	}
	rtnl_unlock();
}

static void rxe_layer_detach_locked(struct rxe_dev *rxe)
{
	struct net_device *ndev = rtnl_dereference(rxe->layer.ndev);

	if (!ndev)
		return;

	list_del_init(&rxe->layer.list);
	RCU_INIT_POINTER(rxe->layer.ndev, NULL);
	rxe_layer_stop_rcv(rxe, ndev);
}

/**
 * rxe_layer_detach - stop using the netdev
 * @rxe: device that nobody can find any more
 *
 * No packet is taken at the netdev once it returns.
 *
 * Context: process; takes rtnl.
 */
void rxe_layer_detach(struct rxe_dev *rxe)
{
	rtnl_lock();
	rxe_layer_detach_locked(rxe);
	rtnl_unlock();
	rxe_devmem_exit(&rxe->layer.devmem);
}

/* A bridge or a bond that is about to take the netdev will find that it has a
 * receive handler, and can say no more than EBUSY.
 */
static void rxe_layer_tell_port(struct net_device *ndev)
{
	struct rxe_dev *rxe;

	list_for_each_entry(rxe, &rxe_layer_list, layer.list)
		if (rtnl_dereference(rxe->layer.ndev) == ndev &&
		    rxe->layer.has_handler)
			netdev_info(ndev, "RXE receives at layer 2: no port of another netdev before net.rxe.rxe_network_layer=3\n");
}

/**
 * rxe_layer_netdev_event - netdevice notifier
 * @ndev: the netdev
 * @event: NETDEV_*
 * @info: what the notifier was called with
 *
 * A netdev that goes (also to another namespace) is let go here and not when
 * the RDMA device is gone, which happens some time later.
 *
 * Context: process, rtnl held.
 */
void rxe_layer_netdev_event(struct net_device *ndev, unsigned long event,
			    void *info)
{
	struct netdev_notifier_changeupper_info *upper = info;
	struct rxe_dev *rxe, *tmp;

	switch (event) {
	case NETDEV_UNREGISTER:
		list_for_each_entry_safe(rxe, tmp, &rxe_layer_list, layer.list)
			if (rtnl_dereference(rxe->layer.ndev) == ndev)
				rxe_layer_detach_locked(rxe);
		break;
	case NETDEV_JOIN:
		rxe_layer_tell_port(ndev);
		break;
	case NETDEV_CHANGEUPPER:
		if (!upper->linking)
			schedule_work(&rxe_layer_retry_work);
		break;
	}
}

/* 0 is neither: the packet never left the device */
static u8 rxe_layer_of(const struct rxe_pkt_info *pkt)
{
	if (pkt->mask & RXE_LOOPBACK_MASK)
		return 0;
	return pkt->mask & RXE_L2_MASK ? RXE_LAYER_ETH : RXE_LAYER_IP;
}

/**
 * rxe_layer_lost - account for a packet that could not be handed over
 * @rxe: sending device
 * @pkt: the packet: @qp, @opcode, @psn, @mask set
 * @len: its length as far as it got, in bytes
 *
 * There was no GID, no route or no memory for it. That is loss, too.
 */
void rxe_layer_lost(struct rxe_dev *rxe, struct rxe_pkt_info *pkt,
		    unsigned int len)
{
	pkt->rxe = rxe;
	trace_rxe_drop(pkt, qp_num(pkt->qp), rxe_layer_of(pkt), len,
		       rxe_counter_name(RXE_CNT_SEND_ERR));
	rxe_counter_inc(rxe, RXE_CNT_SEND_ERR);
}

/**
 * rxe_layer_sent - account for a packet that was handed over
 * @pkt: the packet; its skb is gone
 * @len: length from the IP header to the ICRC in bytes
 * @err: what came back: 0, a NET_XMIT code or an errno
 *
 * A NET_XMIT code says that the packet was dropped on this host, by a queue
 * or a BPF program. That is loss as on any wire, for the RC protocol to
 * repair, and no error of the QP.
 *
 * Return: 0 or an errno.
 */
int rxe_layer_sent(struct rxe_pkt_info *pkt, unsigned int len, int err)
{
	u8 layer = rxe_layer_of(pkt);

	if (unlikely(err)) {
		trace_rxe_drop(pkt, qp_num(pkt->qp), layer, len,
			       rxe_counter_name(err < 0 ? RXE_CNT_SEND_ERR :
							  RXE_CNT_XMIT_DROP));
		if (err < 0)
			return err;
		rxe_counter_inc(pkt->rxe, RXE_CNT_XMIT_DROP);
		return 0;
	}

	trace_rxe_tx(pkt, qp_num(pkt->qp), layer, len);
	rxe_counter_inc(pkt->rxe, layer == RXE_LAYER_IP ? RXE_CNT_L3_SENT_PKTS :
			layer ? RXE_CNT_L2_SENT_PKTS : RXE_CNT_LOOPBACK_PKTS);
	return 0;
}

/**
 * rxe_layer_chained - account for a packet that waits for the rest of a message
 * @pkt: the packet
 * @len: length from the IP header to the ICRC in bytes
 */
void rxe_layer_chained(const struct rxe_pkt_info *pkt, unsigned int len)
{
	trace_rxe_tx(pkt, qp_num(pkt->qp), RXE_LAYER_ETH, len);
}

/**
 * rxe_layer_chain_sent - account for packets that were handed over as one skb
 * @pkt: the first one
 * @pkts: how many there are
 * @len: their length from the IP headers to the ICRCs in bytes
 * @err: 0 or a NET_XMIT code
 *
 * They are lost together, too.
 */
void rxe_layer_chain_sent(struct rxe_pkt_info *pkt, unsigned int pkts,
			  unsigned int len, int err)
{
	struct rxe_dev *rxe = pkt->rxe;

	rxe_counter_add(rxe, RXE_CNT_SENT_PKTS, pkts);
	rxe_counter_add(rxe, RXE_CNT_SENT_BYTES, len);
	if (unlikely(err)) {
		trace_rxe_drop(pkt, qp_num(pkt->qp), RXE_LAYER_ETH, len,
			       rxe_counter_name(RXE_CNT_XMIT_DROP));
		rxe_counter_add(rxe, RXE_CNT_XMIT_DROP, pkts);
		return;
	}

	rxe_counter_add(rxe, RXE_CNT_L2_SENT_PKTS, pkts);
	if (pkts > 1)
		rxe_counter_inc(rxe, RXE_CNT_L2_SENT_CHAINS);
}

/**
 * rxe_layer_rcvd - account for a packet that is RXE's and intact
 * @pkt: the packet
 * @len: length from the IP header to the ICRC in bytes
 */
void rxe_layer_rcvd(struct rxe_pkt_info *pkt, unsigned int len)
{
	u8 layer = rxe_layer_of(pkt);

	trace_rxe_rx(pkt, bth_qpn(pkt), layer, len);
	if (layer)
		rxe_counter_inc(pkt->rxe, layer == RXE_LAYER_IP ?
				RXE_CNT_L3_RCVD_PKTS : RXE_CNT_L2_RCVD_PKTS);
}

/**
 * rxe_layer_rcv_drop - account for a packet that RXE takes and discards
 * @pkt: the packet
 * @skb: its buffer, data at the BTH
 * @why: the counter of the reason
 */
void rxe_layer_rcv_drop(struct rxe_pkt_info *pkt, struct sk_buff *skb,
			enum rxe_counters why)
{
	rxe_counter_inc(pkt->rxe, why);

	if (!trace_rxe_drop_enabled())
		return;

	/* a packet without a whole BTH has none of its fields, nor has one
	 * whose BTH is in device memory
	 */
	if (skb_headlen(skb) >= RXE_BTH_BYTES) {
		pkt->opcode = bth_opcode(pkt);
		pkt->psn = bth_psn(pkt);
	}
	trace_rxe_drop(pkt, skb_headlen(skb) >= RXE_BTH_BYTES ? bth_qpn(pkt) : 0,
		       rxe_layer_of(pkt), skb->len - skb_network_offset(skb),
		       rxe_counter_name(why));
}

/**
 * rxe_layer_init - make the sysctl appear in every network namespace
 *
 * Return: 0 or an errno.
 */
int rxe_layer_init(void)
{
	return rxe_sysctl_init();
}

/**
 * rxe_layer_exit - undo rxe_layer_init()
 *
 * All devices and the netdevice notifier are gone before.
 */
void rxe_layer_exit(void)
{
	cancel_work_sync(&rxe_layer_retry_work);
	rxe_sysctl_exit();
}
