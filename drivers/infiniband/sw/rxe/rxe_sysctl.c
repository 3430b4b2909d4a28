// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * net.rxe.rxe_network_layer, one value per network namespace.
 */

#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "rxe.h"

struct rxe_sysctl_net {
	struct net		*net;
	struct ctl_table_header	*hdr;
	int			network_layer; /* written under rtnl */
};

static unsigned int rxe_sysctl_net_id;

static const int rxe_layer_min = RXE_LAYER_ETH;
static const int rxe_layer_max = RXE_LAYER_IP;

/*
 * The value and the receive handlers of the namespace's devices change
 * together under rtnl, so two writers cannot leave them apart. Plain
 * rtnl_lock() is safe: nobody unregisters this table with rtnl held.
 */
static int rxe_sysctl_write_layer(const struct ctl_table *table, int write,
				  void *buffer, size_t *lenp, loff_t *ppos)
{
	struct rxe_sysctl_net *sn = container_of(table->data,
						 struct rxe_sysctl_net,
						 network_layer);
	int layer = READ_ONCE(sn->network_layer);
	const struct ctl_table tmp = {
		.data	= &layer,
		.maxlen	= sizeof(layer),
		.mode	= table->mode,
		.extra1	= (void *)&rxe_layer_min,
		.extra2	= (void *)&rxe_layer_max,
	};
	int err;

	err = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (err || !write)
		return err;

	rtnl_lock();
	WRITE_ONCE(sn->network_layer, layer);
	rxe_layer_change(sn->net, layer);
	rtnl_unlock();

	return 0;
}

static int __net_init rxe_sysctl_net_init(struct net *net)
{
	struct rxe_sysctl_net *sn = net_generic(net, rxe_sysctl_net_id);
	const struct ctl_table entry = {
		.procname	= "rxe_network_layer",
		.data		= &sn->network_layer,
		.maxlen		= sizeof(sn->network_layer),
		.mode		= 0644,
		.proc_handler	= rxe_sysctl_write_layer,
	};
	void *table; /* a const struct ctl_table from 7.3 on */

	sn->net = net;
	sn->network_layer = RXE_LAYER_IP;

	table = kmemdup(&entry, sizeof(entry), GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	sn->hdr = register_net_sysctl_sz(net, "net/rxe", table, 1);
	if (!sn->hdr) {
		kfree(table);
		return -ENOMEM;
	}

	return 0;
}

static void __net_exit rxe_sysctl_net_exit(struct net *net)
{
	struct rxe_sysctl_net *sn = net_generic(net, rxe_sysctl_net_id);
	const struct ctl_table *table = sn->hdr->ctl_table_arg;

	unregister_net_sysctl_table(sn->hdr);
	kfree(table);
}

static struct pernet_operations rxe_sysctl_net_ops = {
	.init	= rxe_sysctl_net_init,
	.exit	= rxe_sysctl_net_exit,
	.id	= &rxe_sysctl_net_id,
	.size	= sizeof(struct rxe_sysctl_net),
};

/**
 * rxe_sysctl_network_layer - the layer that a namespace's devices should use
 * @net: network namespace
 *
 * Return: the value of net.rxe.rxe_network_layer there. It stays what it is
 * while the caller holds rtnl.
 */
enum rxe_layer_id rxe_sysctl_network_layer(struct net *net)
{
	struct rxe_sysctl_net *sn = net_generic(net, rxe_sysctl_net_id);

	return READ_ONCE(sn->network_layer);
}

int rxe_sysctl_init(void)
{
	return register_pernet_subsys(&rxe_sysctl_net_ops);
}

void rxe_sysctl_exit(void)
{
	unregister_pernet_subsys(&rxe_sysctl_net_ops);
}
