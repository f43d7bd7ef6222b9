/* SPDX-License-Identifier: MIT */
/*
 * The events that show a stop in the trace. Called by every core on its way in and out, in NMI
 * class, where no trace site may be: a core could be parked on the very bytes that are being
 * patched. So the map of events is asked instead.
 */
#pragma once

#include "gen/trace_emit.h"
#include "trace/ring/ring.h"

static inline void kd_trace_enter(enum trace_kdebug_reason reason)
{
    if (trace_event_set_has(&trace_events_on, TRACE_EVENT_KDEBUG_ENTER)) {
        trace_emit_kdebug_enter(trace_lane(), (uint8_t)reason);
    }
}

static inline void kd_trace_leave(enum trace_kdebug_reason reason)
{
    if (trace_event_set_has(&trace_events_on, TRACE_EVENT_KDEBUG_LEAVE)) {
        trace_keep_time(trace_lane()); /* a stop may last for hours */
        trace_emit_kdebug_leave(trace_lane(), (uint8_t)reason);
    }
}
