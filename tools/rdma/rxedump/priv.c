// SPDX-License-Identifier: GPL-2.0
/*
 * From root to somebody else, who may go on capturing.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "priv.h"
#include "say.h"

static int set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
		{ .effective = caps >> 32, .permitted = caps >> 32 },
	};

	return syscall(SYS_capset, &head, data);
}

static int become(const struct passwd *pw, uint64_t keep)
{
	/* setuid() would take all capabilities */
	if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return -1;
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) ||
	    setuid(pw->pw_uid))
		return -1;
	return set_capabilities(keep);
}

int priv_drop(const char *user, uint64_t keep)
{
	const struct passwd *pw;

	if (geteuid())
		return 0;
	errno = 0;
	pw = getpwnam(user);
	if (pw && !become(pw, keep))
		return 0;
	say("-Z %s: %s", user, pw || errno ? strerror(errno) : "no such user");
	return -1;
}
