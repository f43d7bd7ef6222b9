/* SPDX-License-Identifier: MIT */
/* See thunks.h. */
#include "trace/sweep/thunks.h"

#include "arch/cpu.h"
#include "arch/thunk_call.h"
#include "base/types.h"
#include "trace/ring/switch.h"

enum { HIT_NUMBER, HIT_THREAD, HIT_VALUES };

static const unsigned events[] = {TRACE_EVENT_FUNCTION_ENTER, TRACE_EVENT_FUNCTION_EXIT,
                                  TRACE_EVENT_PROBE_HIT};

const char *sweep_thunks_begin(struct sweep_thunks *thunks)
{
    struct trace_event_change change = {{{0}}, {{0}}};
    *thunks = (struct sweep_thunks){{{0}}};
    if (trace_is_held) {
        return "recording is held: 'trace on' first";
    }
    for (unsigned i = 0; i < ARRAY_COUNT(events); i++) {
        trace_event_set_put(&change.on, events[i], 1);
        trace_event_set_put(&thunks->were_off, events[i], !trace_event_is_on(events[i]));
    }
    if (trace_events_change(&change) != OK) {
        return "the events of the thunks cannot be switched on";
    }
    for (unsigned i = 0; i < ARRAY_COUNT(events); i++) {
        if (trace_event_is_hooked(events[i])) {
            return "function.enter, function.exit or probe.hit has a filter: take it away";
        }
    }
    return NULL;
}

const char *sweep_thunks_end(const struct sweep_thunks *thunks)
{
    const struct trace_event_change change = {.off = thunks->were_off};
    return trace_is_held || trace_events_change(&change) == OK
               ? NULL
               : "the events of the thunks cannot be switched off";
}

void sweep_thunk_function(struct sweep_run *run)
{
    thunk_call_function(run->outer[0].value, run->outer[1].value);
}

void sweep_thunk_probe(struct sweep_run *run)
{
    struct sweep_event *hit = &run->outer[0];
    hit->value[HIT_NUMBER] = (uint8_t)hit->value[HIT_NUMBER]; /* what puts it into the code */
    hit->value[HIT_THREAD] = this_cpu()->current_tid;
    thunk_call_probe(hit->value[HIT_NUMBER], &hit->value[HIT_VALUES]);
}
