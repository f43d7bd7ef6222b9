/* SPDX-License-Identifier: MIT */
/*
 * Samples of stacks, on a sequence of their own. Whatever a sample names is interned before it: functions, mappings
 * (the file an address belongs to), frames, call stacks.
 *
 * They are written as PerfSample: StackSample, which is to follow it, has no settled field for an interned stack yet.
 *
 * Source: protos/perfetto/trace/profiling/profile_packet.proto, profile_common.proto.
 */
#include "perfetto.h"
#include "perfetto_fields.h"

#define PACKET_BYTES   1024u
#define TEXT_BYTES_MAX 256u

static uint8_t *begin_packet(struct perfetto *perfetto, uint8_t **out_packet)
{
    struct stacks *stacks = &perfetto->stacks;
    uint8_t *packet = proto_open(out_room(&perfetto->out, PACKET_BYTES), TRACE_PACKET);
    uint8_t *p = proto_uint(packet, PACKET_SEQUENCE_ID, SEQUENCE_SAMPLES);
    p = proto_uint(p, PACKET_SEQUENCE_FLAGS, stacks->begun ? FLAG_NEEDS_STATE : FLAG_STATE_CLEARED);
    stacks->begun = true;
    perfetto->packets++;
    *out_packet = packet;
    return p;
}

/* Known under this key? Else it gets an iid and a packet that is open where the entry's other fields go. */
struct entry {
    uint32_t iid;
    uint8_t *packet, *data, *body, *at; /* packet NULL: it is known */
};

static struct entry intern(struct perfetto *perfetto, struct interned *table, uint64_t key,
                           unsigned field)
{
    struct entry entry = {.iid = (uint32_t)(uintptr_t)id_map_find(&table->map, key)};
    if (entry.iid == 0) {
        entry.iid = ++table->next;
        id_map_insert(&table->map, key, (void *)(uintptr_t)entry.iid);
        entry.data = proto_open(begin_packet(perfetto, &entry.packet), PACKET_INTERNED_DATA);
        entry.body = proto_open(entry.data, field);
        entry.at = proto_uint(entry.body, INTERNED_IID, entry.iid);
    }
    return entry;
}

static void close(struct perfetto *perfetto, const struct entry *entry)
{
    out_take(
        &perfetto->out,
        proto_close(entry->packet, proto_close(entry->data, proto_close(entry->body, entry->at))));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return (hash ^ hash >> 32) & INT64_MAX;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 1;
    for (; *text != '\0'; text++) {
        hash = mix(hash, (uint8_t)*text);
    }
    return hash;
}

static uint32_t intern_text(struct perfetto *perfetto, struct interned *table, unsigned field,
                            const char *text)
{
    struct entry entry = intern(perfetto, table, hash_text(text), field);
    if (entry.packet != NULL) {
        entry.at = proto_bytes(entry.at, INTERNED_TEXT, text, strnlen(text, TEXT_BYTES_MAX));
        close(perfetto, &entry);
    }
    return entry.iid;
}

static uint32_t intern_mapping(struct perfetto *perfetto, const char *path)
{
    uint32_t text = intern_text(perfetto, &perfetto->stacks.paths, INTERNED_MAPPING_PATH, path);
    struct entry entry = intern(perfetto, &perfetto->stacks.mappings, text, INTERNED_MAPPING);
    if (entry.packet != NULL) {
        entry.at = proto_uint(entry.at, MAPPING_START, 0);
        entry.at = proto_uint(entry.at, MAPPING_END, INT64_MAX);
        entry.at = proto_uint(entry.at, MAPPING_PATH, text);
        close(perfetto, &entry);
    }
    return entry.iid;
}

static uint32_t intern_frame(struct perfetto *perfetto, const struct stack_frame *frame)
{
    struct stacks *stacks = &perfetto->stacks;
    uint32_t mapping = intern_mapping(perfetto, frame->file);
    uint32_t function =
        intern_text(perfetto, &stacks->functions, INTERNED_FUNCTION, frame->function);
    uint64_t key = mix(mix(mix(1, mapping), function), frame->address);
    struct entry entry = intern(perfetto, &stacks->frames, key, INTERNED_FRAME);
    if (entry.packet != NULL) {
        entry.at = proto_uint(entry.at, FRAME_FUNCTION, function);
        entry.at = proto_uint(entry.at, FRAME_MAPPING, mapping);
        entry.at = proto_uint(entry.at, FRAME_REL_PC, frame->address & INT64_MAX);
        close(perfetto, &entry);
    }
    return entry.iid;
}

uint32_t stack_intern(struct perfetto *perfetto, const struct stack_frame *frames, unsigned count)
{
    uint32_t iid[STACK_FRAMES_MAX];
    uint64_t key = 1;
    for (unsigned i = 0; i < count; i++) {
        iid[i] = intern_frame(perfetto, &frames[i]);
        key = mix(key, iid[i]);
    }
    struct entry entry = intern(perfetto, &perfetto->stacks.stacks, key, INTERNED_CALLSTACK);
    if (entry.packet != NULL) {
        for (unsigned i = count; i-- > 0;) { /* outermost first */
            entry.at = proto_uint(entry.at, CALLSTACK_FRAME, iid[i]);
        }
        close(perfetto, &entry);
    }
    return entry.iid;
}

void stack_sample(struct perfetto *perfetto, uint64_t ns, const struct stack_sample *sample)
{
    uint8_t *packet;
    uint8_t *p = proto_uint(begin_packet(perfetto, &packet), PACKET_TIMESTAMP, ns);
    uint8_t *body = proto_open(p, PACKET_PERF_SAMPLE);
    p = proto_uint(body, SAMPLE_CPU, sample->cpu);
    p = proto_uint(p, SAMPLE_PID, sample->pid);
    p = proto_uint(p, SAMPLE_TID, sample->tid);
    p = proto_uint(p, SAMPLE_STACK, sample->stack);
    p = proto_uint(p, SAMPLE_MODE, sample->in_kernel ? SAMPLE_MODE_KERNEL : SAMPLE_MODE_USER);
    out_take(&perfetto->out, proto_close(packet, proto_close(body, p)));
}

void stacks_free(struct stacks *stacks)
{
    id_map_free(&stacks->functions.map);
    id_map_free(&stacks->paths.map);
    id_map_free(&stacks->mappings.map);
    id_map_free(&stacks->frames.map);
    id_map_free(&stacks->stacks.map);
}
