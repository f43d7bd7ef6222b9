/* SPDX-License-Identifier: MIT */
/* Commands on the trace: trace, log. */
#include "base/string.h"
#include "kdebug/cmd/trace_cost.h"
#include "kdebug/cmd/trace_count.h"
#include "kdebug/cmd/trace_dump.h"
#include "kdebug/cmd/trace_filter.h"
#include "kdebug/cmd/trace_function.h"
#include "kdebug/cmd/trace_mark.h"
#include "kdebug/cmd/trace_print.h"
#include "kdebug/cmd/trace_rings.h"
#include "kdebug/cmd/trace_switch.h"
#include "kdebug/cmd/trace_trigger.h"
#include "kdebug/cmd/trace_user.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define EVENTS_DEFAULT 20u

static const char *lane_kind_name(uint32_t kind)
{
    static const char *const names[] = {"normal", "nmi", "meta"};
    return kind < ARRAY_COUNT(names) ? names[kind] : "?";
}

/* What a consumer has not taken yet. */
static void show_unread(const struct trace_lane *control)
{
    if (control->consumed == 0) {
        kd_print("  %10s", "-");
    } else {
        kd_print("  %10llu",
                 (unsigned long long)((control->position - (control->consumed - 1)) / 1024));
    }
}

static void show_lanes(vaddr_t address, const struct trace_region *region)
{
    kd_print(
        "LANE  KIND    CPU    RING KIB      POSITION        EVENTS  KEPT KIB  UNREAD KIB  LOST "
        "FULL  LOST NESTED\n");
    for (unsigned i = 0; i < region->lane_count; i++) {
        struct kd_lane lane;
        uint64_t oldest = 0, newest = 0;
        if (kd_lane_open(address, region, i, &lane)) {
            kd_lane_span(&lane, &oldest, &newest);
        }
        const struct trace_lane *control = &lane.control;
        kd_print("%4u  %-6s  %3u  %10llu  %12llu  %12llu  %8llu", i, lane_kind_name(lane.kind),
                 lane.cpu, (unsigned long long)(lane.ring_bytes / 1024),
                 (unsigned long long)control->position, (unsigned long long)control->events,
                 (unsigned long long)((control->position - oldest) / 1024));
        show_unread(control);
        kd_print("  %9llu  %11llu\n", (unsigned long long)control->lost[TRACE_LOST_FULL],
                 (unsigned long long)control->lost[TRACE_LOST_NESTED]);
    }
}

static void show_status(bool previous)
{
    struct trace_region region;
    vaddr_t address = kd_region_of(previous, &region);
    kd_print("region 0x%llx, %llu KiB, %u lanes, TSC %llu kHz, boot %016llx\n",
             (unsigned long long)address, (unsigned long long)(region.bytes / 1024),
             region.lane_count, (unsigned long long)region.tsc_khz,
             (unsigned long long)region.boot_id);
    if (!previous) {
        kd_trace_show_on();
    }
    show_lanes(address, &region);
}

static void show_last(struct kd_call *call, bool previous)
{
    struct kd_event_filter filter = {.previous = previous};
    unsigned limit = kd_events_select(call, EVENTS_DEFAULT, &filter);
    unsigned count = kd_events_collect(&filter, limit);
    for (unsigned i = 0; i < count; i++) {
        kd_events_show(i, &filter);
    }
}

/* [N] [lines FIRST COUNT] */
static void send_dump(struct kd_call *call, bool previous)
{
    struct kd_dump_wish wish = {.previous = previous, .newest = UINT64_MAX, .count = UINT64_MAX};
    bool has_lines = kd_arg_accept(call, "lines");
    if (!has_lines && kd_arg_number(call, &wish.newest)) {
        has_lines = kd_arg_accept(call, "lines");
    }
    bool is_whole =
        !has_lines || (kd_arg_number(call, &wish.first) && kd_arg_number(call, &wish.count));
    kd_arg_done(call);
    if (wish.newest == 0 || !is_whole) {
        kd_fail_usage(call);
    }
    kd_trace_dump(&wish, kd_print_byte);
}

static void switch_on(struct kd_call *call)
{
    kd_trace_switch(call, true);
}

static void switch_off(struct kd_call *call)
{
    kd_trace_switch(call, false);
}

/* What there is for this boot only. False: it is nothing of that. */
static bool run_on_this_boot(struct kd_call *call)
{
    static const struct {
        const char *name;
        void (*run)(struct kd_call *call);
    } parts[] = {
        {"on", switch_on},
        {"off", switch_off},
        {"events", kd_trace_list_events},
        {"user", kd_trace_user},
        {"filter", kd_trace_filter},
        {"count", kd_trace_count},
        {"trigger", kd_trace_trigger},
        {"break", kd_trace_break},
        {"functions", kd_trace_functions},
        {"rings", kd_trace_rings},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(parts); i++) {
        if (kd_arg_accept(call, parts[i].name)) {
            parts[i].run(call);
            return true;
        }
    }
    return false;
}

static void run_trace(struct kd_call *call)
{
    bool previous = kd_arg_accept(call, "previous");
    if (kd_arg_is_end(call) || kd_arg_accept(call, "status")) {
        kd_arg_done(call);
        show_status(previous);
    } else if (kd_arg_accept(call, "last")) {
        show_last(call, previous);
    } else if (kd_arg_accept(call, "mark")) {
        kd_trace_mark(call, previous);
    } else if (kd_arg_accept(call, "cost")) {
        kd_arg_done(call);
        kd_trace_cost(previous);
    } else if (kd_arg_accept(call, "dump")) {
        send_dump(call, previous);
    } else if (previous || !run_on_this_boot(call)) {
        kd_fail_usage(call);
    }
}
KD_COMMAND(
    trace,
    .usage =
        "[previous] [status | last [N] [cpu N] [thread TID] [with FIELD VALUE] "
        "[where CONDITIONS] [after|before TIME|MARK] [since TIME|MARK] [delta] [EVENT] | "
        "mark [LETTER [off | N ...]] | cost | dump [N] [lines FIRST COUNT]] | events "
        "[EVENT] | "
        "on [EVENT|CATEGORY...] | off EVENT|CATEGORY... | "
        "filter [EVENT off | EVENT FIELD OP VALUE [and|or ...]] | "
        "count [EVENT off | EVENT [by FIELD [FIELD]] [of FIELD] [if FIELD OP VALUE ...]] | "
        "trigger [EVENT off | mark|stop [N]|snapshot|kdebug EVENT [of PROCESS] [more N within NS] "
        "[if FIELD OP VALUE ...]] | "
        "break EVENT [[of PROCESS] [more N within NS] | KEY later NS after FIRST KEY | "
        "KEY without EVENT KEY within NS] "
        "[if FIELD OP VALUE ...] | "
        "functions [on|off NAME|PATTERN...] | user [PROCESS [N]] | "
        "rings BYTES|most [oldest]",
    .help =
        "the rings: status, newest events, those that a thread, call or object is in, that meet "
        "conditions (event is START, thread, cpu, current or FIELD OP VALUE; and or not ()), from "
        "a time on, how long since another, letters for events, what recording them has cost, "
        "switch events, write only some records "
        "of an event, count it in place of writing, stop recording or come here when one "
        "matches or too many do, trace functions of the kernel, what "
        "programs write, send a capture (N sub-buffers a lane), make the rings anew, of another "
        "size, or such that they keep the oldest events; previous: of the boot before, after a "
        "reset",
    .flags = KD_READS | KD_WRITES | KD_PARTLY, .run = run_trace);

static void run_log(struct kd_call *call)
{
    uint64_t limit = EVENTS_DEFAULT;
    struct kd_event_filter filter = {.prefix = "log.line", .cpu = -1};
    filter.previous = kd_arg_accept(call, "previous");
    kd_arg_number(call, &limit);
    kd_arg_done(call);
    unsigned count = kd_events_collect(&filter, (unsigned)MIN(limit, (uint64_t)KD_EVENTS_MAX));
    for (unsigned i = 0; i < count; i++) {
        kd_events_show_log(i);
    }
}
KD_COMMAND(log, .usage = "[previous] [N]",
           .help = "newest lines of the kernel log, out of the rings", .flags = KD_READS,
           .run = run_log);
