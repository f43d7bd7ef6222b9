/* SPDX-License-Identifier: MIT */
/*
 * Events that the report does not understand: what their number fields were, and how long pairs NAME.begin, NAME.end took.
 * So new measurements of the kernel (waits for locks, times with interrupts off) are reported without a line of C here.
 */
#include <stdlib.h>

#include "report.h"

static struct number_report *find_number(struct report *report, uint64_t key, const char *event,
                                         const char *field)
{
    struct number_report *row = id_map_find(&report->numbers, key);
    if (row == NULL && report->number_count < NUMBERS_MAX) {
        row = xcalloc(1, sizeof(*row));
        row->event = event;
        row->field = field;
        report->number[report->number_count++] = row;
        id_map_insert(&report->numbers, key, row);
    }
    return row;
}

static bool is_number(const struct schema_field *field)
{
    return field->kind == SCHEMA_DEC || field->kind == SCHEMA_BYTES || field->kind == SCHEMA_NS;
}

static void on_other(struct report *report, const struct step *step)
{
    const struct schema_event *event = report->session->schema.event[step->id];
    for (unsigned i = 0; i < event->field_count; i++) {
        const struct schema_field *field = &event->field[i];
        if (!is_number(field)) {
            continue;
        }
        struct number_report *row =
            find_number(report, (uint64_t)step->id << 8 | i, event->name, field->name);
        if (row != NULL) {
            row->kind = field->kind;
            histogram_add(&row->values, schema_value(field, step->record));
        }
    }
}

/* The begin of a pair is kept per core: such times are short, and nothing else runs there meanwhile. */
static uint64_t pair_key(const struct step *step, unsigned begin_id)
{
    return (uint64_t)step->cpu << 32 | begin_id;
}

static void on_pair(struct report *report, const struct step *step)
{
    const struct schema *schema = &report->session->schema;
    bool is_begin;
    size_t stem;
    unsigned begin_id = schema_pair(schema, schema->event[step->id], &is_begin, &stem);
    if (is_begin) {
        id_map_insert(&report->pairs, pair_key(step, begin_id), (void *)(uintptr_t)step->tsc);
        return;
    }
    uint64_t begin = (uintptr_t)id_map_remove(&report->pairs, pair_key(step, begin_id));
    struct number_report *row = begin != 0 ? find_number(report, (uint64_t)begin_id << 8 | 0xff,
                                                         schema->event[begin_id]->name, NULL)
                                           : NULL;
    if (row != NULL) {
        row->is_time = true;
        histogram_add(&row->values, step->tsc - begin);
    }
}

/* Events about the recorder itself, names, log lines and what a program says about itself are no measurements. */
static bool is_measurement(const struct schema_event *event)
{
    static const char *const others[] = {"trace", "timer", "user"};
    bool is_other = event->meta || event->has_string;
    for (unsigned i = 0; i < ARRAY_COUNT(others); i++) {
        is_other = is_other || strcmp(event->category_name, others[i]) == 0;
    }
    return !is_other;
}

void report_bind_other(struct report *report)
{
    const struct schema *schema = &report->session->schema;
    for (unsigned id = 0; id < SCHEMA_EVENTS_MAX; id++) {
        const struct schema_event *event = schema->event[id];
        bool is_begin;
        size_t stem;
        if (report->handler[id] != NULL || event == NULL || !is_measurement(event)) {
            continue;
        }
        bool is_pair = schema_pair(schema, event, &is_begin, &stem) != SCHEMA_NO_EVENT;
        report->handler[id] = is_pair ? on_pair : on_other;
    }
}
