/* SPDX-License-Identifier: MIT */
/* Marks, log lines, timers, stops in kdebug, and the health of the recording itself. */
#include <inttypes.h>
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"
#include "text.h"

#define MARKS_MAX 4096u /* counters; a program that invents more ids still gets its instants */

/* ---- marks ---- */

static uint64_t counter_of(struct convert *convert, struct person *person, uint32_t id)
{
    struct process *process = person->thread->process;
    uint64_t key = (uint64_t)(process != NULL ? process->id : 0) << 32 | id;
    uint64_t uuid = (uintptr_t)id_map_find(&convert->marks, key);
    if (uuid == 0 && convert->marks.count < MARKS_MAX) {
        char name[32];
        snprintf(name, sizeof(name), "mark %u", id);
        uuid = track_new(&convert->perfetto);
        id_map_insert(&convert->marks, key, (void *)(uintptr_t)uuid);
        uint64_t parent = process != NULL ? process_track(convert, process) : 0;
        track_describe_counter(&convert->perfetto, convert->perfetto.last_ns, uuid, parent, name,
                               COUNTER_UNIT_COUNT, NULL);
    }
    return uuid;
}

void on_mark(struct convert *convert, const struct step *step)
{
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    uint32_t id = (uint32_t)field_get(&convert->ids.mark_id, step->record);
    uint64_t value = field_get(&convert->ids.mark_value, step->record);
    char name[32];
    int bytes = snprintf(name, sizeof(name), "mark %u", id);
    struct track_event event = track_instant_text(&convert->perfetto, convert_time(convert),
                                                  stack->uuid, name, (size_t)bytes, CATEGORY_USER);
    track_arg_uint(&event, ARG_VALUE, value);
    track_commit(&event);
    uint64_t counter = counter_of(convert, convert->core[step->cpu].current, id);
    if (counter != 0) {
        track_counter(&convert->perfetto, convert_time(convert), counter, (int64_t)value);
    }
}

/* ---- log ---- */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void on_log(struct convert *convert, const struct step *step)
{
    const struct schema_event *schema_event = convert->session->schema.event[step->id];
    size_t bytes;
    const char *text = schema_string(schema_event, step->record, &bytes);
    char clean[8 * TRACE_WORDS_MAX + 1];
    text_clean(text, bytes, clean);
    uint64_t ns = convert_time(convert);
    if (convert->log_track == 0) {
        convert->log_track = track_new(&convert->perfetto);
        track_describe(&convert->perfetto, ns, convert->log_track, 0, "kernel log");
    }
    uint64_t level = field_get(&convert->ids.log_level, step->record);
    struct track_event event =
        track_instant_text(&convert->perfetto, ns, convert->log_track, clean, bytes, CATEGORY_LOG);
    track_arg_text(&event, ARG_LEVEL, level < ARRAY_COUNT(level_names) ? level_names[level] : "?");
    track_commit(&event);
}

/* ---- timers ---- */

static void put_timer(struct convert *convert, const struct step *step, uint64_t tid,
                      uint64_t deadline, const char *name)
{
    struct person *person = person_of(convert, (uint32_t)tid);
    if (tid == 0 || person->freed) {
        return;
    }
    struct slice_stack *stack = slices_of_person(convert, person, step->cpu);
    struct track_event event = track_instant(&convert->perfetto, convert_time(convert), stack->uuid,
                                             track_name(&convert->perfetto, name), CATEGORY_TIMER);
    track_arg_uint(&event, ARG_DEADLINE, deadline);
    track_commit(&event);
}

void on_timer_arm(struct convert *convert, const struct step *step)
{
    put_timer(convert, step, field_get(&convert->ids.arm_thread, step->record),
              field_get(&convert->ids.arm_deadline, step->record), "timer armed");
}

void on_timer_fire(struct convert *convert, const struct step *step)
{
    put_timer(convert, step, field_get(&convert->ids.fire_thread, step->record),
              field_get(&convert->ids.fire_deadline, step->record), "timer fires");
}

/* ---- kdebug ---- */

static const char *const stop_names[] = {"break",   "escape", "panic",     "breakpoint",
                                         "request", "NMI",    "exception", "boot"};

static void begin_stop(struct convert *convert, unsigned cpu, bool is_truncated)
{
    struct core *core = &convert->core[cpu];
    uint64_t ns = convert_time(convert);
    char name[48];
    if (core->kdebug_track == 0) {
        if (convert->kdebug_root == 0) {
            convert->kdebug_root = track_new(&convert->perfetto);
            track_describe(&convert->perfetto, ns, convert->kdebug_root, 0, "stopped in kdebug");
        }
        snprintf(name, sizeof(name), "cpu %u stopped", cpu);
        core->kdebug_track = track_new(&convert->perfetto);
        track_describe(&convert->perfetto, ns, core->kdebug_track, convert->kdebug_root, name);
    }
    const char *reason =
        core->kdebug_reason < ARRAY_COUNT(stop_names) ? stop_names[core->kdebug_reason] : "?";
    snprintf(name, sizeof(name), "kdebug: %s", reason);
    struct track_event event = track_begin(&convert->perfetto, ns, core->kdebug_track,
                                           track_name(&convert->perfetto, name), CATEGORY_KDEBUG);
    if (is_truncated) {
        track_arg_bool(&event, ARG_TRUNCATED, true);
    }
    track_commit(&event);
}

static void end_stop(struct convert *convert, unsigned cpu)
{
    struct track_event event =
        track_end(&convert->perfetto, convert_time(convert), convert->core[cpu].kdebug_track);
    track_commit(&event);
    convert->core[cpu].in_kdebug = false;
}

void on_kdebug_enter(struct convert *convert, const struct step *step)
{
    struct core *core = &convert->core[step->cpu];
    if (core->in_kdebug) {
        end_stop(convert, step->cpu);
    }
    core->in_kdebug = true;
    core->kdebug_reason = (uint32_t)field_get(&convert->ids.kdebug_enter_reason, step->record);
    begin_stop(convert, step->cpu, false);
}

void on_kdebug_leave(struct convert *convert, const struct step *step)
{
    if (convert->core[step->cpu].in_kdebug) {
        end_stop(convert, step->cpu);
    } else {
        convert->totals.orphans++;
    }
}

void kdebug_reopen(struct convert *convert, unsigned cpu)
{
    if (convert->core[cpu].in_kdebug) {
        begin_stop(convert, cpu, true);
    }
}

void kdebug_hole(struct convert *convert, unsigned cpu)
{
    if (convert->core[cpu].in_kdebug) {
        end_stop(convert, cpu);
    }
}
