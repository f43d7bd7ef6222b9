/* SPDX-License-Identifier: MIT */
/*
 * What must wait for the running kernel (kdebug.h).
 *
 * Switching events and filters patches text under a lock in a rendezvous of all cores; at the
 * prompt all of them stand still and somebody may hold that lock. Nothing is recorded by a
 * stopped machine anyway, so wishes are kept and the master raises VECTOR_CONSOLE on leaving,
 * whose handler runs where no lock is held.
 */
#include "kdebug/core/deferred.h"

#include "base/log.h"
#include "base/string.h"
#include "kdebug/core/kdebug.h"
#include "sched/times.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

struct filter_request {
    unsigned event, count;
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
};

/* Written at the prompt, read by the one handler that finds `waiting` set. */
static atomic_bool waiting;
static bool has_events;
static struct trace_event_set events;
static bool has_times, times_on;
static unsigned filter_count;
static struct filter_request filters[KD_DEFERRED_FILTERS_MAX];

static void post(void)
{
    atomic_store_explicit(&waiting, true, memory_order_release);
}

void kd_deferred_events(const struct trace_event_set *wanted)
{
    events = *wanted;
    has_events = true;
    post();
}

bool kd_deferred_wanted(struct trace_event_set *out)
{
    if (!kd_deferred_any() || !has_events) {
        return false;
    }
    *out = events;
    return true;
}

bool kd_deferred_filter(unsigned event, const struct trace_condition *conditions, unsigned count)
{
    if (filter_count == ARRAY_COUNT(filters) || count > TRACE_CONDITIONS_MAX) {
        return false;
    }
    struct filter_request *request = &filters[filter_count++];
    request->event = event;
    request->count = count;
    for (unsigned i = 0; i < count; i++) {
        request->condition[i] = conditions[i];
    }
    post();
    return true;
}

void kd_deferred_times(bool on)
{
    times_on = on;
    has_times = true;
    post();
}

bool kd_deferred_any(void)
{
    return atomic_load_explicit(&waiting, memory_order_acquire);
}

static void say(const char *what, status_t status)
{
    if (status != OK) {
        log_warning("kdebug: %s could not be set: %s", what, status_name(status));
    }
}

void kdebug_deferred(void)
{
    if (!kd_deferred_any() || !atomic_exchange_explicit(&waiting, false, memory_order_acq_rel)) {
        return;
    }
    if (has_events) {
        struct trace_event_change change = {.on = events};
        has_events = false;
        memset(&change.off, 0xff, sizeof(change.off));
        say("trace events", trace_events_change(&change));
    }
    if (has_times) {
        has_times = false;
        say("counting of times", time_count(times_on));
    }
    while (filter_count > 0) {
        const struct filter_request *request = &filters[--filter_count];
        say("a trace filter", trace_hook_set(request->event, request->condition, request->count));
    }
}
