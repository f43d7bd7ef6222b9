/* SPDX-License-Identifier: MIT */
/* userspace/lib/option.c: key=value arguments. */
#include "userspace/lib/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char *const args[] = {"program", "calls=12", "calls=34", "sizes=0w+512", "quiet",
                             "empty=",  "bad=12x",  "hex=0xfF", "off=0",        "call=5"};

static int setup(void **state)
{
    (void)state;
    options_set(sizeof(args) / sizeof(args[0]), args);
    return 0;
}

static void the_last_of_several_wins(void **state)
{
    (void)state;
    assert_int_equal(option_u64("calls", 1), 34);
}

static void a_key_is_matched_whole(void **state)
{
    (void)state;
    assert_int_equal(option_u64("call", 1), 5);
    assert_int_equal(option_u64("cal", 1), 1);
    assert_int_equal(option_u64("callss", 1), 1);
    assert_null(option_text("program", NULL));
}

static void text_is_what_follows(void **state)
{
    (void)state;
    assert_string_equal(option_text("sizes", ""), "0w+512");
    assert_string_equal(option_text("empty", "x"), "");
    assert_string_equal(option_text("nothing", "x"), "x");
}

static void what_is_no_number_counts_as_not_given(void **state)
{
    (void)state;
    assert_int_equal(option_u64("bad", 7), 7);
    assert_int_equal(option_u64("empty", 7), 7);
    assert_int_equal(option_u64("sizes", 7), 7);
    assert_int_equal(option_u64("hex", 7), 255);
}

static void flags_stand_alone_or_are_not_0(void **state)
{
    (void)state;
    assert_true(option_flag("quiet"));
    assert_true(option_flag("hex"));
    assert_false(option_flag("off"));
    assert_false(option_flag("empty"));
    assert_false(option_flag("program"));
}

static const struct {
    const char *text;
    bool good;
    uint64_t value;
} numbers[] = {
    {"0", true, 0},
    {"007", true, 7},
    {"18446744073709551615", true, UINT64_MAX},
    {"18446744073709551616", false, 0},
    {"184467440737095516150", false, 0},
    {"0xffffffffffffffff", true, UINT64_MAX},
    {"0x10000000000000000", false, 0},
    {"0x", false, 0},
    {"x", false, 0},
    {"", false, 0},
    {"-1", false, 0},
    {"1 ", false, 0},
    {"12a", false, 0},
    {"0xg", false, 0},
};

static void numbers_are_read_whole_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t value = 99;
        assert_int_equal(number_parse(numbers[i].text, (unsigned)strlen(numbers[i].text), &value),
                         numbers[i].good);
        assert_int_equal(value, numbers[i].good ? numbers[i].value : 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_several_wins),
        cmocka_unit_test(a_key_is_matched_whole),
        cmocka_unit_test(text_is_what_follows),
        cmocka_unit_test(what_is_no_number_counts_as_not_given),
        cmocka_unit_test(flags_stand_alone_or_are_not_0),
        cmocka_unit_test(numbers_are_read_whole_or_not),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
