/* SPDX-License-Identifier: MIT */
/*
 * Workloads: programs that check themselves. Named on the command line as
 *
 *     workload=NAME[:KEY=VALUE...][,NAME...]
 *
 * and run all at once, or one after the other with the word 'sequential'. "demo" stands for the
 * demo set.
 */
#pragma once

#include <stdbool.h>

#define WORKLOAD_TEXT_BYTES 768u

struct workload_totals {
    unsigned passed;
    unsigned failed;
};

/*
 * workload_run() - run a list of programs and print a line for each, "PASS <name> ..." or "FAIL
 * <name> ...".
 * @list        as above; longer than WORKLOAD_TEXT_BYTES is cut
 * @sequential  start each program when the one before has ended
 */
struct workload_totals workload_run(const char *list, bool sequential);
