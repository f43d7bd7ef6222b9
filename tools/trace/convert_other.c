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

/* ---- losses ---- */

static uint64_t health_root(struct convert *convert)
{
    if (convert->health_root == 0) {
        convert->health_root = track_new(&convert->perfetto);
        track_describe(&convert->perfetto, convert->perfetto.last_ns, convert->health_root, 0,
                       "trace health");
    }
    return convert->health_root;
}

static struct health *health_of(struct convert *convert, unsigned lane)
{
    struct health *health = &convert->health[lane];
    if (health->track == 0) {
        char name[LANE_NAME_BYTES + 8];
        char lane_name[LANE_NAME_BYTES];
        uint64_t root = health_root(convert);
        snprintf(name, sizeof(name), "%s lost",
                 session_lane_name(convert->session, lane, lane_name));
        health->track = track_new(&convert->perfetto);
        track_describe(&convert->perfetto, convert->perfetto.last_ns, health->track, root, name);
    }
    return health;
}

static void begin_lost(struct convert *convert, struct health *health, uint64_t ns, uint64_t events,
                       const char *cause)
{
    char name[80];
    snprintf(name, sizeof(name), "LOST %" PRIu64 " events (%s)", events, cause);
    struct track_event event =
        track_begin(&convert->perfetto, MAX(ns, health->last_ns + 1), health->track,
                    track_name(&convert->perfetto, name), CATEGORY_HEALTH);
    track_arg_uint(&event, ARG_EVENTS, events);
    track_arg_text(&event, ARG_CAUSE, cause);
    track_commit(&event);
    health->last_ns = MAX(ns, health->last_ns + 1);
    health->open = true;
    convert->totals.lost += convert->is_live ? events : 0;
}

static void end_lost(struct convert *convert, struct health *health, uint64_t ns)
{
    health->last_ns = MAX(ns, health->last_ns + 1);
    health->open = false;
    struct track_event event = track_end(&convert->perfetto, health->last_ns, health->track);
    track_commit(&event);
}

/* A time at the edge of a core's record: how many of the missing events fall into the window nobody knows. */
static void begin_unrecorded(struct convert *convert, unsigned lane, const char *name,
                             uint64_t events)
{
    struct health *health = health_of(convert, lane);
    health->last_ns = MAX(convert->perfetto.last_ns, health->last_ns + 1);
    health->open = true;
    struct track_event event = track_begin(&convert->perfetto, health->last_ns, health->track,
                                           track_name(&convert->perfetto, name), CATEGORY_HEALTH);
    track_arg_uint(&event, ARG_EVENTS, events);
    track_commit(&event);
    bundle_lost(&convert->perfetto, convert->session->lane[lane].cpu);
}

void health_hole(struct convert *convert, const struct step *step)
{
    const struct lane_hole *hole = merge_hole(&convert->merge, step);
    struct health *health = health_of(convert, step->lane);
    if (hole->is_end) {
        begin_unrecorded(convert, step->lane, "LOST: not recorded any more", hole->events);
        return;
    }
    begin_lost(convert, health, convert->perfetto.last_ns, hole->events,
               hole_cause_name(hole->cause));
}

void health_reopen(struct convert *convert)
{
    for (unsigned i = 0; i < convert->session->lane_count; i++) {
        const struct session_lane *place = &convert->session->lane[i];
        struct health *health = &convert->health[i];
        if (health->open) {
            const struct lane_hole *hole = &convert->merge.lane[i].hole;
            health->last_ns = 0;
            begin_lost(convert, health, convert->perfetto.last_ns, hole->events,
                       hole_cause_name(hole->cause));
        } else if (place->kind == TRACE_LANE_NORMAL && place->entries != 0 &&
                   place->entry[0].position != 0 && place->entry[0].tsc > convert->from_tsc) {
            begin_unrecorded(convert, i, "LOST: not recorded yet",
                             convert->merge.lane[i].totals.before);
        }
    }
}

void health_resume(struct convert *convert, const struct step *step)
{
    if (convert->health[step->lane].open) {
        end_lost(convert, &convert->health[step->lane], convert->perfetto.last_ns);
    }
}

static const char *const lost_causes[TRACE_LOST_CAUSES] = {"full", "nested", "cause 2", "cause 3"};

/* The recorder itself reports a loss, with its beginning and end. */
void on_lost(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    uint64_t cause = field_get(&ids->lost_cause, step->record);
    uint64_t first = MIN(field_get(&ids->lost_first, step->record), step->tsc);
    uint64_t last = MIN(field_get(&ids->lost_last, step->record), step->tsc);
    struct health *health = health_of(convert, step->lane);
    if (step->lane_kind == TRACE_LANE_NORMAL) {
        bundle_lost(&convert->perfetto, step->cpu);
    }
    uint64_t from = convert_ns(convert, MAX(first, convert->from_tsc));
    begin_lost(convert, health, from, field_get(&ids->lost_count, step->record),
               cause < TRACE_LOST_CAUSES ? lost_causes[cause] : "?");
    end_lost(convert, health, convert_ns(convert, MAX(last, convert->from_tsc)));
}

/* ---- categories ---- */

static uint64_t recording_track(struct convert *convert)
{
    if (convert->recording_track == 0) {
        uint64_t root = health_root(convert);
        convert->recording_track = track_new(&convert->perfetto);
        track_describe(&convert->perfetto, convert->perfetto.last_ns, convert->recording_track,
                       root, "recording");
    }
    return convert->recording_track;
}

static void tell_categories(struct convert *convert, uint64_t mask)
{
    char name[200];
    size_t used = (size_t)snprintf(name, sizeof(name), "recording");
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *category = convert->session->schema.category[bit];
        if (mask >> bit & 1 && category != NULL && used + strlen(category) + 2 < sizeof(name)) {
            used += (size_t)snprintf(name + used, sizeof(name) - used, " %s", category);
        }
    }
    uint64_t track = recording_track(convert);
    struct track_event event = track_instant_text(&convert->perfetto, convert_time(convert), track,
                                                  name, strlen(name), CATEGORY_HEALTH);
    track_commit(&event);
}

static void begin_sched_off(struct convert *convert)
{
    uint64_t track = recording_track(convert);
    struct track_event event =
        track_begin(&convert->perfetto, convert_time(convert), track,
                    track_name(&convert->perfetto, "OFF: sched"), CATEGORY_HEALTH);
    track_commit(&event);
}

void recording_reopen(struct convert *convert)
{
    if (convert->sched_is_off) {
        begin_sched_off(convert);
    }
}

/* Without sched nobody knows who runs, and so whose the other events are. */
static void set_sched_off(struct convert *convert, bool is_off)
{
    if (is_off && !convert->sched_is_off) {
        for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
            sched_forget(convert, cpu);
        }
        begin_sched_off(convert);
    } else if (!is_off && convert->sched_is_off) {
        struct track_event event =
            track_end(&convert->perfetto, convert_time(convert), recording_track(convert));
        track_commit(&event);
    }
    convert->sched_is_off = is_off;
}

/* What was open in a category that is switched off will not be seen to end: it ends here. */
void on_switched(struct convert *convert, const struct step *step)
{
    const struct schema *schema = &convert->session->schema;
    uint64_t mask = field_get(&convert->ids.switched_mask, step->record);
    uint64_t off = convert->categories & ~mask;
    uint64_t of_slices = schema_category_mask(schema, "syscall") |
                         schema_category_mask(schema, "fault") |
                         schema_category_mask(schema, "ipc");
    convert->categories = mask;
    tell_categories(convert, mask);
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        if (off & of_slices && convert->core[cpu].seen) {
            sched_cut_slices(convert, cpu);
        }
        if (off & schema_category_mask(schema, "irq")) {
            sched_forget_irqs(convert, cpu);
        }
        if (off & schema_category_mask(schema, "kdebug")) {
            kdebug_hole(convert, cpu);
        }
    }
    set_sched_off(convert, (mask & schema_category_mask(schema, "sched")) == 0);
}
