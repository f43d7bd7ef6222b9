/* SPDX-License-Identifier: MIT */
/* base/format.c: against the C library's snprintf, which knows the same conversions. */
#include "base/format.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Both with the same format and arguments; the formats are not literals here, which is the
 * point. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void check(const char *format, ...)
{
    char expected[200], actual[200];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(expected, sizeof(expected), format, args);
    size_t got = format_text_v(actual, sizeof(actual), format, again);
    va_end(again);
    va_end(args);
    if (strcmp(expected, actual) != 0 || (size_t)length != got) {
        fail_msg("'%s': '%s' (%zu) instead of '%s' (%d)", format, actual, got, expected, length);
    }
}

static void test_integers(void **state)
{
    (void)state;
    static const long long values[] = {0,   1,       -1,      9,         10,        -10,       255,
                                       256, INT_MAX, INT_MIN, LLONG_MAX, LLONG_MIN, 0xdeadbeef};
    static const char *const flags[] = {"", "-", "0", "-0", "#", "#0", "-#"};
    static const char *const widths[] = {"", "1", "5", "20", ".0", ".1", ".8", "12.8", "3.8"};
    static const char *const types[] = {"d",   "i",   "u",   "x",   "X",  "hd", "hu",
                                        "hx",  "hhd", "hhu", "hhx", "ld", "lu", "lx",
                                        "lld", "llu", "llx", "llX", "zu", "zx"};
    for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
        for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
            for (size_t w = 0; w < ARRAY_COUNT(widths); w++) {
                for (size_t t = 0; t < ARRAY_COUNT(types); t++) {
                    char format[40];
                    bool is_decimal = strpbrk(types[t], "diu") != NULL;
                    /* C prints no digit for these. */
                    bool is_plain_zero = (values[v] & 0xff) == 0 && strstr(widths[w], ".0") != NULL;
                    if ((is_decimal && strchr(flags[f], '#') != NULL) || is_plain_zero) {
                        continue;
                    }
                    snprintf(format, sizeof(format), "[%%%s%s%s]", flags[f], widths[w], types[t]);
                    check(format, values[v]);
                }
            }
        }
    }
}

static void test_text(void **state)
{
    (void)state;
    check("%s", "plain");
    check("[%10s][%-10s][%3s]", "right", "left", "longer");
    check("[%.3s][%.0s][%8.2s][%-8.2s]", "precise", "none", "both", "both");
    check("[%*s][%-*s][%*s][%.*s][%.*s]", 8, "star", 8, "star", -8, "minus", 2, "cut", -1, "whole");
    check("[%c][%5c][%-5c]", 'a', 'b', 'c');
    check("100%% of %d%s%c", 3, "x", '!');
    check("%p", (void *)0x1234abcd);
    check("");
    char text[20];
    const char *volatile nothing = NULL; /* volatile: gcc would warn */
    format_text(text, sizeof(text), "%s", nothing);
    assert_string_equal(text, "(null)");
}

static void test_unterminated_text_is_read_up_to_the_precision(void **state)
{
    (void)state;
    char *three = malloc(3), text[20];
    memcpy(three, "abc", 3);
    format_text(text, sizeof(text), "%.3s", three);
    assert_string_equal(text, "abc");
    free(three);
}

static void test_unknown_conversions_are_shown(void **state)
{
    (void)state;
    char text[20];
    const char *volatile odd = "%q and %"; /* volatile: the compiler knows that it is wrong */
    assert_int_equal(format_text(text, sizeof(text), odd, 0), 7);
    assert_string_equal(text, "%q and ");
}

static void test_result_is_cut_and_terminated(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 16; bytes++) {
        char *buffer = malloc(bytes == 0 ? 1 : bytes); /* exact: ASan sees a byte too many */
        buffer[0] = 'x';
        assert_int_equal(format_text(buffer, bytes, "%s-%04d", "long", 42), 9);
        if (bytes == 0) {
            assert_int_equal(buffer[0], 'x');
        } else {
            assert_int_equal(strlen(buffer), bytes - 1 < 9 ? bytes - 1 : 9);
            assert_memory_equal(buffer, "long-0042", strlen(buffer));
        }
        free(buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_unterminated_text_is_read_up_to_the_precision),
        cmocka_unit_test(test_unknown_conversions_are_shown),
        cmocka_unit_test(test_result_is_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
