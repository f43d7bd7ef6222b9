/* SPDX-License-Identifier: MIT */
/* Handle tables: stale handles are refused, rights checked, references exact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hooks.h"
#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "tests/host/kernel_support.h"

static struct process process;
static struct thread thread;
static unsigned destroyed, leases_destroyed, mailbox_handles;
static int allocations_left;

void hook_object_destroy(struct object *object)
{
    destroyed++;
    if (object->type == OBJECT_LEASE) {
        leases_destroyed++;
        lease_destroy(object);
    }
}

void hook_handle_change(struct object *object, uint32_t rights, int change)
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

struct cache *cache_create(const char *name, size_t object_bytes)
{
    (void)name;
    (void)object_bytes;
    return NULL;
}

void *cache_alloc(struct cache *cache)
{
    (void)cache;
    return calloc(1, sizeof(struct lease));
}

void cache_free(struct cache *cache, void *object)
{
    (void)cache;
    free(object);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    (void)lane;
    (void)header;
    (void)word1;
    (void)word2;
    (void)word3;
}

void preempt_point(void)
{
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    destroyed = 0;
    leases_destroyed = 0;
    mailbox_handles = 0;
    allocations_left = 1000;
    handle_table_init(&process.handles, NULL);
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
    assert_int_equal(handle_copy(&process.handles, b, OBJECT_ANY, 0, &copy), OK);
    assert_int_equal(copy.badge, 7);
    handle_entry_put(&copy);
    assert_int_equal(handle_close(&process.handles, a), OK);
    assert_int_equal(mailbox_handles, 1);
}

/* H2: who may only send and pass on keeps the badge that he was given. */
static void badges_need_a_right(void **state)
{
    (void)state;
    static struct object mailbox;
    const uint32_t offered = RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE | RIGHT_TRANSFER;
    uint64_t server, client, made;
    struct handle_entry copy;

    object_init(&mailbox, OBJECT_MAILBOX);
    assert_int_equal(
        handle_add(&process.handles, &mailbox, offered | RIGHT_MAILBOX_BADGE, 1, &server), OK);
    assert_int_equal(handle_copy(&process.handles, server, OBJECT_ANY, 0, &copy), OK);
    assert_int_equal(handle_derive(&process.handles, &copy, offered, 7, &client), OK);
    handle_entry_put(&copy);

    assert_int_equal(handle_copy(&process.handles, client, OBJECT_ANY, 0, &copy), OK);
    assert_int_equal(handle_derive(&process.handles, &copy, RIGHT_MAILBOX_SEND, 1, &made),
                     ERR_NO_RIGHTS);
    assert_int_equal(handle_derive(&process.handles, &copy, RIGHT_MAILBOX_SEND, 7, &made), OK);
    assert_int_equal(handle_close(&process.handles, made), OK);
    assert_int_equal(handle_derive(&process.handles, &copy, RIGHT_MAILBOX_SEND, 0, &made), OK);
    handle_entry_put(&copy);
    assert_int_equal(handle_copy(&process.handles, made, OBJECT_ANY, 0, &copy), OK);
    assert_int_equal(copy.badge, 7);
    handle_entry_put(&copy);
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

/* ---- derived handles and leases ---- */

static uint64_t add(struct object *object, uint32_t rights)
{
    uint64_t handle = 0;
    assert_int_equal(handle_add(&process.handles, object, rights, 0, &handle), OK);
    return handle;
}

/* A handle derived from another, under a lease of its own if there is one. */
static uint64_t derive(uint64_t from, struct lease *lease)
{
    struct handle_entry entry, under;
    uint64_t handle = 0;
    assert_int_equal(handle_get_entry(from, OBJECT_ANY, 0, &entry), OK);
    under = entry;
    under.lease = lease == NULL ? entry.lease : lease;
    assert_int_equal(handle_derive(&process.handles, &under, entry.rights, 0, &handle), OK);
    handle_entry_put(&entry);
    return handle;
}

static struct lease *new_lease(struct lease *parent)
{
    struct lease *lease = NULL;
    assert_int_equal(lease_create(parent, &lease), OK);
    return lease;
}

static status_t look(uint64_t handle)
{
    struct object *found;
    status_t status = handle_get(handle, OBJECT_AREA, RIGHT_AREA_READ, &found);
    if (status == OK) {
        object_put(found);
    }
    struct handle_entry entry;
    status_t copied = handle_get_entry(handle, OBJECT_ANY, 0, &entry);
    if (copied == OK) {
        handle_entry_put(&entry);
    }
    status_t peeked = OK;
    (void)handle_peek(handle, OBJECT_AREA, 0, &peeked);
    assert_int_equal(copied, status); /* three ways to look, one answer */
    assert_int_equal(peeked, status);
    return status;
}

static void rights_only_shrink(void **state)
{
    (void)state;
    static struct object area;
    struct handle_entry entry;
    uint64_t handle;
    object_init(&area, OBJECT_AREA);
    uint64_t narrow = add(&area, RIGHT_AREA_READ | RIGHT_DUPLICATE);
    assert_int_equal(handle_get_entry(narrow, OBJECT_ANY, RIGHT_DUPLICATE, &entry), OK);
    for (unsigned bit = 0; bit < 32; bit++) {
        status_t wanted = entry.rights >> bit & 1 ? OK : ERR_NO_RIGHTS;
        assert_int_equal(handle_derive(&process.handles, &entry, 1u << bit, 0, &handle), wanted);
    }
    handle_entry_put(&entry);
    assert_int_equal(handle_get_entry(narrow, OBJECT_ANY, RIGHT_TRANSFER, &entry), ERR_NO_RIGHTS);
    assert_int_equal(handle_get_entry(narrow, OBJECT_MAILBOX, 0, &entry), ERR_WRONG_TYPE);
}

static void the_end_of_a_lease_reaches_all_that_is_under_it(void **state)
{
    (void)state;
    static struct object area;
    object_init(&area, OBJECT_AREA);
    struct lease *lease = new_lease(NULL), *inner = new_lease(lease);
    uint64_t root = add(&area, RIGHT_AREA_READ);
    uint64_t leased = derive(root, lease), copy = derive(leased, NULL),
             nested = derive(copy, inner);
    assert_int_equal(look(nested), OK);
    lease_end(inner);
    assert_int_equal(look(nested), ERR_REVOKED);
    assert_int_equal(look(copy), OK);
    lease_end(lease);
    assert_int_equal(look(leased), ERR_REVOKED);
    assert_int_equal(look(copy), ERR_REVOKED);
    assert_int_equal(look(root), OK);
    lease_put(inner);
    lease_put(lease);
}

static void a_revoked_handle_of_another_type_is_of_another_type(void **state)
{
    (void)state;
    static struct object area;
    struct object *found;
    object_init(&area, OBJECT_AREA);
    struct lease *lease = new_lease(NULL);
    uint64_t leased = derive(add(&area, RIGHT_AREA_READ), lease);
    lease_end(lease);
    lease_put(lease);
    assert_int_equal(handle_get(leased, OBJECT_MAILBOX, 0, &found), ERR_WRONG_TYPE);
    assert_int_equal(handle_get(leased, OBJECT_AREA, RIGHT_AREA_WRITE, &found), ERR_REVOKED);
}

static void a_chain_of_leases_ends_somewhere(void **state)
{
    (void)state;
    struct lease *chain[LEASE_DEPTH_MAX + 1];
    for (unsigned i = 0; i < LEASE_DEPTH_MAX; i++) {
        chain[i] = new_lease(i == 0 ? NULL : chain[i - 1]);
    }
    assert_int_equal(lease_create(chain[LEASE_DEPTH_MAX - 1], &chain[LEASE_DEPTH_MAX]), ERR_RANGE);
    lease_end(chain[0]);
    assert_false(lease_is_live(chain[LEASE_DEPTH_MAX - 1]));
    for (unsigned i = 0; i < LEASE_DEPTH_MAX; i++) {
        lease_put(chain[i]); /* the children hold the parents */
    }
    assert_int_equal(leases_destroyed, LEASE_DEPTH_MAX);
}

static void handles_return_their_leases(void **state)
{
    (void)state;
    static struct object area;
    object_init(&area, OBJECT_AREA);
    struct lease *lease = new_lease(NULL);
    uint64_t root = add(&area, RIGHT_AREA_READ), leased = derive(root, lease);
    uint64_t lease_handle = add(&lease->object, RIGHT_LEASE_REVOKE);
    lease_put(lease);
    assert_int_equal(handle_close(&process.handles, lease_handle), OK);
    assert_int_equal(look(derive(leased, NULL)), OK);
    assert_int_equal(handle_close(&process.handles, leased), OK);
    assert_int_equal(leases_destroyed, 0);
    handle_table_close(&process.handles);
    assert_int_equal(leases_destroyed, 1);
    assert_int_equal(atomic_load(&area.refs), 1);
}

static void a_table_never_costs_more_than_its_quota(void **state)
{
    (void)state;
    static struct object area;
    static struct quota quota;
    uint64_t handles[3], refused;
    object_init(&area, OBJECT_AREA);
    quota.item[QUOTA_HANDLES].limit = 3;
    quota.refs = 1;
    assert_int_equal(handle_table_pay_by(&process.handles, &quota), OK);
    for (unsigned i = 0; i < 3; i++) {
        handles[i] = add(&area, 0);
    }
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &refused), ERR_QUOTA);
    assert_int_equal(atomic_load(&area.refs), 4);
    assert_int_equal(handle_table_pay_by(&process.handles, NULL), ERR_BUSY);
    assert_int_equal(handle_close(&process.handles, handles[1]), OK);
    assert_int_equal(handle_add(&process.handles, &area, 0, 0, &refused), OK);
    handle_table_close(&process.handles);
    assert_int_equal(atomic_load(&quota.item[QUOTA_HANDLES].used), 0);
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
        TEST(badges_need_a_right),
        TEST(look_up_of_a_dying_object_fails),
        TEST(rights_only_shrink),
        TEST(the_end_of_a_lease_reaches_all_that_is_under_it),
        TEST(a_revoked_handle_of_another_type_is_of_another_type),
        TEST(a_chain_of_leases_ends_somewhere),
        TEST(handles_return_their_leases),
        TEST(a_table_never_costs_more_than_its_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
