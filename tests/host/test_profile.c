/* SPDX-License-Identifier: MIT */
/*
 * The profiler's records and beats, with the recorder as the kernel runs it: every sub-buffer of the NMI lane can be read alone
 * (F2), every beat is a sample or counted, and idle cores are left alone. Stacks and the timer are made up here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/interrupt.h"
#include "arch/mmu.h"
#include "arch/nmi_beat.h"
#include "kdebug/core/kdebug.h"
#include "kernel/abi/handoff.h"
#include "tests/host/kernel_support.h"
#include "trace/profile/profile.h"
#include "trace/profile/stack.h"
#include "trace/ring/ring.h"

#define REGION_BYTES 0x1000000u
#define SAMPLES      20000u
#define KINDS        200u /* of stacks: more than the profiler remembers */
#define FIRST_FRAME  0xffffffff80000000ull
#define FRAME_STEP   0x1000ull /* from one kind of stack to the next */

static struct handoff handoff;
static void *memory;
static struct trap_frame frame;
static struct profile_stack current;
static uint64_t beats;
static unsigned set_rate, sent_to[CPU_MAX];

void kdebug_use_symbols(void)
{
}

status_t nmi_beat_want(enum nmi_beat_user user, unsigned rate)
{
    assert_int_equal(user, NMI_BEAT_PROFILE);
    set_rate = rate;
    return OK;
}

unsigned nmi_beat_wanted(enum nmi_beat_user user)
{
    (void)user;
    return set_rate;
}

uint64_t nmi_beat_take(void)
{
    return beats;
}

tsc_t nmi_beat_ticks(void)
{
    return 1;
}

void ipi_send_nmi(unsigned cpu)
{
    sent_to[cpu]++;
}

void profile_stack_walk(const struct trap_frame *interrupted, struct profile_stack *out)
{
    assert_ptr_equal(interrupted, &frame);
    *out = current;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    memory = aligned_alloc(0x1000, REGION_BYTES);
    handoff.trace_base = virt_to_phys(memory);
    handoff.trace_bytes = REGION_BYTES;
    trace_init(&handoff);
    cpus[0].lane = cpus[0].lane_nmi; /* as the entry of an NMI does */
    cpus[0].current_tid = 7;
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_PROFILE), OK);
    assert_int_equal(profile_set_rate(1000), OK);
    memset(sent_to, 0, sizeof(sent_to));
    beats = 1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        cpus[cpu].current_tid = 0;
    }
    assert_int_equal(profile_set_rate(0), OK);
    free(memory);
    return 0;
}

/* A stack of its own for each number. */
static void make_stack(unsigned kind)
{
    current = (struct profile_stack){.kernel = kind % 3, .count = 1 + kind % 20};
    for (unsigned i = 0; i < current.count; i++) {
        current.frame[i] = FIRST_FRAME + kind * FRAME_STEP + i;
    }
}

static const struct trace_lane *lane(void)
{
    return cpus[0].lane_nmi;
}

static const uint64_t *word_at(uint64_t position)
{
    return (const uint64_t *)(lane()->base + (position & lane()->mask));
}

/* ---- Records ------------------------------------------------------------------------------- */

/* By the number that a sub-buffer gives a stack: which stack that is, from 1; 0: it has not told. */
static unsigned told[1u << 16];

static void take_stack(const uint64_t *record)
{
    unsigned kind = (unsigned)((record[2] - FIRST_FRAME) / FRAME_STEP);
    make_stack(kind);
    assert_int_equal(TRACE_WORDS(record[0]), 1 + current.count);
    assert_int_equal(TRACE_SMALL(record[0]), current.kernel);
    assert_memory_equal(&record[2], current.frame, current.count * sizeof(uint64_t));
    told[(uint16_t)record[1]] = kind + 1;
}

/* The thread's number says which stack it had. */
static void take_sample(const uint64_t *record)
{
    unsigned thread = record[1] >> 16 & 0xffffff;
    assert_int_equal(told[(uint16_t)record[1]], thread);
}

static unsigned read_records(uint64_t from, uint64_t to)
{
    unsigned samples = 0;
    for (uint64_t at = from; at < to;) {
        const uint64_t *record = word_at(at);
        if (at % TRACE_SUBBUF_BYTES == 0) {
            memset(told, 0, sizeof(told));
            at += sizeof(struct trace_subbuf);
            continue;
        }
        if (TRACE_EVENT(record[0]) == TRACE_EVENT_PROFILE_STACK) {
            take_stack(record);
        } else if (TRACE_EVENT(record[0]) == TRACE_EVENT_PROFILE_SAMPLE) {
            take_sample(record);
            samples++;
        }
        at += 8 * (1 + TRACE_WORDS(record[0]));
    }
    return samples;
}

static void sample_stack(unsigned kind)
{
    make_stack(kind);
    cpus[0].current_tid = kind + 1;
    assert_true(profile_nmi(&frame));
}

static void each_sub_buffer_tells_its_stacks(void **state)
{
    (void)state;
    uint64_t done = 0;
    unsigned seen = 0;
    srand(1);
    for (unsigned i = 0; i < SAMPLES; i++) {
        sample_stack((unsigned)rand() % (i < SAMPLES / 2 ? 5 : KINDS));
        uint64_t begun = lane()->position / TRACE_SUBBUF_BYTES * TRACE_SUBBUF_BYTES;
        if (begun > done) {
            seen += read_records(done, begun);
            done = begun;
        }
    }
    seen += read_records(done, lane()->position);
    assert_int_equal(seen, SAMPLES);
    assert_true(done > 4 * lane()->mask);
}

/* Two records for the first, one of 16 bytes for each that follows. */
static void a_stack_that_comes_again_is_short(void **state)
{
    (void)state;
    sample_stack(3);
    uint64_t events = lane()->events, position = lane()->position;
    for (unsigned i = 0; i < 10; i++) {
        sample_stack(3);
    }
    assert_int_equal(lane()->events - events, 10);
    assert_int_equal(lane()->position - position, 160);
}

/* ---- Beats --------------------------------------------------------------------------------- */

static unsigned newest_missed(void)
{
    return word_at(lane()->position - 8)[0] >> 40 & 0xffff;
}

static void beats_without_a_sample_are_counted(void **state)
{
    (void)state;
    sample_stack(1);
    assert_int_equal(newest_missed(), 0);
    beats = 5;
    sample_stack(1);
    assert_int_equal(newest_missed(), 4);
    beats = 0x20000;
    sample_stack(1);
    assert_int_equal(newest_missed(), 0xffff);
}

static void who_is_idle_is_left_alone(void **state)
{
    (void)state;
    cpus[2].current_tid = 9;
    sample_stack(1);
    sample_stack(1);
    assert_int_equal(sent_to[2], 2);
    assert_int_equal(sent_to[0] + sent_to[1] + sent_to[3], 0);
    uint64_t events = lane()->events;
    cpus[0].current_tid = 0;
    assert_true(profile_nmi(&frame));
    assert_int_equal(lane()->events, events);
    assert_int_equal(sent_to[2], 3);
}

/* Core 2 was kept from its NMIs: one comes for all three. */
static void beats_are_owed_to_other_cores(void **state)
{
    (void)state;
    support_begin(2);
    (void)profile_nmi(&frame); /* what other tests have left: it is idle */
    support_begin(0);
    cpus[2].current_tid = 9;
    for (unsigned i = 0; i < 3; i++) {
        sample_stack(1);
    }
    support_begin(2);
    cpus[2].lane = cpus[0].lane_nmi; /* there is one core with rings */
    make_stack(8);
    assert_true(profile_nmi(&frame));
    assert_int_equal(newest_missed(), 2);
    support_begin(0);
}

static void another_nmi_is_not_explained(void **state)
{
    (void)state;
    beats = 0;
    uint64_t events = lane()->events;
    assert_false(profile_nmi(&frame));
    assert_int_equal(lane()->events, events);
    assert_int_equal(profile_set_rate(PROFILE_RATE_MAX + 1), ERR_RANGE);
    assert_int_equal(profile_set_rate(1), ERR_RANGE);
}

static void nothing_is_sampled_while_it_is_off(void **state)
{
    (void)state;
    assert_int_equal(trace_categories_set(0), OK);
    uint64_t events = lane()->events;
    assert_true(profile_nmi(&frame));
    assert_int_equal(lane()->events, events);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_sub_buffer_tells_its_stacks),   TEST(a_stack_that_comes_again_is_short),
        TEST(beats_without_a_sample_are_counted), TEST(who_is_idle_is_left_alone),
        TEST(beats_are_owed_to_other_cores),      TEST(another_nmi_is_not_explained),
        TEST(nothing_is_sampled_while_it_is_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
