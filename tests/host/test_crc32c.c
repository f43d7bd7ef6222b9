/* SPDX-License-Identifier: MIT */
/* base/crc32c.c: vectors of RFC 3720 B.4 and others, and the instruction against the table. */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_known_values(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof(ones));
    for (unsigned i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    const struct {
        const void *data;
        size_t bytes;
        uint32_t crc;
    } rows[] = {
        {"", 0, 0},
        {NULL, 0, 0},
        {"a", 1, 0xc1d04330},
        {"123456789", 9, 0xe3069283},
        {zeros, 32, 0x8a9136aa},
        {ones, 32, 0x62a8ab43},
        {up, 32, 0x46dd794e},
        {down, 32, 0x113fdb5c},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(crc32c(0, rows[i].data, rows[i].bytes), rows[i].crc);
        assert_int_equal(crc32c_table(0, rows[i].data, rows[i].bytes), rows[i].crc);
    }
}

static void test_any_split_gives_the_same(void **state)
{
    (void)state;
    srand(1);
    for (size_t bytes = 0; bytes < 70; bytes++) {
        uint8_t *data = malloc(bytes + 1);
        for (size_t i = 0; i < bytes; i++) {
            data[i] = (uint8_t)rand();
        }
        uint32_t whole = crc32c(0, data, bytes);
        assert_int_equal(crc32c_table(0, data, bytes), whole);
        for (size_t cut = 0; cut <= bytes; cut++) {
            assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, bytes - cut), whole);
            assert_int_equal(crc32c_table(crc32c(0, data, cut), data + cut, bytes - cut), whole);
        }
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_any_split_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
