/* SPDX-License-Identifier: MIT */
/*
 * What programs write into their lanes: spans, instants, counters and flows on tracks of their process.
 *
 * user.record comes late (when the lane was read) and says when it was written, so these events get the time they name and
 * not the one of the stream; within a track time still rises, whatever the program says. Nothing but the process is
 * believed: an end without a begin is left out, tracks and counters are bounded in number, and a track is called after a
 * thread only if that is one of the same process; else it has the name that the program gave to the id of its number.
 *
 * A flow is shown when its arrival comes: what never arrives stays an instant without an arrow.
 */
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"
#include "text.h"

#define TRACKS_MAX     4096u
#define FLOWS_MAX      65536u
#define NAME_MAX_BYTES 64u
#define DEPTH_MAX      64u
#define FLOW_SALT      0x5573657246006cull /* no flow of calls has such an id: theirs are shorter */

enum user_kind { KIND_BEGIN, KIND_END, KIND_INSTANT, KIND_COUNTER, KIND_FLOW_OUT, KIND_FLOW_IN };

struct user_track {
    uint64_t uuid;
    uint64_t last_ns;
    unsigned depth;
};

/* A flow that is under way. */
struct user_flow {
    uint64_t uuid, ns, value;
    uint32_t name;
};

static uint64_t key_of(uint64_t process, uint64_t number)
{
    return process << 32 | number;
}

void on_user_name(struct convert *convert, const struct step *step)
{
    const struct schema_event *event = convert->session->schema.event[step->id];
    size_t bytes;
    const char *text = schema_string(event, step->record, &bytes);
    char *name = arena_text(&convert->arena, text, bytes);
    id_map_insert(&convert->user_names,
                  key_of(field_get(&convert->ids.user_name_process, step->record),
                         field_get(&convert->ids.user_name_id, step->record)),
                  name);
}

static uint32_t name_of(struct convert *convert, uint64_t process, uint64_t id, char *text)
{
    const char *name = id_map_find(&convert->user_names, key_of(process, id));
    if (name != NULL) {
        snprintf(text, NAME_MAX_BYTES, "%s", name);
    } else {
        snprintf(text, NAME_MAX_BYTES, "user %u", (unsigned)id);
    }
    return track_name(&convert->perfetto, text);
}

static void name_track(struct convert *convert, const struct process *process, uint32_t number,
                       char *name)
{
    const struct thread *thread = id_map_find(&convert->registry.threads, number);
    if (thread != NULL && thread->process == process) {
        snprintf(name, NAME_MAX_BYTES, "%s: user events", thread->name);
    } else if (id_map_find(&convert->user_names, key_of(process->id, number)) != NULL) {
        snprintf(name, NAME_MAX_BYTES, "%s",
                 (const char *)id_map_find(&convert->user_names, key_of(process->id, number)));
    } else {
        snprintf(name, NAME_MAX_BYTES, "user track %u", number);
    }
}

static struct user_track *track_of(struct convert *convert, struct process *process,
                                   uint32_t number)
{
    uint64_t key = key_of(process->id, number);
    struct user_track *track = id_map_find(&convert->user_tracks, key);
    if (track == NULL && convert->user_tracks.count < TRACKS_MAX) {
        char name[NAME_MAX_BYTES];
        name_track(convert, process, number, name);
        track = arena_alloc(&convert->arena, sizeof(*track));
        *track = (struct user_track){.uuid = track_new(&convert->perfetto)};
        id_map_insert(&convert->user_tracks, key, track);
        track_describe(&convert->perfetto, convert->perfetto.last_ns, track->uuid,
                       process_track(convert, process), name);
    }
    return track;
}

static void put_counter(struct convert *convert, struct process *process, uint32_t id, uint64_t ns,
                        uint64_t value)
{
    uint64_t key = key_of(process->id, id);
    uint64_t uuid = (uintptr_t)id_map_find(&convert->user_counters, key);
    if (uuid == 0 && convert->user_counters.count < TRACKS_MAX) {
        char name[NAME_MAX_BYTES];
        (void)name_of(convert, process->id, id, name);
        uuid = track_new(&convert->perfetto);
        id_map_insert(&convert->user_counters, key, (void *)(uintptr_t)uuid);
        track_describe_counter(&convert->perfetto, convert->perfetto.last_ns, uuid,
                               process_track(convert, process), name, COUNTER_UNIT_COUNT, NULL);
    }
    if (uuid != 0) {
        track_counter(&convert->perfetto, ns, uuid, (int64_t)value);
    }
}

static void put_span(struct convert *convert, struct user_track *track, uint32_t name,
                     bool is_begin)
{
    if (is_begin ? track->depth >= DEPTH_MAX : track->depth == 0) {
        convert->totals.orphans++;
        return;
    }
    struct track_event event =
        is_begin ? track_begin(&convert->perfetto, track->last_ns, track->uuid, name, CATEGORY_USER)
                 : track_end(&convert->perfetto, track->last_ns, track->uuid);
    track->depth += is_begin ? 1u : -1u;
    track_commit(&event);
}

static void put_instant(struct convert *convert, const struct user_flow *at)
{
    struct track_event event =
        track_instant(&convert->perfetto, at->ns, at->uuid, at->name, CATEGORY_USER);
    track_arg_uint(&event, ARG_VALUE, at->value);
    track_commit(&event);
}

/* One end of an arrow: a slice of a nanosecond, because arrows go between slices. */
static void put_hop(struct convert *convert, const struct user_flow *at, uint64_t flow,
                    bool is_last)
{
    struct track_event event =
        track_begin(&convert->perfetto, at->ns, at->uuid, at->name, CATEGORY_USER);
    track_arg_uint(&event, ARG_VALUE, at->value);
    if (!is_last) {
        track_flow(&event, flow, false);
    }
    track_commit(&event);
    event = track_end(&convert->perfetto, at->ns + 1, at->uuid);
    if (is_last) {
        track_flow(&event, flow, true);
    }
    track_commit(&event);
}

/* An id for one arrow: the program's number may come again. */
static uint64_t new_flow(struct convert *convert)
{
    return FLOW_SALT << 8 ^ ++convert->user_flows_shown;
}

static void put_flow_out(struct convert *convert, const struct user_flow *at)
{
    struct user_flow *before = id_map_remove(&convert->user_flows, at->value & INT64_MAX);
    if (before != NULL) {
        put_instant(convert, before);
    }
    if (convert->user_flows.count >= FLOWS_MAX) {
        put_instant(convert, at);
        return;
    }
    struct user_flow *flow = before != NULL ? before : arena_alloc(&convert->arena, sizeof(*flow));
    *flow = *at;
    id_map_insert(&convert->user_flows, at->value & INT64_MAX, flow);
}

static void put_flow_in(struct convert *convert, const struct user_flow *at)
{
    const struct user_flow *from = id_map_remove(&convert->user_flows, at->value & INT64_MAX);
    if (from == NULL) {
        put_instant(convert, at);
        return;
    }
    uint64_t flow = new_flow(convert);
    put_hop(convert, from, flow, false);
    put_hop(convert, at, flow, true);
}

void user_finish(struct convert *convert)
{
    for (size_t i = 0; i < convert->user_flows.slots; i++) {
        const struct user_flow *flow = convert->user_flows.slot[i].value;
        if (flow != NULL) {
            put_instant(convert, flow);
        }
    }
    id_map_free(&convert->user_names);
    id_map_free(&convert->user_tracks);
    id_map_free(&convert->user_counters);
    id_map_free(&convert->user_flows);
}

void on_user_record(struct convert *convert, const struct step *step)
{
    const struct convert_ids *ids = &convert->ids;
    uint64_t tsc = field_get(&ids->user_time, step->record);
    struct process *process =
        registry_process(&convert->registry, (uint32_t)field_get(&ids->user_process, step->record));
    if (!convert->is_live || process == NULL || tsc < convert->from_tsc || tsc > step->tsc) {
        return;
    }
    uint32_t number = (uint32_t)field_get(&ids->user_track, step->record);
    uint32_t id = (uint32_t)field_get(&ids->user_id, step->record);
    uint64_t value = field_get(&ids->user_value, step->record), ns = convert_ns(convert, tsc);
    uint64_t kind = field_get(&ids->user_kind, step->record);
    if (kind == KIND_COUNTER) {
        put_counter(convert, process, id, ns, value);
        return;
    }
    struct user_track *track = track_of(convert, process, number);
    if (track == NULL) {
        return;
    }
    char text[NAME_MAX_BYTES];
    uint32_t name = kind == KIND_END ? 0 : name_of(convert, process->id, id, text);
    track->last_ns = MAX(ns, track->last_ns + 1);
    const struct user_flow at = {track->uuid, track->last_ns, value, name};
    track->last_ns += kind == KIND_FLOW_OUT || kind == KIND_FLOW_IN; /* room for its end */
    if (kind == KIND_BEGIN || kind == KIND_END) {
        put_span(convert, track, name, kind == KIND_BEGIN);
    } else if (kind == KIND_FLOW_OUT) {
        put_flow_out(convert, &at);
    } else if (kind == KIND_FLOW_IN) {
        put_flow_in(convert, &at);
    } else {
        put_instant(convert, &at);
    }
}
