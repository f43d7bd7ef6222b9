/* SPDX-License-Identifier: MIT */
/*
 * Who is who: processes, threads and named objects, as the meta lane tells.
 *
 * The meta lane is read before everything else, so names are known from the first event on, even for what gets its name
 * later. Threads that no life event mentions still get an entry, with a name made from their number. Likewise what records cost.
 */
#pragma once

#include "lane.h"

#define REGISTRY_NEVER (~0ull)

struct process {
    uint32_t id;
    uint32_t creator;
    const char *name;
    struct thread *first_thread; /* gives the process its exported pid; NULL: none is known */
    uint64_t create_tsc;         /* 0: before the capture, or unknown */
    uint64_t exit_tsc;           /* REGISTRY_NEVER: it lives */
    uint32_t code;
    uint32_t fault; /* exception vector + 1; 0: it ended by itself */
    uint64_t track; /* for the user of the registry */
};

struct thread {
    uint32_t tid;
    struct process *process; /* NULL: unknown */
    const char *name;
    uint64_t create_tsc; /* 0: unknown */
    uint64_t exit_tsc;
    uint8_t priority;
    bool is_known; /* a life event speaks of it */
    void *state;   /* registry.state_bytes of zeroed memory for the user of the registry */
};

struct object {
    uint32_t id;
    uint32_t type;
    const char *name;
    struct process *process; /* NULL: unknown */
    void *state;             /* for the user of the registry */
};

/* The set of categories that were on changed. */
struct category_switch {
    uint64_t tsc;
    uint64_t mask; /* from then on */
    uint64_t off;  /* categories that were on before, perhaps, and no longer are */
};

/* What a record costs its emitter at most. */
struct event_cost {
    uint32_t instructions;
    uint16_t per_word; /* more for each word of its string */
    uint16_t words;    /* that are not of the string */
};

struct id_map_slot {
    uint64_t key; /* id + 1; 0: empty */
    void *value;
};

struct id_map {
    struct id_map_slot *slot;
    size_t slots; /* a power of two */
    size_t count;
};

struct registry {
    struct arena arena;
    struct id_map threads;
    struct id_map processes;
    struct id_map objects;
    size_t state_bytes;
    struct process *kernel;                  /* process 0, always there */
    struct category_switch *category_switch; /* in order of time */
    size_t category_switches;
    size_t category_capacity;
    struct event_cost cost[SCHEMA_EVENTS_MAX]; /* as the kernel told; zero: it did not */
    bool has_costs;
};

/*
 * registry_open() - read the meta lanes of a session.
 *
 * @state_bytes  of private memory behind each struct thread
 */
void registry_open(struct registry *registry, const struct session *session, size_t state_bytes);
void registry_close(struct registry *registry);

/* registry_thread() - the thread of a tid, made if there is none. Never NULL; pointers stay valid. */
struct thread *registry_thread(struct registry *registry, uint32_t tid);

/* registry_process(), registry_object() - NULL if no life event speaks of it. */
struct process *registry_process(struct registry *registry, uint32_t id);
struct object *registry_object(struct registry *registry, uint32_t id);

/* registry_cost() - instructions that writing this record has cost, at most; 0 if the kernel did not tell. */
static inline uint64_t registry_cost(const struct registry *registry, const struct step *step)
{
    const struct event_cost *cost = &registry->cost[step->id];
    uint64_t instructions = cost->instructions;
    if (UNLIKELY(cost->per_word != 0)) { /* no record that is decoded has fewer words */
        instructions += (uint64_t)cost->per_word * (TRACE_WORDS(*step->record) - cost->words);
    }
    return instructions;
}

/* id_map: numbers below 2^64 - 1 to pointers. Insertion replaces. */
void *id_map_find(const struct id_map *map, uint64_t id);
void id_map_insert(struct id_map *map, uint64_t id, void *value);
/* id_map_remove() - forget an id; returns what it stood for, or NULL. */
void *id_map_remove(struct id_map *map, uint64_t id);
void id_map_free(struct id_map *map);
