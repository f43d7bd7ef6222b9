/* SPDX-License-Identifier: MIT */
/*
 * The newest events of all lanes in time order (trace_print.h).
 *
 * Lanes only decode forward, sub-buffer by sub-buffer. So each lane is read from its newest
 * sub-buffer backwards, each sub-buffer forward, and a heap with the oldest kept event on top
 * remembers the best `limit` so far; a lane is done when a whole sub-buffer is older than that
 * top. Sub-buffers outside the time that is asked for are not decoded: their headers tell. What is kept is where the record is, not
 * the record: it is read again when it is printed.
 */
#include "kdebug/cmd/trace_print.h"

#include "base/string.h"
#include "gen/trace_table.h"
#include "kdebug/cmd/trace_mark.h"
#include "kdebug/core/command.h"
#include "kdebug/core/event_print.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

#define US_PER_S 1000000ull

static struct kd_event_place heap[KD_EVENTS_MAX];
static unsigned heap_count, heap_limit;
static bool is_forward; /* the oldest are wanted, so the newest is on top */
static struct trace_region region;
static struct kd_lane lane;
static uint64_t subbuf[TRACE_SUBBUF_BYTES / 8];

/* ---- collecting ---- */

/* Later in time; at the same time, later in the list of lanes, so that the order is always the
 * same. Forward, all is the other way round. */
static bool is_later(const struct kd_event_place *a, const struct kd_event_place *b)
{
    if (is_forward) {
        const struct kd_event_place *other = a;
        a = b;
        b = other;
    }
    return a->tsc != b->tsc     ? a->tsc > b->tsc
           : a->lane != b->lane ? a->lane > b->lane
                                : a->record > b->record;
}

static void swap(unsigned a, unsigned b)
{
    struct kd_event_place other = heap[a];
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

static void offer(const struct kd_event_place *candidate)
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
    uint64_t last_tsc;
};

static bool visit_record(const struct kd_record *record, void *context)
{
    struct visit_context *visit = context;
    visit->last_tsc = record->tsc;
    if (kd_event_passes(visit->filter, record)) {
        struct kd_event_place candidate = {
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

/* Offer what passes of the sub-buffer that has been read. False: older ones cannot have any that counts. */
static bool collect_subbuf(const struct kd_event_filter *filter, size_t bytes)
{
    const struct trace_subbuf *head = (const struct trace_subbuf *)subbuf;
    struct visit_context context = {.filter = filter};
    if (filter->to == 0 || head->tsc < filter->to) {
        kd_subbuf_each(subbuf, bytes, visit_record, &context);
    }
    bool is_older = !is_forward && heap_count == heap_limit && context.last_tsc != 0 &&
                    context.last_tsc < heap[0].tsc;
    return !is_older && head->tsc >= filter->from;
}

static void collect_lane(const struct kd_event_filter *filter)
{
    uint64_t oldest, start;
    if (!kd_lane_span(&lane, &oldest, &start)) {
        return;
    }
    for (;; start -= TRACE_SUBBUF_BYTES) {
        size_t bytes = kd_subbuf_read(&lane, start, subbuf);
        if ((bytes > 0 && !collect_subbuf(filter, bytes)) || start <= oldest) {
            return;
        }
    }
}

static vaddr_t begin(bool previous)
{
    vaddr_t address = kd_region_of(previous, &region);
    heap_count = 0;
    return address;
}

void kd_events_begin(bool previous)
{
    (void)begin(previous);
}

unsigned kd_events_collect(const struct kd_event_filter *filter, unsigned limit)
{
    vaddr_t address = begin(filter->previous);
    is_forward = filter->is_forward;
    heap_limit = MIN(limit, KD_EVENTS_MAX);
    kd_event_prepare(filter);
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
static bool read_record(const struct kd_event_place *found,
                        uint64_t record[1 + TRACE_WORDS_MAX + 1], unsigned *out_words)
{
    if (kd_read_kernel(found->record, record, 8) != OK) {
        return false;
    }
    *out_words = TRACE_WORDS(record[0]);
    return kd_read_kernel(found->record, record, 8 * (1 + *out_words)) == OK;
}

/* The heap is sorted newest first, or oldest; people read oldest first. */
static const struct kd_event_place *found_at(unsigned i)
{
    return &heap[is_forward ? i : heap_count - 1 - i];
}

/* How long after this time. */
static void print_difference(tsc_t tsc, tsc_t reference)
{
    bool before = tsc < reference;
    uint64_t ticks = before ? reference - tsc : tsc - reference;
    unsigned long long ns = region.tsc_khz == 0 ? ticks : ticks * 1000000 / region.tsc_khz;
    kd_print("%c%9llu.%03llu us ", before ? '-' : '+', ns / 1000, ns % 1000);
}

static void print_when(unsigned i, const struct kd_event_filter *filter)
{
    tsc_t tsc = found_at(i)->tsc;
    if (filter->with_reference) {
        print_difference(tsc, filter->reference);
    }
    if (filter->with_delta) {
        print_difference(tsc, i == 0 ? tsc : found_at(i - 1)->tsc);
    }
    if (!filter->with_reference && !filter->with_delta) {
        print_time(tsc);
    }
}

static void print_event(const struct kd_event_place *place, const uint64_t *record, unsigned words)
{
    if (place->kind == TRACE_LANE_META) {
        kd_print("meta       ");
    } else {
        kd_print("cpu%-2u %5u%c", place->cpu, place->current,
                 place->kind == TRACE_LANE_NMI ? '!' : ' ');
    }
    kd_print(" ");
    kd_event_print(record, words);
    char letter = kd_trace_mark_of(region.boot_id, place);
    if (letter != '\0') {
        kd_print("  <- mark %c", letter);
    }
    kd_print("\n");
}

void kd_events_show(unsigned i, const struct kd_event_filter *filter)
{
    const struct kd_event_place *place = found_at(i);
    uint64_t record[1 + TRACE_WORDS_MAX + 1];
    unsigned words;
    if (!read_record(place, record, &words)) {
        kd_print("(gone)\n");
        return;
    }
    print_when(i, filter);
    print_event(place, record, words);
}

const struct kd_event_place *kd_event_place(unsigned i)
{
    return found_at(i);
}

void kd_event_show_place(const struct kd_event_place *place)
{
    uint64_t record[1 + TRACE_WORDS_MAX + 1];
    unsigned words;
    print_time(place->tsc);
    if (!read_record(place, record, &words) ||
        TRACE_TIME(record[0]) != (place->tsc & ((1ull << TRACE_TIME_BITS) - 1))) {
        kd_print("(gone)  <- mark %c\n", kd_trace_mark_of(region.boot_id, place));
        return;
    }
    print_event(place, record, words);
}

void kd_events_show_log(unsigned i)
{
    const struct kd_event_place *found = found_at(i);
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
