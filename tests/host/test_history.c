/* SPDX-License-Identifier: MIT */
/* The log's history: whole lines, in order, with what is gone said to be gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/services/log/history.h"

#define LIMIT 300u

static uint64_t lines_added;

static void add_line(void)
{
    char line[LIMIT];
    uint64_t number = lines_added++;
    int bytes =
        snprintf(line, sizeof(line), "%lu%.*s\n", number, (int)(number * 7 % 200),
                 "........................................................................"
                 "........................................................................"
                 "........................................................................");
    history_add(line, (uint64_t)bytes);
}

/* Reads to the end; returns how many lines came, and checks that they are the last ones, without a gap. */
static uint64_t read_all(uint64_t from, uint64_t *out_missed)
{
    uint64_t count = 0, next = from, missed, bytes;
    char text[LIMIT + 100];

    *out_missed = 0;
    for (bool is_first = true; (bytes = history_read(next, text, sizeof(text), &next, &missed)) > 0;
         is_first = false) {
        assert_true(is_first || missed == 0);
        *out_missed += missed;
        assert_int_equal(text[bytes - 1], '\n');
        for (char *line = text; line < text + bytes; line = strchr(line, '\n') + 1) {
            static uint64_t expected;
            uint64_t number = strtoul(line, NULL, 10);
            assert_true(count == 0 || number == expected);
            expected = number + 1;
            count++;
        }
    }
    assert_int_equal(next, history_end());
    return count;
}

static void test_lines_come_once_and_whole(void **state)
{
    uint64_t missed, next;
    char text[LIMIT];
    (void)state;

    assert_int_equal(history_read(0, text, sizeof(text), &next, &missed), 0);
    assert_int_equal(next, 0);
    for (unsigned i = 0; i < 50; i++) {
        add_line();
    }
    assert_int_equal(read_all(0, &missed), 50);
    assert_int_equal(missed, 0);
    uint64_t here = history_end();
    assert_int_equal(history_read(here, text, sizeof(text), &next, &missed), 0);
    add_line();
    assert_int_equal(read_all(here, &missed), 1);
    assert_int_equal(read_all(here + 100000, &missed), 0); /* no such place */
}

static void test_what_is_gone_is_counted(void **state)
{
    uint64_t missed, start = history_end();
    (void)state;

    for (unsigned i = 0; i < 3000; i++) {
        add_line();
        if (i % 97 == 0) {
            uint64_t count = read_all(start, &missed);
            assert_true(count == i + 1 || missed > 0);
            assert_true(history_end() - start - missed <= HISTORY_BYTES);
            assert_true(missed == 0 || history_end() - start - missed > HISTORY_BYTES - LIMIT);
        }
    }
    assert_true(read_all(history_end() - 5, &missed) == 0); /* in the middle of the last line */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_come_once_and_whole),
        cmocka_unit_test(test_what_is_gone_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
