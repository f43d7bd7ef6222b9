/* SPDX-License-Identifier: MIT */
/* Hooks: see hook.h. */
#include "trace/ring/hook.h"

#include "arch/cpu.h"
#include "gen/trace_events.h"
#include "sync/spinlock.h"
#include "trace/ring/ring.h"
#include "trace/ring/switch.h"
#include "trace/ring/trigger.h"

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

bool trace_hook_has(unsigned event)
{
    return find(event) != NULL;
}

/* What is wanted of an event's hook. */
struct wish {
    const struct trace_condition *conditions;
    unsigned count;
    const struct trace_grouping *grouping; /* NULL: what passes is written */
    struct trace_filter filter;
};

static struct trace_aggregation *find_aggregation(void)
{
    for (unsigned i = 0; i < TRACE_AGGREGATIONS_MAX; i++) {
        if (!trace_aggregations[i].is_used) {
            return &trace_aggregations[i];
        }
    }
    return NULL;
}

/* Nobody is inside it (H1). */
static void clear(struct trace_hook *hook)
{
    if (hook->aggregation != NULL) {
        hook->aggregation->is_used = false;
    }
    *hook = (struct trace_hook){.event = TRACE_EVENT_TRACE_PAD};
}

static status_t fill(struct trace_hook *hook, unsigned event, const struct wish *wish)
{
    struct trace_aggregation *aggregation = wish->grouping == NULL ? NULL : find_aggregation();
    *hook = (struct trace_hook){.event = event,
                                .filter = wish->filter,
                                .conditions = wish->count,
                                .aggregation = aggregation};
    for (unsigned i = 0; i < wish->count; i++) {
        hook->condition[i] = wish->conditions[i];
    }
    if (aggregation != NULL) {
        trace_aggregation_make(event, wish->grouping, aggregation);
    }
    hook_of_event[event] = (uint8_t)(hook - trace_hooks);
    return trace_switch_hooked(event, true);
}

/* What is there already is given up only if there is room for what is wanted. */
static status_t set_locked(unsigned event, const struct wish *wish)
{
    bool is_nothing = wish->count == 0 && wish->grouping == NULL;
    struct trace_hook *old = find(event);
    struct trace_hook *hook = old != NULL || is_nothing ? old : find(TRACE_EVENT_TRACE_PAD);
    bool has_table = old != NULL && old->aggregation != NULL;
    if (!is_nothing &&
        (hook == NULL || (wish->grouping != NULL && !has_table && find_aggregation() == NULL))) {
        return ERR_NO_MEMORY;
    }
    if (old != NULL) {
        status_t status = trace_switch_hooked(event, false);
        if (status != OK) {
            return status;
        }
        clear(old);
    }
    return !is_nothing ? fill(hook, event, wish)
                       : trace_switch_hooked(event, trace_trigger_of[event] != 0);
}

static status_t set(unsigned event, struct wish *wish)
{
    status_t status = trace_filter_make(event, wish->conditions, wish->count, &wish->filter);
    if (status == OK && wish->grouping != NULL && !trace_grouping_fits(event, wish->grouping)) {
        status = ERR_BAD_ARGUMENT;
    }
    if (status != OK) {
        return status;
    }
    spinlock_acquire(&trace_switch_lock);
    status = set_locked(event, wish);
    spinlock_release(&trace_switch_lock);
    return status;
}

status_t trace_hook_set(unsigned event, const struct trace_condition *conditions, unsigned count)
{
    struct wish wish = {.conditions = conditions, .count = count};
    return set(event, &wish);
}

status_t trace_hook_aggregate(unsigned event, const struct trace_condition *conditions,
                              unsigned count, const struct trace_grouping *grouping)
{
    struct wish wish = {.conditions = conditions, .count = count, .grouping = grouping};
    return set(event, &wish);
}

status_t trace_hook_read_row(unsigned event, uint64_t cpu, unsigned row, struct trace_row *out,
                             uint64_t *out_left_out)
{
    status_t status = ERR_NOT_FOUND;
    if (row >= TRACE_ROWS_MAX || cpu >= cpu_count()) {
        return ERR_RANGE;
    }
    spinlock_acquire(&trace_switch_lock);
    const struct trace_hook *hook = find(event);
    if (hook != NULL && event != TRACE_EVENT_TRACE_PAD && hook->aggregation != NULL) {
        const struct trace_table *table = &hook->aggregation->table[cpu];
        trace_row_copy(&table->row[row], out);
        *out_left_out = __atomic_load_n(&table->left_out, __ATOMIC_RELAXED);
        status = OK;
    }
    spinlock_release(&trace_switch_lock);
    return status;
}

static ALWAYS_INLINE void aggregate(struct trace_aggregation *aggregation, unsigned cpu,
                                    const struct trace_lane *lane, const uint64_t *record)
{
    struct trace_table *table = &aggregation->table[cpu];
    if (UNLIKELY(lane->kind != TRACE_LANE_NORMAL)) {
        table->left_out++;
    } else {
        trace_aggregation_add(aggregation, table, record);
    }
}

/* Where a record goes after the filter of its event has looked at it; NULL: nowhere, or it is counted. */
static ALWAYS_INLINE struct trace_lane *pass(struct trace_hook *hook, struct trace_lane *lane,
                                             const uint64_t *record)
{
    bool passes = trace_filter_matches(&hook->filter, record);
    unsigned cpu = cpu_id();
    hook->count[cpu].passed += passes;
    hook->count[cpu].refused += !passes;
    if (passes && hook->aggregation != NULL) {
        aggregate(hook->aggregation, cpu, lane, record);
        return NULL;
    }
    return passes ? lane : NULL;
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
    unsigned event = TRACE_EVENT(record[0]);
    struct trace_hook *hook = &trace_hooks[hook_of_event[event]];
    struct trace_lane *to = LIKELY(hook->event == event) ? pass(hook, real, record) : real;
    return LIKELY(trace_trigger_of[event] == 0) ? to : trace_trigger_look(real, to, record);
}
