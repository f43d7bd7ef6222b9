/* SPDX-License-Identifier: MIT */
/* The less frequent half of bundles: making room, writing packets, rare events. */
#include <stdlib.h>

#include "bundle.h"

#define USES_MAX     1024u /* rows and events of a bundle together */
#define COLUMN_BYTES (USES_MAX * PROTO_VARINT_MAX)
#define EVENT_BYTES_MAX                                                                            \
    128u /* of one FtraceEvent with its longest name, and of a blob that reaches beyond its end */
#define EVENTS_BYTES     (USES_MAX * EVENT_BYTES_MAX)
#define NAME_BYTES_MAX   64u
#define COMM_TABLE_BYTES (USES_MAX * (NAME_BYTES_MAX + 2))
#define COLUMNS          11u
#define REASONS_MAX      512u
#define PACKET_OVERHEAD  (4096u + REASONS_MAX * (NAME_BYTES_MAX + 10u))

_Static_assert(COLUMNS *COLUMN_BYTES + EVENTS_BYTES + COMM_TABLE_BYTES + PACKET_OVERHEAD <=
                   3 * OUT_PACKET_MAX,
               "a bundle fits into the output buffer");

static struct packed carve(uint8_t **memory, size_t bytes)
{
    uint8_t *start = *memory;
    *memory += bytes;
    return (struct packed){.start = start, .at = start};
}

static COLD void make_bundle(struct bundle *bundle)
{
    bundle->memory = xmalloc(COLUMNS * COLUMN_BYTES + EVENTS_BYTES + COMM_TABLE_BYTES);
    uint8_t *memory = bundle->memory;
    struct packed *columns[COLUMNS] = {
        &bundle->switch_time, &bundle->switch_state, &bundle->switch_pid,  &bundle->switch_prio,
        &bundle->switch_comm, &bundle->waking_time,  &bundle->waking_pid,  &bundle->waking_cpu,
        &bundle->waking_prio, &bundle->waking_comm,  &bundle->waking_flags};
    for (unsigned i = 0; i < COLUMNS; i++) {
        *columns[i] = carve(&memory, COLUMN_BYTES);
    }
    bundle->events = carve(&memory, EVENTS_BYTES);
    bundle->comm_table = carve(&memory, COMM_TABLE_BYTES);
}

static size_t packed_bytes(const struct packed *packed)
{
    return (size_t)(packed->at - packed->start);
}

static uint8_t *put_column(uint8_t *p, unsigned field, struct packed *column)
{
    p = proto_bytes(p, field, column->start, packed_bytes(column));
    column->at = column->start;
    return p;
}

static uint8_t *put_compact(uint8_t *p, struct bundle *bundle)
{
    uint8_t *compact = proto_open(p, BUNDLE_COMPACT);
    p = compact;
    memcpy(p, bundle->comm_table.start, packed_bytes(&bundle->comm_table));
    p += packed_bytes(&bundle->comm_table);
    bundle->comm_table.at = bundle->comm_table.start;
    if (packed_bytes(&bundle->switch_time) != 0) {
        p = put_column(p, COMPACT_SWITCH_TIME, &bundle->switch_time);
        p = put_column(p, COMPACT_SWITCH_STATE, &bundle->switch_state);
        p = put_column(p, COMPACT_SWITCH_PID, &bundle->switch_pid);
        p = put_column(p, COMPACT_SWITCH_PRIO, &bundle->switch_prio);
        p = put_column(p, COMPACT_SWITCH_COMM, &bundle->switch_comm);
    }
    if (packed_bytes(&bundle->waking_time) != 0) {
        p = put_column(p, COMPACT_WAKING_TIME, &bundle->waking_time);
        p = put_column(p, COMPACT_WAKING_PID, &bundle->waking_pid);
        p = put_column(p, COMPACT_WAKING_CPU, &bundle->waking_cpu);
        p = put_column(p, COMPACT_WAKING_PRIO, &bundle->waking_prio);
        p = put_column(p, COMPACT_WAKING_COMM, &bundle->waking_comm);
        p = put_column(p, COMPACT_WAKING_FLAGS, &bundle->waking_flags);
    }
    return proto_close(compact, p);
}

uint32_t bundle_reason(struct perfetto *perfetto, const char *text)
{
    if (perfetto->reasons == REASONS_MAX) {
        return 1;
    }
    perfetto->reason = array_grow(perfetto->reason, perfetto->reasons, &perfetto->reason_capacity,
                                  sizeof(*perfetto->reason));
    perfetto->reason[perfetto->reasons++] = text;
    return (uint32_t)perfetto->reasons;
}

/* The strings that sched_blocked_reason refers to, as far as the sequence does not have them yet. */
static uint8_t *put_reasons(uint8_t *p, const struct perfetto *perfetto, struct bundle *bundle)
{
    uint8_t *data = proto_open(p, PACKET_INTERNED_DATA);
    p = data;
    for (; bundle->reasons_sent < perfetto->reasons; bundle->reasons_sent++) {
        const char *text = perfetto->reason[bundle->reasons_sent];
        uint8_t *symbol = proto_open(p, INTERNED_KERNEL_SYMBOL);
        p = proto_uint(symbol, INTERNED_IID, bundle->reasons_sent + 1);
        p = proto_bytes(p, INTERNED_TEXT, text, strnlen(text, NAME_BYTES_MAX));
        p = proto_close(symbol, p);
    }
    return proto_close(data, p);
}

static void flush_bundle(struct perfetto *perfetto, unsigned cpu)
{
    struct bundle *bundle = &perfetto->bundle[cpu];
    bool has_rows =
        packed_bytes(&bundle->switch_time) != 0 || packed_bytes(&bundle->waking_time) != 0;
    if (!has_rows && packed_bytes(&bundle->events) == 0) {
        return;
    }
    uint8_t *p = out_room(&perfetto->out, 3 * OUT_PACKET_MAX);
    uint8_t *packet = proto_open(p, TRACE_PACKET);
    p = proto_uint(packet, PACKET_SEQUENCE_ID, SEQUENCE_BUNDLE + cpu);
    p = proto_uint(p, PACKET_SEQUENCE_FLAGS, bundle->begun ? FLAG_NEEDS_STATE : FLAG_STATE_CLEARED);
    if (bundle->reasons_sent < perfetto->reasons) {
        p = put_reasons(p, perfetto, bundle);
    }
    uint8_t *body = proto_open(p, PACKET_FTRACE_EVENTS);
    p = proto_uint(body, BUNDLE_CPU, cpu);
    if (bundle->has_lost) {
        p = proto_uint(p, BUNDLE_LOST, 1);
    }
    memcpy(p, bundle->events.start, packed_bytes(&bundle->events));
    p += packed_bytes(&bundle->events);
    if (has_rows) {
        p = put_compact(p, bundle);
    }
    out_take(&perfetto->out, proto_close(packet, proto_close(body, p)));
    perfetto->packets++;
    bundle->begun = true;
    bundle->has_lost = false;
    bundle->last_switch_ns = 0; /* the first row of a bundle has its whole time */
    bundle->last_waking_ns = 0;
    bundle->comms = 0;
    bundle->events.at = bundle->events.start;
    memset(bundle->comm_of, 0, sizeof(bundle->comm_of));
}

void bundle_flush_all(struct perfetto *perfetto)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        flush_bundle(perfetto, cpu);
    }
}

COLD uint32_t bundle_add_comm(struct bundle *bundle, struct bundle_comm *comm, uint32_t tid,
                              const char *name)
{
    size_t bytes = strnlen(name, NAME_BYTES_MAX);
    bundle->comm_table.at = proto_bytes(bundle->comm_table.at, COMPACT_COMM_TABLE, name, bytes);
    comm->tid = tid;
    comm->index = ++bundle->comms;
    return comm->index - 1;
}

COLD void bundle_renew(struct perfetto *perfetto, unsigned cpu)
{
    struct bundle *bundle = &perfetto->bundle[cpu];
    if (bundle->memory == NULL) {
        make_bundle(bundle);
    }
    flush_bundle(perfetto, cpu);
    bundle->uses_left = USES_MAX;
}

/* ---- rare events ---- */

static uint8_t *put_name(uint8_t *p, unsigned field, const char *name)
{
    return proto_bytes(p, field, name, strnlen(name, NAME_BYTES_MAX));
}

static void finish_blob(struct blob *blob, const uint8_t *from, const uint8_t *end)
{
    blob->count = (uint8_t)(end - from);
    memcpy(blob->bytes, from, blob->count);
}

void bundle_make_irq_blobs(struct perfetto *perfetto, unsigned vector, const char *name)
{
    uint8_t buffer[4 * BLOB_BYTES];
    uint8_t *inner = proto_open(buffer, FTRACE_IRQ_ENTER);
    uint8_t *p = proto_uint(inner, IRQ_NUMBER, vector);
    p = proto_close(inner, proto_bytes(p, IRQ_NAME, name, strnlen(name, BLOB_BYTES - 8)));
    finish_blob(&perfetto->irq_enter[vector], buffer, p);
    inner = proto_open(buffer, FTRACE_IRQ_EXIT);
    p = proto_uint(inner, IRQ_NUMBER, vector);
    p = proto_close(inner, proto_uint(p, IRQ_RET, IRQ_HANDLED));
    finish_blob(&perfetto->irq_exit[vector], buffer, p);
}

struct ftrace_event {
    struct bundle *bundle;
    uint8_t *inner;
    uint8_t *at;
};

static struct ftrace_event begin_event(struct perfetto *perfetto, unsigned cpu, uint64_t ns,
                                       uint32_t pid, unsigned field)
{
    struct ftrace_event event = {.bundle = bundle_use(perfetto, cpu)};
    event.inner = proto_open(bundle_begin_event(event.bundle, ns, pid), field);
    event.at = event.inner;
    return event;
}

static void end_event(const struct ftrace_event *event)
{
    bundle_end_event(event->bundle, proto_close(event->inner, event->at));
}

void bundle_waking_by(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t waker,
                      uint32_t tid, const char *name, unsigned target_cpu, unsigned priority)
{
    if (perfetto->silent) {
        return;
    }
    struct ftrace_event event = begin_event(perfetto, cpu, ns, waker, FTRACE_WAKING);
    event.at = put_name(event.at, WAKING_COMM, name);
    event.at = proto_uint(event.at, WAKING_PID, tid);
    event.at = proto_uint(event.at, WAKING_PRIO, priority);
    event.at = proto_uint(event.at, WAKING_SUCCESS, 1);
    event.at = proto_uint(event.at, WAKING_TARGET_CPU, target_cpu);
    end_event(&event);
}

void bundle_new_thread(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t creator,
                       uint32_t tid, const char *name, bool same_process)
{
    if (perfetto->silent) {
        return;
    }
    struct ftrace_event event = begin_event(perfetto, cpu, ns, creator, FTRACE_NEW_TASK);
    event.at = proto_uint(event.at, NEW_TASK_PID, tid);
    event.at = put_name(event.at, NEW_TASK_COMM, name);
    event.at = proto_uint(event.at, NEW_TASK_FLAGS, same_process ? CLONE_SAME_PROCESS : 0);
    end_event(&event);
}

void bundle_free_thread(struct perfetto *perfetto, unsigned cpu, uint64_t ns, uint32_t current,
                        uint32_t tid, const char *name)
{
    if (perfetto->silent) {
        return;
    }
    struct ftrace_event event = begin_event(perfetto, cpu, ns, current, FTRACE_PROCESS_FREE);
    event.at = put_name(event.at, FREE_COMM, name);
    event.at = proto_uint(event.at, FREE_PID, tid);
    end_event(&event);
}

void bundle_lost(struct perfetto *perfetto, unsigned cpu)
{
    if (!perfetto->silent) {
        bundle_use(perfetto, cpu)->has_lost = true;
    }
}
