/* SPDX-License-Identifier: MIT */
/* Commands on the trace: trace, log. */
#include "base/string.h"
#include "kdebug/cmd/trace_dump.h"
#include "kdebug/cmd/trace_filter.h"
#include "kdebug/cmd/trace_print.h"
#include "kdebug/cmd/trace_switch.h"
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

static void show_lanes(vaddr_t address, const struct trace_region *region)
{
    kd_print("LANE  KIND    CPU    RING KIB      POSITION        EVENTS  KEPT KIB  LOST FULL  LOST "
             "NESTED\n");
    for (unsigned i = 0; i < region->lane_count; i++) {
        struct kd_lane lane;
        uint64_t oldest = 0, newest = 0;
        if (kd_lane_open(address, region, i, &lane)) {
            kd_lane_span(&lane, &oldest, &newest);
        }
        const struct trace_lane *control = &lane.control;
        kd_print("%4u  %-6s  %3u  %10llu  %12llu  %12llu  %8llu  %9llu  %11llu\n", i,
                 lane_kind_name(lane.kind), lane.cpu, (unsigned long long)(lane.ring_bytes / 1024),
                 (unsigned long long)control->position, (unsigned long long)control->events,
                 (unsigned long long)((control->position - oldest) / 1024),
                 (unsigned long long)control->lost[TRACE_LOST_FULL],
                 (unsigned long long)control->lost[TRACE_LOST_NESTED]);
    }
}

static void show_status(void)
{
    struct trace_region region;
    vaddr_t address = kd_region_read(&region);
    kd_print("region 0x%llx, %llu KiB, %u lanes, TSC %llu kHz, boot %016llx\n",
             (unsigned long long)address, (unsigned long long)(region.bytes / 1024),
             region.lane_count, (unsigned long long)region.tsc_khz,
             (unsigned long long)region.boot_id);
    kd_trace_show_on();
    show_lanes(address, &region);
}

/* [N] [cpu N] [EVENT-PREFIX], in any order. */
static unsigned take_selection(struct kd_call *call, struct kd_event_filter *filter)
{
    uint64_t limit = EVENTS_DEFAULT, cpu;
    *filter = (struct kd_event_filter){.cpu = -1};
    while (!kd_arg_is_end(call)) {
        if (kd_arg_accept(call, "cpu")) {
            if (!kd_arg_number(call, &cpu) || cpu >= CPU_MAX) {
                kd_fail_usage(call);
            }
            filter->cpu = (int)cpu;
        } else if (*call->args >= '0' && *call->args <= '9') {
            kd_arg_number(call, &limit);
        } else {
            kd_arg_word(call, filter->prefix, sizeof(filter->prefix));
        }
    }
    if (limit > KD_EVENTS_MAX) {
        kd_fail("at most %u events", KD_EVENTS_MAX);
    }
    return (unsigned)limit;
}

static void show_last(struct kd_call *call)
{
    struct kd_event_filter filter;
    unsigned limit = take_selection(call, &filter);
    unsigned count = kd_events_collect(&filter, limit);
    for (unsigned i = 0; i < count; i++) {
        kd_events_show(i);
    }
}

static void send_dump(struct kd_call *call)
{
    uint64_t newest = UINT64_MAX;
    kd_arg_number(call, &newest);
    kd_arg_done(call);
    if (newest == 0) {
        kd_fail_usage(call);
    }
    kd_trace_dump(newest, kd_print_byte);
}

static void run_trace(struct kd_call *call)
{
    if (kd_arg_is_end(call) || kd_arg_accept(call, "status")) {
        kd_arg_done(call);
        show_status();
    } else if (kd_arg_accept(call, "last")) {
        show_last(call);
    } else if (kd_arg_accept(call, "on")) {
        kd_trace_switch(call, true);
    } else if (kd_arg_accept(call, "off")) {
        kd_trace_switch(call, false);
    } else if (kd_arg_accept(call, "events")) {
        kd_trace_list_events(call);
    } else if (kd_arg_accept(call, "user")) {
        kd_trace_user(call);
    } else if (kd_arg_accept(call, "dump")) {
        send_dump(call);
    } else if (kd_arg_accept(call, "filter")) {
        kd_trace_filter(call);
    } else {
        kd_fail_usage(call);
    }
}
KD_COMMAND(
    trace,
    .usage =
        "[status] | last [N] [cpu N] [EVENT] | events [EVENT] | on|off EVENT|CATEGORY... | "
        "filter [EVENT off | EVENT FIELD OP VALUE [and|or ...]] | user [PROCESS [N]] | dump [N]",
    .help = "the rings: status, newest events, switch events, write only some records "
            "of an event, what programs write, send a capture (N sub-buffers a lane)",
    .flags = KD_READS | KD_WRITES, .run = run_trace);

static void run_log(struct kd_call *call)
{
    uint64_t limit = EVENTS_DEFAULT;
    struct kd_event_filter filter = {.prefix = "log.line", .cpu = -1};
    kd_arg_number(call, &limit);
    kd_arg_done(call);
    unsigned count = kd_events_collect(&filter, (unsigned)MIN(limit, (uint64_t)KD_EVENTS_MAX));
    for (unsigned i = 0; i < count; i++) {
        kd_events_show_log(i);
    }
}
KD_COMMAND(log, .usage = "[N]", .help = "newest lines of the kernel log, out of the rings",
           .flags = KD_READS, .run = run_log);
