/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of lanes. Cores run in long stretches, above all under emulation, so the lane at the top mostly stays
 * there: one look at its two children is all that most events cost.
 */
#include "merge.h"

static bool comes_before(const struct lane *a, const struct lane *b)
{
    if (a->step.tsc != b->step.tsc) {
        return a->step.tsc < b->step.tsc;
    }
    bool a_is_meta = a->step.lane_kind == TRACE_LANE_META;
    bool b_is_meta = b->step.lane_kind == TRACE_LANE_META;
    return a_is_meta != b_is_meta ? a_is_meta : a->index < b->index;
}

static void sift_down(struct merge *merge, unsigned at)
{
    struct lane *lane = merge->heap[at];
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= merge->heap_count) {
            break;
        }
        if (child + 1 < merge->heap_count && comes_before(merge->heap[child + 1], merge->heap[child])) {
            child++;
        }
        if (!comes_before(merge->heap[child], lane)) {
            break;
        }
        merge->heap[at] = merge->heap[child];
        at = child;
    }
    merge->heap[at] = lane;
}

void merge_open(struct merge *merge, const struct session *session, struct finding_list *findings)
{
    memset(merge, 0, sizeof(*merge));
    merge->lanes = session->lane_count;
    for (unsigned i = 0; i < merge->lanes; i++) {
        lane_open(&merge->lane[i], session, i, findings);
        if (merge->lane[i].step.kind != STEP_END) {
            merge->heap[merge->heap_count++] = &merge->lane[i];
        }
    }
    for (unsigned i = merge->heap_count / 2; i-- != 0;) {
        sift_down(merge, i);
    }
}

const struct step *merge_next(struct merge *merge)
{
    if (LIKELY(merge->started)) {
        struct lane *lane = merge->heap[0];
        lane_advance(lane);
        if (UNLIKELY(lane->step.kind == STEP_END)) {
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
        if (LIKELY(merge->heap_count > 1)) {
            sift_down(merge, 0);
        }
    }
    if (UNLIKELY(merge->heap_count == 0)) {
        merge->started = false;
        return NULL;
    }
    merge->started = true;
    return &merge->heap[0]->step;
}

void merge_close(struct merge *merge)
{
    for (unsigned i = 0; i < merge->lanes; i++) {
        lane_close(&merge->lane[i]);
    }
    merge->lanes = 0;
}
