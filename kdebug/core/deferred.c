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

#include "base/format.h"
#include "base/log.h"
#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/core/control.h"
#include "kdebug/core/kdebug.h"
#include "sched/times.h"
#include "trace/function/function.h"
#include "trace/probe/probe.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"
#include "trace/sweep/sweep.h"

#define SWEEP_LINE_BYTES 200u

struct filter_request {
    unsigned event, count;
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
    bool is_counted;
    struct trace_grouping grouping;
};

/* Written at the prompt, read by the one handler that finds `waiting` set. */
static atomic_bool waiting;
static bool has_events;
static struct trace_event_set events;
static bool has_times, times_on;
static bool has_sweep;
static bool has_rings, rings_keep_oldest;
static uint64_t rings_bytes;
static unsigned filter_count;
static struct filter_request filters[KD_DEFERRED_FILTERS_MAX];
static unsigned trigger_count;
static struct trigger_request {
    unsigned event;
    bool is_wanted;
    struct trace_trigger_wish wish;
} triggers[KD_DEFERRED_TRIGGERS_MAX];
static unsigned probe_count;
static struct probe_request {
    bool is_wanted;
    unsigned number; /* else */
    struct probe plan;
} probe_requests[KD_DEFERRED_PROBES_MAX];
static unsigned function_count_waiting;
static struct function_request {
    char pattern[KD_PATTERN_BYTES];
    bool on;
} functions[KD_DEFERRED_FUNCTIONS_MAX];
static unsigned control_count;
static struct kd_control controls[KD_CONTROLS_MAX];

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

bool kd_deferred_hook(unsigned event, const struct trace_condition *conditions, unsigned count,
                      const struct trace_grouping *grouping)
{
    if (filter_count == ARRAY_COUNT(filters) || count > TRACE_CONDITIONS_MAX) {
        return false;
    }
    struct filter_request *request = &filters[filter_count++];
    request->event = event;
    request->count = count;
    request->is_counted = grouping != NULL;
    if (grouping != NULL) {
        request->grouping = *grouping;
    }
    for (unsigned i = 0; i < count; i++) {
        request->condition[i] = conditions[i];
    }
    post();
    return true;
}

bool kd_deferred_trigger(unsigned event, const struct trace_trigger_wish *wish)
{
    if (trigger_count == ARRAY_COUNT(triggers)) {
        return false;
    }
    struct trigger_request *request = &triggers[trigger_count++];
    *request = (struct trigger_request){.event = event, .is_wanted = wish != NULL};
    if (wish != NULL) {
        request->wish = *wish;
    }
    post();
    return true;
}

static struct probe_request *new_probe_request(bool is_wanted)
{
    if (probe_count == ARRAY_COUNT(probe_requests)) {
        return NULL;
    }
    struct probe_request *request = &probe_requests[probe_count++];
    *request = (struct probe_request){.is_wanted = is_wanted};
    post();
    return request;
}

bool kd_deferred_probe(const struct probe *plan)
{
    struct probe_request *request = new_probe_request(true);
    if (request != NULL) {
        request->plan = *plan;
    }
    return request != NULL;
}

bool kd_deferred_unprobe(unsigned number)
{
    struct probe_request *request = new_probe_request(false);
    if (request != NULL) {
        request->number = number;
    }
    return request != NULL;
}

bool kd_deferred_function(const char *pattern, bool on)
{
    size_t length = strlen(pattern);
    if (function_count_waiting == ARRAY_COUNT(functions) || length >= KD_PATTERN_BYTES) {
        return false;
    }
    struct function_request *request = &functions[function_count_waiting++];
    memcpy(request->pattern, pattern, length + 1);
    request->on = on;
    post();
    return true;
}

void kd_deferred_times(bool on)
{
    times_on = on;
    has_times = true;
    post();
}

void kd_deferred_rings(uint64_t bytes, bool keeps_oldest)
{
    rings_bytes = bytes;
    rings_keep_oldest = keeps_oldest;
    has_rings = true;
    post();
}

void kd_deferred_sweep(void)
{
    has_sweep = true;
    post();
}

bool kd_deferred_control(const struct kd_control *request)
{
    if (control_count == ARRAY_COUNT(controls)) {
        return false;
    }
    controls[control_count++] = *request;
    post();
    return true;
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

static status_t set_hook(const struct filter_request *request)
{
    return request->is_counted ? trace_hook_aggregate(request->event, request->condition,
                                                      request->count, &request->grouping)
                               : trace_hook_set(request->event, request->condition, request->count);
}

static void set_triggers(void)
{
    for (unsigned i = 0; i < trigger_count; i++) { /* in order: a later one may take back */
        const struct trigger_request *request = &triggers[i];
        say("a trigger", request->is_wanted ? trace_trigger_set(&request->wish)
                                            : trace_trigger_clear(request->event));
    }
    trigger_count = 0;
}

static void do_sweep(void)
{
    struct trace_sweep_result result;
    char line[SWEEP_LINE_BYTES];
    if (trace_sweep_run(&result)) {
        format_text(line, sizeof(line),
                    "selftest trace: passed: %u events, %u thunks, %u places between "
                    "instructions, %u interrupted alone, by %s, %u interrupts held",
                    result.events, result.thunks, result.boundaries, result.interrupted,
                    result.by_nmi ? "NMI" : "#DB", result.held);
    } else {
        const struct trace_event_info *event = trace_event_info(result.event);
        format_text(line, sizeof(line), "selftest trace: FAILED: %s (%s, place %u)", result.wrong,
                    event == NULL ? "no event" : event->name, result.boundary);
    }
    kdebug_request(line);
}

static void set_probes(void)
{
    for (unsigned i = 0; i < probe_count; i++) {
        const struct probe_request *request = &probe_requests[i];
        unsigned number;
        say("a probe",
            request->is_wanted ? probe_set(&request->plan, &number) : probe_clear(request->number));
    }
    probe_count = 0;
}

static void control(void)
{
    for (unsigned i = 0; i < control_count; i++) { /* in order: a later one may take back */
        kd_control_do(&controls[i]);
    }
    control_count = 0;
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
    if (has_rings) {
        has_rings = false;
        say("the size of the rings", trace_rings_make(rings_bytes, rings_keep_oldest));
    }
    if (has_times) {
        has_times = false;
        say("counting of times", time_count(times_on));
    }
    for (unsigned i = 0; i < function_count_waiting;
         i++) { /* in order: a later one may take back */
        const struct function_request *request = &functions[i];
        say("tracing of functions",
            function_trace_change(request->pattern, strlen(request->pattern), request->on));
    }
    function_count_waiting = 0;
    set_probes();
    set_triggers();
    control();
    if (has_sweep) {
        has_sweep = false;
        do_sweep();
    }
    while (filter_count > 0) {
        const struct filter_request *request = &filters[--filter_count];
        say("a trace filter", set_hook(request));
    }
}
