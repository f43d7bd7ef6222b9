/* SPDX-License-Identifier: MIT */
/*
 * What the interruption sweep checks: each emitter with random values against the decode tables, at
 * each place of a lane; and that each thing that must hold is missed when it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "gen/trace_table.h"
#include "kernel/abi/handoff.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/ring.h"
#include "trace/sweep/emit_any.h"
#include "trace/sweep/lanes.h"

#define REGION_BYTES 0x1000000u
#define ROOM         0x1000u
#define ROUNDS       200u

static struct handoff handoff;
static void *region, *rings;
static struct sweep_run run;

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    region = aligned_alloc(0x1000, REGION_BYTES);
    rings = aligned_alloc(0x1000, 2 * SWEEP_RING_BYTES);
    memset(&run, 0, sizeof(run));
    handoff.trace_base = virt_to_phys(region);
    handoff.trace_bytes = REGION_BYTES;
    trace_init(&handoff);
    srand(1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(region);
    free(rings);
    return 0;
}

static uint64_t random_word(void)
{
    return (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();
}

static void fill(struct sweep_event *event, unsigned id)
{
    memset(event, 0, sizeof(*event));
    event->id = id;
    for (unsigned i = 0; i < SWEEP_FIELDS_MAX; i++) {
        event->value[i] = random_word();
    }
    for (unsigned i = 0; i < SWEEP_TEXT_BYTES; i++) {
        event->text[i] = (char)rand();
    }
}

static void emit(const struct sweep_event *event, struct trace_lane *lane)
{
    trace_emit_any[event->id](lane, event->value, event->text, SWEEP_TEXT_BYTES);
}

/* A run that was interrupted `before` times before the record and `after` times after it. */
static void play(unsigned id, unsigned room, unsigned before, unsigned after)
{
    fill(&run.outer[0], id);
    fill(&run.inner, id);
    run.records = 1;
    sweep_lanes_prepare(&run, rings, 0, room);
    run.before = cpu_tsc();
    for (unsigned i = 0; i < before + after; i++) {
        if (i == before) {
            emit(&run.outer[0], &run.normal);
        }
        struct sweep_catch *catch = &run.at[run.caught++];
        assert_null(sweep_check_seen(&run, &catch->seen));
        assert_int_equal(catch->seen, i >= before);
        catch->tsc = cpu_tsc();
        emit(&run.inner, &run.nmi);
    }
    if (after == 0) {
        emit(&run.outer[0], &run.normal);
    }
    run.after = cpu_tsc();
}

static void test_every_emitter_against_the_tables(void **state)
{
    (void)state;
    unsigned kinds = 0;
    for (unsigned id = 0; id < TRACE_EVENT_COUNT; id++) {
        if (trace_emit_any[id] == NULL) {
            assert_true(trace_event_info(id) == NULL || trace_event_info(id)->category == 10 ||
                        (trace_event_info(id)->flags & TRACE_INFO_META) != 0);
            continue;
        }
        kinds++;
        unsigned bytes = 8 * sweep_record_words(id);
        const unsigned rooms[] = {ROOM, bytes, bytes - 8};
        for (unsigned round = 0; round < ROUNDS; round++) {
            play(id, rooms[round % 3], round % 5, round % 7);
            const char *wrong = sweep_check(&run);
            if (wrong != NULL) {
                fail_msg("%s: %s", trace_event_info(id)->name, wrong);
            }
        }
    }
    assert_true(kinds > 40);
}

static uint64_t *record_of(struct trace_lane *lane, uint64_t position)
{
    return (uint64_t *)(lane->base + position);
}

static void expect(const char *wrong)
{
    const char *found = sweep_check(&run);
    assert_non_null(found);
    assert_string_equal(found, wrong);
}

static void test_what_does_not_hold_is_found(void **state)
{
    (void)state;
    const unsigned id = TRACE_EVENT_IPC_COPY, log = TRACE_EVENT_LOG_LINE;
    play(id, ROOM, 2, 2);
    assert_null(sweep_check(&run));
    record_of(&run.normal, run.start)[0] ^= 1;
    expect("W3: a record of another event");
    play(id, ROOM, 2, 2);
    record_of(&run.normal, run.start)[0] ^= 1u << TRACE_WORDS_SHIFT;
    expect("W3: the length of a record");
    play(id, ROOM, 2, 2);
    record_of(&run.normal, run.start)[2] ^= 1;
    expect("W3: a field of a record");
    play(log, ROOM, 0, 2);
    record_of(&run.normal, run.start)[2] ^= 1;
    expect("W3: the text of a record");
    play(id, ROOM, 2, 2);
    record_of(&run.normal, run.start)[0] += 1ull << 60;
    expect("W4: the time of a record");
    play(id, ROOM, 2, 2);
    run.after = run.before;
    expect("W4: the time of a record");
    play(id, ROOM, 0, 2);
    run.at[0].tsc = run.before;
    expect("W4: a record that was seen is younger than who saw it");
    play(id, ROOM, 2, 2);
    emit(&run.outer[0], &run.normal);
    run.after = cpu_tsc();
    expect("W3: the record is not there once");
    uint64_t *second = record_of(&run.normal, run.normal.position) - sweep_record_words(id);
    second[0] = second[0] << (64 - TRACE_TIME_SHIFT) >> (64 - TRACE_TIME_SHIFT) |
                run.before << TRACE_TIME_SHIFT; /* not before the run, but before the first */
    expect("W4: the time of a record");
    play(id, ROOM, 2, 2);
    run.records = 0;
    expect("W3: the record is not there once");
    play(id, ROOM, 2, 2);
    run.nmi.events++;
    expect("W3: the number of events of the NMI lane");
    play(id, ROOM, 2, 2);
    run.nested++;
    expect("W3: the number of losses");
    play(id, 0, 2, 2);
    ((struct trace_subbuf *)record_of(&run.normal, TRACE_SUBBUF_BYTES))->first_event++;
    expect("W3: first_event of a sub-buffer");
    play(id, 0, 2, 2);
    ((struct trace_subbuf *)record_of(&run.normal, TRACE_SUBBUF_BYTES))->magic = 0;
    expect("W3: the header of a sub-buffer");
    play(id, ROOM, 2, 2);
    run.normal.position -= 8;
    expect("W3: records end behind the position");
}

static void test_a_record_seen_twice_is_found(void **state)
{
    (void)state;
    unsigned seen;
    play(TRACE_EVENT_IRQ_ENTER, ROOM, 1, 1);
    emit(&run.outer[0], &run.normal);
    assert_string_equal(sweep_check_seen(&run, &seen), "W2: a record twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_emitter_against_the_tables, begin, end),
        cmocka_unit_test_setup_teardown(test_what_does_not_hold_is_found, begin, end),
        cmocka_unit_test_setup_teardown(test_a_record_seen_twice_is_found, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
