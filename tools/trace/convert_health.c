/* SPDX-License-Identifier: MIT */
/*
 * The health of the recording itself: what is missing and where, which categories are on.
 *
 * A loss is drawn where it happened (LOST on the track of its lane), marked in the core's bundle, and counted: the curve of
 * events lost, and FtraceStats at both ends, from which the importer makes a warning.
 */
#include <inttypes.h>
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"

/* ---- losses ---- */

uint64_t health_root(struct convert *convert)
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

static void show_lost(struct convert *convert, uint64_t ns)
{
    if (convert->lost_counter == 0) {
        uint64_t root = health_root(convert);
        convert->lost_counter = track_new(&convert->perfetto);
        track_describe_counter(&convert->perfetto, convert->perfetto.last_ns, convert->lost_counter,
                               root, "events lost", COUNTER_UNIT_COUNT, NULL);
    }
    track_counter(&convert->perfetto, ns, convert->lost_counter, (int64_t)convert->totals.lost);
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
    if (convert->is_live) {
        convert->totals.lost += events;
        show_lost(convert, health->last_ns);
    }
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

/* ---- what the importer is told ---- */

void health_stats(struct convert *convert, bool is_end)
{
    struct perfetto_core_stats stats[CPU_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < convert->session->lane_count; i++) {
        if (convert->session->lane[i].kind != TRACE_LANE_NORMAL || count == CPU_MAX) {
            continue;
        }
        struct lane_totals totals =
            is_end ? convert->merge.lane[i].totals : (struct lane_totals){0};
        stats[count++] = (struct perfetto_core_stats){
            .cpu = convert->session->lane[i].cpu,
            .entries = totals.records,
            .bytes = totals.bytes,
            .overwritten = totals.missing[HOLE_OVERWRITTEN],
            .nested = totals.lost[TRACE_LOST_NESTED],
            .dropped = totals.lost[TRACE_LOST_FULL] + totals.missing[HOLE_DAMAGED] +
                       totals.missing[HOLE_VERDICT] + totals.missing[HOLE_UNSENT]};
    }
    perfetto_core_stats(&convert->perfetto, convert->perfetto.last_ns, is_end, stats, count);
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

/* From a trigger's hold until events are switched again the rings take nothing. */
static struct track_event begin_held(struct convert *convert)
{
    const struct schema *schema = &convert->session->schema;
    const struct schema_event *event =
        convert->held_by < SCHEMA_EVENTS_MAX ? schema->event[convert->held_by] : NULL;
    char name[80];
    snprintf(name, sizeof(name), "HELD by a trigger on %s", event != NULL ? event->name : "?");
    return track_begin(&convert->perfetto, convert_time(convert), recording_track(convert),
                       track_name(&convert->perfetto, name), CATEGORY_HEALTH);
}

static void end_held(struct convert *convert)
{
    if (convert->is_held) {
        struct track_event event =
            track_end(&convert->perfetto, convert_time(convert), recording_track(convert));
        track_commit(&event);
    }
    convert->is_held = false;
}

/* A trigger has been set off; it may end recording. */
void on_trigger(struct convert *convert, const struct step *step)
{
    uint64_t trigger = field_get(&convert->ids.trigger_trigger, step->record);
    if (trigger < ARRAY_COUNT(convert->trigger_event)) {
        convert->trigger_event[trigger] =
            (uint16_t)field_get(&convert->ids.trigger_event, step->record);
    }
    on_generic(convert, step);
}

void on_held(struct convert *convert, const struct step *step)
{
    uint64_t trigger = field_get(&convert->ids.held_trigger, step->record);
    end_held(convert);
    convert->is_held = true;
    convert->held_by = trigger < ARRAY_COUNT(convert->trigger_event)
                           ? convert->trigger_event[trigger]
                           : SCHEMA_NO_EVENT;
    struct track_event event = begin_held(convert);
    track_arg_uint(&event, ARG_EVENTS, field_get(&convert->ids.held_events, step->record));
    track_commit(&event);
}

void recording_reopen(struct convert *convert)
{
    if (convert->sched_is_off) {
        begin_sched_off(convert);
    }
    if (convert->is_held) {
        struct track_event event = begin_held(convert);
        track_arg_bool(&event, ARG_TRUNCATED, true);
        track_commit(&event);
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
    end_held(convert);
    convert->categories = mask;
    convert->is_unbroken = convert->is_unbroken && !convert->is_live;
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
