/* SPDX-License-Identifier: MIT */
/* The seal of a page: against a slow computation, and that every bit counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "vm/pager_impl.h"

#define WORDS (PAGE_BYTES / sizeof(uint32_t))
#define PRIME ((1ull << 61) - 1)
#define KEY   0x123456789abcdefull

static uint32_t page[WORDS];

static uint64_t slow_seal(uint64_t key, uint64_t area, uint64_t number)
{
    unsigned __int128 state = ((unsigned __int128)key + area) % PRIME;
    state = (state * key + number) % PRIME;
    for (unsigned i = 0; i < WORDS; i++) {
        state = (state * key + page[i]) % PRIME;
    }
    return (uint64_t)state << 2;
}

static void fill(uint32_t seed)
{
    for (unsigned i = 0; i < WORDS; i++) {
        page[i] = seed = seed * 1664525u + 1013904223u;
    }
}

static void test_it_is_the_polynomial(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 1000; seed++) {
        fill(seed);
        assert_int_equal(page_seal(KEY + seed, seed, ~0ull / (seed + 1), page),
                         slow_seal(KEY + seed, seed, ~0ull / (seed + 1)));
    }
    memset(page, 0xff, sizeof(page));
    assert_int_equal(page_seal(PRIME - 1, 0xffffffff, 1ull << 34, page),
                     slow_seal(PRIME - 1, 0xffffffff, 1ull << 34));
}

static void test_every_bit_and_the_name_count(void **state)
{
    (void)state;
    fill(7);
    uint64_t seal = page_seal(KEY, 5, 9, page);
    assert_int_equal(seal & AREA_TAGS, 0);
    for (unsigned bit = 0; bit < WORDS * 32; bit++) {
        page[bit / 32] ^= 1u << bit % 32;
        assert_int_not_equal(page_seal(KEY, 5, 9, page), seal);
        page[bit / 32] ^= 1u << bit % 32;
    }
    assert_int_not_equal(page_seal(KEY, 6, 9, page), seal);
    assert_int_not_equal(page_seal(KEY, 5, 8, page), seal);
    assert_int_not_equal(page_seal(KEY + 1, 5, 9, page), seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_the_polynomial),
        cmocka_unit_test(test_every_bit_and_the_name_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
