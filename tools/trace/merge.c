/* SPDX-License-Identifier: MIT */
/*
 * Lanes in a queue sorted by time. The first one moves on and is put back where it belongs.
 *
 * Tried and rejected: a binary heap. The lanes that matter are few, and neighbours in time stay neighbours: a step passes one
 * or two others, and quiet lanes (NMI, meta) stand at the far end and are never passed. Moving up by one place is eight
 * instructions, a level of a heap is thirty.
 */
#include "merge.h"

COLD bool merge_wins_tie(const struct lane *a, const struct lane *b)
{
    if (b == NULL) {
        return true; /* the guard */
    }
    bool a_is_meta = a->step.lane_kind == TRACE_LANE_META;
    bool b_is_meta = b->step.lane_kind == TRACE_LANE_META;
    return a_is_meta != b_is_meta ? a_is_meta : a->index < b->index;
}

static void add_lane(struct merge *merge, struct lane *lane)
{
    memmove(&merge->queue[1], &merge->queue[0], (merge->queued + 1) * sizeof(merge->queue[0]));
    merge->queue[0] = (struct merge_entry){lane->step.tsc, lane};
    merge->queued++;
    merge_sink_first(merge->queue);
}

void merge_open(struct merge *merge, const struct session *session, struct finding_list *findings)
{
    memset(merge, 0, sizeof(*merge));
    merge->queue[0].tsc = UINT64_MAX;
    merge->lanes = session->lane_count;
    for (unsigned i = 0; i < merge->lanes; i++) {
        lane_open(&merge->lane[i], session, i, findings);
        if (merge->lane[i].step.kind != STEP_END) {
            add_lane(merge, &merge->lane[i]);
        }
    }
}

static COLD void drop_first(struct merge *merge)
{
    memmove(&merge->queue[0], &merge->queue[1], merge->queued * sizeof(merge->queue[0]));
    merge->queued--;
}

const struct step *merge_next_slow(struct merge *merge)
{
    struct lane *top = merge->top;
    if (top != NULL) {
        lane_advance(top);
        if (top->step.kind == STEP_END) {
            drop_first(merge);
        } else {
            merge->queue[0].tsc = top->step.tsc;
            merge_sink_first(merge->queue);
        }
    }
    merge->top = merge->queue[0].lane;
    return merge->top != NULL ? &merge->top->step : NULL;
}

void merge_close(struct merge *merge)
{
    for (unsigned i = 0; i < merge->lanes; i++) {
        lane_close(&merge->lane[i]);
    }
    merge->lanes = 0;
}
