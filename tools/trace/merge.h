/* SPDX-License-Identifier: MIT */
/* All lanes of a session as one stream in order of time. */
#pragma once

#include "lane.h"

struct merge {
    struct lane lane[TRACE_LANES_MAX];
    unsigned lanes;
    struct lane *heap[TRACE_LANES_MAX]; /* smallest time first; lanes at their end are not in it */
    unsigned heap_count;
    bool started;
};

/*
 * merge_open() - stand before the first step of a session.
 *
 * @findings  for what the lanes report; NULL: nowhere
 *
 * Memory: one sub-buffer per lane.
 */
void merge_open(struct merge *merge, const struct session *session, struct finding_list *findings);

/*
 * merge_next() - the next step of any lane. At equal times the meta lane comes first (names before their use), then lanes
 * in the order of the region's table. Valid until the next call.
 *
 * Returns NULL at the end.
 */
const struct step *merge_next(struct merge *merge);

/* merge_hole() - what is missing, for a step of kind STEP_HOLE. */
static inline const struct lane_hole *merge_hole(const struct merge *merge, const struct step *step)
{
    return &merge->lane[step->lane].hole;
}

void merge_close(struct merge *merge);
