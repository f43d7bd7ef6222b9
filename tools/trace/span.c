/* SPDX-License-Identifier: MIT */
/* Where a session begins and ends. */
#include "lane.h"

/* The last record's time of a lane: only its last sub-buffer has to be read. */
static uint64_t last_time(const struct session *session, unsigned index)
{
    struct session tail = *session;
    tail.lane[index].entry += tail.lane[index].entries - 1;
    tail.lane[index].entries = 1;
    struct lane lane;
    lane_open(&lane, &tail, index, NULL);
    while (lane.step.kind != STEP_END) {
        lane_advance(&lane);
    }
    uint64_t time = lane.totals.last_tsc;
    lane_close(&lane);
    return time;
}

/* The ring went round before the capture began; not: the file has lost what came first. */
static bool is_overwritten(const struct subbuf_entry *first)
{
    return first->position != 0 && !first->damage_before;
}

static bool widen(const struct session *session, bool normal_only, struct span *span)
{
    bool any = false;
    for (unsigned i = 0; i < session->lane_count; i++) {
        const struct session_lane *lane = &session->lane[i];
        if (lane->entries == 0 || (normal_only && lane->kind != TRACE_LANE_NORMAL)) {
            continue;
        }
        const struct subbuf_entry *first = &lane->entry[0];
        span->first_tsc = MIN(span->first_tsc, first->tsc);
        span->start_tsc = is_overwritten(first) ? MAX(span->start_tsc, first->tsc) : span->start_tsc;
        span->end_tsc = MAX(span->end_tsc, last_time(session, i));
        any = true;
    }
    return any;
}

struct span session_span(const struct session *session)
{
    struct span span = {.first_tsc = UINT64_MAX};
    struct span all = {.first_tsc = UINT64_MAX};
    if (!widen(session, false, &all)) {
        return (struct span){0};
    }
    if (!widen(session, true, &span)) {
        span = all;
    }
    span.end_tsc = all.end_tsc; /* a stop in kdebug may be the last thing that happened */
    span.start_tsc = MAX(span.start_tsc, span.first_tsc);
    return span;
}
