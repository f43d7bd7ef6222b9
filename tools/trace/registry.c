/* SPDX-License-Identifier: MIT */
/* The meta lane, read once into tables. */
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "gen/objects.h"

struct life_ids {
    unsigned process_create;
    unsigned process_exit;
    unsigned thread_create;
    unsigned thread_exit;
    unsigned object_name;
    struct field_ref create_process;
    struct field_ref create_creator;
    struct field_ref exit_process;
    struct field_ref exit_code;
    struct field_ref exit_fault;
    struct field_ref thread_thread;
    struct field_ref thread_process;
    struct field_ref thread_priority;
    struct field_ref thread_end;
    unsigned switched;
    struct field_ref switched_mask;
    unsigned cost;
    struct field_ref cost_event, cost_instructions, cost_per_word;
    struct field_ref object_type;
    struct field_ref object_object;
    struct field_ref object_process;
};

static void bind_life(struct life_ids *ids, const struct schema *schema)
{
    *ids = (struct life_ids){
        .process_create = schema_event_id(schema, "life.process.create"),
        .process_exit = schema_event_id(schema, "life.process.exit"),
        .thread_create = schema_event_id(schema, "life.thread.create"),
        .thread_exit = schema_event_id(schema, "life.thread.exit"),
        .object_name = schema_event_id(schema, "life.object.name"),
        .switched = schema_event_id(schema, "trace.switched"),
        .cost = schema_event_id(schema, "trace.cost"),
        .cost_event = schema_field_ref(schema, "trace.cost", "event"),
        .cost_instructions = schema_field_ref(schema, "trace.cost", "instructions"),
        .cost_per_word = schema_field_ref(schema, "trace.cost", "per_word"),
        .switched_mask = schema_field_ref(schema, "trace.switched", "mask"),
        .create_process = schema_field_ref(schema, "life.process.create", "process"),
        .create_creator = schema_field_ref(schema, "life.process.create", "creator"),
        .exit_process = schema_field_ref(schema, "life.process.exit", "process"),
        .exit_code = schema_field_ref(schema, "life.process.exit", "code"),
        .exit_fault = schema_field_ref(schema, "life.process.exit", "fault"),
        .thread_thread = schema_field_ref(schema, "life.thread.create", "thread"),
        .thread_process = schema_field_ref(schema, "life.thread.create", "process"),
        .thread_priority = schema_field_ref(schema, "life.thread.create", "priority"),
        .thread_end = schema_field_ref(schema, "life.thread.exit", "thread"),
        .object_type = schema_field_ref(schema, "life.object.name", "type"),
        .object_object = schema_field_ref(schema, "life.object.name", "object"),
        .object_process = schema_field_ref(schema, "life.object.name", "process"),
    };
}

static struct process *make_process(struct registry *registry, uint32_t id)
{
    struct process *process = id_map_find(&registry->processes, id);
    if (process == NULL) {
        char name[32];
        int bytes = snprintf(name, sizeof(name), "process %u", id);
        process = arena_alloc(&registry->arena, sizeof(*process));
        process->id = id;
        process->name = arena_text(&registry->arena, name, (size_t)bytes);
        process->exit_tsc = REGISTRY_NEVER;
        id_map_insert(&registry->processes, id, process);
    }
    return process;
}

struct thread *registry_thread(struct registry *registry, uint32_t tid)
{
    struct thread *thread = id_map_find(&registry->threads, tid);
    if (thread == NULL) {
        char name[32];
        int bytes = snprintf(name, sizeof(name), tid == 0 ? "idle" : "thread %u", tid);
        thread = arena_alloc(&registry->arena, sizeof(*thread));
        thread->tid = tid;
        thread->name = arena_text(&registry->arena, name, (size_t)bytes);
        thread->exit_tsc = REGISTRY_NEVER;
        thread->state = registry->state_bytes != 0
                            ? arena_alloc(&registry->arena, registry->state_bytes)
                            : NULL;
        id_map_insert(&registry->threads, tid, thread);
    }
    return thread;
}

struct process *registry_process(struct registry *registry, uint32_t id)
{
    return id_map_find(&registry->processes, id);
}

struct object *registry_object(struct registry *registry, uint32_t id)
{
    return id_map_find(&registry->objects, id);
}

/* The name of a life event, or the one there was if the event has none. */
static const char *take_name(struct registry *registry, const struct schema_event *event,
                             const uint64_t *record, const char *old)
{
    size_t bytes;
    const char *text = schema_string(event, record, &bytes);
    return bytes != 0 ? arena_text(&registry->arena, text, bytes) : old;
}

static void take_process(struct registry *registry, const struct life_ids *ids,
                         const struct schema_event *event, const struct step *step)
{
    struct process *process =
        make_process(registry, (uint32_t)field_get(&ids->create_process, step->record));
    process->creator = (uint32_t)field_get(&ids->create_creator, step->record);
    process->create_tsc = step->tsc;
    process->name = take_name(registry, event, step->record, process->name);
}

static void take_process_exit(struct registry *registry, const struct life_ids *ids,
                              const struct step *step)
{
    struct process *process =
        make_process(registry, (uint32_t)field_get(&ids->exit_process, step->record));
    process->exit_tsc = step->tsc;
    process->code = (uint32_t)field_get(&ids->exit_code, step->record);
    process->fault = (uint32_t)field_get(&ids->exit_fault, step->record);
}

static void take_thread(struct registry *registry, const struct life_ids *ids,
                        const struct schema_event *event, const struct step *step)
{
    uint32_t tid = (uint32_t)field_get(&ids->thread_thread, step->record);
    struct thread *thread = registry_thread(registry, tid);
    thread->process =
        make_process(registry, (uint32_t)field_get(&ids->thread_process, step->record));
    thread->priority = (uint8_t)field_get(&ids->thread_priority, step->record);
    thread->name = take_name(registry, event, step->record, thread->name);
    thread->create_tsc = step->tsc;
    thread->is_known = true;
    if (thread->process->first_thread == NULL && tid != 0) {
        thread->process->first_thread = thread;
    }
}

/* A process or thread that was given another name after it had been made. */
static bool take_new_name(struct registry *registry, const struct life_ids *ids,
                          const struct schema_event *event, const struct step *step)
{
    uint32_t id = (uint32_t)field_get(&ids->object_object, step->record);
    uint64_t type = field_get(&ids->object_type, step->record);
    if (type == OBJECT_PROCESS) {
        struct process *process = make_process(registry, id);
        process->name = take_name(registry, event, step->record, process->name);
    } else if (type == OBJECT_THREAD) {
        struct thread *thread = registry_thread(registry, id);
        thread->name = take_name(registry, event, step->record, thread->name);
    }
    return type == OBJECT_PROCESS || type == OBJECT_THREAD;
}

static void take_object(struct registry *registry, const struct life_ids *ids,
                        const struct schema_event *event, const struct step *step)
{
    uint32_t id = (uint32_t)field_get(&ids->object_object, step->record);
    if (take_new_name(registry, ids, event, step)) {
        return;
    }
    struct object *object = id_map_find(&registry->objects, id);
    if (object == NULL) {
        object = arena_alloc(&registry->arena, sizeof(*object));
        object->id = id;
        object->name = "";
        id_map_insert(&registry->objects, id, object);
    }
    object->type = (uint32_t)field_get(&ids->object_type, step->record);
    object->process =
        make_process(registry, (uint32_t)field_get(&ids->object_process, step->record));
    object->name = take_name(registry, event, step->record, object->name);
}

static void take_category_switch(struct registry *registry, uint64_t tsc, uint64_t mask)
{
    size_t count = registry->category_switches;
    uint64_t before = count != 0 ? registry->category_switch[count - 1].mask : ~0ull;
    registry->category_switch =
        array_grow(registry->category_switch, count, &registry->category_capacity,
                   sizeof(*registry->category_switch));
    registry->category_switch[registry->category_switches++] =
        (struct category_switch){.tsc = tsc, .mask = mask, .off = before & ~mask};
}

static void take_cost(struct registry *registry, const struct life_ids *ids,
                      const struct schema *schema, const uint64_t *record)
{
    uint64_t id = field_get(&ids->cost_event, record);
    if (id < SCHEMA_EVENTS_MAX && schema->event[id] != NULL) {
        registry->cost[id] = (struct event_cost){
            .instructions = (uint32_t)field_get(&ids->cost_instructions, record),
            .per_word = (uint16_t)field_get(&ids->cost_per_word, record),
            .words = schema->event[id]->words,
        };
        registry->has_costs = true;
    }
}

static void take_record(struct registry *registry, const struct life_ids *ids,
                        const struct schema *schema, const struct step *step)
{
    const struct schema_event *event = schema->event[step->id];
    if (step->id == ids->process_create) {
        take_process(registry, ids, event, step);
    } else if (step->id == ids->process_exit) {
        take_process_exit(registry, ids, step);
    } else if (step->id == ids->thread_create) {
        take_thread(registry, ids, event, step);
    } else if (step->id == ids->thread_exit) {
        uint32_t tid = (uint32_t)field_get(&ids->thread_end, step->record);
        registry_thread(registry, tid)->exit_tsc = step->tsc;
    } else if (step->id == ids->switched) {
        take_category_switch(registry, step->tsc, field_get(&ids->switched_mask, step->record));
    } else if (step->id == ids->cost) {
        take_cost(registry, ids, schema, step->record);
    } else if (step->id == ids->object_name) {
        take_object(registry, ids, event, step);
    }
}

void registry_open(struct registry *registry, const struct session *session, size_t state_bytes)
{
    memset(registry, 0, sizeof(*registry));
    registry->state_bytes = state_bytes;
    registry->kernel = make_process(registry, 0);
    registry->kernel->name = "kernel";
    struct life_ids ids;
    bind_life(&ids, &session->schema);
    for (unsigned i = 0; i < session->lane_count; i++) {
        if (session->lane[i].kind != TRACE_LANE_META) {
            continue;
        }
        struct lane lane;
        for (lane_open(&lane, session, i, NULL); lane.step.kind != STEP_END; lane_advance(&lane)) {
            if (lane.step.kind == STEP_RECORD) {
                take_record(registry, &ids, &session->schema, &lane.step);
            }
        }
        lane_close(&lane);
    }
}

void registry_close(struct registry *registry)
{
    free(registry->category_switch);
    id_map_free(&registry->threads);
    id_map_free(&registry->processes);
    id_map_free(&registry->objects);
    arena_free(&registry->arena);
}
