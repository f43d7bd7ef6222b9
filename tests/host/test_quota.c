/* SPDX-License-Identifier: MIT */
/* Accounts: limits hold, what is lent to a child is gone for the parent, and all of it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gen/trace_emit.h"
#include "mm/heap.h"
#include "object/quota.h"
#include "tests/host/kernel_support.h"

static int allocations_left, allocations;
static struct {
    uint8_t kind;
    uint64_t used, limit, asked;
} refused;

void *heap_alloc(size_t bytes)
{
    if (allocations_left-- <= 0) {
        return NULL;
    }
    allocations++;
    return calloc(1, bytes);
}

void heap_free(void *p)
{
    allocations -= p != NULL;
    free(p);
}

void trace_write_3(struct trace_lane *lane, uint64_t header, uint64_t word1, uint64_t word2,
                   uint64_t word3)
{
    (void)lane;
    assert_int_equal(TRACE_EVENT(header), TRACE_EVENT_LIFE_QUOTA_REFUSED);
    refused.kind = (uint8_t)TRACE_SMALL(header);
    refused.used = word1;
    refused.limit = word2;
    refused.asked = word3;
}

static int begin(void **state)
{
    (void)state;
    support_begin(0);
    allocations_left = 1000;
    allocations = 0;
    return 0;
}

static struct quota *make(struct quota *parent, uint64_t limit)
{
    const uint64_t limits[QUOTA_KINDS] = {limit, limit, limit, limit};
    struct quota *quota = NULL;
    assert_int_equal(quota_create(parent, limits, &quota), OK);
    return quota;
}

static uint64_t used(struct quota *quota, enum quota_kind kind)
{
    return atomic_load(&quota->item[kind].used);
}

static void a_charge_passes_up_to_the_limit_and_not_one_more(void **state)
{
    (void)state;
    struct quota *quota = make(&quota_root, 10);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, 7), OK);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, 4), ERR_QUOTA);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, ~0ull), ERR_QUOTA);
    assert_int_equal(refused.kind, QUOTA_MEMORY);
    assert_int_equal(refused.used, 7);
    assert_int_equal(refused.limit, 10);
    assert_int_equal(used(quota, QUOTA_MEMORY), 7);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, 3), OK);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, 1), ERR_QUOTA);
    assert_int_equal(quota_charge(quota, QUOTA_MEMORY, 0), OK);
    quota_return(quota, QUOTA_MEMORY, 10);
    quota_put(quota);
    assert_int_equal(allocations, 0);
}

static void what_a_child_may_have_is_gone_for_the_parent(void **state)
{
    (void)state;
    struct quota *parent = make(&quota_root, 10), *child = make(parent, 8);
    assert_int_equal(used(parent, QUOTA_THREADS), 8);
    assert_int_equal(quota_charge(parent, QUOTA_THREADS, 3), ERR_QUOTA);
    assert_int_equal(quota_charge(child, QUOTA_THREADS, 8), OK);
    assert_int_equal(used(parent, QUOTA_THREADS), 8);
    quota_return(child, QUOTA_THREADS, 8);
    quota_put(child);
    assert_int_equal(used(parent, QUOTA_THREADS), 0);
    quota_put(parent);
    assert_int_equal(used(&quota_root, QUOTA_THREADS), 0);
}

static void a_child_cannot_be_given_what_is_not_there(void **state)
{
    (void)state;
    struct quota *parent = make(&quota_root, 10), *child = NULL;
    const uint64_t limits[QUOTA_KINDS] = {5, 5, 5, 11};
    assert_int_equal(quota_create(parent, limits, &child), ERR_QUOTA);
    for (unsigned kind = 0; kind < QUOTA_KINDS; kind++) {
        assert_int_equal(used(parent, (enum quota_kind)kind),
                         0); /* those charged before went back */
    }
    allocations_left = 0;
    const uint64_t small[QUOTA_KINDS] = {1, 1, 1, 1};
    assert_int_equal(quota_create(parent, small, &child), ERR_NO_MEMORY);
    assert_int_equal(used(parent, QUOTA_HANDLES), 0);
    quota_put(parent);
    assert_int_equal(allocations, 0);
}

/* An area may outlive the process that paid for it, and a child its parent. */
static void an_account_stays_as_long_as_anybody_charges_it(void **state)
{
    (void)state;
    struct quota *parent = make(&quota_root, 10), *child = make(parent, 4);
    struct quota *area = quota_get(child);
    assert_int_equal(quota_charge(area, QUOTA_MEMORY, 4), OK);
    quota_put(child);
    quota_put(parent);
    assert_int_equal(allocations, 2);
    quota_return(area, QUOTA_MEMORY, 4);
    quota_put(area);
    assert_int_equal(allocations, 0);
    assert_int_equal(used(&quota_root, QUOTA_MEMORY), 0);
}

static void nobody_pays_for_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(quota_charge(NULL, QUOTA_PINS, ~0ull), OK);
    quota_return(NULL, QUOTA_PINS, ~0ull);
    assert_null(quota_get(NULL));
    quota_put(NULL);
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_charge_passes_up_to_the_limit_and_not_one_more),
        TEST(what_a_child_may_have_is_gone_for_the_parent),
        TEST(a_child_cannot_be_given_what_is_not_there),
        TEST(an_account_stays_as_long_as_anybody_charges_it),
        TEST(nobody_pays_for_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
