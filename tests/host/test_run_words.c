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
static status_t parse(const char *text, size_t bytes)
{
    static char *copy;

    free(copy);
    copy = malloc(bytes + (bytes == 0));
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    return run_words_parse(copy, bytes, &words);
}

static void test_name_arguments_variables(void **state)
{
    (void)state;
    assert_int_equal(parse("ls", 3), OK);
    assert_string_equal(words.name, "ls");
    assert_int_equal(words.arg_count, 0);
    assert_int_equal(words.variable_count, 0);

    static const char all[] = "cp\0a b\0c\0\0PWD=/tmp\0X=";
    assert_int_equal(parse(all, sizeof(all)), OK);
    assert_string_equal(words.name, "cp");
    assert_int_equal(words.arg_count, 2);
    assert_string_equal(words.args[0], "a b");
    assert_string_equal(words.args[1], "c");
    assert_int_equal(words.variable_count, 2);
    assert_string_equal(words.environment[0], "PWD=/tmp");
    assert_string_equal(words.environment[1], "X=");
    assert_null(words.environment[2]);
}

static void test_words_that_make_no_sense(void **state)
{
    (void)state;
    assert_int_equal(parse("", 0), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("\0", 1), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls", 2), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls\0\0PWD", 8), ERR_BAD_ARGUMENT);
    assert_int_equal(parse("ls\0\0A=\0\0", 8), ERR_BAD_ARGUMENT);
}

static void test_too_many(void **state)
{
    char text[2 * (RUN_ARGS_MAX + RUN_VARIABLES_MAX) * 4] = "p";
    size_t bytes = 2;

    (void)state;
    for (unsigned i = 0; i < RUN_ARGS_MAX; i++, bytes += 2) {
        text[bytes] = 'a';
    }
    assert_int_equal(parse(text, bytes), OK);
    assert_int_equal(words.arg_count, RUN_ARGS_MAX);
    size_t rest = bytes;
    text[bytes] = 'a';
    assert_int_equal(parse(text, bytes + 2), ERR_TOO_BIG);
    text[rest] = '\0';
    bytes = rest + 1;
    for (unsigned i = 0; i < RUN_VARIABLES_MAX; i++, bytes += 3) {
        memcpy(text + bytes, "A=", 3);
    }
    assert_int_equal(parse(text, bytes), OK);
    assert_int_equal(words.variable_count, RUN_VARIABLES_MAX);
    memcpy(text + bytes, "A=", 3);
    assert_int_equal(parse(text, bytes + 3), ERR_TOO_BIG);
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
        if (parse(text, bytes) == OK) {
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
