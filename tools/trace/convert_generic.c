/* SPDX-License-Identifier: MIT */
/*
 * Events that no other file knows: shown by what the schema says about them, so that a new event needs no line of C here.
 *
 *   with counter fields     a curve for each of them and each value of the fields that say whose level it is
 *   NAME.begin, NAME.end    a slice of the thread that runs (likewise NAME.enter, NAME.exit)
 *   any other               an instant on the track of the thread that runs
 */
#include <stdio.h>

#include "convert.h"
#include "perfetto_fields.h"
#include "text.h"

#define LEVELS_MAX       4096u /* curves; more series than that are left out */
#define LEVEL_NAME_BYTES 128u
#define VALUE_BYTES      128u

enum generic_form { FORM_INSTANT, FORM_LEVEL, FORM_BEGIN, FORM_END };

/* An event as it will be shown; made when it first comes. */
struct generic {
    const struct schema_event *event;
    enum generic_form form;
    uint32_t name; /* iid */
    unsigned category;
    uint64_t pair;  /* of BEGIN and END: id of the begin event + 1 */
    uint64_t group; /* of LEVEL: the track above its curves */
    unsigned arg[]; /* by field */
};

/* Decide on the form; writes the name to be shown. */
static void choose_form(const struct schema *schema, struct generic *generic, char *name,
                        size_t bytes)
{
    const struct schema_event *event = generic->event;
    bool is_begin;
    size_t length = strlen(event->name);
    generic->form = FORM_INSTANT;
    if (event->has_counter) {
        generic->form = FORM_LEVEL;
    } else {
        unsigned begin_id = schema_pair(schema, event, &is_begin, &length);
        if (begin_id != SCHEMA_NO_EVENT) {
            generic->form = is_begin ? FORM_BEGIN : FORM_END;
            generic->pair = begin_id + 1u;
        }
    }
    snprintf(name, bytes, "%.*s", (int)length, event->name);
}

static struct generic *make_generic(struct convert *convert, const struct schema_event *event)
{
    struct perfetto *perfetto = &convert->perfetto;
    struct generic *generic =
        arena_alloc(&convert->arena, sizeof(*generic) + event->field_count * sizeof(unsigned));
    char name[LEVEL_NAME_BYTES];
    generic->event = event;
    choose_form(&convert->session->schema, generic, name, sizeof(name));
    if (generic->form == FORM_LEVEL) {
        generic->group = track_new(perfetto);
        track_describe(perfetto, perfetto->last_ns, generic->group, 0, name);
        return generic;
    }
    generic->name = track_name(perfetto, name);
    generic->category = track_category(perfetto, event->category_name);
    for (unsigned i = 0; i < event->field_count; i++) {
        generic->arg[i] = track_arg_name(perfetto, event->field[i].name);
    }
    return generic;
}

/* ---- arguments ---- */

static void put_value(struct convert *convert, struct track_event *event, unsigned arg,
                      const struct schema_field *field, uint64_t value)
{
    const struct text_context context = {.schema = &convert->session->schema,
                                         .registry = &convert->registry,
                                         .symbols = &convert->symbols};
    char text[VALUE_BYTES];
    switch (field->kind) {
    case SCHEMA_DEC:
    case SCHEMA_BYTES:
    case SCHEMA_CPU:
    case SCHEMA_NS:
        track_arg_uint(event, arg, value);
        break;
    case SCHEMA_HEX:
    case SCHEMA_CALL:
        track_arg_pointer(event, arg, value);
        break;
    default:
        text_value(&context, field, value, text, sizeof(text));
        track_arg_text(event, arg, text);
        break;
    }
}

static void put_args(struct convert *convert, struct track_event *event,
                     const struct generic *generic, const uint64_t *record)
{
    const struct schema_event *schema_event = generic->event;
    for (unsigned i = 0; i < schema_event->field_count; i++) {
        const struct schema_field *field = &schema_event->field[i];
        if (field->kind == SCHEMA_STRING) {
            size_t bytes;
            char text[8 * TRACE_WORDS_MAX + 1];
            const char *from = schema_string(schema_event, record, &bytes);
            text_clean(from, bytes, text);
            track_arg_text(event, generic->arg[i], text);
        } else if (field->kind == SCHEMA_FRAMES) {
            unsigned count;
            (void)schema_frames(schema_event, record, &count);
            track_arg_uint(event, generic->arg[i], count);
        } else {
            put_value(convert, event, generic->arg[i], field, schema_value(field, record));
        }
    }
}

/* ---- curves ---- */

static bool is_key(const struct schema_field *field)
{
    return field->kind == SCHEMA_CPU || field->kind == SCHEMA_ENUM || field->kind == SCHEMA_TID ||
           field->kind == SCHEMA_PID || field->kind == SCHEMA_OBJECT;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 32;
}

/* Whose level a field of this record is. */
static uint64_t series_of(const struct schema_event *event, unsigned index, const struct step *step)
{
    const uint64_t *record = step->record;
    uint64_t hash = mix(event->id, index);
    hash = mix(hash, event->field[index].is_per_core ? step->cpu + 1u : 0);
    for (unsigned i = 0; i < event->field_count; i++) {
        if (is_key(&event->field[i])) {
            hash = mix(hash, schema_value(&event->field[i], record));
        }
    }
    return hash & INT64_MAX;
}

/* "depth cpu 2", "free large" */
static void name_series(struct convert *convert, const struct schema_event *event, unsigned index,
                        const struct step *step, char *name, size_t bytes)
{
    const struct text_context context = {.schema = &convert->session->schema,
                                         .registry = &convert->registry,
                                         .symbols = &convert->symbols};
    const uint64_t *record = step->record;
    size_t used = (size_t)snprintf(name, bytes, "%s", event->field[index].name);
    if (event->field[index].is_per_core) {
        used += (size_t)snprintf(name + used, bytes - used, " cpu %u", (unsigned)step->cpu);
    }
    for (unsigned i = 0; i < event->field_count && used < bytes; i++) {
        const struct schema_field *field = &event->field[i];
        char text[VALUE_BYTES];
        if (is_key(field)) {
            text_value(&context, field, schema_value(field, record), text, sizeof(text));
            used += (size_t)snprintf(name + used, bytes - used, " %s%s",
                                     field->kind == SCHEMA_CPU ? "cpu " : "", text);
        }
    }
}

static unsigned unit_of(const struct schema_field *field)
{
    return field->kind == SCHEMA_BYTES ? COUNTER_UNIT_BYTES
           : field->kind == SCHEMA_NS  ? COUNTER_UNIT_NS
                                       : COUNTER_UNIT_COUNT;
}

static uint64_t find_level(struct convert *convert, const struct generic *generic, unsigned index,
                           const struct step *step)
{
    const struct schema_event *event = generic->event;
    uint64_t series = series_of(event, index, step);
    uint64_t uuid = (uintptr_t)id_map_find(&convert->levels, series);
    if (uuid == 0 && convert->levels.count < LEVELS_MAX) {
        char name[LEVEL_NAME_BYTES];
        name_series(convert, event, index, step, name, sizeof(name));
        uuid = track_new(&convert->perfetto);
        id_map_insert(&convert->levels, series, (void *)(uintptr_t)uuid);
        track_describe_counter(&convert->perfetto, convert->perfetto.last_ns, uuid, generic->group,
                               name, unit_of(&event->field[index]), event->name);
    }
    return uuid;
}

static void put_levels(struct convert *convert, const struct generic *generic,
                       const struct step *step)
{
    const struct schema_event *event = generic->event;
    for (unsigned i = 0; i < event->field_count; i++) {
        uint64_t uuid = event->field[i].is_counter ? find_level(convert, generic, i, step) : 0;
        if (uuid != 0) {
            track_counter(&convert->perfetto, convert_time(convert), uuid,
                          (int64_t)schema_value(&event->field[i], step->record));
        }
    }
}

/* ---- slices and instants ---- */

static void put_begin(struct convert *convert, struct slice_stack *stack,
                      const struct generic *generic, const uint64_t *record)
{
    struct slice slice = {.kind = SLICE_PAIR,
                          .call = generic->pair,
                          .name = generic->name,
                          .category = (uint16_t)generic->category};
    struct track_event event = slice_push(convert, stack, slice);
    put_args(convert, &event, generic, record);
    track_commit(&event);
}

static void put_end(struct convert *convert, struct slice_stack *stack,
                    const struct generic *generic, const uint64_t *record)
{
    int index = slice_find(stack, SLICE_PAIR, generic->pair);
    if (index < 0) {
        bool was_dropped = stack->dropped != 0; /* its begin found no room */
        stack->dropped -= was_dropped;
        convert->totals.orphans += !was_dropped;
        return;
    }
    struct track_event event = slice_end(convert, stack, index);
    put_args(convert, &event, generic, record);
    track_commit(&event);
    slice_remove(convert, stack, index, true);
}

static void put_instant(struct convert *convert, const struct slice_stack *stack,
                        const struct generic *generic, const uint64_t *record)
{
    struct track_event event = track_instant(&convert->perfetto, convert_time(convert), stack->uuid,
                                             generic->name, generic->category);
    put_args(convert, &event, generic, record);
    track_commit(&event);
}

void on_generic(struct convert *convert, const struct step *step)
{
    struct generic *generic = convert->generic[step->id];
    if (UNLIKELY(generic == NULL)) {
        generic = make_generic(convert, convert->session->schema.event[step->id]);
        convert->generic[step->id] = generic;
    }
    if (generic->form == FORM_LEVEL) {
        put_levels(convert, generic, step);
        return;
    }
    struct slice_stack *stack = slices_of_core(convert, step->cpu);
    if (stack == NULL) {
        return;
    }
    switch (generic->form) {
    case FORM_BEGIN:
        put_begin(convert, stack, generic, step->record);
        break;
    case FORM_END:
        put_end(convert, stack, generic, step->record);
        break;
    default:
        put_instant(convert, stack, generic, step->record);
        break;
    }
}
