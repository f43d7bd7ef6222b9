/* SPDX-License-Identifier: MIT */
/* vm/user_copy.c: which ranges reach the raw routines, in which pieces, and what their failure
 * becomes. */
#include "vm/user_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/user.h"
#include "gen/layout.h"
#include "sched/thread.h"

static struct {
    unsigned calls, preempts;
    const void *first_from;
    void *first_to;
    size_t bytes;
    size_t largest;
    unsigned fail_at; /* this call does not do all, 0: none */
} raw;

size_t user_copy_raw(void *to, const void *from, size_t bytes)
{
    if (raw.calls++ == 0) {
        raw.first_to = to;
        raw.first_from = from;
    }
    assert_ptr_equal((uint8_t *)to - (uint8_t *)raw.first_to, raw.bytes); /* piece follows piece */
    assert_ptr_equal((const uint8_t *)from - (const uint8_t *)raw.first_from, raw.bytes);
    raw.bytes += bytes;
    raw.largest = MAX(raw.largest, bytes);
    return raw.calls == raw.fail_at ? 1 : 0;
}

void preempt_point(void)
{
    raw.preempts++;
}

struct range_case {
    const char *name;
    vaddr_t va;
    size_t bytes;
    bool good;
};

static const struct range_case ranges[] = {
    {"a byte at the bottom", USER_BASE, 1, true},
    {"below the bottom", USER_BASE - 1, 1, false},
    {"null", 0, 1, false},
    {"last byte", USER_END - 1, 1, true},
    {"one past the end", USER_END - 1, 2, false},
    {"at the end", USER_END, 1, false},
    {"all of it", USER_BASE, USER_END - USER_BASE, true},
    {"all and one more", USER_BASE, USER_END - USER_BASE + 1, false},
    {"not canonical", 0x800000000000ull, 8, false},
    {"kernel", 0xffffffff80000000ull, 8, false},
    {"wraps to user space", UINT64_MAX - 7, USER_BASE + 16, false},
    {"length wraps", USER_BASE, SIZE_MAX, false},
    {"length wraps to the start", USER_BASE + 16, SIZE_MAX - USER_BASE, false},
    {"nothing at null", 0, 0, true},
    {"nothing in the kernel", UINT64_MAX, 0, true},
};

/* Copies of terabytes end at the first failure, so the raw routine fails at once there. */
static void test_ranges(void **state)
{
    (void)state;
    static uint8_t kernel[1];
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        bool huge = ranges[i].bytes > 0x10000;
        memset(&raw, 0, sizeof(raw));
        raw.fail_at = huge;
        status_t in = user_copy_in(kernel, ranges[i].va, ranges[i].bytes);
        bool reached = raw.calls > 0;
        memset(&raw, 0, sizeof(raw));
        raw.fail_at = huge;
        status_t out = user_copy_out(ranges[i].va, kernel, ranges[i].bytes);
        if (in != (ranges[i].good && !huge ? OK : ERR_BAD_ADDRESS) || out != in ||
            reached != (raw.calls > 0) || (!ranges[i].good && reached)) {
            fail_msg("%s: in %d, out %d, reached %d", ranges[i].name, in, out, reached);
        }
    }
}

static void test_direction_and_bytes(void **state)
{
    (void)state;
    uint8_t kernel[64];
    memset(&raw, 0, sizeof(raw));
    assert_int_equal(user_copy_in(kernel, 0x5000, 64), OK);
    assert_ptr_equal(raw.first_to, kernel);
    assert_ptr_equal(raw.first_from, (void *)0x5000);
    assert_int_equal(raw.bytes, 64);
    memset(&raw, 0, sizeof(raw));
    assert_int_equal(user_copy_out(0x6000, kernel, 63), OK);
    assert_ptr_equal(raw.first_to, (void *)0x6000);
    assert_ptr_equal(raw.first_from, kernel);
    assert_int_equal(raw.bytes, 63);
}

static void test_long_copies_let_others_run(void **state)
{
    (void)state;
    static uint8_t kernel[100000];
    memset(&raw, 0, sizeof(raw));
    assert_int_equal(user_copy_in(kernel, 0x5000, sizeof(kernel)), OK);
    assert_int_equal(raw.bytes, sizeof(kernel));
    assert_true(raw.largest <= 0x4000);
    assert_int_equal(raw.preempts, raw.calls - 1);
}

static void test_a_fault_ends_the_copy(void **state)
{
    (void)state;
    static uint8_t kernel[100000];
    memset(&raw, 0, sizeof(raw));
    raw.fail_at = 3;
    assert_int_equal(user_copy_out(0x5000, kernel, sizeof(kernel)), ERR_BAD_ADDRESS);
    assert_int_equal(raw.calls, 3);
}

static void test_names(void **state)
{
    (void)state;
    char name[8];
    memset(name, 'x', sizeof(name));
    memset(&raw, 0, sizeof(raw));
    assert_int_equal(user_copy_name(name, sizeof(name), 0x5000, 7), OK);
    assert_int_equal(raw.bytes, 7);
    assert_int_equal(name[7], 0);
    assert_int_equal(name[6], 'x');
    assert_int_equal(user_copy_name(name, sizeof(name), 0x5000, 8), ERR_TOO_BIG);
    assert_int_equal(user_copy_name(name, sizeof(name), 0x5000, UINT64_MAX), ERR_TOO_BIG);
    memset(&raw, 0, sizeof(raw));
    assert_int_equal(user_copy_name(name, sizeof(name), 0, 0), OK);
    assert_int_equal(name[0], 0);
    assert_int_equal(user_copy_name(name, sizeof(name), 0, 1), ERR_BAD_ADDRESS);
    assert_int_equal(user_copy_name(name, 0, 0x5000, 0), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_direction_and_bytes),
        cmocka_unit_test(test_long_copies_let_others_run),
        cmocka_unit_test(test_a_fault_ends_the_copy),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
