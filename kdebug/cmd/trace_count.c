/* SPDX-License-Identifier: MIT */
/* trace count (trace_count.h). The tables of all cores are added up row by row. */
#include "kdebug/cmd/trace_count.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/cmd/trace_filter.h"
#include "kdebug/core/deferred.h"
#include "kdebug/core/output.h"
#include "kdebug/core/permit.h"
#include "kdebug/core/target.h"
#include "trace/ring/hook.h"

#define BAR_CHARS 40u

/* ---- showing ---- */

/* Too big for a stack. */
static struct trace_table read;
static struct trace_row total[TRACE_ROWS_MAX];

static uint64_t left_out; /* of all cores, and what finds no row in total[] */

static void add_row(const struct trace_row *row)
{
    struct trace_row *to = trace_row_find(total, row->key);
    if (row->count == 0) {
        return;
    }
    if (to == NULL) {
        left_out += row->count;
        return;
    }
    to->key = row->key;
    to->least = to->count == 0 ? row->least : MIN(to->least, row->least);
    to->greatest = MAX(to->greatest, row->greatest);
    to->count += row->count;
    to->sum += row->sum;
    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        to->bucket[i] += row->bucket[i];
    }
}

static void add_up(uint64_t tables)
{
    memset(total, 0, sizeof(total));
    left_out = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        kd_fetch(tables + cpu * sizeof(read), &read, sizeof(read), "table");
        left_out += read.left_out;
        for (unsigned i = 0; i < TRACE_ROWS_MAX; i++) {
            add_row(&read.row[i]);
        }
    }
}

/* A value of a field as a record has it, sign and all. */
static uint64_t widen(const struct trace_field *field, uint64_t value)
{
    uint64_t record[TRACE_WORDS_MAX + 1] = {0};
    record[field->word] = value << field->shift;
    return trace_field_value(field, record);
}

static void show_key(const struct trace_event_info *info, const struct trace_grouping *grouping,
                     uint64_t key)
{
    unsigned second_bits =
        grouping->key[1] == TRACE_NO_FIELD ? 0 : info->field[grouping->key[1]].bits;
    for (unsigned i = 0; i < TRACE_KEYS_MAX && grouping->key[i] != TRACE_NO_FIELD; i++) {
        const struct trace_field *field = &info->field[grouping->key[i]];
        uint64_t part = i == 0 ? key >> second_bits % 64 : key;
        kd_print(" %s ", field->name);
        kd_trace_show_value(field, widen(field, part));
    }
}

static void show_histogram(const struct trace_row *row)
{
    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        if (row->bucket[i] != 0) {
            unsigned bar =
                (unsigned)((row->bucket[i] * (uint64_t)BAR_CHARS + row->count - 1) / row->count);
            kd_print("%20llu.. %10u ", i == 0 ? 0 : 1ull << (i - 1), row->bucket[i]);
            while (bar-- > 0) {
                kd_print("#");
            }
            kd_print("\n");
        }
    }
}

static bool is_sound(const struct trace_event_info *info, const struct trace_grouping *grouping)
{
    return info != NULL && trace_grouping_fits(info->id, grouping);
}

static void show_one(const struct trace_hook *hook)
{
    struct trace_aggregation *const at = hook->aggregation;
    const struct trace_event_info *info = trace_event_info(hook->event);
    struct trace_grouping grouping;
    kd_fetch((uint64_t)&at->grouping, &grouping, sizeof(grouping), "grouping");
    if (!is_sound(info, &grouping)) {
        return;
    }
    add_up((uint64_t)at->table);
    kd_print("%s:", info->name);
    kd_trace_show_conditions(hook->event, hook->condition, hook->conditions);
    kd_print("\n");
    for (unsigned i = 0; i < TRACE_ROWS_MAX; i++) {
        const struct trace_row *row = &total[i];
        if (row->count == 0) {
            continue;
        }
        kd_print(" ");
        show_key(info, &grouping, row->key);
        kd_print(" count %llu", (unsigned long long)row->count);
        if (grouping.value != TRACE_NO_FIELD) {
            kd_print(", %s: sum %llu least %llu mean %llu greatest %llu",
                     info->field[grouping.value].name, (unsigned long long)row->sum,
                     (unsigned long long)row->least, (unsigned long long)(row->sum / row->count),
                     (unsigned long long)row->greatest);
        }
        kd_print("\n");
        if (grouping.value != TRACE_NO_FIELD) {
            show_histogram(row);
        }
    }
    kd_print("  left out %llu\n", (unsigned long long)left_out);
}

static void show_all(void)
{
    struct trace_hook hook;
    uint64_t address = KD_GLOBAL(trace_hooks);
    for (unsigned i = 0; i < TRACE_HOOKS_MAX; i++) {
        kd_fetch(address + i * sizeof(hook), &hook, sizeof(hook), "hook");
        if (hook.event != TRACE_EVENT_TRACE_PAD && hook.aggregation != NULL) {
            show_one(&hook);
        }
    }
}

/* ---- setting ---- */

static struct trace_grouping take_grouping(struct kd_call *call,
                                           const struct trace_event_info *info)
{
    struct trace_grouping grouping = {{TRACE_NO_FIELD, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    if (kd_arg_accept(call, "by")) {
        grouping.key[0] = (uint8_t)kd_trace_take_field(call, info);
        bool is_over = kd_arg_is_end(call) || strncmp(call->args, "of ", 3) == 0 ||
                       strncmp(call->args, "if ", 3) == 0;
        if (!is_over) {
            grouping.key[1] = (uint8_t)kd_trace_take_field(call, info);
        }
    }
    if (kd_arg_accept(call, "of")) {
        grouping.value = (uint8_t)kd_trace_take_field(call, info);
    }
    return grouping;
}

void kd_trace_count(struct kd_call *call)
{
    if (kd_arg_is_end(call)) {
        show_all();
        return;
    }
    kd_require_live(KD_WRITES);
    struct trace_condition condition[TRACE_CONDITIONS_MAX];
    struct trace_filter filter;
    unsigned event = kd_trace_take_event(call), count = 0;
    bool off = kd_arg_accept(call, "off");
    struct trace_grouping grouping = take_grouping(call, trace_event_info(event));
    if (kd_arg_accept(call, "if")) {
        count = kd_trace_take_conditions(call, trace_event_info(event), condition);
    }
    kd_arg_done(call);
    if (trace_filter_make(event, condition, count, &filter) != OK) {
        kd_fail("a value does not fit into its field");
    }
    if (!trace_grouping_fits(event, &grouping)) {
        kd_fail("a field of text cannot be counted by, nor two of more than 64 bits together");
    }
    if (!kd_deferred_hook(event, condition, count, off ? NULL : &grouping)) {
        kd_fail("too many requests are waiting: continue first");
    }
    kd_print("from the end of the stop on\n");
}
