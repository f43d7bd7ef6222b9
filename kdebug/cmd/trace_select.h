/* SPDX-License-Identifier: MIT */
/* Which events somebody at the prompt wants to see. */
#pragma once

#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/command.h"

#define KD_FIELD_BYTES 24u

struct kd_event_filter {
    char prefix[48];            /* of the event's name; "" any */
    int cpu;                    /* -1 any */
    uint32_t thread;            /* that runs, or that the event names; 0 any */
    char field[KD_FIELD_BYTES]; /* "" none; else it must have this value */
    uint64_t value;
    tsc_t from, to;  /* to 0: no end */
    bool previous;   /* of the boot before */
    bool is_forward; /* the oldest that pass, not the newest */
    bool with_delta;
};

/*
 * kd_events_select() - arguments, in any order: [N] [cpu N] [thread TID] [with FIELD VALUE] [after TIME | before TIME] [delta]
 * [EVENT]. TIME: seconds as 'trace last' prints them. Returns N or fallback. filter is zero but for `previous`. Raises for what makes no sense.
 */
unsigned kd_events_select(struct kd_call *call, unsigned fallback, struct kd_event_filter *filter);

/* kd_event_passes() - does a record? Its core has been looked at. */
bool kd_event_passes(const struct kd_event_filter *filter, const struct kd_record *record);
