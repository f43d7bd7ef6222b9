/* SPDX-License-Identifier: MIT */
/* Breakpoints of kdebug: where they may be, what counts as a hit; the length of a CALL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/breakpoint.h"
#include "kdebug/x86_64/call_length.h"
#include "tests/host/kdebug_support.h"

#define K KERNEL_IMAGE_BASE

static int begin(void **state)
{
    fake_begin(state);
    fake_global("kernel_text_start", (void *)K);
    fake_global("kernel_text_end", (void *)(K + 0x10000));
    fake_global("entry_text_start", (void *)K);
    fake_global("entry_text_end", (void *)(K + 0x100));
    fake_global("nmi_text_start", (void *)(K + 0x100));
    fake_global("nmi_text_end", (void *)(K + 0x1000));
    for (unsigned number = 1; number <= KD_BREAKS_MAX; number++) {
        if (kd_breakpoint(number) != NULL) {
            kd_breakpoint_remove(kd_breakpoint(number));
        }
    }
    return 0;
}

static const struct {
    enum kd_break_kind kind;
    uint64_t address;
    unsigned bytes;
    const char *why; /* NULL: allowed */
} places[] = {
    {KD_BREAK_CODE, K + 0x1000, 1, NULL},
    {KD_BREAK_CODE, K + 0xffff, 1, NULL},
    {KD_BREAK_CODE, K + 0x10000, 1, "it is not in the kernel's text"},
    {KD_BREAK_CODE, 0x401000, 1, "it is not in the kernel's text"},
    {KD_BREAK_CODE, K + 0xff, 1, "it is in the entry code"},
    {KD_BREAK_CODE, K + 0x100, 1, "it is in code that NMI handlers"},
    {KD_BREAK_CODE, K + 0xfff, 1, "it is in code that NMI handlers"},
    {KD_BREAK_EXECUTE, 0x401000, 1, NULL},
    {KD_BREAK_EXECUTE, K + 0x10, 1, "it is in the entry code"},
    {KD_BREAK_EXECUTE, K + 0x800, 1, "it is in code that NMI handlers"},
    {KD_BREAK_WRITE, K + 0x10, 8, NULL},
    {KD_BREAK_WRITE, K + 0x12, 4, "1, 2, 4 or 8 bytes at an address"},
    {KD_BREAK_WRITE, K + 0x12, 3, "1, 2, 4 or 8 bytes at an address"},
    {KD_BREAK_ACCESS, K, 16, "1, 2, 4 or 8 bytes at an address"},
    {KD_BREAK_ACCESS, K, 0, "1, 2, 4 or 8 bytes at an address"},
    {KD_BREAK_IO, 0x3f8, 1, NULL},
    {KD_BREAK_IO, 0x10000, 1, "ports are numbers"},
    {KD_BREAK_IO, 0x3f8, 8, "ports are numbers"},
};

static void test_where_they_may_be(void **state)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        begin(state);
        const char *why = NULL;
        unsigned number =
            kd_breakpoint_add(places[i].kind, places[i].address, places[i].bytes, &why);
        if (places[i].why == NULL) {
            assert_int_equal(number, 1);
        } else {
            assert_int_equal(number, 0);
            assert_memory_equal(why, places[i].why, strlen(places[i].why));
        }
    }
}

static void test_as_many_as_promised(void **state)
{
    const char *why;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(kd_breakpoint_add(KD_BREAK_WRITE, K + 8ull * i, 8, &why), i + 1);
    }
    assert_int_equal(kd_breakpoint_add(KD_BREAK_EXECUTE, K + 0x2000, 1, &why), 0);
    assert_string_equal(why, "all four debug registers are in use");
    for (unsigned i = 4; i < KD_BREAKS_MAX; i++) {
        assert_int_equal(kd_breakpoint_add(KD_BREAK_CODE, K + 0x2000 + i, 1, &why), i + 1);
    }
    assert_true(KD_BREAKS_MAX - 4 >= 64);
    assert_int_equal(kd_breakpoint_add(KD_BREAK_CODE, K + 0x3000, 1, &why), 0);
    assert_string_equal(why, "there is no room for more breakpoints");
    kd_breakpoint_remove(kd_breakpoint(2));
    assert_int_equal(kd_breakpoint_hardware(1), 3); /* the slots close up */
    assert_int_equal(kd_breakpoint_hardware(3), 0);
    assert_int_equal(kd_breakpoint_add(KD_BREAK_CODE, K + 0x3000, 1, &why), 2);
    assert_int_equal(kd_breakpoint_at(K + 0x3000, 0), 2);
    assert_int_equal(kd_breakpoint_at(K + 0x3000, 2), 0);
    assert_null(kd_breakpoint(KD_BREAKS_MAX + 1));
    assert_null(kd_breakpoint(0));
}

static void test_what_counts(void **state)
{
    const char *why;
    (void)state;
    const struct kd_hit hit = {.cpu = 1, .tid = 5, .pid = 2, .rsp = 0x1000};
    struct kd_breakpoint *one =
        kd_breakpoint(kd_breakpoint_add(KD_BREAK_CODE, K + 0x2000, 1, &why));
    assert_true(kd_breakpoint_stops(one, &hit));
    one->cpu = 2;
    assert_false(kd_breakpoint_stops(one, &hit));
    one->cpu = 1;
    one->tid = 6;
    assert_false(kd_breakpoint_stops(one, &hit));
    one->tid = 5;
    one->pid = 1;
    assert_false(kd_breakpoint_stops(one, &hit));
    one->pid = 2;
    one->above = 0x1001;
    assert_false(kd_breakpoint_stops(one, &hit));
    one->above = 0x1000;
    assert_true(kd_breakpoint_stops(one, &hit));
    strcpy(one->condition, "%rdi == 7");
    assert_false(kd_breakpoint_stops(one, &hit));
    fake_registers[0].frame.rdi = 7;
    assert_int_equal(one->hits, 2);
    one->skip = 4;
    assert_false(kd_breakpoint_stops(one, &hit));
    assert_false(kd_breakpoint_stops(one, &hit));
    assert_true(kd_breakpoint_stops(one, &hit));
    one->is_enabled = false;
    assert_false(kd_breakpoint_stops(one, &hit));
    one->is_enabled = true;
    strcpy(one->condition, "%nonsense");
    assert_true(kd_breakpoint_stops(one, &hit)); /* better a stop too many */
    assert_non_null(strstr(fake_output(), "condition '%nonsense': no register 'nonsense'"));
    assert_int_equal(one->hits, 6);
}

static void test_length_of_a_call(void **state)
{
    (void)state;
    static const struct {
        uint8_t code[KD_CALL_BYTES];
        unsigned length;
    } cases[] = {
        {{0xe8, 1, 2, 3, 4}, 5},             /* call rel32 */
        {{0xff, 0xd0}, 2},                   /* call rax */
        {{0x41, 0xff, 0xd3}, 3},             /* call r11 */
        {{0xff, 0x10}, 2},                   /* call [rax] */
        {{0xff, 0x50, 8}, 3},                /* call [rax + 8] */
        {{0xff, 0x90, 0, 1, 0, 0}, 6},       /* call [rax + 256] */
        {{0xff, 0x15, 0, 1, 0, 0}, 6},       /* call [rip + 256] */
        {{0xff, 0x14, 0xc5, 0, 1, 0, 0}, 7}, /* call [rax * 8 + 256] */
        {{0xff, 0x14, 0x24}, 3},             /* call [rsp] */
        {{0xff, 0x54, 0x24, 8}, 4},          /* call [rsp + 8] */
        {{0x42, 0xff, 0x14, 0xf5, 0, 1, 0, 0}, 8},
        {{0xff, 0xe0}, 0}, /* jmp rax */
        {{0xc3}, 0},       /* ret */
        {{0x48, 0x89, 0xc7}, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(kd_call_length(cases[i].code), cases[i].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_where_they_may_be, begin),
        cmocka_unit_test_setup(test_as_many_as_promised, begin),
        cmocka_unit_test_setup(test_what_counts, begin),
        cmocka_unit_test_setup(test_length_of_a_call, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
