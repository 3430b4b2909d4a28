/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RXEDUMP_EXTCAP_H
#define RXEDUMP_EXTCAP_H

#include "options.h"

bool extcap_wanted(int argc, char **argv);
/* as options_parse() */
int extcap_main(struct options *o, int argc, char **argv);

#endif
