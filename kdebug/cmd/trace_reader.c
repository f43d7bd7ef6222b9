/* SPDX-License-Identifier: MIT */
/* Reading rings of the target (trace_reader.h). */
#include "kdebug/cmd/trace_reader.h"

#include "gen/trace_events.h"
#include "gen/trace_schema.h"
#include "kdebug/core/command.h"
#include "kdebug/core/target.h"

static vaddr_t read_region(vaddr_t address, struct trace_region *out)
{
    kd_fetch(address, out, sizeof(*out), "trace region");
    if (out->magic != TRACE_REGION_MAGIC || out->version != TRACE_REGION_VERSION ||
        out->lane_count > TRACE_LANES_MAX) {
        kd_fail("the trace region at 0x%llx is damaged", (unsigned long long)address);
    }
    return address;
}

vaddr_t kd_region_read(struct trace_region *out)
{
    vaddr_t address = kd_target->trace_region();
    if (address == 0) {
        kd_fail("this machine has no trace region");
    }
    return read_region(address, out);
}

vaddr_t kd_region_of(bool previous, struct trace_region *out)
{
    if (!previous) {
        return kd_region_read(out);
    }
    vaddr_t address = kd_target->trace_previous == NULL ? 0 : kd_target->trace_previous();
    if (address == 0) {
        kd_fail("no boot before this one left its trace: it takes a reset, not switching off");
    }
    read_region(address, out);
    if (out->schema_hash != TRACE_SCHEMA_HASH) {
        kd_fail("another kernel wrote it, whose events this one does not know: see 'spoor capture "
                "--previous'");
    }
    return address;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

bool kd_lane_open(vaddr_t address, const struct trace_region *region, unsigned index,
                  struct kd_lane *out)
{
    if (index >= region->lane_count) {
        return false;
    }
    const struct trace_lane_place *place = &region->lane[index];
    *out = (struct kd_lane){
        .index = index,
        .cpu = place->cpu,
        .kind = place->kind,
        .ring = address + place->ring_offset,
        .ring_bytes = place->ring_bytes,
    };
    if (!is_power_of_two(place->ring_bytes) || place->ring_bytes < TRACE_SUBBUF_BYTES ||
        place->ring_offset + place->ring_bytes > region->bytes ||
        kd_read_kernel(address + place->control_offset, &out->control, sizeof(out->control)) !=
            OK) {
        return false;
    }
    out->oldest = trace_oldest_in(place, out->control.position);
    return out->control.position > place->first;
}

bool kd_lane_span(const struct kd_lane *lane, uint64_t *out_oldest, uint64_t *out_newest)
{
    uint64_t position = lane->control.position;
    *out_newest = (position - 1) / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
    *out_oldest = lane->oldest;
    return position != 0;
}

size_t kd_subbuf_read(const struct kd_lane *lane, uint64_t start, uint64_t *to)
{
    uint64_t end = MIN(lane->control.position, start + TRACE_SUBBUF_BYTES);
    if (start >= end || end - start < sizeof(struct trace_subbuf)) {
        return 0;
    }
    size_t bytes = (size_t)(end - start);
    const struct trace_subbuf *head = (const struct trace_subbuf *)to;
    if (kd_read_kernel(lane->ring + (start & (lane->ring_bytes - 1)), to, bytes) != OK ||
        head->magic != TRACE_SUBBUF_MAGIC || head->position != start) {
        return 0;
    }
    return bytes;
}

/* Records hold the low 42 bits of the time; the full time never goes back within a lane. */
static uint64_t full_time(uint64_t before, uint64_t header)
{
    uint64_t mask = (1ull << TRACE_TIME_BITS) - 1;
    return before + ((TRACE_TIME(header) - before) & mask);
}

void kd_subbuf_each(const uint64_t *subbuf, size_t bytes,
                    bool (*visit)(const struct kd_record *record, void *context), void *context)
{
    const struct trace_subbuf *head = (const struct trace_subbuf *)subbuf;
    struct kd_record record = {.tsc = head->tsc, .current = head->current, .cpu = head->cpu};
    size_t at = sizeof(*head) / 8;
    size_t end = bytes / 8;
    while (at < end) {
        record.words = subbuf + at;
        unsigned words = 1 + TRACE_WORDS(record.words[0]);
        unsigned event = TRACE_EVENT(record.words[0]);
        if (at + words > end) {
            return;
        }
        record.tsc = full_time(record.tsc, record.words[0]);
        if (event == TRACE_EVENT_TRACE_SYNC && words > 1) {
            record.tsc =
                record.words[1]; /* the lane was silent for long: its low bits alone would lie */
        }
        record.position = head->position + at * 8;
        if (event != TRACE_EVENT_TRACE_PAD && !visit(&record, context)) {
            return;
        }
        if (event == TRACE_EVENT_SCHED_THREAD_SWITCH && words > 1) {
            record.current = (uint32_t)(record.words[1] >> 24 & 0xffffff);
        }
        at += words;
    }
}
