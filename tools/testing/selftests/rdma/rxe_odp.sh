#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory regions that are paged on demand: data at any place, addresses that
# are not those of the process.

# shellcheck disable=SC2015
# shellcheck source=rxe_mr_lib.sh
. "$(dirname "$0")/rxe_mr_lib.sh"

start_mr 10
for how in va reg_mr; do
	case $how in
	va) name="iova is the address" ;;
	*) name="iova is not the address" ;;
	esac
	run_case "on demand, $name: all operations, local" \
		nothing_left mr data odp plain $how
	run_case "on demand, $name: all operations, remote" \
		nothing_left mr data plain odp $how
	run_case "on demand, $name: atomic operations" \
		nothing_left mr atomic odp odp $how
	run_case "on demand, $name: nothing outside of the MR is reached" \
		nothing_left mr bounds odp odp $how
	run_case "on demand, $name: prefetch" nothing_left mr prefetch odp $how
done
ktap_finished
