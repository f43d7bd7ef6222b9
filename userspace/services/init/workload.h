/* SPDX-License-Identifier: MIT */
/*
 * Workloads: programs that check themselves. Named on the command line as
 *
 *     workload=NAME[:KEY=VALUE...][,NAME...]
 *
 * and run all at once, or one after the other. The name "demo" stands for the demo set.
 */
#pragma once

#include <stdbool.h>

struct workload_totals {
    unsigned passed;
    unsigned failed;
};

/*
 * workload_run() - run a list of programs and print a line for each, "PASS <name> ..." or "FAIL
 * <name> ...".
 * @list        as above; is cut apart and must stay
 * @sequential  start each program when the one before has ended
 */
struct workload_totals workload_run(char *list, bool sequential);
