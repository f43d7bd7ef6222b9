/* SPDX-License-Identifier: MIT */
/* What triggers do, in the emitters and at safe points, as the kernel runs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "arch/text_patch.h"
#include "base/build_id.h"
#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "kernel/abi/handoff.h"
#include "tests/host/kernel_support.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"
#include "trace/ring/trigger.h"

#define REGION_BYTES 0x1000000u
#define VECTOR       0 /* numbers of fields */

static struct handoff handoff;
static void *memory;
static struct text_patch_wanted patched;
static unsigned stops;
static struct trace_hit stopped_by;

status_t text_patch_sites(const struct text_patch_wanted *wanted)
{
    patched = *wanted;
    return OK;
}

uint64_t kernel_id(void)
{
    return 0x1d1d;
}

void kdebug_trigger(const char *event)
{
    assert_string_equal(event, "irq.enter");
    stops++;
    stopped_by = trace_hits[0];
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    memory = aligned_alloc(0x1000, REGION_BYTES);
    handoff.trace_base = virt_to_phys(memory);
    handoff.trace_bytes = REGION_BYTES;
    trace_init(&handoff);
    stops = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(trace_trigger_clear(TRACE_EVENT_IRQ_ENTER), OK);
    assert_int_equal(trace_trigger_clear(TRACE_EVENT_IRQ_EXIT), OK);
    free(memory);
    return 0;
}

static bool is_patched(const uint64_t *map, unsigned event)
{
    return map[event / 64] >> event % 64 & 1;
}

static void irq(unsigned event, unsigned vector)
{
    trace_write_0(&trace_hook_lanes[0], event | (uint64_t)vector << TRACE_SMALL_SHIFT);
}

/* The last records of this context's lane, header words only, without time: at[0] the newest. */
static void newest(uint64_t *at, unsigned count)
{
    const struct trace_lane *lane = trace_lane();
    uint64_t headers[256];
    unsigned found = 0;
    uint64_t position = sizeof(struct trace_subbuf);
    while (position < lane->position) {
        uint64_t header = *(const uint64_t *)(lane->base + position);
        headers[found++] = header & ((1ull << TRACE_TIME_SHIFT) - 1);
        position += 8 * (1 + TRACE_WORDS(header));
    }
    assert_true(found >= count);
    for (unsigned i = 0; i < count; i++) {
        at[i] = headers[found - 1 - i];
    }
}

static struct trace_trigger_wish irq_wish(unsigned action, unsigned vector)
{
    return (struct trace_trigger_wish){
        .event = TRACE_EVENT_IRQ_ENTER,
        .action = (unsigned char)action,
        .conditions = 1,
        .condition = {{.field = VECTOR, .compare = TRACE_COMPARE_EQUAL, .value = vector}},
    };
}

static void set(const struct trace_trigger_wish *wish)
{
    assert_int_equal(trace_trigger_set(wish), OK);
}

static void a_mark_comes_behind_its_record(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = irq_wish(TRACE_ACTION_MARK, 7);
    uint64_t at[3];
    set(&wish);
    assert_true(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
    irq(TRACE_EVENT_IRQ_ENTER, 6);
    newest(at, 1);
    assert_int_equal(TRACE_EVENT(at[0]), TRACE_EVENT_IRQ_ENTER);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    newest(at, 3);
    assert_int_equal(TRACE_EVENT(at[0]), TRACE_EVENT_TRACE_TRIGGER);
    assert_int_equal(TRACE_EVENT(at[1]), TRACE_EVENT_IRQ_ENTER);
    assert_int_equal(TRACE_SMALL(at[1]), 7);
    assert_int_equal(TRACE_SMALL(at[2]), 6);
    assert_int_equal(trace_triggers[0].hits, 1);
    assert_int_equal(trace_lane()->events, 3);
    assert_int_equal(trace_trigger_clear(TRACE_EVENT_IRQ_ENTER), OK);
    assert_false(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
}

static void a_filter_and_a_trigger_do_not_know_each_other(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = irq_wish(TRACE_ACTION_MARK, 7);
    const struct trace_condition eight = {
        .field = VECTOR, .compare = TRACE_COMPARE_EQUAL, .value = 8};
    uint64_t at[2];
    set(&wish);
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, &eight, 1), OK);
    irq(TRACE_EVENT_IRQ_ENTER, 8);
    irq(TRACE_EVENT_IRQ_ENTER, 7); /* not written, but seen */
    newest(at, 2);
    assert_int_equal(TRACE_EVENT(at[0]), TRACE_EVENT_TRACE_TRIGGER);
    assert_int_equal(TRACE_SMALL(at[1]), 8);
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0), OK);
    assert_true(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, &eight, 1), OK);
    assert_int_equal(trace_trigger_clear(TRACE_EVENT_IRQ_ENTER), OK);
    assert_true(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0), OK);
    assert_false(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
}

/* What the newest trace.switched says. */
static uint64_t told_complete(void)
{
    const struct trace_region *region = trace_region_get();
    const struct trace_lane *meta =
        (const void *)((const char *)region + region->lane[0].control_offset);
    const uint64_t *record = (const uint64_t *)(meta->window + meta->position) - 2;
    assert_int_equal(TRACE_EVENT(record[0]), TRACE_EVENT_TRACE_SWITCHED);
    return record[1];
}

static void a_trigger_leaves_its_category_complete(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = irq_wish(TRACE_ACTION_MARK, 7);
    const struct trace_condition eight = {
        .field = VECTOR, .compare = TRACE_COMPARE_EQUAL, .value = 8};
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_IRQ), OK);
    set(&wish);
    assert_true(told_complete() & TRACE_CATEGORY_IRQ);
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, &eight, 1), OK);
    assert_false(told_complete() & TRACE_CATEGORY_IRQ);
    assert_int_equal(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0), OK);
    assert_true(is_patched(patched.hooked, TRACE_EVENT_IRQ_ENTER));
    assert_true(told_complete() & TRACE_CATEGORY_IRQ);
    assert_int_equal(trace_categories_set(0), OK);
}

static void recording_is_held_after_so_many(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = irq_wish(TRACE_ACTION_STOP, 7);
    const struct trace_event_change same = {{{0}}, {{0}}};
    wish.more = 10;
    assert_int_equal(trace_categories_set(TRACE_CATEGORY_IRQ), OK);
    set(&wish);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    irq(TRACE_EVENT_IRQ_ENTER, 7); /* is too late */
    assert_true(trace_trigger_waits() && cpus[0].work & CPU_WORK_TRIGGER);
    for (unsigned i = 0; i < 7; i++) {
        irq(TRACE_EVENT_IRQ_ENTER, 6);
        trace_trigger_serve();
        assert_false(trace_is_held);
    }
    irq(TRACE_EVENT_IRQ_ENTER, 6); /* the tenth: the second 7 and its mark are two */
    trace_trigger_serve();
    assert_true(trace_is_held);
    assert_false(is_patched(patched.on, TRACE_EVENT_IRQ_ENTER));
    assert_true(trace_event_set_has(&trace_events_on, TRACE_EVENT_IRQ_ENTER));
    assert_int_equal(trace_events_change(&same), OK);
    assert_false(trace_is_held);
    assert_true(is_patched(patched.on, TRACE_EVENT_IRQ_ENTER));
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    trace_trigger_serve();
    assert_false(trace_is_held); /* once */
    assert_int_equal(trace_categories_set(0), OK);
}

static void kdebug_is_entered_at_once_or_at_a_safe_point(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = irq_wish(TRACE_ACTION_KDEBUG, 7);
    set(&wish);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 1);
    assert_int_equal(TRACE_SMALL(stopped_by.moment.record[0]), 7);
    struct trace_lane *lane = trace_lane();
    lane->kind = TRACE_LANE_NMI;
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    lane->kind = TRACE_LANE_NORMAL;
    assert_int_equal(stops, 1);
    irq(TRACE_EVENT_IRQ_ENTER, 7); /* does not hide the one that waits (G3) */
    assert_int_equal(stops, 1);
    trace_trigger_serve();
    assert_int_equal(stops, 2);
    trace_trigger_serve();
    assert_int_equal(stops, 2);
    assert_int_equal(trace_triggers[0].hits, 3);
}

static void late_and_missing(void **state)
{
    (void)state;
    struct trace_trigger_wish late = {.event = TRACE_EVENT_IRQ_ENTER,
                                      .first = TRACE_EVENT_IRQ_EXIT,
                                      .action = TRACE_ACTION_KDEBUG,
                                      .relation = TRACE_RELATION_LATER};
    set(&late); /* later than 0 ns: always */
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 0);
    irq(TRACE_EVENT_IRQ_EXIT, 6);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 0);
    irq(TRACE_EVENT_IRQ_ENTER, 6);
    assert_int_equal(stops, 1);
    assert_true(stopped_by.elapsed > 0);
    struct trace_trigger_wish other = irq_wish(TRACE_ACTION_MARK, 7);
    other.event = TRACE_EVENT_IRQ_EXIT;
    assert_int_equal(trace_trigger_set(&other), ERR_BUSY);
    late.ns = 1000000000000000;
    set(&late);
    irq(TRACE_EVENT_IRQ_EXIT, 6);
    irq(TRACE_EVENT_IRQ_ENTER, 6);
    assert_int_equal(stops, 1);

    late.relation = TRACE_RELATION_MISSING;
    late.ns = 0;
    set(&late);
    irq(TRACE_EVENT_IRQ_EXIT, 5);
    irq(TRACE_EVENT_IRQ_ENTER, 5);
    trace_trigger_serve();
    assert_int_equal(stops, 1);
    irq(TRACE_EVENT_IRQ_EXIT, 9);
    trace_trigger_serve();
    assert_int_equal(stops, 2);
    assert_int_equal(TRACE_EVENT(stopped_by.moment.record[0]), TRACE_EVENT_IRQ_EXIT);
    assert_int_equal(TRACE_SMALL(stopped_by.moment.record[0]), 9);
    trace_trigger_serve();
    assert_int_equal(stops, 2);
}

static struct trace_trigger_wish burst_wish(unsigned action, unsigned more, ns_t ns)
{
    struct trace_trigger_wish wish = irq_wish(action, 7);
    wish.relation = TRACE_RELATION_BURST;
    wish.count = (unsigned short)more;
    wish.ns = ns;
    return wish;
}

static void too_many_are_stopped_at_on_the_one_too_many(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = burst_wish(TRACE_ACTION_KDEBUG, 3, UINT64_MAX);
    set(&wish);
    for (unsigned i = 1; i <= 10; i++) {
        irq(TRACE_EVENT_IRQ_ENTER, 6); /* does not match */
        irq(TRACE_EVENT_IRQ_ENTER, 7);
        assert_int_equal(stops, i / 4);
    }
    assert_int_equal(stopped_by.number, 8);
    assert_true(stopped_by.elapsed > 0);
    assert_int_equal(TRACE_SMALL(stopped_by.moment.record[0]), 7);
    assert_int_equal(trace_burst_counted(&trace_triggers[0].burst), 10);

    set(&wish); /* anew: the two that were too few before are forgotten */
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 2);
    assert_int_equal(trace_burst_counted(&trace_triggers[0].burst), 2);

    wish.count = 0; /* more than none: each */
    set(&wish);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    irq(TRACE_EVENT_IRQ_ENTER, 6);
    assert_int_equal(stops, 3);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 4);
}

static void only_what_one_process_does(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = burst_wish(TRACE_ACTION_KDEBUG, 1, UINT64_MAX);
    wish.process = 5;
    set(&wish);
    for (uint32_t process = 0; process < 10; process++) {
        support_process = process;
        irq(TRACE_EVENT_IRQ_ENTER, 7);
        assert_int_equal(stops, 0); /* one of each, so one of that */
    }
    support_process = 5;
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    assert_int_equal(stops, 1);
    assert_int_equal(stopped_by.number, 2);
    support_process = 0;

    wish.relation = TRACE_RELATION_LATER; /* whose of the two, it does not say */
    wish.first = TRACE_EVENT_IRQ_EXIT;
    wish.key = wish.first_key = TRACE_KEY_THREAD;
    assert_int_equal(trace_trigger_set(&wish), ERR_BAD_ARGUMENT);
    wish.process = 0;
    assert_int_equal(trace_trigger_set(&wish), OK);
}

static void what_handlers_of_nmi_class_emit_counts_too(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = burst_wish(TRACE_ACTION_KDEBUG, 2, UINT64_MAX);
    set(&wish);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    struct trace_lane *lane = trace_lane();
    lane->kind = TRACE_LANE_NMI;
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    irq(TRACE_EVENT_IRQ_ENTER, 7);
    lane->kind = TRACE_LANE_NORMAL;
    assert_int_equal(stops, 0);
    irq(TRACE_EVENT_IRQ_ENTER, 7); /* the first of the next ones */
    trace_trigger_serve();
    assert_int_equal(stops, 1);
    assert_int_equal(stopped_by.number, 3); /* the one in the handler */
}

static void so_many_in_a_longer_time_are_not_too_many(void **state)
{
    (void)state;
    struct trace_trigger_wish wish = burst_wish(TRACE_ACTION_KDEBUG, 1, 1); /* a tick or so */
    set(&wish);
    for (unsigned i = 0; i < 1000; i++) {
        irq(TRACE_EVENT_IRQ_ENTER, 7);
    }
    assert_int_equal(stops, 0);
    assert_int_equal(trace_burst_counted(&trace_triggers[0].burst), 1000);
}

static void there_are_so_many_triggers(void **state)
{
    (void)state;
    unsigned ids[TRACE_TRIGGERS_MAX + 1] = {
        TRACE_EVENT_IRQ_ENTER,     TRACE_EVENT_IRQ_EXIT,    TRACE_EVENT_IRQ_IPI,
        TRACE_EVENT_SYSCALL_ENTER, TRACE_EVENT_IPC_CALL,    TRACE_EVENT_IPC_REPLY,
        TRACE_EVENT_IPC_RETURN,    TRACE_EVENT_FAULT_ENTER, TRACE_EVENT_FAULT_EXIT};
    for (unsigned i = 0; i <= TRACE_TRIGGERS_MAX; i++) {
        struct trace_trigger_wish wish = {.event = (unsigned short)ids[i]};
        assert_int_equal(trace_trigger_set(&wish), i < TRACE_TRIGGERS_MAX ? OK : ERR_NO_MEMORY);
    }
    struct trace_trigger_wish again = {.event = TRACE_EVENT_IRQ_IPI};
    assert_int_equal(trace_trigger_set(&again), OK);
    for (unsigned i = 0; i <= TRACE_TRIGGERS_MAX; i++) {
        assert_int_equal(trace_trigger_clear(ids[i]), OK);
        assert_false(is_patched(patched.hooked, ids[i]));
    }
    assert_int_equal(trace_trigger_clear(TRACE_EVENT_COUNT), ERR_BAD_ARGUMENT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mark_comes_behind_its_record),
        TEST(a_filter_and_a_trigger_do_not_know_each_other),
        TEST(a_trigger_leaves_its_category_complete),
        TEST(recording_is_held_after_so_many),
        TEST(kdebug_is_entered_at_once_or_at_a_safe_point),
        TEST(late_and_missing),
        TEST(too_many_are_stopped_at_on_the_one_too_many),
        TEST(what_handlers_of_nmi_class_emit_counts_too),
        TEST(so_many_in_a_longer_time_are_not_too_many),
        TEST(only_what_one_process_does),
        TEST(there_are_so_many_triggers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
