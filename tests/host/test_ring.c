/* SPDX-License-Identifier: MIT */
/* The recorder as the kernel runs it, read back by a reader of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "base/build_id.h"
#include "base/hooks.h"
#include "arch/text_patch.h"
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "kernel/abi/handoff.h"
#include "kernel/abi/trace.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

#define REGION_BYTES 0x1000000u

static struct handoff handoff;
static void *memory;
static struct text_patch_wanted patched;
static unsigned patch_count;

status_t text_patch_sites(const struct text_patch_wanted *wanted)
{
    patched = *wanted;
    patch_count++;
    return OK;
}

void kdebug_trigger(const char *event)
{
    (void)event;
}

uint64_t kernel_id(void)
{
    return 0x1d1d;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    memory = aligned_alloc(0x1000, REGION_BYTES);
    memset(memory, 0xa5, REGION_BYTES); /* the rings of an earlier boot must not matter */
    handoff.trace_base = virt_to_phys(memory);
    handoff.trace_bytes = REGION_BYTES;
    handoff.boot_id = 0x1234;
    trace_init(&handoff);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

/* A record of the test's own, with a number in its one payload word. */
static bool emit(struct trace_lane *lane, uint64_t number, unsigned words)
{
    uint64_t *record = trace_reserve(lane, 8 * (1 + words));
    if (record == NULL) {
        return false;
    }
    for (unsigned i = 1; i <= words; i++) {
        record[i] = number;
    }
    trace_commit(lane, record, 8 * (1 + words),
                 TRACE_EVENT_USER_MARK | (uint64_t)words << TRACE_WORDS_SHIFT);
    return true;
}

struct walk {
    uint64_t records, subbufs, first_number, last_number, lost_between;
};

/* Read everything that is intact in a lane, as layout.h says a reader may. */
static struct walk walk_lane(const struct trace_lane *lane)
{
    struct walk walk = {0};
    uint64_t ring = lane->mask + 1, end = lane->position;
    uint64_t start = lane->kind == TRACE_LANE_META ? 0 : trace_oldest_intact(end, ring);
    if (lane->kind == TRACE_LANE_NORMAL) {
        start = trace_oldest_in(&trace_region_get()->lane[1 + 2 * lane->cpu], end);
    }
    uint64_t expected_event = 0, time = 0;
    for (; start < end; start += TRACE_SUBBUF_BYTES) {
        const struct trace_subbuf *head = (const void *)(lane->base + (start & lane->mask));
        assert_int_equal(head->magic, TRACE_SUBBUF_MAGIC);
        assert_int_equal(head->position, start);
        assert_int_equal(head->boot_id, 0x1234);
        if (walk.subbufs++ > 0) {
            assert_int_equal(head->first_event, expected_event);
        } else {
            walk.lost_between = head->first_event;
        }
        expected_event = head->first_event;
        uint64_t at = start + sizeof(*head);
        uint64_t stop = end < start + TRACE_SUBBUF_BYTES ? end : start + TRACE_SUBBUF_BYTES;
        time = head->tsc & ((1ull << TRACE_TIME_BITS) - 1);
        while (at < stop) {
            const uint64_t *record = (const void *)(lane->base + (at & lane->mask));
            assert_true(TRACE_TIME(record[0]) >= time);
            time = TRACE_TIME(record[0]);
            if (TRACE_EVENT(record[0]) != TRACE_EVENT_TRACE_PAD) {
                assert_int_equal(TRACE_EVENT(record[0]), TRACE_EVENT_USER_MARK);
                if (walk.records++ == 0) {
                    walk.first_number = record[1];
                } else {
                    assert_int_equal(record[1], walk.last_number + 1);
                }
                walk.last_number = record[1];
                expected_event++;
            }
            at += 8 * (1 + TRACE_WORDS(record[0]));
        }
        assert_int_equal(at, stop);
    }
    if (walk.subbufs == 0) {
        walk.lost_between = expected_event = lane->events; /* made anew, and nothing since */
    }
    assert_int_equal(expected_event, lane->events);
    return walk;
}

static void every_record_until_the_ring_is_full(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(emit(lane, i, 1 + i % TRACE_WORDS_MAX));
    }
    struct walk walk = walk_lane(lane);
    assert_int_equal(walk.records, 5000);
    assert_int_equal(walk.first_number, 0);
    assert_int_equal(walk.lost_between, 0);
}

static void overwriting_keeps_the_newest_and_counts_exactly(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    uint64_t total = 3 * (lane->mask + 1) / 24;
    for (uint64_t i = 0; i < total; i++) {
        assert_true(emit(lane, i, 1 + i % 3));
    }
    struct walk walk = walk_lane(lane);
    assert_int_equal(walk.last_number, total - 1);
    assert_int_equal(walk.first_number, walk.lost_between);
    assert_int_equal(walk.records + walk.lost_between, total);
    assert_true(walk.records * 24 > (lane->mask + 1) * 9 / 10);
}

/* L4: what the header of the sub-buffer being written says about a consumer. */
static unsigned unread_of(const struct trace_lane *lane)
{
    uint64_t start = (lane->position - 1) / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
    return ((const struct trace_subbuf *)(lane->base + (start & lane->mask)))->unread;
}

static void fill_subbuffer(struct trace_lane *lane)
{
    for (uint64_t begin = lane->limit; lane->limit == begin;) {
        assert_true(emit(lane, 0, 3));
    }
}

static void a_subbuffer_tells_how_far_the_consumer_is_behind(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    const unsigned normal = 1;
    emit(lane, 0, 1);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 0); /* nobody consumes */
    assert_int_equal(trace_consumed(normal, 0), OK);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 1 + 2);
    assert_int_equal(trace_consumed(normal, 2 * TRACE_SUBBUF_BYTES), OK);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 1 + 1);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 1 + 2);
    for (uint64_t i = 0; i <= lane->mask / TRACE_SUBBUF_BYTES; i++) {
        fill_subbuffer(lane); /* behind by more than the ring: it has lost some */
    }
    assert_int_equal(unread_of(lane), 1 + 2 + (lane->mask + 1) / TRACE_SUBBUF_BYTES);
    assert_int_equal(trace_consumed(normal, TRACE_CONSUMED_POSITION), OK);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 0);
}

static void nonsense_of_a_consumer_is_refused(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    emit(lane, 0, 1);
    assert_int_equal(trace_consumed(1, 8), ERR_BAD_ARGUMENT);
    assert_int_equal(trace_consumed(1, TRACE_SUBBUF_BYTES), ERR_BAD_ARGUMENT);
    assert_int_equal(trace_consumed(trace_region_get()->lane_count, 0), ERR_BAD_ARGUMENT);
    fill_subbuffer(lane);
    assert_int_equal(unread_of(lane), 0);
}

/* Write until so many words are left of the sub-buffer: fewer than there are now. */
static void leave(struct trace_lane *lane, uint64_t *number, uint64_t words)
{
    for (;;) {
        uint64_t more = (lane->limit - lane->position) / 8 - words;
        if (more == 0) {
            return;
        }
        assert_true(emit(lane, (*number)++, more == 3 ? 2 : 1));
    }
}

static void longest_record_at_every_offset_of_a_subbuffer(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    const uint64_t longest = 1 + TRACE_WORDS_MAX;
    uint64_t number = 0;
    assert_true(emit(lane, number++, 1));
    for (uint64_t left = 0; left <= longest + 2; left++) {
        leave(lane, &number, left);
        uint64_t limit = lane->limit;
        assert_true(emit(lane, number++, TRACE_WORDS_MAX));
        assert_int_equal(lane->limit, left < longest ? limit + TRACE_SUBBUF_BYTES : limit);
        leave(lane, &number, 0);
        assert_true(emit(lane, number++, TRACE_WORDS_MAX)); /* far from the end */
    }
    assert_int_equal(walk_lane(lane).records, number);
}

/* Every length meets every offset from the end of a sub-buffer. */
static void short_records_by_the_short_way(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    const uint64_t mark = TRACE_EVENT_USER_MARK;
    uint64_t total = 3 * (lane->mask + 1) / 24;
    uint32_t random = 1;
    for (uint64_t i = 0; i < total; i++) {
        random = random * 1664525u + 1013904223u;
        unsigned words = 1 + random / 0x10000u % 3;
        switch (words) {
        case 1:
            trace_write_1(lane, mark | 1ull << TRACE_WORDS_SHIFT, i);
            break;
        case 2:
            trace_write_2(lane, mark | 2ull << TRACE_WORDS_SHIFT, i, ~i);
            break;
        default:
            trace_write_3(lane, mark | 3ull << TRACE_WORDS_SHIFT, i, ~i, 0);
        }
        uint64_t begin = lane->position - 8 * (1 + words);
        const uint64_t *last = (const void *)(lane->base + (begin & lane->mask));
        assert_int_equal(TRACE_WORDS(last[0]), words);
        assert_int_equal(last[1], i);
        assert_true(words < 2 || last[2] == ~i);
        assert_true(words < 3 || last[3] == 0);
    }
    struct walk walk = walk_lane(lane);
    assert_int_equal(walk.last_number, total - 1);
    assert_int_equal(walk.records + walk.lost_between, total);
}

static void a_header_alone_is_a_record(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    for (unsigned i = 0; i < 3 * TRACE_SUBBUF_BYTES / 8; i++) {
        trace_write_0(lane, TRACE_EVENT_IRQ_EXIT);
    }
    assert_int_equal(lane->events, 3 * TRACE_SUBBUF_BYTES / 8);
    uint64_t heads = lane->position / TRACE_SUBBUF_BYTES + 1;
    assert_int_equal(lane->position - heads * sizeof(struct trace_subbuf), 8 * lane->events);
}

static void short_records_respect_lanes_that_take_nothing(void **state)
{
    (void)state;
    struct trace_lane *exempt = trace_lane_exempt();
    trace_write_3(exempt, 3ull << TRACE_WORDS_SHIFT, 1, 2, 3);
    trace_write_0(exempt, 0);
    assert_int_equal(exempt->events + exempt->position, 0);
    trace_write_1(trace_lane_nested(0), 1ull << TRACE_WORDS_SHIFT, 1);
    assert_int_equal(cpus[0].lane_nmi->lost[TRACE_LOST_NESTED], 1);
    assert_int_equal(cpus[0].lane_nmi->events, 0);
}

static void subbuffer_header_names_who_runs(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    cpus[0].current_tid = 77;
    emit(lane, 0, 1);
    const struct trace_subbuf *head = (const void *)lane->base;
    assert_int_equal(head->current, 77);
    assert_int_equal(head->kind, TRACE_LANE_NORMAL);
}

static void finished_subbuffers_leave_a_note(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    uint64_t before = cpus[0].trace_finished;
    cpus[0].work = 0;
    emit(lane, 0, 1);
    assert_int_equal(cpus[0].trace_finished, before);
    for (unsigned i = 1; i <= TRACE_SUBBUF_BYTES / 16; i++) {
        emit(lane, i, 1);
    }
    assert_int_equal(cpus[0].trace_finished, before + 1);
    assert_int_equal(cpus[0].work, CPU_WORK_TRACE | CPU_WORK_TRIGGER);
}

static void exempt_lane_takes_nothing_and_counts_nothing(void **state)
{
    (void)state;
    struct trace_lane *exempt = trace_lane_exempt();
    assert_false(emit(exempt, 1, 1));
    assert_int_equal(exempt->events, 0);
    const struct trace_lane *lane[] = {exempt, cpus[0].lane_normal, cpus[0].lane_nmi};
    for (unsigned i = 0; i < ARRAY_COUNT(lane); i++) {
        assert_int_equal(lane[i]->lost[TRACE_LOST_FULL] + lane[i]->lost[TRACE_LOST_NESTED], 0);
    }
}

static void nested_emitter_counts_on_the_nmi_lane(void **state)
{
    (void)state;
    assert_false(emit(trace_lane_nested(0), 1, 1));
    assert_false(emit(trace_lane_nested(0), 2, 3));
    assert_int_equal(cpus[0].lane_nmi->lost[TRACE_LOST_NESTED], 2);
    assert_int_equal(cpus[0].lane_nmi->events, 0);
}

static const uint64_t *last_record(const struct trace_lane *lane, unsigned words)
{
    return (const uint64_t *)(lane->base + ((lane->position - 8 * (1 + words)) & lane->mask));
}

static void expect_told(const uint64_t *record, uint64_t count, uint64_t first, uint64_t last)
{
    assert_int_equal(TRACE_EVENT(record[0]), TRACE_EVENT_TRACE_LOST);
    assert_int_equal(TRACE_WORDS(record[0]), 3);
    assert_int_equal(TRACE_SMALL(record[0]), TRACE_LOST_NESTED);
    assert_int_equal(record[1], count);
    assert_in_range(record[2], first, last);
    assert_in_range(record[3], record[2], last);
    assert_true(record[3] > record[2] || count == 1);
}

static void a_loss_is_told_in_place(void **state)
{
    (void)state;
    struct trace_lane *lane = cpus[0].lane_nmi;
    emit(lane, 1, 1);
    trace_tell_losses(lane);
    assert_int_equal(lane->events, 1); /* nothing to tell */
    uint64_t lost = 0;
    for (unsigned round = 1; round < 2000; round++) { /* sub-buffers end in between */
        uint64_t before = cpu_tsc();
        for (unsigned i = 0; i < round % 5 + 1; i++, lost++) {
            emit(trace_lane_nested(0), 1, 2);
        }
        uint64_t after = cpu_tsc();
        trace_tell_losses(lane);
        expect_told(last_record(lane, 3), round % 5 + 1, before, after);
        trace_tell_losses(lane);
        emit(lane, 1, 1);
        assert_int_equal(lane->events, 1 + 2 * round);
    }
    assert_int_equal(lane->lost[TRACE_LOST_NESTED], lost);
}

static void losses_of_the_meta_lane_are_told_before_the_next_record(void **state)
{
    (void)state;
    struct trace_region *region = trace_region_get();
    struct trace_lane *meta = (void *)((char *)region + region->lane[0].control_offset);
    uint64_t word = 7, before = cpu_tsc(), events = meta->events;
    meta->lost[TRACE_LOST_NESTED] = meta->untold = 3; /* kdebug, while another core held the lock */
    meta->lost_first_tsc = before;
    meta->lost_last_tsc = cpu_tsc();
    trace_meta_write(TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT, &word, 1);
    assert_int_equal(meta->events, events + 2);
    expect_told(last_record(meta, 1 + 4), 3, before, cpu_tsc());
    trace_meta_write(TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT, &word, 1);
    assert_int_equal(meta->events, events + 3);
}

static void a_full_lane_says_since_when(const struct trace_lane *lane, uint64_t before)
{
    assert_in_range(lane->lost_first_tsc, before, lane->lost_last_tsc);
    assert_in_range(lane->lost_last_tsc, lane->lost_first_tsc + 1, cpu_tsc());
}

static void a_lane_may_keep_its_oldest(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    for (uint64_t bytes = 2 * TRACE_SUBBUF_BYTES; bytes <= 0x40000; bytes *= 2) {
        assert_int_equal(trace_rings_lay(bytes, true), OK);
        uint64_t before = lane->events, lost = lane->lost[TRACE_LOST_FULL], tried = 0, written = 0;
        uint64_t now = cpu_tsc();
        for (; tried < bytes / 16 + 100; tried++) {
            written += emit(lane, tried, 1 + tried % 3);
        }
        struct walk walk = walk_lane(lane);
        assert_int_equal(walk.lost_between, before); /* from the first one on */
        assert_int_equal(walk.first_number, 0);
        assert_int_equal(walk.records, written); /* without a gap */
        assert_int_equal(lane->events - before, written);
        assert_int_equal(lane->lost[TRACE_LOST_FULL] - lost, tried - written);
        assert_true(written > 0 && written < tried);
        assert_in_range(lane->lost_last_tsc, now, cpu_tsc());
        assert_false(emit(lane, 1, TRACE_WORDS_MAX)); /* and for ever */
    }
    uint64_t full = lane->lost[TRACE_LOST_FULL];
    assert_int_equal(trace_rings_lay(0, false), OK);
    for (uint64_t i = 0; i < 5 * (lane->mask + 1) / 16; i++) {
        assert_true(emit(lane, i, 1));
    }
    assert_int_equal(lane->lost[TRACE_LOST_FULL], full);
}

static const struct trace_lane_place *place_of(const struct trace_lane *lane)
{
    return &trace_region_get()->lane[1 + 2 * lane->cpu];
}

static void write_and_look(struct trace_lane *lane, unsigned count)
{
    uint64_t events = lane->events;
    for (unsigned i = 0; i < count; i++) {
        assert_true(emit(lane, i, 1 + count % 4));
    }
    struct walk walk = walk_lane(lane);
    assert_int_equal(walk.records + walk.lost_between, lane->events);
    bool has_gone_round = lane->position - place_of(lane)->first > lane->mask - TRACE_SUBBUF_BYTES;
    assert_true(has_gone_round || walk.records == lane->events - events);
}

static void rings_are_made_anew(void **state)
{
    (void)state;
    trace_set_cpus(3);
    uint64_t first = place_of(cpus[0].lane_normal)->ring_offset, bytes = 0;
    for (unsigned round = 0; round < 200; round++) {
        assert_int_equal(trace_rings_lay(bytes, false), OK);
        for (unsigned cpu = 0; cpu < 3; cpu++) { /* one behind the other, before the NMI lanes' */
            const struct trace_lane_place *place = place_of(cpus[cpu].lane_normal);
            assert_int_equal(place->ring_offset, first + cpu * trace_rings_bytes());
            assert_true(place->ring_offset + place->ring_bytes <=
                        trace_region_get()->lane[6].ring_offset);
            write_and_look(cpus[cpu].lane_normal, round * 97 % 5000 * (cpu + 1));
        }
        bytes = 2 * TRACE_SUBBUF_BYTES << round * 7 % 5;
    }
    uint64_t position = cpus[1].lane_normal->position;
    assert_int_equal(trace_rings_lay(REGION_BYTES, false), ERR_NO_MEMORY);
    assert_int_equal(trace_rings_lay(TRACE_SUBBUF_BYTES, false), ERR_BAD_ARGUMENT);
    assert_int_equal(trace_rings_lay(3 * TRACE_SUBBUF_BYTES, false), ERR_BAD_ARGUMENT);
    assert_int_equal(cpus[1].lane_normal->position, position);
}

/* What trace_size gives is used, and what was recorded before the cores were counted stays. */
static void all_of_the_memory_is_used(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_true(emit(trace_lane(), i, 1));
    }
    trace_set_cpus(1);
    assert_true(trace_rings_bytes() >= REGION_BYTES / 4);
    assert_int_equal(walk_lane(trace_lane()).records, 1000);
}

static void meta_lane_keeps_the_oldest_and_counts_the_rest(void **state)
{
    (void)state;
    struct trace_region *region = trace_region_get();
    struct trace_lane *meta = (void *)((char *)region + region->lane[0].control_offset);
    uint64_t words[2] = {0, 0};
    uint64_t tried = (meta->mask + 1) / 24 + 1000, before = cpu_tsc();
    for (uint64_t i = 0; i < tried; i++) {
        words[0] = i;
        trace_meta_write(TRACE_EVENT_USER_MARK | 2ull << TRACE_WORDS_SHIFT, words, 2);
    }
    assert_true(meta->lost[TRACE_LOST_FULL] > 0);
    assert_int_equal(meta->events + meta->lost[TRACE_LOST_FULL], tried);
    a_full_lane_says_since_when(meta, before);
    assert_true(meta->position <= meta->mask + 1);
    struct walk walk = walk_lane(meta);
    assert_int_equal(walk.first_number, 0);
    assert_int_equal(walk.records, meta->events);
}

static void other_cores_share_what_is_left(void **state)
{
    (void)state;
    trace_set_cpus(4);
    struct trace_region *region = trace_region_get();
    assert_int_equal(region->lane_count, 9);
    for (unsigned i = 0; i < region->lane_count; i++) {
        assert_true(region->lane[i].ring_bytes >= 2 * TRACE_SUBBUF_BYTES);
        assert_true(region->lane[i].ring_offset + region->lane[i].ring_bytes <= REGION_BYTES);
        for (unsigned j = 0; j < i; j++) {
            assert_true(region->lane[i].ring_offset >=
                            region->lane[j].ring_offset + region->lane[j].ring_bytes ||
                        region->lane[j].ring_offset >=
                            region->lane[i].ring_offset + region->lane[i].ring_bytes);
        }
    }
}

static bool is_on(unsigned event)
{
    return patched.on[event / 64] >> event % 64 & 1;
}

static void categories_become_a_map_of_events(void **state)
{
    (void)state;
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_SCHED), OK);
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        bool on = is_on(id);
        bool wanted =
            info != NULL && (1ull << info->category &
                             (TRACE_CATEGORY_SCHED | TRACE_CATEGORY_TRACE | TRACE_CATEGORY_LIFE));
        assert_int_equal(on, wanted);
    }
    assert_int_equal(trace_region_get()->categories, trace_categories());
}

static void events_are_switched_in_one_batch(void **state)
{
    (void)state;
    struct trace_event_change change = {{{0}}, {{0}}};
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_IRQ), OK);
    trace_event_set_put(&change.off, TRACE_EVENT_IRQ_EXIT, true);
    trace_event_set_put(&change.off, TRACE_EVENT_IRQ_IPI, true);
    trace_event_set_put(&change.off, TRACE_EVENT_TRACE_SWITCHED, true); /* stays on all the same */
    trace_event_set_put(&change.on, TRACE_EVENT_IRQ_IPI, true);         /* on wins */
    trace_event_set_put(&change.on, TRACE_EVENT_USER_MARK, true);
    unsigned batches = patch_count;
    assert_int_equal(trace_events_change(&change), OK);
    assert_int_equal(patch_count, batches + 1);
    assert_true(is_on(TRACE_EVENT_IRQ_ENTER) && is_on(TRACE_EVENT_IRQ_IPI));
    assert_true(is_on(TRACE_EVENT_USER_MARK) && is_on(TRACE_EVENT_TRACE_SWITCHED));
    assert_false(is_on(TRACE_EVENT_IRQ_EXIT) || is_on(TRACE_EVENT_SCHED_THREAD_SWITCH));
    assert_memory_equal(&trace_events_on, patched.on, sizeof(trace_events_on));
    trace_event_set_put(&change.on, TRACE_EVENTS_MAX - 1, true);
    assert_int_equal(trace_events_change(&change), ERR_BAD_ARGUMENT);
    assert_int_equal(patch_count, batches + 1);
}

/* The newest record of the meta lane says which categories are complete: extra events may be missing. */
static void complete_is_a_category_without_its_extra_events(void **state)
{
    (void)state;
    struct trace_event_change change = {{{0}}, {{0}}};
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_SCHED | TRACE_CATEGORY_IRQ), OK);
    trace_event_set_put(&change.off, TRACE_EVENT_SCHED_QUEUE_DEPTH, true);
    trace_event_set_put(&change.off, TRACE_EVENT_IRQ_EXIT, true);
    assert_int_equal(trace_events_change(&change), OK);
    const struct trace_lane *meta = (const void *)((const char *)trace_region_get() +
                                                   trace_region_get()->lane[0].control_offset);
    const uint64_t *record = (const uint64_t *)(meta->window + meta->position) - 2;
    assert_int_equal(TRACE_EVENT(record[0]), TRACE_EVENT_TRACE_SWITCHED);
    assert_int_equal(record[1], TRACE_CATEGORY_SCHED | TRACE_CATEGORY_TRACE | TRACE_CATEGORY_LIFE);
}

static uint64_t header_of(unsigned id)
{
    return TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT | (uint64_t)id << TRACE_SMALL_SHIFT;
}

static bool is_hooked(unsigned event)
{
    return patched.hooked[event / 64] >> event % 64 & 1;
}

static void a_filter_decides_before_anything_is_written(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT_USER_MARK);
    unsigned value = 0;
    while (strcmp(info->field[value].name, "value") != 0) {
        value++;
    }
    const struct trace_condition odd = {
        .field = (unsigned short)value, .compare = TRACE_COMPARE_BELOW, .value = 10};
    assert_int_equal(trace_hook_set(TRACE_EVENT_USER_MARK, &odd, 1), OK);
    assert_true(is_hooked(TRACE_EVENT_USER_MARK));
    uint64_t words[1 + TRACE_WORDS_MAX] = {0};
    for (uint64_t i = 0; i < 3000; i++) { /* through sub-buffer changes */
        words[info->field[value].word] = i % 20;
        trace_write_3(&trace_hook_lanes[0], TRACE_EVENT_USER_MARK | 3ull << TRACE_WORDS_SHIFT,
                      words[1], words[2], words[3]);
    }
    assert_int_equal(lane->events, 1500);
    assert_int_equal(trace_hooks[0].count[0].passed, 1500);
    assert_int_equal(trace_hooks[0].count[0].refused, 1500);
    cpus[0].lane = trace_lane_exempt();
    trace_write_0(&trace_hook_lanes[0], header_of(0));
    assert_int_equal(trace_hooks[0].count[0].passed + trace_hooks[0].count[0].refused, 3000);
    assert_int_equal(trace_hook_set(TRACE_EVENT_USER_MARK, NULL, 0), OK);
    assert_false(is_hooked(TRACE_EVENT_USER_MARK));
}

static void counted_events_are_not_written(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    const struct trace_condition some = {.compare = TRACE_COMPARE_BELOW, .value = 3};
    const struct trace_grouping grouping = {{0, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    const struct trace_field *field = &trace_event_info(TRACE_EVENT_USER_MARK)->field[0];
    const struct trace_table *table = &trace_aggregations[0].table[0];
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_USER_MARK, &some, 1, &grouping), OK);
    uint64_t words[1 + TRACE_WORDS_MAX] = {0}, events = lane->events;
    for (uint64_t i = 0; i < 1000; i++) {
        words[0] = TRACE_EVENT_USER_MARK | 3ull << TRACE_WORDS_SHIFT;
        words[1] = 0;
        words[field->word] |= i % 5 << field->shift;
        trace_write_3(&trace_hook_lanes[0], words[0], words[1], words[2], words[3]);
    }
    assert_int_equal(lane->events, events);
    assert_int_equal(trace_hooks[0].count[0].passed, 600);
    for (uint64_t key = 0; key < 3; key++) {
        assert_int_equal(trace_row_find((struct trace_row *)table->row, key)->count, 200);
    }
    lane->kind = TRACE_LANE_NMI; /* not the table's writer */
    trace_write_3(&trace_hook_lanes[0], TRACE_EVENT_USER_MARK | 3ull << TRACE_WORDS_SHIFT, 0, 0, 0);
    lane->kind = TRACE_LANE_NORMAL;
    assert_int_equal(table->left_out, 1);
    assert_int_equal(trace_hook_set(TRACE_EVENT_USER_MARK, NULL, 0), OK);
    assert_false(trace_aggregations[0].is_used);
}

static void there_are_so_many_tables(void **state)
{
    (void)state;
    const struct trace_grouping all = {{TRACE_NO_FIELD, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    const struct trace_grouping bad = {{99, TRACE_NO_FIELD}, TRACE_NO_FIELD};
    const struct trace_condition any = {.compare = TRACE_COMPARE_AT_LEAST, .value = 0};
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_IRQ_ENTER, NULL, 0, &all), OK);
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_IRQ_EXIT, NULL, 0, &all), OK);
    assert_int_equal(trace_hook_set(TRACE_EVENT_USER_MARK, &any, 1), OK);
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_USER_MARK, NULL, 0, &all), ERR_NO_MEMORY);
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_USER_MARK, NULL, 0, &bad), ERR_BAD_ARGUMENT);
    assert_true(is_hooked(TRACE_EVENT_USER_MARK)); /* the filter that it had */
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_IRQ_EXIT, NULL, 0, &all), OK); /* anew */
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0), OK);
    assert_int_equal(trace_hook_aggregate(TRACE_EVENT_USER_MARK, NULL, 0, &all), OK);
    assert_int_equal(trace_hook_set(TRACE_EVENT_USER_MARK, NULL, 0), OK);
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_EXIT, NULL, 0), OK);
}

static void filters_are_given_and_taken(void **state)
{
    (void)state;
    const struct trace_condition any = {.compare = TRACE_COMPARE_AT_LEAST, .value = 0};
    const struct trace_condition bad = {.compare = 77};
    unsigned set[TRACE_HOOKS_MAX + 1], count = 0;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT && count <= TRACE_HOOKS_MAX; id++) {
        const struct trace_event_info *info = trace_event_info(id);
        if (info != NULL && !(info->flags & (TRACE_INFO_META | TRACE_INFO_STRING)) &&
            info->fields > 0 && info->field[0].kind != TRACE_KIND_STATUS) {
            set[count++] = id;
        }
    }
    assert_int_equal(count, TRACE_HOOKS_MAX + 1);
    for (unsigned i = 0; i < TRACE_HOOKS_MAX; i++) {
        assert_int_equal(trace_hook_set(set[i], &any, 1), OK);
    }
    assert_int_equal(trace_hook_set(set[TRACE_HOOKS_MAX], &any, 1), ERR_NO_MEMORY);
    assert_false(is_hooked(set[TRACE_HOOKS_MAX]));
    assert_int_equal(trace_hook_set(set[3], &any, 1), OK); /* again */
    assert_int_equal(trace_hook_set(set[3], &bad, 1), ERR_BAD_ARGUMENT);
    assert_true(is_hooked(set[3]));
    assert_int_equal(trace_hook_set(set[3], NULL, 0), OK);
    assert_int_equal(trace_hook_set(set[3], NULL, 0), OK);
    assert_false(is_hooked(set[3]));
    assert_int_equal(trace_hook_set(set[TRACE_HOOKS_MAX], &any, 1), OK);
    for (unsigned i = 0; i <= TRACE_HOOKS_MAX; i++) {
        assert_int_equal(trace_hook_set(set[i], NULL, 0), OK);
        assert_false(is_hooked(set[i]));
    }
}

static void without_a_region_events_go_nowhere(void **state)
{
    (void)state;
    handoff.trace_bytes = 0;
    support_begin(0);
    trace_init(&handoff);
    assert_false(emit(cpus[3].lane, 1, 1));
    assert_false(emit(trace_lane(), 1, 1));
}

/*
 * A reader whose look at the position falls between the next header and the position that commits it: the moment is made by
 * looking before a record that begins a sub-buffer and reading after it.
 */
static void what_a_reader_may_believe_is_not_being_overwritten(void **state)
{
    (void)state;
    struct trace_lane *lane = trace_lane();
    uint64_t ring = lane->mask + 1;
    for (uint64_t i = 0; lane->position < 3 * ring; i++) {
        uint64_t seen = lane->position, limit = lane->limit;
        assert_true(emit(lane, i, 1 + i % 3));
        if (seen < ring || lane->limit == limit) {
            continue;
        }
        for (uint64_t s = trace_oldest_intact(seen, ring); s < seen; s += TRACE_SUBBUF_BYTES) {
            const struct trace_subbuf *head = (const void *)(lane->base + (s & lane->mask));
            assert_int_equal(head->position, s);
        }
    }
}

static void the_oldest_sub_buffer_by_position(void **state)
{
    (void)state;
    const uint64_t ring = 4 * TRACE_SUBBUF_BYTES, one = TRACE_SUBBUF_BYTES;
    assert_int_equal(trace_oldest_intact(0, ring), 0);
    assert_int_equal(trace_oldest_intact(2 * one + 80, ring), 0); /* the next header is at 3 */
    assert_int_equal(trace_oldest_intact(3 * one, ring), 0);
    assert_int_equal(trace_oldest_intact(3 * one + 80, ring),
                     one); /* the next header is at 4, over 0 */
    assert_int_equal(trace_oldest_intact(4 * one, ring), one);
    assert_int_equal(trace_oldest_intact(9 * one + 80, ring), 7 * one);
}

/* The records of a lane with the time that a reader makes of headers and sync records. */
static uint64_t last_time(const struct trace_lane *lane)
{
    const uint64_t *record = (const void *)(lane->base + sizeof(struct trace_subbuf));
    uint64_t time = ((const struct trace_subbuf *)lane->base)->tsc;
    while (record < (const uint64_t *)(lane->base + lane->position)) {
        time += (TRACE_TIME(record[0]) - time) & ((1ull << TRACE_TIME_BITS) - 1);
        if (TRACE_EVENT(record[0]) == TRACE_EVENT_TRACE_SYNC) {
            time = record[1];
        }
        record += 1 + TRACE_WORDS(record[0]);
    }
    return time;
}

/* As if the lane had been begun, and last been written, more than the 42 bits of a record's time ago. */
static void age(struct trace_lane *lane, uint64_t ticks)
{
    ((struct trace_subbuf *)lane->base)->tsc -= ticks;
    lane->last_tsc -= ticks;
}

static void silent_lanes_tell_the_time_again(void **state)
{
    (void)state;
    struct trace_region *region = trace_region_get();
    struct trace_lane *meta = (void *)((char *)region + region->lane[0].control_offset);
    struct trace_lane *nmi = cpus[0].lane_nmi;
    const uint64_t words[1] = {7}, silence = 3ull << TRACE_TIME_BITS;

    trace_meta_write(TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT, words, 1);
    age(meta, silence);
    uint64_t before = cpu_tsc();
    trace_meta_write(TRACE_EVENT_USER_MARK | 1ull << TRACE_WORDS_SHIFT, words, 1);
    assert_true(last_time(meta) >= before && last_time(meta) <= cpu_tsc());
    assert_int_equal(meta->events, 3);

    trace_keep_time(nmi);
    assert_true(emit(nmi, 1, 1));
    age(nmi, 1ull << (TRACE_TIME_BITS - 1)); /* as long as it may just not be */
    before = cpu_tsc();
    trace_keep_time(nmi);
    assert_true(emit(nmi, 2, 1));
    assert_true(last_time(nmi) >= before && last_time(nmi) <= cpu_tsc());
    trace_keep_time(nmi);
    assert_int_equal(nmi->events, 3); /* once is enough */
}

static void the_region_names_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(trace_region_get()->kernel_id, 0x1d1d);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_record_until_the_ring_is_full),
        TEST(overwriting_keeps_the_newest_and_counts_exactly),
        TEST(a_subbuffer_tells_how_far_the_consumer_is_behind),
        TEST(nonsense_of_a_consumer_is_refused),
        TEST(longest_record_at_every_offset_of_a_subbuffer),
        TEST(short_records_by_the_short_way),
        TEST(a_header_alone_is_a_record),
        TEST(short_records_respect_lanes_that_take_nothing),
        TEST(subbuffer_header_names_who_runs),
        TEST(finished_subbuffers_leave_a_note),
        TEST(exempt_lane_takes_nothing_and_counts_nothing),
        TEST(nested_emitter_counts_on_the_nmi_lane),
        TEST(a_loss_is_told_in_place),
        TEST(a_lane_may_keep_its_oldest),
        TEST(rings_are_made_anew),
        TEST(all_of_the_memory_is_used),
        TEST(losses_of_the_meta_lane_are_told_before_the_next_record),
        TEST(meta_lane_keeps_the_oldest_and_counts_the_rest),
        TEST(other_cores_share_what_is_left),
        TEST(categories_become_a_map_of_events),
        TEST(events_are_switched_in_one_batch),
        TEST(complete_is_a_category_without_its_extra_events),
        TEST(a_filter_decides_before_anything_is_written),
        TEST(filters_are_given_and_taken),
        TEST(counted_events_are_not_written),
        TEST(there_are_so_many_tables),
        TEST(what_a_reader_may_believe_is_not_being_overwritten),
        TEST(the_oldest_sub_buffer_by_position),
        TEST(silent_lanes_tell_the_time_again),
        TEST(the_region_names_the_kernel),
        TEST(without_a_region_events_go_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
