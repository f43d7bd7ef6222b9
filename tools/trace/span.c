/* SPDX-License-Identifier: MIT */
/*
 * Where a session begins and ends, and until when each lane is complete.
 *
 * The end of a lane. If the last STATUS counts as many events as the sub-buffers hold, nothing is missing. If it counts more,
 * the core went on after its lane had been read for the last time. When was that? Not before the last record of any lane whose
 * last block had been sent before: that record was in its ring by then. Up to there the lane is complete, whatever its own
 * last record says. Without a final STATUS the file was cut, and of each lane nothing is known behind its last record.
 */
#include "lane.h"

/* The last record of a lane: only its last sub-buffer has to be read. */
struct tail {
    uint64_t time;
    uint64_t next_event;
};

static struct tail find_tail(const struct session *session, unsigned index)
{
    struct session part = *session;
    part.lane[index].entry += part.lane[index].entries - 1;
    part.lane[index].entries = 1;
    part.lane[index].open_end_tsc = LANE_COMPLETE;
    struct lane lane;
    lane_open(&lane, &part, index, NULL);
    while (lane.step.kind != STEP_END) {
        lane_advance(&lane);
    }
    struct tail tail = {.time = lane.totals.last_tsc, .next_event = lane.totals.next_event};
    lane_close(&lane);
    return tail;
}

static uint64_t last_block(const struct session_lane *lane)
{
    return lane->entry[lane->entries - 1].block;
}

/* A lane that keeps its oldest could not take what came behind its last record. */
static bool is_full(const struct session_lane *lane, uint64_t last_record)
{
    return lane->last_status.lost[TRACE_LOST_FULL] != 0 &&
           lane->last_status.lost_last_tsc > last_record;
}

static uint64_t find_end(const struct session *session, const struct tail *tails, unsigned index)
{
    const struct session_lane *lane = &session->lane[index];
    if (!session->has_final_status) {
        return tails[index].time;
    }
    if (lane->last_status.events <= tails[index].next_event) {
        return is_full(lane, tails[index].time) ? tails[index].time + 1 : LANE_COMPLETE;
    }
    uint64_t end = tails[index].time;
    for (unsigned i = 0; i < session->lane_count; i++) {
        const struct session_lane *other = &session->lane[i];
        if (other->kind == TRACE_LANE_NORMAL && other->entries != 0 &&
            last_block(other) < last_block(lane)) {
            end = MAX(end, tails[i].time);
        }
    }
    return end + 1;
}

void session_find_ends(struct session *session)
{
    struct tail tails[TRACE_LANES_MAX];
    for (unsigned i = 0; i < session->lane_count; i++) {
        session->lane[i].open_end_tsc = LANE_COMPLETE;
        if (session->lane[i].entries != 0) {
            tails[i] = find_tail(session, i);
        }
    }
    for (unsigned i = 0; i < session->lane_count; i++) {
        struct session_lane *lane = &session->lane[i];
        if (lane->kind == TRACE_LANE_NORMAL && lane->entries != 0) {
            lane->open_end_tsc = find_end(session, tails, i);
        }
    }
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
        span->start_tsc =
            is_overwritten(first) ? MAX(span->start_tsc, first->tsc) : span->start_tsc;
        span->last_tsc = MAX(span->last_tsc, find_tail(session, i).time);
        if (session->has_final_status && lane->open_end_tsc != LANE_COMPLETE) {
            span->end_tsc = MIN(span->end_tsc, lane->open_end_tsc - 1);
        }
        any = true;
    }
    return any;
}

struct span session_span(const struct session *session)
{
    struct span span = {.first_tsc = UINT64_MAX, .end_tsc = UINT64_MAX};
    struct span all = span;
    if (!widen(session, false, &all)) {
        return (struct span){0};
    }
    if (!widen(session, true, &span)) {
        span = all;
    }
    span.last_tsc = all.last_tsc; /* a stop in kdebug may be the last thing that happened */
    span.start_tsc = MAX(span.start_tsc, span.first_tsc);
    span.end_tsc = MAX(MIN(span.end_tsc, span.last_tsc), span.start_tsc);
    return span;
}
