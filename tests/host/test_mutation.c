/* SPDX-License-Identifier: MIT */
/*
 * tools/trace against damaged input: thousands of captures and images with random changes, the same ones in every run.
 * Whatever the bytes, nothing may crash, hang or invent an event (tests/fuzz/read_all.c checks, under the sanitizers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/fuzz/read_all.h"
#include "trace_support.h"

#define ROUNDS 400

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

/* One change somewhere: a bit, a word with an ugly value, a stretch copied, moved away or cut off. */
static void mutate(struct bytes *bytes)
{
    static const uint64_t ugly[] = {0, ~0ull, 1ull << 63, 0x7fffffff, 0xffff, 0x4000, 30ull << 9};
    size_t at = (size_t)draw(bytes->count - 600);
    size_t length = 1 + (size_t)draw(512);
    switch (draw(6)) {
    case 0:
        bytes->data[at] ^= (char)(1u << draw(8));
        break;
    case 1:
        memcpy(bytes->data + (at & ~7ull), &ugly[draw(ARRAY_COUNT(ugly))], 8);
        break;
    case 2:
        memmove(bytes->data + at, bytes->data + draw(bytes->count - 600), length);
        break;
    case 3:
        memmove(bytes->data + at, bytes->data + at + length, bytes->count - at - length);
        bytes->count -= length;
        break;
    case 4:
        memset(bytes->data + at, (int)draw(256), length);
        break;
    default:
        bytes->data[at] = (char)draw(256);
        break;
    }
}

static void repair_blocks(struct bytes bytes)
{
    for (unsigned n = 0; block_at(bytes, n) != NULL; n++) {
        struct capture_block *block = block_at(bytes, n);
        if (block->bytes > bytes.count ||
            (char *)(block + 1) + block->bytes > bytes.data + bytes.count) {
            break;
        }
        block_seal(block);
    }
}

static void run_rounds(struct bytes whole, bool repair, uint64_t seed)
{
    random_state = seed;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct bytes copy = {.data = malloc(whole.count), .count = whole.count};
        memcpy(copy.data, whole.data, whole.count);
        for (uint64_t changes = 1 + draw(8); changes != 0; changes--) {
            mutate(&copy);
        }
        if (repair) {
            repair_blocks(copy);
        }
        read_all(copy.data, copy.count);
        free(copy.data);
    }
    free(whole.data);
}

static void test_captures(void **state)
{
    (void)state;
    run_rounds(make_work(2, 1500, 1, NULL), false, 11);
}

static void test_captures_with_repaired_checksums(void **state)
{
    (void)state;
    run_rounds(make_work(2, 1500, 2, NULL), true, 12);
}

static void test_captures_of_one_sub_buffer_hit_hard(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 104; seed++) {
        run_rounds(make_work(1, 60, seed, NULL), true, seed);
    }
}

static void test_images(void **state)
{
    (void)state;
    struct maker maker;
    struct bytes image = {0};
    maker_begin(&maker, 1);
    synth_work(&maker.synth, SYNTH_MIXED, 3000, 3);
    FILE *file = open_memstream(&image.data, &image.count);
    synth_write_image(&maker.synth, file);
    fclose(file);
    free(maker_end(&maker).data);
    image.count = MIN(image.count, (size_t)0x40000); /* a cut image, too: the NMI lane is outside */
    run_rounds(image, false, 13);
}

static void test_random_bytes(void **state)
{
    (void)state;
    random_state = 14;
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t count = (size_t)draw(5000);
        char *data = malloc(count + 1);
        for (size_t i = 0; i < count; i++) {
            data[i] = (char)draw(256);
        }
        read_all(data, count);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_captures_with_repaired_checksums),
        cmocka_unit_test(test_captures_of_one_sub_buffer_hit_hard),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
