/* SPDX-License-Identifier: MIT */
/*
 * Ftrace bundles: what the importer makes CPU tracks, thread states, wake-up arrows and interrupt tracks of.
 *
 * Each core collects switches and wakings in columns (compact_sched) and everything else as FtraceEvents, and writes a
 * packet when there is no room for another. Columns of one kind always have the same number of rows; times are differences to
 * the row before, the first one absolute. Names are interned per bundle.
 *
 * The functions for the most frequent events are in line: they are half of the converter's work.
 */
#pragma once

#include "perfetto.h"
#include "perfetto_fields.h"

/* ---- parts of the functions below ---- */

/* bundle_renew() - write the bundle of a core if there is one, and make room. */
void bundle_renew(struct perfetto *perfetto, unsigned cpu);

/* bundle_add_comm() - intern a thread's name in the bundle. */
uint32_t bundle_add_comm(struct bundle *bundle, struct bundle_comm *comm, uint32_t tid,
                         const char *name);

/* bundle_make_irq_blobs() - encode what every event of a vector has in common. */
void bundle_make_irq_blobs(struct perfetto *perfetto, unsigned vector, const char *name);

/*
 * bundle_reason() - the iid of a reason for waiting; not interned: the caller keeps it. The text must last.
 *
 * Beyond REASONS_MAX the first one comes back.
 */
uint32_t bundle_reason(struct perfetto *perfetto, const char *text);

static inline struct bundle *bundle_use(struct perfetto *perfetto, unsigned cpu)
{
    struct bundle *bundle = &perfetto->bundle[cpu];
    if (UNLIKELY(bundle->uses_left == 0)) {
        bundle_renew(perfetto, cpu);
    }
    bundle->uses_left--;
    return bundle;
}

static inline uint32_t bundle_comm_index(struct bundle *bundle, uint32_t tid, const char *name)
{
    struct bundle_comm *comm = &bundle->comm_of[tid % BUNDLE_COMMS];
    return LIKELY(comm->tid == tid && comm->index != 0) ? comm->index - 1
                                                        : bundle_add_comm(bundle, comm, tid, name);
}

static inline void packed_add(struct packed *column, uint64_t value)
{
    column->at = proto_varint(column->at, value);
}

/* An FtraceEvent up to its contents; bundle_end_event() when they are written. All events are shorter than 128 bytes. */
static inline uint8_t *bundle_begin_event(struct bundle *bundle, uint64_t ns, uint32_t pid)
{
    uint8_t *p = proto_tag(bundle->events.at, BUNDLE_EVENT, PROTO_BYTES) + 1;
    return proto_uint(proto_uint(p, FTRACE_TIME, ns), FTRACE_PID, pid);
}

static inline void bundle_end_event(struct bundle *bundle, uint8_t *end)
{
    bundle->events.at[1] = (uint8_t)(end - bundle->events.at - 2);
    bundle->events.at = end;
}

/* ---- events; all take the core, and the time from perfetto_time() ---- */

static inline void bundle_switch(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                 unsigned prev_state, uint32_t next, const char *name,
                                 unsigned priority)
{
    if (UNLIKELY(perfetto->silent)) {
        return;
    }
    struct bundle *bundle = bundle_use(perfetto, cpu);
    packed_add(&bundle->switch_time, ns - bundle->last_switch_ns);
    packed_add(&bundle->switch_state, prev_state);
    packed_add(&bundle->switch_pid, next);
    packed_add(&bundle->switch_prio, priority);
    packed_add(&bundle->switch_comm, bundle_comm_index(bundle, next, name));
    bundle->last_switch_ns = ns;
}

static inline void bundle_waking(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t tid,
                                 const char *name, unsigned target_cpu, unsigned priority,
                                 bool in_irq)
{
    if (UNLIKELY(perfetto->silent)) {
        return;
    }
    struct bundle *bundle = bundle_use(perfetto, cpu);
    packed_add(&bundle->waking_time, ns - bundle->last_waking_ns);
    packed_add(&bundle->waking_pid, tid);
    packed_add(&bundle->waking_cpu, target_cpu);
    packed_add(&bundle->waking_prio, priority);
    packed_add(&bundle->waking_comm, bundle_comm_index(bundle, tid, name));
    packed_add(&bundle->waking_flags, in_irq ? WAKING_FLAG_IRQ : 0);
    bundle->last_waking_ns = ns;
}

static inline void bundle_put_blob(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                   uint32_t current, const struct blob *blob)
{
    struct bundle *bundle = bundle_use(perfetto, cpu);
    uint8_t *p = bundle_begin_event(bundle, ns, current);
    memcpy(p, blob->bytes, BLOB_BYTES);
    bundle_end_event(bundle, p + blob->count);
}

/* bundle_irq_enter(), bundle_irq_exit() - an interrupt on a core while a thread runs there. */
static inline void bundle_irq_enter(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                    uint32_t current, uint8_t vector)
{
    if (LIKELY(!perfetto->silent)) {
        bundle_put_blob(perfetto, cpu, ns, current, &perfetto->irq_enter[vector]);
    }
}

static inline void bundle_irq_exit(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                   uint32_t current, uint8_t vector)
{
    if (LIKELY(!perfetto->silent)) {
        bundle_put_blob(perfetto, cpu, ns, current, &perfetto->irq_exit[vector]);
    }
}

/* bundle_blocked() - what a thread waits for, at least 1 ns after the switch away from it. reason: of bundle_reason(). */
static inline void bundle_blocked(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                  uint32_t current, uint32_t tid, uint32_t reason)
{
    if (UNLIKELY(perfetto->silent)) {
        return;
    }
    struct bundle *bundle = bundle_use(perfetto, cpu);
    uint8_t *inner =
        proto_tag(bundle_begin_event(bundle, ns, current), FTRACE_BLOCKED_REASON, PROTO_BYTES) + 1;
    uint8_t *p = proto_uint(inner, BLOCKED_PID, tid);
    p = proto_uint(p, BLOCKED_CALLER, reason);
    inner[-1] = (uint8_t)(p - inner);
    bundle_end_event(bundle, p);
}

/* bundle_waking_by() - like bundle_waking() when the waker no longer runs on the core; loses the interrupt context. */
void bundle_waking_by(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t waker,
                      uint32_t tid, const char *name, unsigned target_cpu, unsigned priority);
void bundle_new_thread(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t creator,
                       uint32_t tid, const char *name, bool same_process);
void bundle_free_thread(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t current,
                        uint32_t tid, const char *name);

/* bundle_lost() - events of the core are missing before or in the bundle under way. */
void bundle_lost(struct perfetto *perfetto, unsigned cpu);
void bundle_flush_all(struct perfetto *perfetto);
