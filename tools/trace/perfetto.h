/* SPDX-License-Identifier: MIT */
/*
 * Writing a Perfetto trace: packets, tracks, interned names, ftrace bundles. Knows Perfetto, nothing of Spoor's events.
 *
 * Time. Every event gets a time of its own: perfetto_time() never gives the same nanosecond twice and never goes back. So
 * waking comes before switch, a slice never has length zero, and the importer's sorting cannot reorder anything.
 *
 * Sequences: 1 metadata, 2 + cpu bundles, 1000 track events, 2000 samples of stacks. Incremental state is set up once, in the first packet of each.
 *
 * Source: protos/perfetto/trace in Perfetto's tree; field numbers are in perfetto_fields.h.
 */
#pragma once

#include "bundle_columns.h"
#include "out.h"
#include "proto.h"
#include "registry.h"

#define SEQUENCE_META    1u
#define SEQUENCE_BUNDLE  2u /* plus the core's number */
#define SEQUENCE_TRACKS  1000u
#define SEQUENCE_SAMPLES 2000u

/* Annotation names that are known beforehand: interned once, iid = value + 1. track_arg_name() makes more. */
enum perfetto_arg {
    ARG_STATUS,
    ARG_ADDRESS,
    ARG_IP,
    ARG_SYMBOL,
    ARG_ERROR,
    ARG_OUTCOME,
    ARG_CALL,
    ARG_LABEL,
    ARG_BADGE,
    ARG_FLAGS,
    ARG_MAILBOX,
    ARG_BYTES,
    ARG_FROM,
    ARG_TO,
    ARG_REPLY,
    ARG_VALUE,
    ARG_LEVEL,
    ARG_DEADLINE,
    ARG_REASON,
    ARG_CAUSE,
    ARG_EVENTS,
    ARG_ARG0,
    ARG_CONTINUED,
    ARG_TRUNCATED,
    ARG_SERVED,
    ARG_TARGET,
    ARG_CLIENT,
    ARG_VECTOR,
    ARG_CODE,
    ARG_COUNT
};

/* Categories of track events, likewise; track_category() makes more. */
enum perfetto_category {
    CATEGORY_SYSCALL,
    CATEGORY_FAULT,
    CATEGORY_IPC,
    CATEGORY_USER,
    CATEGORY_LOG,
    CATEGORY_TIMER,
    CATEGORY_KDEBUG,
    CATEGORY_IRQ,
    CATEGORY_HEALTH,
    CATEGORY_LIFE,
    CATEGORY_FUNCTION,
    CATEGORY_COUNT
};

/* Kinds of tracks; a track's uuid is number << 3 | kind, so small and unique. */
enum perfetto_track_kind {
    TRACK_THREAD = 1, /* number: tid */
    TRACK_PROCESS,    /* number: process id */
    TRACK_GLOBAL,     /* numbers from perfetto_new_track() */
};

#define TRACK_UUID(kind, number) ((uint64_t)(number) << 3 | (kind))

/* Texts of one kind that the track sequence has interned. */
struct interned {
    struct id_map map; /* hash of a text to its iid */
    uint32_t next;
};

/* What samples name. */
struct stacks {
    bool begun;
    struct interned functions, paths, mappings, frames, stacks;
};

struct perfetto {
    struct out out;
    uint64_t last_ns; /* the last time given out */
    bool is_fresh;    /* ... by perfetto_step(), and nothing was written there yet */
    bool silent;      /* state is followed, nothing is written: the time before --from */
    struct bundle bundle[CPU_MAX];
    bool tracks_begun;
    struct interned names;
    struct interned args;
    struct interned categories;
    struct stacks stacks;
    uint64_t next_track;
    const char **reason; /* iid - 1 to text: what a thread waits for */
    size_t reasons;
    size_t reason_capacity;
    struct blob irq_enter[256]; /* by vector: the part of the event that does not change */
    struct blob irq_exit[256];
    uint64_t packets;
};

void perfetto_init(struct perfetto *perfetto);
void perfetto_free(struct perfetto *perfetto); /* leaves the output open */

/* perfetto_step() - go on to ns, or to the next time that nothing was written at. */
static inline void perfetto_step(struct perfetto *perfetto, uint64_t ns)
{
    if (LIKELY(ns > perfetto->last_ns)) {
        perfetto->last_ns = ns;
    } else {
        perfetto->last_ns += !perfetto->is_fresh;
    }
    perfetto->is_fresh = true;
}

/* perfetto_time() - the time for the next event to be written: that of the step for the first, then one later each. */
static inline uint64_t perfetto_time(struct perfetto *perfetto)
{
    perfetto->last_ns += !perfetto->is_fresh && !perfetto->silent;
    perfetto->is_fresh = false;
    return perfetto->last_ns;
}

/* ---- metadata (perfetto_meta.c) ---- */

/* perfetto_clock() - the clock snapshot; unix_ns 0: wall-clock time is not known. */
void perfetto_clock(struct perfetto *perfetto, uint64_t ns, uint64_t unix_ns);

/* perfetto_system() - SystemInfo; it makes the importer read thread states as Linux 6.1 writes them. */
void perfetto_system(struct perfetto *perfetto, const char *version);

struct perfetto_attribute {
    const char *key;
    const char *text; /* NULL: number counts */
    int64_t number;
};
void perfetto_attributes(struct perfetto *perfetto, const struct perfetto_attribute *attributes,
                         size_t count);

/*
 * perfetto_process() - tell of a process that existed before ns, or was just born there.
 *
 * Always name the same parent, 0 for none: for the importer a process whose parent changes is another process.
 */
struct perfetto_process {
    uint32_t pid;
    uint32_t parent;
    const char *name;
    bool is_kernel;
};
void perfetto_process(struct perfetto *perfetto, uint64_t ns,
                      const struct perfetto_process *process);

/* perfetto_thread() - likewise a thread. */
void perfetto_thread(struct perfetto *perfetto, uint64_t ns, uint32_t tid, uint32_t pid,
                     const char *name);

/* What a core's lane has recorded and lost. */
struct perfetto_core_stats {
    unsigned cpu;
    uint64_t entries;
    uint64_t bytes;
    uint64_t overwritten;
    uint64_t nested;
    uint64_t dropped;
};
void perfetto_core_stats(struct perfetto *perfetto, uint64_t ns, bool is_end,
                         const struct perfetto_core_stats *stats, unsigned count);

/* Ftrace bundles: see bundle.h. */

/* ---- tracks and their events (perfetto_track.c) ---- */

/* track_new() - an unused uuid. */
uint64_t track_new(struct perfetto *perfetto);
void track_describe_thread(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t pid,
                           uint32_t tid, const char *name);
/* track_describe_process() - rank: processes of less come first in the list. */
void track_describe_process(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t pid,
                            const char *name, int rank);
/* track_describe_root() - say that ranks count. Before any other track. */
void track_describe_root(struct perfetto *perfetto);
/* track_describe() - a track of its own under a parent (0: none). */
void track_describe(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint64_t parent,
                    const char *name);
/* track_describe_counter() - unit: COUNTER_UNIT_*. Counters of one scale share their y axis; NULL: has its own. */
void track_describe_counter(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint64_t parent,
                            const char *name, unsigned unit, const char *scale);

/* track_name() - the iid of an event name; interned on first use. Not while an event is being built. */
uint32_t track_name(struct perfetto *perfetto, const char *name);

/* track_arg_name(), track_category() - likewise what track_arg_*() and track_begin() take beside the enums above. */
unsigned track_arg_name(struct perfetto *perfetto, const char *name);
unsigned track_category(struct perfetto *perfetto, const char *name);

/*
 * One track event is built between track_begin()/track_end()/track_instant() and track_commit(), with arguments in
 * between. In silence the same calls write nothing.
 */
struct track_event {
    struct perfetto *perfetto;
    uint8_t *packet; /* start of the packet's body */
    uint8_t *body;   /* start of the TrackEvent's body */
    uint8_t *at;
};
struct track_event track_begin(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t name,
                               unsigned category);
struct track_event track_end(struct perfetto *perfetto, uint64_t ns, uint64_t uuid);
struct track_event track_instant(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                 uint32_t name, unsigned category);
/* track_instant_text() - an instant whose name is not worth interning. */
struct track_event track_instant_text(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                      const char *name, size_t bytes, unsigned category);
void track_arg_uint(struct track_event *event, unsigned arg, uint64_t value);
void track_arg_int(struct track_event *event, unsigned arg, int64_t value);
void track_arg_pointer(struct track_event *event, unsigned arg, uint64_t value);
void track_arg_bool(struct track_event *event, unsigned arg, bool value);
void track_arg_text(struct track_event *event, unsigned arg, const char *text);
/* track_flow() - this slice is a stop of a flow; is_last: its end. */
void track_flow(struct track_event *event, uint64_t flow, bool is_last);
void track_correlation(struct track_event *event, uint64_t id);
void track_commit(struct track_event *event);
void track_counter(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, int64_t value);

/* ---- samples of stacks (perfetto_stack.c) ---- */

#define STACK_FRAMES_MAX 30u

struct stack_frame {
    uint64_t address;
    const char *function; /* or the address as text */
    const char *file;     /* what it is part of: a program */
};

/* stack_intern() - the iid of a stack of at most STACK_FRAMES_MAX frames, innermost first. */
uint32_t stack_intern(struct perfetto *perfetto, const struct stack_frame *frames, unsigned count);

struct stack_sample {
    unsigned cpu;
    uint32_t pid;
    uint32_t tid;
    bool in_kernel;
    uint32_t stack; /* iid */
};
void stack_sample(struct perfetto *perfetto, uint64_t ns, const struct stack_sample *sample);
void stacks_free(struct stacks *stacks);
