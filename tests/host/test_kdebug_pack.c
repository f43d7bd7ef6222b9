/* SPDX-License-Identifier: MIT */
/* Packing pages (kdebug/core/pack.h), against a reader written from the format's description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/core/pack.h"

#define PAGE 4096u

static size_t read_more(const uint8_t *from, size_t bytes, size_t *at, size_t number)
{
    uint8_t byte = 255;
    while (number >= 15 && byte == 255) {
        assert_true(*at < bytes);
        byte = from[(*at)++];
        number += byte;
    }
    return number;
}

/* Returns how many bytes came out. */
static size_t unpack(const uint8_t *from, size_t bytes, uint8_t *to)
{
    size_t at = 0, out = 0;
    while (at < bytes) {
        uint8_t head = from[at++];
        size_t plain = read_more(from, bytes, &at, head >> 4);
        assert_true(plain <= bytes - at && plain <= PAGE - out);
        memcpy(to + out, from + at, plain);
        at += plain;
        out += plain;
        if (at == bytes) {
            break;
        }
        assert_true(bytes - at >= 2);
        size_t distance = from[at] | from[at + 1] << 8;
        at += 2;
        size_t length = read_more(from, bytes, &at, head & 15) + PACK_REPEAT_MIN;
        assert_true(distance > 0 && distance <= out && length <= PAGE - out);
        for (; length > 0; length--, out++) {
            to[out] = to[out - distance];
        }
    }
    return out;
}

/* Memory of exactly the size, so that a byte too far is seen. */
static size_t check(const uint8_t *page, size_t bytes)
{
    uint8_t *from = malloc(bytes), *to = malloc(bytes), back[PAGE];
    memcpy(from, page, bytes);
    size_t packed = kd_pack(from, bytes, to);
    assert_true(packed < bytes);
    if (packed != 0) {
        uint8_t *exact = malloc(packed);
        memcpy(exact, to, packed);
        assert_int_equal(unpack(exact, packed, back), bytes);
        assert_memory_equal(back, page, bytes);
        free(exact);
    }
    free(from);
    free(to);
    return packed;
}

static void test_repeats_get_small(void **state)
{
    (void)state;
    uint8_t page[PAGE];
    memset(page, 0x5a, sizeof(page));
    assert_in_range(check(page, PAGE), 1, 24);
    for (unsigned i = 0; i < PAGE; i++) {
        page[i] = (uint8_t)(i % 32 == 0 ? i / 32 : i % 32);
    }
    assert_in_range(check(page, PAGE), 1, PAGE / 4);
}

static void test_noise_is_left_alone(void **state)
{
    (void)state;
    uint8_t page[PAGE];
    srandom(7);
    for (unsigned i = 0; i < PAGE; i++) {
        page[i] = (uint8_t)random();
    }
    assert_int_equal(check(page, PAGE), 0);
}

/* Runs of plain bytes and repeats of every length, so that each half byte overflows at its border. */
static void test_every_mixture_comes_back(void **state)
{
    (void)state;
    uint8_t page[PAGE];
    srandom(11);
    for (unsigned turn = 0; turn < 3000; turn++) {
        size_t bytes = turn % 5 == 0 ? (size_t)random() % 64 + 1 : PAGE;
        for (size_t at = 0; at < bytes;) {
            size_t length = (size_t)random() % (turn % 600 + 1) + 1;
            size_t distance = at == 0 ? 0 : (size_t)random() % at + 1;
            bool repeats = at > 0 && random() % 2;
            for (; length > 0 && at < bytes; length--, at++) {
                page[at] = repeats ? page[at - distance] : (uint8_t)random();
            }
        }
        check(page, bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats_get_small),
        cmocka_unit_test(test_noise_is_left_alone),
        cmocka_unit_test(test_every_mixture_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
