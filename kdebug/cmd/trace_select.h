/* SPDX-License-Identifier: MIT */
/* Which events somebody at the prompt wants to see. */
#pragma once

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/cmd/trace_where.h"
#include "kdebug/core/command.h"

struct kd_event_filter {
    char prefix[48];       /* of the event's name; "" any */
    int cpu;               /* -1 any */
    struct kd_where where; /* and these conditions */
    tsc_t from, to;        /* to 0: no end */
    bool previous;         /* of the boot before */
    bool is_forward;       /* the oldest that pass, not the newest */
    bool with_delta;
    bool with_reference; /* how long after this in place of when */
    tsc_t reference;
};

/*
 * kd_events_select() - arguments, in any order: [N] [cpu N] [thread TID] [with FIELD VALUE] [where TREE] [after TIME | before TIME]
 * [since TIME] [delta] [EVENT]. TIME: seconds as 'trace last' prints them, or a mark. Returns N or fallback. filter is zero but for
 * `previous`. Raises for what makes no sense.
 */
unsigned kd_events_select(struct kd_call *call, unsigned fallback, struct kd_event_filter *filter);

/* kd_event_prepare() - needed once before the next, which is about this filter then. */
void kd_event_prepare(const struct kd_event_filter *filter);

/* kd_event_passes() - does a record? Its core has been looked at. */
bool kd_event_passes(const struct kd_event_filter *filter, const struct kd_record *record);
