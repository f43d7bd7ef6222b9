/* SPDX-License-Identifier: MIT */
/*
 * The newest events of all lanes in time order (trace_print.h).
 *
 * Lanes only decode forward, sub-buffer by sub-buffer. So each lane is read from its newest
 * sub-buffer backwards, each sub-buffer forward, and a heap with the oldest kept event on top
 * remembers the best `limit` so far; a lane is done when a whole sub-buffer is older than that
 * top. What is kept is where the record is, not the record: it is read again when it is printed.
 */
#include "kdebug/cmd/trace_print.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/core/command.h"
#include "kdebug/core/event_print.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define US_PER_S 1000000ull

struct found {
    uint64_t tsc;
    vaddr_t record;
    uint32_t current;
    uint16_t lane;
    uint16_t cpu;
    uint8_t kind;
};

static struct found heap[KD_EVENTS_MAX];
static unsigned heap_count, heap_limit;
static bool is_forward; /* the oldest are wanted, so the newest is on top */
static struct trace_region region;
static struct kd_lane lane;
static uint64_t subbuf[TRACE_SUBBUF_BYTES / 8];

/* ---- collecting ---- */

/* Later in time; at the same time, later in the list of lanes, so that the order is always the
 * same. Forward, all is the other way round. */
static bool is_later(const struct found *a, const struct found *b)
{
    if (is_forward) {
        const struct found *other = a;
        a = b;
        b = other;
    }
    return a->tsc != b->tsc     ? a->tsc > b->tsc
           : a->lane != b->lane ? a->lane > b->lane
                                : a->record > b->record;
}

static void swap(unsigned a, unsigned b)
{
    struct found other = heap[a];
    heap[a] = heap[b];
    heap[b] = other;
}

static void sift_down(unsigned at, unsigned count)
{
    for (;;) {
        unsigned child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && is_later(&heap[child], &heap[child + 1])) {
            child++;
        }
        if (!is_later(&heap[at], &heap[child])) {
            return;
        }
        swap(at, child);
        at = child;
    }
}

static void sift_up(unsigned at)
{
    while (at > 0 && is_later(&heap[(at - 1) / 2], &heap[at])) {
        swap(at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void offer(const struct found *candidate)
{
    if (heap_count < heap_limit) {
        heap[heap_count] = *candidate;
        sift_up(heap_count++);
    } else if (is_later(candidate, &heap[0])) {
        heap[0] = *candidate;
        sift_down(0, heap_count);
    }
}

struct visit_context {
    const struct kd_event_filter *filter;
    uint64_t subbuf_start;
    uint64_t last_tsc;
};

static bool visit_record(const struct kd_record *record, void *context)
{
    struct visit_context *visit = context;
    visit->last_tsc = record->tsc;
    if (kd_event_passes(visit->filter, record)) {
        struct found candidate = {
            .tsc = record->tsc,
            .record = lane.ring + (record->position & (lane.ring_bytes - 1)),
            .current = record->current,
            .lane = (uint16_t)lane.index,
            .cpu = (uint16_t)lane.cpu,
            .kind = (uint8_t)lane.kind,
        };
        offer(&candidate);
    }
    return true;
}

static void collect_lane(const struct kd_event_filter *filter)
{
    uint64_t oldest, start;
    if (!kd_lane_span(&lane, &oldest, &start)) {
        return;
    }
    for (;; start -= TRACE_SUBBUF_BYTES) {
        struct visit_context context = {.filter = filter, .subbuf_start = start};
        size_t bytes = kd_subbuf_read(&lane, start, subbuf);
        if (bytes > 0) {
            kd_subbuf_each(subbuf, bytes, visit_record, &context);
            if (!is_forward && heap_count == heap_limit && context.last_tsc != 0 &&
                context.last_tsc < heap[0].tsc) {
                return;
            }
        }
        if (start <= oldest) {
            return;
        }
    }
}

unsigned kd_events_collect(const struct kd_event_filter *filter, unsigned limit)
{
    vaddr_t address = kd_region_of(filter->previous, &region);
    heap_count = 0;
    is_forward = filter->is_forward;
    heap_limit = MIN(limit, KD_EVENTS_MAX);
    for (unsigned i = 0; i < region.lane_count && heap_limit > 0; i++) {
        if (kd_lane_open(address, &region, i, &lane) &&
            (filter->cpu < 0 || (unsigned)filter->cpu == lane.cpu)) {
            collect_lane(filter);
        }
    }
    /* Heap sort: the top is the oldest, so it goes to the end each time; that leaves the newest
     * first. */
    for (unsigned count = heap_count; count > 1; count--) {
        swap(0, count - 1);
        sift_down(0, count - 1);
    }
    return heap_count;
}

/* ---- printing ---- */

static void print_time(uint64_t tsc)
{
    if (region.tsc_khz < 1000) {
        kd_print("%20llu ", (unsigned long long)tsc);
        return;
    }
    bool before = tsc < region.clock_tsc;
    uint64_t ticks = before ? region.clock_tsc - tsc : tsc - region.clock_tsc;
    uint64_t us = ticks / (region.tsc_khz / 1000);
    kd_print("%c%5llu.%06llu ", before ? '-' : ' ', (unsigned long long)(us / US_PER_S),
             (unsigned long long)(us % US_PER_S));
}

/* Read the record number i points to; its payload words. False: it is gone. */
static bool read_record(const struct found *found, uint64_t record[1 + TRACE_WORDS_MAX + 1],
                        unsigned *out_words)
{
    if (kd_read_kernel(found->record, record, 8) != OK) {
        return false;
    }
    *out_words = TRACE_WORDS(record[0]);
    return kd_read_kernel(found->record, record, 8 * (1 + *out_words)) == OK;
}

/* The heap is sorted newest first, or oldest; people read oldest first. */
static const struct found *found_at(unsigned i)
{
    return &heap[is_forward ? i : heap_count - 1 - i];
}

/* Since the one before. */
static void print_delta(unsigned i)
{
    uint64_t ticks = i == 0 ? 0 : found_at(i)->tsc - found_at(i - 1)->tsc;
    unsigned long long ns = region.tsc_khz == 0 ? ticks : ticks * 1000000 / region.tsc_khz;
    kd_print("+%9llu.%03llu us ", ns / 1000, ns % 1000);
}

void kd_events_show(unsigned i, bool with_delta)
{
    const struct found *found = found_at(i);
    uint64_t record[1 + TRACE_WORDS_MAX + 1];
    unsigned words;
    if (!read_record(found, record, &words)) {
        kd_print("(gone)\n");
        return;
    }
    if (with_delta) {
        print_delta(i);
    } else {
        print_time(found->tsc);
    }
    if (found->kind == TRACE_LANE_META) {
        kd_print("meta       ");
    } else {
        kd_print("cpu%-2u %5u%c", found->cpu, found->current,
                 found->kind == TRACE_LANE_NMI ? '!' : ' ');
    }
    kd_print(" ");
    kd_event_print(record, words);
    kd_print("\n");
}

void kd_events_show_log(unsigned i)
{
    const struct found *found = found_at(i);
    uint64_t record[1 + TRACE_WORDS_MAX + 1];
    unsigned words;
    if (!read_record(found, record, &words)) {
        return;
    }
    print_time(found->tsc);
    kd_print(
        "cpu%-2u %-7s ", found->cpu,
        trace_enum_name(&trace_event_info(TRACE_EVENT_LOG_LINE)->field[0], TRACE_SMALL(record[0])));
    kd_event_print_string(record, 1, words);
    kd_print("\n");
}

/* ---- finding ---- */

static bool has_field(const uint64_t *record, unsigned words, const char *name, uint64_t value)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(record[0]));
    for (unsigned f = 0; info != NULL && f < info->fields; f++) {
        const struct trace_field *field = &info->field[f];
        if (field->word <= words && strcmp(field->name, name) == 0) {
            return trace_field_value(field, record) == value;
        }
    }
    return false;
}

bool kd_events_find(const char *field, uint64_t value, tsc_t *out)
{
    for (unsigned i = 0; i < heap_count; i++) {
        uint64_t record[1 + TRACE_WORDS_MAX + 1];
        unsigned words;
        if (read_record(&heap[i], record, &words) && has_field(record, words, field, value)) {
            *out = heap[i].tsc;
            return true;
        }
    }
    return false;
}

uint64_t kd_events_khz(void)
{
    return region.tsc_khz;
}
