/* SPDX-License-Identifier: MIT */
/*
 * Hooks: what happens at a site besides, or instead of, writing a record. A site has three forms: off, on (the record is
 * written), and hooked (the hook of its event decides). So an event without a hook pays nothing for those that have one.
 *
 * H1  A hook changes only while no site of its event is in the hooked form: nobody is inside it then, because sites
 *     are patched while every other core is parked at a poll, and emitters do not poll.
 * H2  Its counters are per core, each written by that core's normal context only; who reads them may be a little late.
 */
#pragma once

#include "base/types.h"
#include "kernel/abi/trace.h"
#include "trace/ring/aggregate.h"
#include "trace/ring/filter.h"
#include "trace/ring/layout.h"

#define TRACE_HOOKS_MAX 16u

struct trace_hook {
    unsigned event; /* TRACE_EVENT_TRACE_PAD: free */
    unsigned conditions;
    struct trace_condition condition[TRACE_CONDITIONS_MAX]; /* as asked for, for kdebug */
    struct trace_filter filter;
    struct trace_aggregation *aggregation; /* what passes is counted there; NULL: written */
    struct {
        uint64_t passed, refused;
    } count[CPU_MAX];
};

extern struct trace_hook trace_hooks[TRACE_HOOKS_MAX];

/*
 * trace_hook_set() - from now on only records of this event that match are written; count 0: all again.
 *
 * ERR_BAD_ARGUMENT as trace_filter_make() says; ERR_NO_MEMORY: TRACE_HOOKS_MAX events have a filter already. Nothing has
 * changed then.
 * Context: thread, no lock held; patches text (text_patch.h). Takes trace_switch_lock.
 */
status_t trace_hook_set(unsigned event, const struct trace_condition *conditions,
                        unsigned count) MUST_CHECK;

/*
 * trace_hook_aggregate() - from now on records of this event that match are counted, and none is written. count may be 0. Ends by
 * trace_hook_set() with 0 conditions.
 *
 * As above; ERR_BAD_ARGUMENT also if not trace_grouping_fits(), ERR_NO_MEMORY also for TRACE_AGGREGATIONS_MAX.
 */
status_t trace_hook_aggregate(unsigned event, const struct trace_condition *conditions,
                              unsigned count, const struct trace_grouping *grouping) MUST_CHECK;

/*
 * trace_hook_read_row() - one row of a core's table of counts, which goes on counting (trace_row_copy()).
 *
 * ERR_NOT_FOUND: the event is not counted; ERR_RANGE: no such row or core. *out_left_out: of the table.
 * Context: thread, no lock held. Takes trace_switch_lock.
 */
status_t trace_hook_read_row(unsigned event, uint64_t cpu, unsigned row, struct trace_row *out,
                             uint64_t *out_left_out) MUST_CHECK;

/* trace_hook_has() - the event has a filter or is counted. Context: with trace_switch_lock held. */
bool trace_hook_has(unsigned event);

/*
 * trace_hook_lane() - the lane that a hooked site hands to its emitter: it has no room, and the slow way that every record
 * takes there asks the hook. So one block of cold code packs the record for both forms of the site, and the hot
 * path stays as it was. [0] stands for trace_lane(), [1] for trace_lane_always().
 */
extern struct trace_lane trace_hook_lanes[2];

/*
 * trace_hook_decide() - for emitters without room: where to write a record after all.
 *
 * @record  header and all payload words of the event but a string's
 * Returns lane itself if it is not a hook's, the real lane if the record passes, NULL if it does not.
 */
struct trace_lane *trace_hook_decide(struct trace_lane *lane, const uint64_t *record);
