/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network namespace that is captured in, and whether netdevs come there.
 */
#ifndef RXEDUMP_PLACE_H
#define RXEDUMP_PLACE_H

#include <stdbool.h>

struct place {
	const char *netns;	/* as given; NULL: where we began */
	int ns;			/* the namespace, or -1 */
	int netlink;		/* tells that a netdev came or went; or -1 */
};

/* All return 0, or -1 after saying why. */
int place_open(struct place *p, const char *netns);
int place_enter(const struct place *p);
/* In the namespace. */
int place_watch(struct place *p);
/* Did a netdev come, go or change since the last call? */
bool place_changed(struct place *p);
void place_unwatch(struct place *p);
void place_close(struct place *p);

#endif
