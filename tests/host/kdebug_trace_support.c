/* SPDX-License-Identifier: MIT */
#include "tests/host/kdebug_trace_support.h"

#include <string.h>

#include "gen/trace_events.h"
#include "tests/host/kdebug_support.h"

#define RINGS_AT 0x4000u

struct trace_region *region;
struct trace_lane *lanes;

static uint64_t ring_bytes_of(unsigned lane, uint32_t ring_bytes)
{
    return lane < 2 ? SMALL_RING_BYTES : ring_bytes;
}

void make_region(unsigned lane_count, uint32_t ring_bytes)
{
    uint64_t bytes = RINGS_AT + 2 * SMALL_RING_BYTES + (lane_count - 2) * (uint64_t)ring_bytes;
    uint8_t *memory = fake_alloc(bytes);
    region = (struct trace_region *)memory;
    lanes = (struct trace_lane *)(memory + 0x1000);
    *region = (struct trace_region){
        .magic = TRACE_REGION_MAGIC,
        .version = TRACE_REGION_VERSION,
        .lane_count = lane_count,
        .cpu_count = lane_count - 2,
        .subbuf_bytes = TRACE_SUBBUF_BYTES,
        .bytes = bytes,
        .boot_id = 0x1234,
        .tsc_khz = TSC_KHZ,
        .clock_tsc = CLOCK_TSC,
        .categories = TRACE_CATEGORY_SCHED | TRACE_CATEGORY_LOG,
    };
    uint64_t ring_offset = RINGS_AT;
    for (unsigned i = 0; i < lane_count; i++) {
        region->lane[i] = (struct trace_lane_place){
            .control_offset = 0x1000 + i * sizeof(struct trace_lane),
            .ring_offset = ring_offset,
            .ring_bytes = ring_bytes_of(i, ring_bytes),
            .cpu = i < 2 ? 0 : i - 2,
            .kind = i == 0   ? TRACE_LANE_META
                    : i == 1 ? TRACE_LANE_NMI
                             : TRACE_LANE_NORMAL,
        };
        lanes[i] = (struct trace_lane){.mask = ring_bytes_of(i, ring_bytes) - 1,
                                       .cpu = (uint16_t)region->lane[i].cpu,
                                       .kind = (uint16_t)region->lane[i].kind};
        ring_offset += ring_bytes_of(i, ring_bytes);
    }
    fake_trace_region = (vaddr_t)region;
}

uint8_t *ring_at(unsigned lane, uint64_t position)
{
    return (uint8_t *)region + region->lane[lane].ring_offset +
           (position & (region->lane[lane].ring_bytes - 1));
}

static void begin_subbuf(unsigned lane, uint64_t tsc)
{
    struct trace_lane *control = &lanes[lane];
    while (control->position < control->limit) {
        uint64_t words =
            MIN((control->limit - control->position) / 8 - 1, (uint64_t)TRACE_WORDS_MAX);
        uint64_t pad = tsc << TRACE_TIME_SHIFT | words << TRACE_WORDS_SHIFT;
        memcpy(ring_at(lane, control->position), &pad, 8);
        control->position += 8 * (1 + words);
    }
    struct trace_subbuf head = {.magic = TRACE_SUBBUF_MAGIC,
                                .cpu = control->cpu,
                                .kind = control->kind,
                                .boot_id = 0x1234,
                                .position = control->limit,
                                .first_event = control->events,
                                .tsc = tsc,
                                .current = 70 + lane};
    memcpy(ring_at(lane, control->limit), &head, sizeof(head));
    control->position = control->limit + sizeof(head);
    control->limit += TRACE_SUBBUF_BYTES;
}

void write_record(unsigned lane, uint64_t tsc, unsigned event, unsigned small, const void *payload,
                  unsigned words)
{
    struct trace_lane *control = &lanes[lane];
    if (control->position + 8 * (1 + words) > control->limit) {
        begin_subbuf(lane, tsc);
    }
    uint64_t header = tsc << TRACE_TIME_SHIFT | (uint64_t)small << TRACE_SMALL_SHIFT |
                      (uint64_t)words << TRACE_WORDS_SHIFT | event;
    memcpy(ring_at(lane, control->position), &header, 8);
    if (words > 0) {
        memcpy(ring_at(lane, control->position) + 8, payload, 8 * words);
    }
    control->position += 8 * (1 + words);
    control->events++;
}
