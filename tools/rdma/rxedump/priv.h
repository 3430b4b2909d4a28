/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_PRIV_H
#define RXEDUMP_PRIV_H

#include <stdint.h>

#define PRIV_NET_ADMIN	(1ull << 12)
#define PRIV_SYS_ADMIN	(1ull << 21)
#define PRIV_BPF	(1ull << 39)

/* Go on as this user, with these capabilities and no others; nothing to do for who
 * is not root. 0, or -1 after saying why.
 */
int priv_drop(const char *user, uint64_t keep);

#endif
