/* SPDX-License-Identifier: MIT */
/* Expressions of kdebug: values, how far they reach, and where exactly they are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen/layout.h"
#include "kdebug/core/expression.h"
#include "tests/host/kdebug_support.h"

static int begin(void **state)
{
    fake_begin(state);
    fake_symbol(0x1000, 'T', "kernel_main");
    fake_symbol(0x2000, 'T', "fault");
    fake_symbol(0x3000, 'T', "run.part.0");
    fake_symbols_use();
    fake_registers[0].frame.rip = KERNEL_IMAGE_BASE + 0x1234;
    fake_registers[0].frame.rsp = 0x100;
    fake_registers[0].cr2 = 0xdead;
    return 0;
}

#define K KERNEL_IMAGE_BASE

static const struct {
    const char *text;
    uint64_t value;
    const char *rest; /* what is left */
} good[] = {
    {"0", 0, ""},
    {"12", 12, ""},
    {"0x1f", 31, ""},
    {"0XaBc", 0xabc, ""},
    {"0b101", 5, ""},
    {"1_000_000", 1000000, ""},
    {"0xffff_ffff_ffff_ffff", UINT64_MAX, ""},
    {"18446744073709551615", UINT64_MAX, ""},
    {"  7", 7, ""},
    {"1+2*3", 7, ""},
    {"(1+2)*3", 9, ""},
    {"10-3-2", 5, ""},
    {"100/7/2", 7, ""},
    {"17%5", 2, ""},
    {"17 % 5", 2, ""},
    {"1<<4|1", 17, ""},
    {"1<<4+1", 32, ""},
    {"1<<64", 0, ""},
    {"1<<63>>63", 1, ""},
    {"6&3^1", 3, ""},
    {"6|1^1", 6, ""},
    {"1==1&&2!=3", 1, ""},
    {"1||1&&0", 1, ""},
    {"(1||1)&&0", 0, ""},
    {"3<2", 0, ""},
    {"2<=2", 1, ""},
    {"3>2", 1, ""},
    {"3>=4", 0, ""},
    {"-1", UINT64_MAX, ""},
    {"~0", UINT64_MAX, ""},
    {"!0", 1, ""},
    {"!5", 0, ""},
    {"- -3", 3, ""},
    {"-1<1", 0, ""}, /* unsigned */
    {"kernel_main", K + 0x1000, ""},
    {"kernel_main+0x10", K + 0x1010, ""},
    {"kernel_main + 8 16", K + 0x1008, " 16"},
    {"run.part.0", K + 0x3000, ""},
    {"fault", K + 0x2000, ""},
    {"%rip", K + 0x1234, ""},
    {"%rip-kernel_main", 0x234, ""},
    {"%cr2", 0xdead, ""},
    {"%rsp %rip", 0x100, " %rip"}, /* two arguments, not a remainder */
    {"8 /p", 8, " /p"},            /* an option, not a division */
    {"8/2 /p", 4, " /p"},
    {"4,5", 4, ",5"},
    {"4 )", 4, " )"},
    {"1 = 2", 1, " = 2"},
};

static void test_good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *at = good[i].text;
        struct kd_value value = {0};
        struct kd_error error;
        if (!kd_expression_parse(&at, at + strlen(at), &value, &error)) {
            fail_msg("'%s': %s", good[i].text, error.message);
        }
        if (value.bits != good[i].value || strcmp(at, good[i].rest) != 0) {
            fail_msg("'%s' is 0x%llx, left '%s'", good[i].text, (unsigned long long)value.bits, at);
        }
    }
}

static const struct {
    const char *text;
    unsigned column; /* from 0 */
    const char *message;
} bad[] = {
    {"", 0, "an expression is missing"},
    {"   ", 3, "an expression is missing"},
    {"1+", 2, "an expression is missing"},
    {"0x", 2, "a digit must follow"},
    {"0b", 2, "a digit must follow"},
    {"0b102", 4, "'2' is no digit of a number with base 2"},
    {"12ab", 2, "'a' is no digit of a number with base 10"},
    {"0xaaazzz", 5, "'z' is no digit of a number with base 16"},
    {"18446744073709551616", 0, "this number has more than 64 bits"},
    {"1+0x1_0000_0000_0000_0000", 2, "this number has more than 64 bits"},
    {"(1+2", 4, "')' is missing"},
    {"2*(3+)", 5, "no expression begins with ')'"},
    {"nothing", 0, "no symbol 'nothing'"},
    {"ffffffff80001000", 0, "no symbol 'ffffffff80001000' (a hexadecimal number begins with 0x)"},
    {"1+%rix", 2, "no register 'rix'"},
    {"4/0", 1, "division by zero"},
    {"4%(1-1)", 1, "division by zero"},
    {"*0x5000", 0, "nothing is mapped at 0x5000"},
    {"1+ *0xffff800000000000", 3, "nothing is mapped at 0xffff800000000000"},
    {"=", 0, "no expression begins with '='"},
};

static void test_bad_ones_name_the_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *at = bad[i].text;
        struct kd_value value = {.bits = 77};
        struct kd_error error = {0};
        assert_false(kd_expression_parse(&at, at + strlen(at), &value, &error));
        if (strcmp(error.message, bad[i].message) != 0 || error.at != bad[i].text + bad[i].column) {
            fail_msg("'%s': column %td: %s", bad[i].text, error.at - bad[i].text, error.message);
        }
        assert_ptr_equal(at, bad[i].text);
        assert_int_equal(value.bits, 77);
    }
}

static void test_memory(void **state)
{
    (void)state;
    uint64_t *words = fake_alloc(24);
    words[0] = (uint64_t)&words[1];
    words[1] = 0x1122334455667788;
    char text[64];
    struct kd_value value;
    struct kd_error error;
    const char *at = text;
    snprintf(text, sizeof(text), "*0x%llx", (unsigned long long)(uintptr_t)&words[1]);
    assert_true(kd_expression_parse(&at, text + strlen(text), &value, &error));
    assert_int_equal(value.bits, 0x1122334455667788);
    snprintf(text, sizeof(text), "**0x%llx+1", (unsigned long long)(uintptr_t)&words[0]);
    at = text;
    assert_true(kd_expression_parse(&at, text + strlen(text), &value, &error));
    assert_int_equal(value.bits, 0x1122334455667789);
}

static void test_registers_of_a_missing_core(void **state)
{
    (void)state;
    const char *text = "%rip", *at = text;
    struct kd_value value;
    struct kd_error error;
    fake_missing = 1;
    assert_false(kd_expression_parse(&at, text + 4, &value, &error));
    assert_string_equal(error.message, "the registers of core 0 were not captured");
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    static const char openers[] = "(-~!*";
    char text[4096];
    for (size_t i = 0; i < sizeof(openers) - 1; i++) {
        struct kd_value value;
        struct kd_error error;
        const char *at = text;
        memset(text, openers[i], sizeof(text));
        assert_false(kd_expression_parse(&at, text + sizeof(text), &value, &error));
        assert_string_equal(error.message, "the expression is nested too deeply");
    }
    const char *fine = "((((((((((1))))))))))", *at = fine;
    struct kd_value value;
    struct kd_error error;
    assert_true(kd_expression_parse(&at, fine + strlen(fine), &value, &error));
}

/* Nothing may be read at or behind the end, which ASan sees as the end of the heap block. */
static void test_the_end_is_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t length = 0; length <= strlen(good[i].text); length++) {
            char *block = malloc(length + 1);
            const char *at = block;
            struct kd_value value;
            struct kd_error error;
            block = realloc(block, length == 0 ? 1 : length);
            at = block;
            memcpy(block, good[i].text, length);
            (void)kd_expression_parse(&at, block + length, &value, &error);
            assert_true(at >= block && at <= block + length);
            free(block);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good_ones, begin),
        cmocka_unit_test_setup(test_bad_ones_name_the_column, begin),
        cmocka_unit_test_setup(test_memory, begin),
        cmocka_unit_test_setup(test_registers_of_a_missing_core, begin),
        cmocka_unit_test_setup(test_depth_is_bounded, begin),
        cmocka_unit_test_setup(test_the_end_is_the_end, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
