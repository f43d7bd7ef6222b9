/* SPDX-License-Identifier: MIT */
/*
 * The recorder's side of the format, rewritten from its description (trace/ring/layout.h) and not from the recorder, so that
 * reader and recorder are tested against a third opinion.
 */
#include "synth.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "gen/trace_schema.h"

#define RING_BYTES   0x40000u
#define PAGE         0x1000u
#define HEADER_BYTES sizeof(struct trace_subbuf)

void synth_block(struct synth *synth, unsigned type, const void *payload, size_t bytes)
{
    if (synth->out == NULL) {
        return;
    }
    struct capture_block block = {.magic = CAPTURE_MAGIC,
                                  .type = (uint16_t)type,
                                  .version = CAPTURE_VERSION,
                                  .sequence = synth->sequence++,
                                  .bytes = bytes,
                                  .payload_crc = crc32c(0, payload, bytes)};
    block.header_crc = crc32c(0, &block, 28);
    fwrite(&block, sizeof(block), 1, synth->out);
    fwrite(payload, bytes, 1, synth->out);
}

static void send_status(struct synth *synth)
{
    struct trace_lane status[TRACE_LANES_MAX];
    for (unsigned i = 0; i < synth->region.lane_count; i++) {
        status[i] = synth->lane[i].control;
    }
    synth_block(synth, CAPTURE_STATUS, status, synth->region.lane_count * sizeof(status[0]));
}

static void fill_region(struct synth *synth, unsigned cpus, uint64_t tsc_khz)
{
    struct trace_region *region = &synth->region;
    uint64_t rings = ROUND_UP(PAGE + TRACE_LANES_MAX * sizeof(struct trace_lane), PAGE);
    *region = (struct trace_region){.magic = TRACE_REGION_MAGIC,
                                    .version = TRACE_REGION_VERSION,
                                    .lane_count = 2 * cpus + 1,
                                    .cpu_count = cpus,
                                    .subbuf_bytes = TRACE_SUBBUF_BYTES,
                                    .boot_id = 0x5eedb007ull,
                                    .schema_hash = synth->schema.hash,
                                    .tsc_khz = tsc_khz,
                                    .unix_ns = 1700000000000000000ull,
                                    .categories = ~0ull,
                                    .kernel_id = 0x1d};
    snprintf(region->version_text, sizeof(region->version_text), "Spoor synthetic");
    snprintf(region->cmdline, sizeof(region->cmdline), "synth=1");
    for (unsigned i = 0; i < region->lane_count; i++) {
        bool is_meta = i == SYNTH_META;
        region->lane[i] =
            (struct trace_lane_place){.control_offset = PAGE + i * sizeof(struct trace_lane),
                                      .ring_offset = rings + (uint64_t)i * RING_BYTES,
                                      .ring_bytes = RING_BYTES,
                                      .cpu = is_meta ? 0 : (i - 1) / 2,
                                      .kind = is_meta ? TRACE_LANE_META : (i - 1) % 2};
    }
    region->bytes = rings + (uint64_t)region->lane_count * RING_BYTES;
}

void synth_open(struct synth *synth, FILE *out, unsigned cpus, uint64_t tsc_khz)
{
    memset(synth, 0, sizeof(*synth));
    synth->out = out;
    synth->ring_bytes = RING_BYTES;
    schema_builtin(&synth->schema);
    fill_region(synth, cpus, tsc_khz);
    for (unsigned i = 0; i < synth->region.lane_count; i++) {
        synth->lane[i].ring = xcalloc(1, RING_BYTES);
        synth->lane[i].control.mask = RING_BYTES - 1;
        synth->lane[i].control.cpu = (uint16_t)synth->region.lane[i].cpu;
        synth->lane[i].control.kind = (uint16_t)synth->region.lane[i].kind;
    }
    static const char schema_text[] = TRACE_SCHEMA_TEXT;
    synth_block(synth, CAPTURE_START, &synth->region, sizeof(synth->region));
    synth_block(synth, CAPTURE_SCHEMA, schema_text, sizeof(schema_text) - 1);
    send_status(synth);
}

const struct schema_event *synth_event(const struct synth *synth, const char *name)
{
    const struct schema_event *event = schema_find(&synth->schema, name);
    if (event == NULL) {
        fprintf(stderr, "synth: there is no event %s\n", name);
        abort();
    }
    return event;
}

static uint64_t *at_position(struct synth_lane *lane, uint64_t position)
{
    return (uint64_t *)(lane->ring + (position & lane->control.mask));
}

static void send_subbuf(struct synth *synth, unsigned index, uint64_t start, uint64_t end,
                        bool complete)
{
    struct synth_lane *lane = &synth->lane[index];
    static uint8_t payload[sizeof(struct capture_subbuf) + TRACE_SUBBUF_BYTES];
    struct capture_subbuf place = {.lane = index, .complete = complete, .position = start};
    memcpy(payload, &place, sizeof(place));
    memcpy(payload + sizeof(place), at_position(lane, start), end - start);
    synth_block(synth, CAPTURE_SUBBUF, payload, sizeof(place) + (end - start));
}

static void begin_subbuf(struct synth *synth, unsigned index, uint64_t tsc)
{
    struct synth_lane *lane = &synth->lane[index];
    struct trace_lane *control = &lane->control;
    struct trace_subbuf header = {.magic = TRACE_SUBBUF_MAGIC,
                                  .cpu = control->cpu,
                                  .kind = control->kind,
                                  .boot_id = synth->region.boot_id,
                                  .position = control->position,
                                  .first_event = control->events,
                                  .tsc = tsc,
                                  .current = lane->current};
    memcpy(header.lost, control->lost, sizeof(header.lost));
    memcpy(at_position(lane, control->position), &header, sizeof(header));
    control->limit = control->position + TRACE_SUBBUF_BYTES;
    control->position += HEADER_BYTES;
}

static void finish_subbuf(struct synth *synth, unsigned index)
{
    struct synth_lane *lane = &synth->lane[index];
    struct trace_lane *control = &lane->control;
    uint64_t start = control->limit - TRACE_SUBBUF_BYTES;
    while (control->position < control->limit) {
        uint64_t words =
            MIN((control->limit - control->position) / 8 - 1, (uint64_t)TRACE_WORDS_MAX);
        memset(at_position(lane, control->position), 0xa5, 8 * (words + 1));
        *at_position(lane, control->position) = words << TRACE_WORDS_SHIFT; /* trace.pad */
        control->position += 8 * (words + 1);
    }
    if (lane->drop_next) {
        lane->drop_next = false;
        synth->dropped++;
    } else {
        send_subbuf(synth, index, start, control->limit, true);
    }
    lane->sent_to = control->limit;
}

static void put_field(uint64_t *record, const struct schema_field *field, uint64_t value)
{
    uint64_t mask = ~0ull >> (64 - field->bits);
    record[field->word] |= (value & mask) << field->shift;
}

void synth_emit(struct synth *synth, unsigned index, uint64_t tsc, const struct schema_event *event,
                const uint64_t *values, const char *text)
{
    struct synth_lane *lane = &synth->lane[index];
    struct trace_lane *control = &lane->control;
    uint64_t record[TRACE_WORDS_MAX + 1] = {0};
    unsigned words = event->words;
    for (unsigned i = 0; i < event->field_count; i++) {
        if (event->field[i].bits != 0) {
            put_field(record, &event->field[i], *values++);
        }
    }
    if (event->has_string && text != NULL) {
        size_t bytes = MIN(strlen(text), (size_t)8 * (TRACE_WORDS_MAX - words));
        memcpy(&record[words + 1], text, bytes);
        words += (unsigned)(bytes + 7) / 8;
    }
    record[0] |= event->id | (uint64_t)words << TRACE_WORDS_SHIFT | tsc << TRACE_TIME_SHIFT;
    uint64_t bytes = 8 * (words + 1);
    if (control->position == 0 || control->position + bytes > control->limit) {
        if (control->position != 0) {
            finish_subbuf(synth, index);
        }
        begin_subbuf(synth, index, tsc);
    }
    memcpy(at_position(lane, control->position), record, bytes);
    control->position += bytes;
    control->events++;
    synth->events++;
}

void synth_switch(struct synth *synth, unsigned cpu, uint64_t tsc, uint32_t prev, uint32_t next,
                  unsigned state, unsigned reason)
{
    SYNTH(synth, SYNTH_LANE(cpu), tsc, "sched.thread.switch", state, reason, prev, next,
          next == 0 ? 0 : 8);
    synth->lane[SYNTH_LANE(cpu)].current = next;
}

void synth_set_current(struct synth *synth, unsigned cpu, uint32_t tid)
{
    synth->lane[SYNTH_LANE(cpu)].current = tid;
}

void synth_send_partial(struct synth *synth, unsigned index)
{
    struct trace_lane *control = &synth->lane[index].control;
    if (control->position > synth->lane[index].sent_to) {
        send_subbuf(synth, index, control->limit - TRACE_SUBBUF_BYTES, control->position, false);
    }
}

void synth_lose(struct synth *synth, unsigned index, enum trace_lost_cause cause, uint64_t count)
{
    synth->lane[index].control.lost[cause] += count;
}

void synth_close(struct synth *synth)
{
    for (unsigned i = 0; i < synth->region.lane_count; i++) {
        synth_send_partial(synth, i);
    }
    send_status(synth);
    struct capture_end end = {.blocks = synth->sequence, .overwritten = synth->dropped};
    synth_block(synth, CAPTURE_END, &end, sizeof(end));
}

void synth_write_image(struct synth *synth, FILE *out)
{
    uint8_t *image = xcalloc(1, synth->region.bytes);
    memcpy(image, &synth->region, sizeof(synth->region));
    for (unsigned i = 0; i < synth->region.lane_count; i++) {
        const struct trace_lane_place *place = &synth->region.lane[i];
        memcpy(image + place->control_offset, &synth->lane[i].control, sizeof(struct trace_lane));
        memcpy(image + place->ring_offset, synth->lane[i].ring, RING_BYTES);
    }
    fwrite(image, synth->region.bytes, 1, out);
    free(image);
}

void synth_free(struct synth *synth)
{
    for (unsigned i = 0; i < synth->region.lane_count; i++) {
        free(synth->lane[i].ring);
    }
    schema_free(&synth->schema);
}
