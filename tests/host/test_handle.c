/* SPDX-License-Identifier: MIT */
/* Handle tables: stale handles are refused, rights checked, references exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hooks.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "tests/host/kernel_support.h"

static struct process process;
static struct thread thread;
static unsigned destroyed, mailbox_handles;
static int allocations_left;

void hook_object_destroy(struct object *object)
{
    (void)object;
    destroyed++;
}

void hook_mailbox_handle(struct object *object, uint32_t rights, int change)
{
    (void)object;
    (void)rights;
    mailbox_handles += (unsigned)change;
}

void *heap_alloc(size_t bytes)
{
    return allocations_left-- > 0 ? calloc(1, bytes) : NULL;
}

void heap_free(void *p)
{
    free(p);
}

void preempt_point(void)
{
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    destroyed = 0;
    mailbox_handles = 0;
    allocations_left = 1000;
    handle_table_init(&process.handles);
    thread.process = &process;
    cpus[0].current = &thread;
    return 0;
}

static int end(void **state)
{
    (void)state;
    handle_table_close(&process.handles);
    handle_table_free(&process.handles);
    return 0;
}

static void what_a_handle_names(void **state)
{
    (void)state;
    static struct object area;
    uint64_t handle;
    struct object *found;
    object_init(&area, OBJECT_AREA);
    assert_int_equal(handle_add(&process.handles, &area, RIGHT_AREA_READ, 0, &handle), OK);
    assert_int_not_equal(handle, 0);
    assert_int_equal(handle_get(handle, OBJECT_AREA, RIGHT_AREA_READ, &found), OK);
    assert_ptr_equal(found, &area);
    object_put(found);
    assert_int_equal(handle_get(handle, OBJECT_AREA, RIGHT_AREA_WRITE, &found), ERR_NO_RIGHTS);
    assert_int_equal(handle_get(handle, OBJECT_MAILBOX, 0, &found), ERR_WRONG_TYPE);
    object_put(&area);
    assert_int_equal(destroyed, 0);
    assert_int_equal(handle_close(&process.handles, handle), OK);
    assert_int_equal(destroyed, 1);
}

static void numbers_that_name_nothing(void **state)
{
    (void)state;
    static struct object area;
    struct object *found;
    uint64_t handle;
    object_init(&area, OBJECT_AREA);
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), OK);
    const uint64_t wrong[] = {
        0,     1,     handle ^ 1, handle + (1ull << 12), handle - (1ull << 12), handle | 1ull << 63,
        ~0ull, 0xfff, 1ull << 12, handle + (1ull << 44)};
    for (unsigned i = 0; i < ARRAY_COUNT(wrong); i++) {
        assert_int_equal(handle_get(wrong[i], OBJECT_AREA, 0, &found), ERR_BAD_HANDLE);
        assert_int_equal(handle_close(&process.handles, wrong[i]), ERR_BAD_HANDLE);
    }
}

static void closed_handle_stays_dead_when_its_place_is_used_again(void **state)
{
    (void)state;
    static struct object area;
    struct object *found;
    uint64_t first, second;
    object_init(&area, OBJECT_AREA);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(handle_add(&process.handles, &area, 0, 0, &first), OK);
        assert_int_equal(handle_close(&process.handles, first), OK);
        assert_int_equal(handle_add(&process.handles, &area, 0, 0, &second), OK);
        assert_int_not_equal(first, second);
        assert_int_equal(handle_get(first, OBJECT_AREA, 0, &found), ERR_BAD_HANDLE);
        assert_int_equal(handle_close(&process.handles, first), ERR_BAD_HANDLE);
        assert_int_equal(handle_close(&process.handles, second), OK);
    }
    assert_int_equal(atomic_load(&area.refs), 1);
    assert_int_equal(atomic_load(&area.handles), 0);
}

static void table_gets_full_and_recovers(void **state)
{
    (void)state;
    static struct object area;
    uint64_t handle = 0, last = 0;
    unsigned count = 0;
    status_t status;
    object_init(&area, OBJECT_AREA);
    while ((status = handle_add(&process.handles, &area, 0, 0, &handle)) == OK) {
        last = handle;
        count++;
    }
    assert_int_equal(status, ERR_TABLE_FULL);
    assert_int_equal(count, HANDLE_MAX - 1);
    assert_int_equal(handle_close(&process.handles, last), OK);
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), OK);
    handle_table_close(&process.handles);
    assert_int_equal(atomic_load(&area.refs), 1);
    assert_int_equal(process.handles.used, 0);
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), ERR_PEER_CLOSED);
}

static void no_memory_leaves_the_table_as_it_was(void **state)
{
    (void)state;
    static struct object area;
    uint64_t handle;
    object_init(&area, OBJECT_AREA);
    allocations_left = 0;
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), ERR_NO_MEMORY);
    assert_int_equal(atomic_load(&area.refs), 1);
    assert_int_equal(process.handles.used, 0);
    allocations_left = 1;
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), OK);
}

static void mailboxes_hear_of_their_handles(void **state)
{
    (void)state;
    static struct object mailbox;
    uint64_t a, b;
    object_init(&mailbox, OBJECT_MAILBOX);
    assert_int_equal(handle_add(&process.handles, &mailbox, RIGHT_MAILBOX_RECEIVE, 0, &a), OK);
    assert_int_equal(handle_add(&process.handles, &mailbox, RIGHT_MAILBOX_SEND, 7, &b), OK);
    assert_int_equal(mailbox_handles, 2);
    struct handle_entry copy;
    assert_int_equal(handle_copy(&process.handles, b, &copy), OK);
    assert_int_equal(copy.badge, 7);
    object_put(copy.object);
    assert_int_equal(handle_close(&process.handles, a), OK);
    assert_int_equal(mailbox_handles, 1);
}

static void look_up_of_a_dying_object_fails(void **state)
{
    (void)state;
    static struct object area;
    struct object *found;
    uint64_t handle;
    object_init(&area, OBJECT_AREA);
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &handle), OK);
    atomic_store(&area.refs,
                 0); /* as a reader sees it between the last put and the change of the entry */
    assert_int_equal(handle_get(handle, OBJECT_AREA, 0, &found), ERR_BAD_HANDLE);
    atomic_store(&area.refs, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_handle_names),
        TEST(numbers_that_name_nothing),
        TEST(closed_handle_stays_dead_when_its_place_is_used_again),
        TEST(table_gets_full_and_recovers),
        TEST(no_memory_leaves_the_table_as_it_was),
        TEST(mailboxes_hear_of_their_handles),
        TEST(look_up_of_a_dying_object_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
