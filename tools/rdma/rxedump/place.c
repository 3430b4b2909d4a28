// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces, and news of their netdevs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_types.h>	/* netlink.h relies on it */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "place.h"
#include "say.h"

int place_open(struct place *p, const char *netns)
{
	char path[256] = "/proc/self/ns/net";

	if (netns)
		snprintf(path, sizeof(path), "%s%s",
			 strchr(netns, '/') ? "" : "/run/netns/", netns);
	p->netns = netns;
	p->netlink = -1;
	p->ns = open(path, O_RDONLY | O_CLOEXEC);
	/* without /proc there is no way back, and perhaps none is needed */
	if (p->ns >= 0 || !netns)
		return 0;
	say("--netns %s: %s", netns, strerror(errno));
	return -1;
}

int place_enter(const struct place *p)
{
	if (p->ns >= 0 && !setns(p->ns, CLONE_NEWNET))
		return 0;
	say("--netns %s: %s", p->netns ? p->netns : "(our own)",
	    strerror(p->ns < 0 ? ENOENT : errno));
	return -1;
}

int place_watch(struct place *p)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK,
	};

	if (p->netlink >= 0)
		return 0;
	p->netlink = socket(AF_NETLINK,
			    SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			    NETLINK_ROUTE);
	if (p->netlink >= 0 && !bind(p->netlink, (struct sockaddr *)&addr,
				     sizeof(addr)))
		return 0;
	say("-i any: rtnetlink: %s", strerror(errno));
	return -1;
}

/* Who hears of a change looks at all netdevs: what the messages say, and whether
 * some of them were lost (ENOBUFS), does not matter.
 */
bool place_changed(struct place *p)
{
	bool changed = false;
	ssize_t len;
	char byte;

	if (p->netlink < 0)
		return false;
	do {
		len = recv(p->netlink, &byte, sizeof(byte), 0);
		changed |= len >= 0 || errno == ENOBUFS;
	} while (len >= 0 || errno == ENOBUFS || errno == EINTR);
	return changed;
}

void place_unwatch(struct place *p)
{
	if (p->netlink >= 0)
		close(p->netlink);
	p->netlink = -1;
}

void place_close(struct place *p)
{
	place_unwatch(p);
	if (p->ns >= 0)
		close(p->ns);
}
