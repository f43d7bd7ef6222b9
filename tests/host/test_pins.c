/* SPDX-License-Identifier: MIT */
/* Pages held for messages: what is charged is what is noted, whatever fails in between (P1 of ipc/pins.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gen/trace_emit.h"
#include "ipc/pins.h"
#include "mm/heap.h"
#include "object/quota.h"
#include "sched/process.h"
#include "tests/host/kernel_support.h"
#include "vm/space.h"

#define A (USER_BASE + 0x10000)
#define B (USER_BASE + 0x40000)

static struct quota account;
static struct process process;
static struct thread thread;
static status_t fault; /* what making pages present gives */

status_t space_prefault(struct space *space, vaddr_t va, uint64_t bytes, bool write)
{
    (void)space, (void)va, (void)bytes;
    assert_false(write);
    return fault;
}

status_t space_prefault_kept(struct space *space, struct residence *residence, vaddr_t va,
                             uint64_t bytes)
{
    (void)space;
    *residence = (struct residence){0};
    if (fault == OK) {
        *residence = (struct residence){.va = va, .bytes = bytes};
    }
    return fault;
}

void *heap_alloc(size_t bytes)
{
    return malloc(bytes);
}

void heap_free(void *p)
{
    free(p);
}

/* A refusal is said to the trace: see test_quota. */
void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    (void)lane, (void)header, (void)word1, (void)word2, (void)word3;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    account = (struct quota){.refs = 1, .item[QUOTA_PINS] = {.limit = 10}};
    process = (struct process){.quota = &account};
    thread = (struct thread){.process = &process};
    fault = OK;
    return 0;
}

static void expect_used(uint64_t pages)
{
    assert_int_equal(atomic_load(&account.item[QUOTA_PINS].used), pages);
    assert_int_equal(thread_pins(&thread), pages);
}

static void pages_are_counted_where_bytes_touch_them(void **state)
{
    static const struct {
        uint64_t va, bytes, pages;
    } cases[] = {
        {A, 0, 0},
        {A + 5, 0, 0},
        {A, 1, 1},
        {A, PAGE_BYTES, 1},
        {A, PAGE_BYTES + 1, 2},
        {A + PAGE_BYTES - 1, 1, 1},
        {A + PAGE_BYTES - 1, 2, 2},
        {A + 1, PAGE_BYTES, 2},
        {~0ull, MESSAGE_BUFFER_MAX, MESSAGE_BUFFER_MAX / PAGE_BYTES + 1},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pages_spanned(cases[i].va, cases[i].bytes), cases[i].pages);
    }
}

static void a_thread_keeps_two_landing_places(void **state)
{
    (void)state;
    assert_int_equal(pin_landing(&thread, A, 2 * PAGE_BYTES), OK);
    assert_int_equal(pin_landing(&thread, B, 3 * PAGE_BYTES), OK);
    expect_used(5);
    assert_int_equal(pin_landing(&thread, A, PAGE_BYTES),
                     OK); /* again, shorter: A of before goes */
    expect_used(4);
    assert_int_equal(pin_landing(&thread, A, 4 * PAGE_BYTES), OK); /* in place of itself */
    expect_used(7);
    assert_int_equal(thread.landing[1].va, B);
}

static void idle_places_make_room_before_anything_is_refused(void **state)
{
    (void)state;
    assert_int_equal(pin_landing(&thread, A, 6 * PAGE_BYTES), OK);
    assert_int_equal(pin_landing(&thread, B, 5 * PAGE_BYTES), OK);
    expect_used(5);
    assert_int_equal(pin_message(&thread, A, 5 * PAGE_BYTES, B), OK);
    expect_used(10);
    unpin_message(&thread);
    expect_used(5);
    assert_int_equal(pin_message(&thread, A, 6 * PAGE_BYTES, B), ERR_QUOTA);
    expect_used(5);
    assert_int_equal(pin_message(&thread, A, 6 * PAGE_BYTES, 0), OK);
    expect_used(6);
    unpin_message(&thread);
    expect_used(0);
    assert_int_equal(pin_landing(&thread, A, 11 * PAGE_BYTES), ERR_QUOTA);
    expect_used(0);
}

static void what_cannot_be_made_present_is_not_charged(void **state)
{
    (void)state;
    assert_int_equal(pin_landing(&thread, A, PAGE_BYTES), OK);
    fault = ERR_BAD_ADDRESS;
    assert_int_equal(pin_message(&thread, B, PAGE_BYTES, A), ERR_BAD_ADDRESS);
    expect_used(1);
    assert_int_equal(pin_landing(&thread, B, PAGE_BYTES), ERR_BAD_ADDRESS);
    expect_used(1);
    fault = ERR_NO_MEMORY;
    assert_int_equal(pin_landing(&thread, A, PAGE_BYTES), ERR_NO_MEMORY);
    expect_used(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pages_are_counted_where_bytes_touch_them, begin),
        cmocka_unit_test_setup(a_thread_keeps_two_landing_places, begin),
        cmocka_unit_test_setup(idle_places_make_room_before_anything_is_refused, begin),
        cmocka_unit_test_setup(what_cannot_be_made_present_is_not_charged, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
