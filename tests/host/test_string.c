/* SPDX-License-Identifier: MIT */
/* base/string.c against the C library: every length and alignment that takes another path, and
 * random ones. */
#include "base/string.h"

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM 96

static uint8_t expected[ROOM], actual[ROOM], source[ROOM];

static void fill(unsigned seed)
{
    srand(seed);
    for (size_t i = 0; i < ROOM; i++) {
        source[i] = (uint8_t)rand();
        expected[i] = actual[i] = (uint8_t)rand();
    }
}

/* Exact-size heap blocks, so that ASan sees a byte read or written too far. */
static void *block(const void *from, size_t bytes)
{
    uint8_t *copy = malloc(bytes + 1);
    memcpy(copy, from, bytes);
    return realloc(copy, bytes == 0 ? 1 : bytes);
}

static void test_copy_all_lengths_and_alignments(void **state)
{
    (void)state;
    for (size_t to = 0; to < 9; to++) {
        for (size_t from = 0; from < 9; from++) {
            for (size_t bytes = 0; bytes <= 40; bytes++) {
                fill((unsigned)(to * 1000 + from * 100 + bytes));
                memcpy(expected + to, source + from, bytes);
                assert_ptr_equal(spoor_memcpy(actual + to, source + from, bytes), actual + to);
                assert_memory_equal(actual, expected, ROOM);
            }
        }
    }
}

static void test_copy_stays_inside(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 40; bytes++) {
        fill((unsigned)bytes);
        uint8_t *from = block(source, bytes), *to = block(actual, bytes);
        spoor_memcpy(to, from, bytes);
        assert_memory_equal(to, source, bytes);
        spoor_memset(to, 7, bytes);
        spoor_memmove(to, from, bytes);
        assert_int_equal(spoor_memcmp(to, from, bytes), 0);
        free(from);
        free(to);
    }
}

static void test_move_with_every_overlap(void **state)
{
    (void)state;
    for (size_t to = 0; to < 40; to++) {
        for (size_t from = 0; from < 40; from++) {
            for (size_t bytes = 0; bytes <= 40; bytes++) {
                fill((unsigned)(to * 41 + from));
                memmove(expected + to, expected + from, bytes);
                assert_ptr_equal(spoor_memmove(actual + to, actual + from, bytes), actual + to);
                assert_memory_equal(actual, expected, ROOM);
            }
        }
    }
}

static void test_set(void **state)
{
    (void)state;
    for (size_t at = 0; at < 9; at++) {
        for (size_t bytes = 0; bytes <= 40; bytes++) {
            fill((unsigned)bytes);
            memset(expected + at, 0x1fe, bytes); /* only the low byte counts */
            assert_ptr_equal(spoor_memset(actual + at, 0x1fe, bytes), actual + at);
            assert_memory_equal(actual, expected, ROOM);
        }
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void test_compare_finds_the_first_difference(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 40; bytes++) {
        for (size_t at = 0; at < bytes; at++) {
            fill((unsigned)(bytes + at));
            memcpy(actual, source, bytes);
            assert_int_equal(spoor_memcmp(actual, source, bytes), 0);
            actual[at] = (uint8_t)(source[at] + 1);
            for (size_t after = at + 1; after < bytes; after++) {
                actual[after] = (uint8_t)rand();
            }
            assert_int_equal(sign(spoor_memcmp(actual, source, bytes)),
                             sign(memcmp(actual, source, bytes)));
        }
    }
}

static void test_strings(void **state)
{
    (void)state;
    static const char *const words[] = {
        "", "a", "ab", "abc", "abd", "b", "\xff", "a\xff", "aaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_int_equal(spoor_strlen(words[i]), strlen(words[i]));
        assert_ptr_equal(spoor_strchr(words[i], 'b'), strchr(words[i], 'b'));
        assert_ptr_equal(spoor_strchr(words[i], 0), strchr(words[i], 0));
        assert_ptr_equal(spoor_strchr(words[i], 0xff), strchr(words[i], 0xff));
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            assert_int_equal(sign(spoor_strcmp(words[i], words[j])),
                             sign(strcmp(words[i], words[j])));
            for (size_t n = 0; n < 5; n++) {
                assert_int_equal(sign(spoor_strncmp(words[i], words[j], n)),
                                 sign(strncmp(words[i], words[j], n)));
            }
        }
    }
}

static void test_string_copy_cuts_and_terminates(void **state)
{
    (void)state;
    char to[4] = {'x', 'x', 'x', 'x'};
    assert_int_equal(string_copy(to, "abcdef", 0), 6);
    assert_int_equal(to[0], 'x');
    assert_int_equal(string_copy(to, "abcdef", 3), 6);
    assert_memory_equal(to, "ab\0x", 4);
    assert_int_equal(string_copy(to, "", 4), 0);
    assert_int_equal(to[0], 0);
    assert_int_equal(string_copy(to, "abc", 4), 3);
    assert_memory_equal(to, "abc", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_all_lengths_and_alignments),
        cmocka_unit_test(test_copy_stays_inside),
        cmocka_unit_test(test_move_with_every_overlap),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_compare_finds_the_first_difference),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_string_copy_cuts_and_terminates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
