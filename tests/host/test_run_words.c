/* SPDX-License-Identifier: MIT */
/* What a program says it wants started: words from outside, of which nothing is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/services/init/running.h"

static struct run_words words;

/* On the heap and of exactly this size, so that the sanitizer sees every read behind it. */
static status_t parse(const char *text, size_t bytes, uint32_t args)
{
    static char *copy;

    free(copy);
    copy = malloc(bytes + (bytes == 0));
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    return run_words_parse(copy, bytes, args, &words);
}

static void test_name_arguments_variables(void **state)
{
    (void)state;
    assert_int_equal(parse("ls", 3, 0), OK);
    assert_string_equal(words.name, "ls");
    assert_int_equal(words.arg_count, 0);
    assert_int_equal(words.variable_count, 0);

    static const char all[] = "cp\0a b\0\0c=\0PWD=/tmp\0X=";
    assert_int_equal(parse(all, sizeof(all), 3), OK);
    assert_string_equal(words.name, "cp");
    assert_int_equal(words.arg_count, 3);
    assert_string_equal(words.args[0], "a b");
    assert_string_equal(words.args[1], "");
    assert_string_equal(words.args[2], "c=");
    assert_int_equal(words.variable_count, 2);
    assert_string_equal(words.environment[0], "PWD=/tmp");
    assert_string_equal(words.environment[1], "X=");
    assert_null(words.environment[2]);
}

static void test_words_that_make_no_sense(void **state)
{
    (void)state;
    assert_int_equal(parse("", 0, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("\0", 1, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls", 2, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls\0PWD", 7, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls\0A=\0", 7, 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls\0a", 5, 2), ERR_BAD_ARGUMENT); /* fewer than it says */
    assert_int_equal(parse("ls\0a", 5, ~0u), ERR_TOO_BIG);
}

static void test_too_many(void **state)
{
    char text[4 * (RUN_ARGS_MAX + RUN_VARIABLES_MAX) + 8] = "p";
    size_t bytes = 2;

    (void)state;
    for (unsigned i = 0; i < RUN_ARGS_MAX; i++, bytes += 2) {
        text[bytes] = 'a';
    }
    for (unsigned i = 0; i < RUN_VARIABLES_MAX; i++, bytes += 3) {
        memcpy(text + bytes, "A=", 3);
    }
    assert_int_equal(parse(text, bytes, RUN_ARGS_MAX), OK);
    assert_int_equal(words.arg_count, RUN_ARGS_MAX);
    assert_int_equal(words.variable_count, RUN_VARIABLES_MAX);
    assert_int_equal(parse(text, bytes, RUN_ARGS_MAX + 1), ERR_TOO_BIG);
    memcpy(text + bytes, "A=", 3);
    assert_int_equal(parse(text, bytes + 3, RUN_ARGS_MAX), ERR_TOO_BIG);
}

static void test_random_words(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 100000; i++) {
        char text[64];
        size_t bytes = (size_t)rand() % sizeof(text);

        for (size_t j = 0; j < bytes; j++) {
            text[j] = "\0\0=ab"[rand() % 5];
        }
        if (parse(text, bytes, (uint32_t)rand() % 4) == OK) {
            assert_true(words.arg_count <= RUN_ARGS_MAX &&
                        words.variable_count <= RUN_VARIABLES_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_arguments_variables),
        cmocka_unit_test(test_words_that_make_no_sense),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
