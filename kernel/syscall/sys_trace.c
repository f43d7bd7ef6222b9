/* SPDX-License-Identifier: MIT */
/* The trace object: switch events, map the rings, wait for finished sub-buffers, user marks. */
#include "gen/syscall_handlers.h"
#include "arch/clock_sync.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "kernel/abi/trace.h"
#include "sched/thread.h"
#include "sched/times.h"
#include "sched/trace_wait.h"
#include "syscall/syscall.h"
#include "trace/profile/profile.h"
#include "trace/ring/choice.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"
#include "vm/area.h"
#include "vm/user_copy.h"
#include "vm/user_lane.h"

static status_t switch_categories(uint64_t mask, bool on, uint64_t *out_now)
{
    struct trace_event_change change = {{{0}}, {{0}}};
    trace_choice_categories(on ? &change.on : &change.off, mask);
    status_t status = trace_events_change(&change);
    *out_now = trace_categories();
    return status;
}

status_t sys_trace_control(struct object *trace, uint64_t operation, uint64_t value,
                           uint64_t *out_first, uint64_t *out_second)
{
    (void)trace;
    status_t status = OK;
    *out_second = 0;
    switch (operation) {
    case TRACE_CONTROL_ENABLE:
        status = switch_categories(value, true, out_first);
        break;
    case TRACE_CONTROL_DISABLE:
        status = switch_categories(value, false, out_first);
        break;
    case TRACE_CONTROL_INFO:
        *out_first = trace_region_physical();
        *out_second = trace_region_get() == NULL ? 0 : trace_region_get()->bytes;
        break;
    case TRACE_CONTROL_EXEMPT:
        thread_set_exempt(value != 0);
        *out_first = 0;
        break;
    case TRACE_CONTROL_TIMES:
        status = time_count(value != 0);
        *out_first = time_is_counted();
        break;
    case TRACE_CONTROL_PROFILE:
        status = profile_set_rate((unsigned)MIN(value, (uint64_t)PROFILE_RATE_MAX + 1));
        *out_first = profile_rate();
        break;
    case TRACE_CONTROL_COLLECT:
        user_lane_collect(0);
        *out_first = 0;
        break;
    case TRACE_CONTROL_CLOCKS:
        *out_first = clock_sync_check();
        trace_set_offsets();
        break;
    case TRACE_CONTROL_CONSUMED:
        status = trace_consumed((unsigned)(value >> TRACE_CONSUMED_SHIFT),
                                value & TRACE_CONSUMED_POSITION);
        *out_first = 0;
        break;
    case TRACE_CONTROL_RINGS:
        status = trace_rings_make(value & ~(uint64_t)TRACE_RINGS_OLDEST,
                                  (value & TRACE_RINGS_OLDEST) != 0);
        *out_first = trace_rings_bytes();
        break;
    default:
        status = ERR_BAD_ARGUMENT;
    }
    return status;
}

status_t sys_trace_map(struct object *trace, uint64_t *out_area)
{
    (void)trace;
    if (trace_region_get() == NULL) {
        return ERR_NO_MEMORY;
    }
    struct area *area;
    status_t status = area_create_physical(trace_region_physical(), trace_region_get()->bytes,
                                           false, AREA_CACHE_WRITE_BACK, &area);
    if (status != OK) {
        return status;
    }
    return hand_out((struct object *)area, RIGHT_DUPLICATE | RIGHT_AREA_READ | RIGHT_AREA_PHYSICAL,
                    out_area);
}

status_t sys_trace_events(struct object *trace, vaddr_t change, vaddr_t now)
{
    (void)trace;
    struct trace_event_change copy;
    status_t status = user_copy_in(&copy, change, sizeof(copy));
    if (status == OK) {
        status = trace_events_change(&copy);
    }
    return status == OK && now != 0 ? user_copy_out(now, &trace_events_on, sizeof(trace_events_on))
                                    : status;
}

status_t sys_trace_filter(struct object *trace, uint32_t event, vaddr_t conditions, uint64_t count)
{
    (void)trace;
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
    if (count > ARRAY_COUNT(condition)) {
        return ERR_BAD_ARGUMENT;
    }
    status_t status = user_copy_in(condition, conditions, count * sizeof(condition[0]));
    return status == OK ? trace_hook_set(event, condition, (unsigned)count) : status;
}

status_t sys_trace_count(struct object *trace, uint32_t event, vaddr_t wish)
{
    (void)trace;
    struct trace_count_wish copy;
    if (wish == 0) {
        return trace_hook_set(event, NULL, 0);
    }
    status_t status = user_copy_in(&copy, wish, sizeof(copy));
    if (status == OK && (copy.conditions > TRACE_CONDITIONS_MAX || copy.reserved != 0)) {
        status = ERR_BAD_ARGUMENT;
    }
    return status == OK
               ? trace_hook_aggregate(event, copy.condition, copy.conditions, &copy.grouping)
               : status;
}

status_t sys_trace_counts(struct object *trace, uint32_t event, uint64_t cpu, vaddr_t rows,
                          uint64_t *out_count, uint64_t *out_left_out)
{
    (void)trace;
    status_t status = OK;
    *out_count = *out_left_out = 0;
    for (unsigned i = 0; i < TRACE_ROWS_MAX && status == OK; i++) {
        struct trace_row row;
        status = trace_hook_read_row(event, cpu, i, &row, out_left_out);
        if (status == OK && row.count != 0) {
            status = user_copy_out(rows + *out_count * sizeof(row), &row, sizeof(row));
            (*out_count)++;
        }
    }
    return status;
}

status_t sys_trace_trigger(struct object *trace, uint32_t event, vaddr_t wish)
{
    (void)trace;
    struct trace_trigger_wish copy;
    if (wish == 0) {
        return trace_trigger_clear(event);
    }
    status_t status = user_copy_in(&copy, wish, sizeof(copy));
    if (status == OK && copy.event != event) {
        status = ERR_BAD_ARGUMENT;
    }
    return status == OK ? trace_trigger_set(&copy) : status;
}

status_t sys_trace_mark(uint32_t id, uint64_t value)
{
    trace_user_mark(id, value);
    return OK;
}

status_t sys_trace_user_open(uint64_t *out_address, uint64_t *out_thread)
{
    struct process *process = current_process();
    struct space *space = process_space_get(process);
    if (space == NULL) {
        return ERR_PEER_CLOSED;
    }
    status_t status = user_lane_open(process->object.id, space, out_address);
    process_space_put(process);
    *out_thread = current_thread()->tid;
    return status;
}

status_t sys_trace_user_collect(void)
{
    user_lane_collect(current_process()->object.id);
    return OK;
}

status_t sys_trace_user_name(uint32_t id, vaddr_t address, uint64_t bytes)
{
    char name[NAME_BYTES];
    status_t status = copy_name(name, address, bytes);
    if (status == OK) {
        trace_user_name(current_process()->object.id, id, name, strlen(name));
    }
    return status;
}

status_t sys_trace_wait(struct object *trace, uint64_t seen, ns_t deadline, uint64_t *out_finished)
{
    (void)trace;
    return trace_wait(seen, deadline, out_finished);
}
