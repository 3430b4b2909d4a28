// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * The one place where RXE's tracepoints are defined.
 */

#include "rxe.h"

#define CREATE_TRACE_POINTS
#include <trace/events/rxe.h>
