/* SPDX-License-Identifier: MIT */
/* Hooks: see hook.h. */
#include "trace/ring/hook.h"

#include "arch/cpu.h"
#include "gen/trace_events.h"
#include "sync/spinlock.h"
#include "trace/ring/ring.h"
#include "trace/ring/switch.h"

struct trace_hook trace_hooks[TRACE_HOOKS_MAX];
struct trace_lane trace_hook_lanes[2];
static uint8_t hook_of_event[TRACE_EVENT_COUNT];

static struct trace_hook *find(unsigned event)
{
    for (struct trace_hook *hook = trace_hooks; hook < trace_hooks + TRACE_HOOKS_MAX; hook++) {
        if (hook->event == event) {
            return hook;
        }
    }
    return NULL;
}

static status_t set_locked(unsigned event, const struct trace_filter *filter,
                           const struct trace_condition *conditions, unsigned count)
{
    status_t status;
    struct trace_hook *hook = find(event);
    if (hook != NULL) {
        status = trace_switch_hooked(event, false);
    } else {
        hook = count == 0 ? NULL : find(TRACE_EVENT_TRACE_PAD);
        status = count == 0 || hook != NULL ? OK : ERR_NO_MEMORY;
    }
    if (status != OK || hook == NULL) {
        return status;
    }
    *hook = (struct trace_hook){.filter = *filter, .conditions = count};
    for (unsigned i = 0; i < count; i++) {
        hook->condition[i] = conditions[i];
    }
    if (count == 0) {
        return OK;
    }
    hook->event = event;
    hook_of_event[event] = (uint8_t)(hook - trace_hooks);
    return trace_switch_hooked(event, true);
}

status_t trace_hook_set(unsigned event, const struct trace_condition *conditions, unsigned count)
{
    struct trace_filter filter;
    status_t status = trace_filter_make(event, conditions, count, &filter);
    if (status != OK) {
        return status;
    }
    spinlock_acquire(&trace_switch_lock);
    status = set_locked(event, &filter, conditions, count);
    spinlock_release(&trace_switch_lock);
    return status;
}

struct trace_lane *trace_hook_decide(struct trace_lane *lane, const uint64_t *record)
{
    if (lane < trace_hook_lanes || lane >= trace_hook_lanes + ARRAY_COUNT(trace_hook_lanes)) {
        return lane;
    }
    struct trace_lane *real = lane == trace_hook_lanes ? trace_lane() : trace_lane_always();
    if (real == trace_lane_exempt()) {
        return NULL;
    }
    struct trace_hook *hook = &trace_hooks[hook_of_event[TRACE_EVENT(record[0])]];
    bool passes = trace_filter_matches(&hook->filter, record);
    hook->count[cpu_id()].passed += passes;
    hook->count[cpu_id()].refused += !passes;
    return passes ? real : NULL;
}
