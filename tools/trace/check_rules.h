/* SPDX-License-Identifier: MIT */
/*
 * The rules that a stream of events must keep, whatever the workload did.
 *
 * Rules look back only: a begin that lies before the capture, or in a hole, makes the state of what it belongs to unknown,
 * and the next event of that thread, core or call is believed. So a capture with holes has no findings of its own accord.
 */
#pragma once

#include "merge.h"
#include "registry.h"

struct rules;

/* rules_open() - findings go to the list; names come from the registry, whose threads must have RULES_THREAD_BYTES. */
struct rules *rules_open(const struct session *session, struct registry *registry,
                         struct finding_list *findings);
size_t rules_thread_bytes(void);

/* rules_step() - look at one step of the merged stream. */
void rules_step(struct rules *rules, const struct step *step);

/* rules_run() - at all steps of a stream, to its end. */
void rules_run(struct rules *rules, struct merge *merge);

struct rules_totals {
    uint64_t calls;        /* ipc.call seen */
    uint64_t calls_whole;  /* with receive, reply and return in order */
    uint64_t calls_failed; /* returned with an error */
    uint64_t calls_open;   /* not returned at the end */
    uint64_t switches;
    uint64_t syscalls;
    uint64_t faults;
    uint64_t irqs;
    uint64_t orphans; /* ends whose begin lies before the capture or in a hole */
    uint64_t lost_reported[TRACE_LANES_MAX][TRACE_LOST_CAUSES]; /* by trace.lost records */
};

/* rules_close() - judge what only the end can tell, give the totals, free. */
void rules_close(struct rules *rules, struct rules_totals *out_totals);
