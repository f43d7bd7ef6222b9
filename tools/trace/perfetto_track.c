/* SPDX-License-Identifier: MIT */
/*
 * Track events on one sequence. Category and annotation names are interned in its first packet; event names as they come, in
 * a packet of their own before the first use.
 */
#include <stdlib.h>

#include "perfetto.h"
#include "perfetto_fields.h"

#define EVENT_PACKET_BYTES 2048u /* more than any track event can need: strings are cut */
#define TEXT_BYTES_MAX     256u

static const char *const arg_names[ARG_COUNT] = {
    [ARG_STATUS] = "status",
    [ARG_ADDRESS] = "address",
    [ARG_IP] = "ip",
    [ARG_SYMBOL] = "symbol",
    [ARG_ERROR] = "error",
    [ARG_OUTCOME] = "outcome",
    [ARG_CALL] = "call",
    [ARG_LABEL] = "label",
    [ARG_BADGE] = "badge",
    [ARG_FLAGS] = "flags",
    [ARG_MAILBOX] = "mailbox",
    [ARG_BYTES] = "bytes",
    [ARG_FROM] = "from",
    [ARG_TO] = "to",
    [ARG_REPLY] = "reply",
    [ARG_VALUE] = "value",
    [ARG_LEVEL] = "level",
    [ARG_DEADLINE] = "deadline",
    [ARG_REASON] = "reason",
    [ARG_CAUSE] = "cause",
    [ARG_EVENTS] = "events",
    [ARG_ARG0] = "arg0",
    [ARG_CONTINUED] = "continued",
    [ARG_TRUNCATED] = "truncated",
    [ARG_SERVED] = "served",
    [ARG_TARGET] = "target",
    [ARG_CLIENT] = "client",
    [ARG_VECTOR] = "vector",
    [ARG_CODE] = "code",
};

static const char *const category_names[CATEGORY_COUNT] = {
    [CATEGORY_SYSCALL] = "syscall",
    [CATEGORY_FAULT] = "fault",
    [CATEGORY_IPC] = "ipc",
    [CATEGORY_USER] = "user",
    [CATEGORY_LOG] = "log",
    [CATEGORY_TIMER] = "timer",
    [CATEGORY_KDEBUG] = "kdebug",
    [CATEGORY_IRQ] = "irq",
    [CATEGORY_HEALTH] = "trace health",
    [CATEGORY_LIFE] = "life",
    [CATEGORY_FUNCTION] = "function",
};

void perfetto_free(struct perfetto *perfetto)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        free(perfetto->bundle[cpu].memory);
    }
    free(perfetto->reason);
    id_map_free(&perfetto->names.map);
    id_map_free(&perfetto->args.map);
    id_map_free(&perfetto->categories.map);
    stacks_free(&perfetto->stacks);
}

static uint8_t *put_entries(uint8_t *p, unsigned field, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t *entry = proto_open(p, field);
        p = proto_uint(entry, INTERNED_IID, i + 1);
        p = proto_text(p, INTERNED_TEXT, names[i]);
        p = proto_close(entry, p);
    }
    return p;
}

/* The first packet of the sequence: it clears incremental state and interns what is known beforehand. */
static COLD void begin_tracks(struct perfetto *perfetto)
{
    perfetto->tracks_begun = true;
    uint8_t *packet = proto_open(out_room(&perfetto->out, EVENT_PACKET_BYTES), TRACE_PACKET);
    uint8_t *p = proto_uint(packet, PACKET_SEQUENCE_ID, SEQUENCE_TRACKS);
    p = proto_uint(p, PACKET_SEQUENCE_FLAGS, FLAG_STATE_CLEARED);
    uint8_t *data = proto_open(p, PACKET_INTERNED_DATA);
    p = put_entries(data, INTERNED_CATEGORY, category_names, CATEGORY_COUNT);
    p = put_entries(p, INTERNED_ARG_NAME, arg_names, ARG_COUNT);
    out_take(&perfetto->out, proto_close(packet, proto_close(data, p)));
    perfetto->packets++;
}

/* A packet of the track sequence up to its data field. */
static uint8_t *begin_packet(struct perfetto *perfetto, uint8_t **out_packet)
{
    if (UNLIKELY(!perfetto->tracks_begun)) {
        begin_tracks(perfetto);
    }
    uint8_t *packet = proto_open(out_room(&perfetto->out, EVENT_PACKET_BYTES), TRACE_PACKET);
    uint8_t *p = proto_uint(packet, PACKET_SEQUENCE_ID, SEQUENCE_TRACKS);
    perfetto->packets++;
    *out_packet = packet;
    return proto_uint(p, PACKET_SEQUENCE_FLAGS, FLAG_NEEDS_STATE);
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3ull;
    }
    return hash & INT64_MAX;
}

/* The iid of a text; a packet of its own makes it known before its first use. */
static uint32_t intern(struct perfetto *perfetto, struct interned *table, unsigned field,
                       const char *text)
{
    uint64_t hash = hash_name(text);
    uintptr_t known = (uintptr_t)id_map_find(&table->map, hash);
    if (known != 0) {
        return (uint32_t)known;
    }
    uint32_t iid = table->next++;
    id_map_insert(&table->map, hash, (void *)(uintptr_t)iid);
    uint8_t *packet;
    uint8_t *data = proto_open(begin_packet(perfetto, &packet), PACKET_INTERNED_DATA);
    uint8_t *entry = proto_open(data, field);
    uint8_t *p = proto_uint(entry, INTERNED_IID, iid);
    p = proto_bytes(p, INTERNED_TEXT, text, strnlen(text, TEXT_BYTES_MAX));
    out_take(&perfetto->out, proto_close(packet, proto_close(data, proto_close(entry, p))));
    return iid;
}

uint32_t track_name(struct perfetto *perfetto, const char *name)
{
    return intern(perfetto, &perfetto->names, INTERNED_NAME, name);
}

unsigned track_arg_name(struct perfetto *perfetto, const char *name)
{
    return intern(perfetto, &perfetto->args, INTERNED_ARG_NAME, name) - 1;
}

unsigned track_category(struct perfetto *perfetto, const char *name)
{
    return intern(perfetto, &perfetto->categories, INTERNED_CATEGORY, name) - 1;
}

/* ---- descriptors ---- */

uint64_t track_new(struct perfetto *perfetto)
{
    return TRACK_UUID(TRACK_GLOBAL, perfetto->next_track++);
}

struct descriptor {
    uint8_t *packet;
    uint8_t *body;
    uint8_t *at;
};

static struct descriptor begin_descriptor(struct perfetto *perfetto, uint64_t ns, uint64_t uuid)
{
    struct descriptor descriptor;
    uint8_t *p = begin_packet(perfetto, &descriptor.packet);
    p = proto_uint(p, PACKET_TIMESTAMP, ns);
    descriptor.body = proto_open(p, PACKET_TRACK_DESCRIPTOR);
    descriptor.at = proto_uint(descriptor.body, DESCRIPTOR_UUID, uuid);
    return descriptor;
}

static void end_descriptor(struct perfetto *perfetto, struct descriptor *descriptor)
{
    out_take(&perfetto->out,
             proto_close(descriptor->packet, proto_close(descriptor->body, descriptor->at)));
}

static uint8_t *put_text(uint8_t *p, unsigned field, const char *text)
{
    return proto_bytes(p, field, text, strnlen(text, TEXT_BYTES_MAX));
}

void track_describe_thread(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t pid,
                           uint32_t tid, const char *name)
{
    struct descriptor descriptor = begin_descriptor(perfetto, ns, uuid);
    uint8_t *thread = proto_open(descriptor.at, DESCRIPTOR_THREAD);
    uint8_t *p = proto_uint(thread, DESCRIBED_PID, pid);
    p = proto_uint(p, DESCRIBED_TID, tid);
    p = put_text(p, DESCRIBED_THREAD_NAME, name);
    descriptor.at = proto_close(thread, p);
    end_descriptor(perfetto, &descriptor);
}

void track_describe_process(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t pid,
                            const char *name, int rank)
{
    struct descriptor descriptor = begin_descriptor(perfetto, ns, uuid);
    uint8_t *process = proto_open(descriptor.at, DESCRIPTOR_PROCESS);
    uint8_t *p = proto_uint(process, DESCRIBED_PID, pid);
    p = put_text(p, DESCRIBED_PROCESS_NAME, name);
    descriptor.at = proto_close(process, p);
    descriptor.at = proto_uint(descriptor.at, DESCRIPTOR_RANK, (uint64_t)(int64_t)rank);
    end_descriptor(perfetto, &descriptor);
}

void track_describe_root(struct perfetto *perfetto)
{
    struct descriptor descriptor = begin_descriptor(perfetto, perfetto->last_ns, 0);
    descriptor.at = proto_uint(descriptor.at, DESCRIPTOR_PROCESS_ORDERING, ORDERING_EXPLICIT);
    descriptor.at = proto_uint(descriptor.at, DESCRIPTOR_THREAD_ORDERING, ORDERING_EXPLICIT);
    end_descriptor(perfetto, &descriptor);
}

static struct descriptor begin_named(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                     uint64_t parent, const char *name)
{
    struct descriptor descriptor = begin_descriptor(perfetto, ns, uuid);
    descriptor.at = put_text(descriptor.at, DESCRIPTOR_NAME, name);
    if (parent != 0) {
        descriptor.at = proto_uint(descriptor.at, DESCRIPTOR_PARENT, parent);
    }
    return descriptor;
}

void track_describe(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint64_t parent,
                    const char *name)
{
    struct descriptor descriptor = begin_named(perfetto, ns, uuid, parent, name);
    end_descriptor(perfetto, &descriptor);
}

void track_describe_counter(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint64_t parent,
                            const char *name, unsigned unit, const char *scale)
{
    struct descriptor descriptor = begin_named(perfetto, ns, uuid, parent, name);
    uint8_t *counter = proto_open(descriptor.at, DESCRIPTOR_COUNTER);
    uint8_t *p = proto_uint(counter, COUNTER_UNIT, unit);
    if (scale != NULL) {
        p = put_text(p, COUNTER_SCALE, scale);
    }
    descriptor.at = proto_close(counter, p);
    end_descriptor(perfetto, &descriptor);
}

/* ---- events ---- */

static struct track_event begin_event(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                      unsigned type)
{
    struct track_event event = {.perfetto = perfetto};
    if (UNLIKELY(perfetto->silent)) {
        return event;
    }
    uint8_t *p = begin_packet(perfetto, &event.packet);
    p = proto_uint(p, PACKET_TIMESTAMP, ns);
    event.body = proto_open(p, PACKET_TRACK_EVENT);
    p = proto_uint(event.body, EVENT_TYPE, type);
    event.at = proto_uint(p, EVENT_TRACK, uuid);
    return event;
}

static void put_category(struct track_event *event, unsigned category)
{
    event->at = proto_uint(event->at, EVENT_CATEGORY, category + 1u);
}

struct track_event track_begin(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, uint32_t name,
                               unsigned category)
{
    struct track_event event = begin_event(perfetto, ns, uuid, TYPE_BEGIN);
    if (LIKELY(event.at != NULL)) {
        event.at = proto_uint(event.at, EVENT_NAME_IID, name);
        put_category(&event, category);
    }
    return event;
}

struct track_event track_end(struct perfetto *perfetto, uint64_t ns, uint64_t uuid)
{
    return begin_event(perfetto, ns, uuid, TYPE_END);
}

struct track_event track_instant(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                 uint32_t name, unsigned category)
{
    struct track_event event = begin_event(perfetto, ns, uuid, TYPE_INSTANT);
    if (LIKELY(event.at != NULL)) {
        event.at = proto_uint(event.at, EVENT_NAME_IID, name);
        put_category(&event, category);
    }
    return event;
}

struct track_event track_instant_text(struct perfetto *perfetto, uint64_t ns, uint64_t uuid,
                                      const char *name, size_t bytes, unsigned category)
{
    struct track_event event = begin_event(perfetto, ns, uuid, TYPE_INSTANT);
    if (event.at != NULL) {
        event.at = proto_bytes(event.at, EVENT_NAME, name, MIN(bytes, (size_t)TEXT_BYTES_MAX));
        put_category(&event, category);
    }
    return event;
}

static uint8_t *begin_arg(struct track_event *event, unsigned arg, uint8_t **out_body)
{
    *out_body = proto_open(event->at, EVENT_ARG);
    return proto_uint(*out_body, ARG_NAME_IID, arg + 1u);
}

static void put_arg(struct track_event *event, unsigned arg, unsigned field, uint64_t value)
{
    if (LIKELY(event->at != NULL)) {
        uint8_t *body;
        uint8_t *p = begin_arg(event, arg, &body);
        event->at = proto_close(body, proto_uint(p, field, value));
    }
}

void track_arg_uint(struct track_event *event, unsigned arg, uint64_t value)
{
    put_arg(event, arg, ARG_VALUE_UINT, value);
}

void track_arg_int(struct track_event *event, unsigned arg, int64_t value)
{
    put_arg(event, arg, ARG_VALUE_INT, (uint64_t)value);
}

void track_arg_pointer(struct track_event *event, unsigned arg, uint64_t value)
{
    put_arg(event, arg, ARG_VALUE_POINTER, value);
}

void track_arg_bool(struct track_event *event, unsigned arg, bool value)
{
    put_arg(event, arg, ARG_VALUE_BOOL, value);
}

void track_arg_text(struct track_event *event, unsigned arg, const char *text)
{
    if (event->at != NULL) {
        uint8_t *body;
        uint8_t *p = begin_arg(event, arg, &body);
        event->at = proto_close(body, put_text(p, ARG_VALUE_TEXT, text));
    }
}

void track_flow(struct track_event *event, uint64_t flow, bool is_last)
{
    if (LIKELY(event->at != NULL)) {
        event->at = proto_fixed64(event->at, is_last ? EVENT_FLOW_END : EVENT_FLOW, flow);
    }
}

void track_correlation(struct track_event *event, uint64_t id)
{
    if (LIKELY(event->at != NULL)) {
        event->at = proto_uint(event->at, EVENT_CORRELATION, id);
    }
}

void track_commit(struct track_event *event)
{
    if (LIKELY(event->at != NULL)) {
        out_take(&event->perfetto->out,
                 proto_close(event->packet, proto_close(event->body, event->at)));
    }
}

void track_counter(struct perfetto *perfetto, uint64_t ns, uint64_t uuid, int64_t value)
{
    struct track_event event = begin_event(perfetto, ns, uuid, TYPE_COUNTER);
    if (event.at != NULL) {
        event.at = proto_uint(event.at, EVENT_COUNTER_VALUE, (uint64_t)value);
        track_commit(&event);
    }
}
