/* SPDX-License-Identifier: MIT */
/* trace cost (trace_cost.h): the meta lane, which comes first, tells what events cost; then all other lanes are counted. */
#include "kdebug/cmd/trace_cost.h"

#include "base/format.h"
#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/cmd/trace_reader.h"
#include "kdebug/core/command.h"
#include "kdebug/core/output.h"

struct sum {
    uint64_t records, instructions;
};

static struct {
    uint16_t instructions, per_word;
} cost[TRACE_EVENT_COUNT];
static struct sum of_event[TRACE_EVENT_COUNT], of_cpu[CPU_MAX];
static uint64_t subbuf[TRACE_SUBBUF_BYTES / 8];

static bool take_cost(const struct kd_record *record, void *context)
{
    (void)context;
    unsigned id = TRACE_EVENT(record->words[0]);
    if (id == TRACE_EVENT_TRACE_COST && TRACE_WORDS(record->words[0]) != 0) {
        const struct trace_field *field = trace_event_info(id)->field;
        uint64_t event = trace_field_value(&field[0], record->words);
        if (event < TRACE_EVENT_COUNT) {
            cost[event].instructions = (uint16_t)trace_field_value(&field[1], record->words);
            cost[event].per_word = (uint16_t)trace_field_value(&field[2], record->words);
        }
    }
    return true;
}

static void add(struct sum *sum, uint64_t instructions)
{
    sum->records++;
    sum->instructions += instructions;
}

/* context: the sum of the core. */
static bool count_record(const struct kd_record *record, void *context)
{
    unsigned id = TRACE_EVENT(record->words[0]);
    const struct trace_event_info *info = trace_event_info(id);
    if (info != NULL) {
        unsigned words = TRACE_WORDS(record->words[0]);
        unsigned of_string = words > info->words ? words - info->words : 0;
        uint64_t spent = cost[id].instructions + (uint64_t)cost[id].per_word * of_string;
        add(&of_event[id], spent);
        add(context, spent);
    }
    return true;
}

static void visit_lane(const struct kd_lane *lane)
{
    bool is_meta = lane->kind == TRACE_LANE_META;
    uint64_t start, newest;
    if (!kd_lane_span(lane, &start, &newest) || (!is_meta && lane->cpu >= CPU_MAX)) {
        return;
    }
    for (; start <= newest; start += TRACE_SUBBUF_BYTES) {
        size_t bytes = kd_subbuf_read(lane, start, subbuf);
        kd_subbuf_each(subbuf, bytes, is_meta ? take_cost : count_record,
                       is_meta ? NULL : &of_cpu[lane->cpu]);
    }
}

static void show(const char *name, const struct sum *sum)
{
    kd_print("%-24s  %10llu  %12llu  %5llu\n", name, (unsigned long long)sum->records,
             (unsigned long long)sum->instructions,
             (unsigned long long)(sum->instructions / sum->records));
}

void kd_trace_cost(bool previous)
{
    struct trace_region region;
    struct kd_lane lane;
    vaddr_t address = kd_region_of(previous, &region);
    memset(cost, 0, sizeof(cost));
    memset(of_event, 0, sizeof(of_event));
    memset(of_cpu, 0, sizeof(of_cpu));
    for (unsigned i = 0; i < region.lane_count; i++) {
        if (kd_lane_open(address, &region, i, &lane)) {
            visit_lane(&lane);
        }
    }
    kd_print("%-24s  %10s  %12s  %5s\n", "WHAT IS KEPT OF", "RECORDS", "INSTRUCTIONS", "EACH");
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (of_cpu[cpu].records != 0) {
            char name[16];
            format_text(name, sizeof(name), "cpu %u", cpu);
            show(name, &of_cpu[cpu]);
        }
    }
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        if (of_event[id].records != 0) {
            show(trace_event_info(id)->name, &of_event[id]);
        }
    }
}
