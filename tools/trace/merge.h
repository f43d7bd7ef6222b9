/* SPDX-License-Identifier: MIT */
/* All lanes of a session as one stream in order of time. */
#pragma once

#include "lane.h"

struct merge {
    struct lane lane[TRACE_LANES_MAX];
    unsigned lanes;
    struct merge_entry {
        uint64_t tsc; /* of the lane's step */
        struct lane *lane;
    } queue
        [TRACE_LANES_MAX +
         1]; /* by time; lanes at their end are not in it; a guard with the greatest time comes last */
    unsigned queued;
    struct lane
        *top; /* of queue[0] once the first step was given; NULL before that and at the end */
};

/*
 * merge_open() - stand before the first step of a session.
 *
 * @findings  for what the lanes report; NULL: nowhere
 *
 * Memory: one sub-buffer per lane.
 */
void merge_open(struct merge *merge, const struct session *session, struct finding_list *findings);

/* merge_next_slow() - merge_next() when the first lane needs more than lane_advance_fast(). */
const struct step *merge_next_slow(struct merge *merge);

/* merge_wins_tie() - which of two lanes comes first at equal times: the meta lane, then lanes in order. NULL is last. */
bool merge_wins_tie(const struct lane *a, const struct lane *b);

/* merge_sink_first() - put the first entry of a queue where it belongs. The guard ends the search. */
static inline void merge_sink_first(struct merge_entry *queue)
{
    struct merge_entry entry = queue[0];
    struct merge_entry *at = queue;
    while (entry.tsc >= at[1].tsc) {
        if (UNLIKELY(entry.tsc == at[1].tsc) && merge_wins_tie(entry.lane, at[1].lane)) {
            break;
        }
        at[0] = at[1];
        at++;
    }
    *at = entry;
}

/*
 * merge_next() - the next step of any lane. At equal times the meta lane comes first (names before their use), then lanes
 * in the order of the region's table. Valid until the next call.
 *
 * Returns NULL at the end.
 */
static inline const struct step *merge_next(struct merge *merge)
{
    struct lane *lane = merge->top;
    if (UNLIKELY(lane == NULL || !lane_advance_fast(lane))) {
        return merge_next_slow(merge);
    }
    if (lane->step.tsc >= merge->queue[1].tsc) {
        merge->queue[0].tsc = lane->step.tsc;
        merge_sink_first(merge->queue);
        lane = merge->queue[0].lane;
        merge->top = lane;
    }
    return &lane->step;
}

/* merge_hole() - what is missing, for a step of kind STEP_HOLE. */
static inline const struct lane_hole *merge_hole(const struct merge *merge, const struct step *step)
{
    return &merge->lane[step->lane].hole;
}

void merge_close(struct merge *merge);
