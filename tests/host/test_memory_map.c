/* SPDX-License-Identifier: MIT */
/* The memory map normaliser: a table of maps, and random maps compared page by page with a model. */
#include "boot/load/memory_map.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define REGIONS_MAX 24u
#define OUT_MAX     64u

#define RESERVED HANDOFF_MEMORY_RESERVED
#define USABLE   HANDOFF_MEMORY_USABLE
#define LOADER   HANDOFF_MEMORY_LOADER
#define KERNEL   HANDOFF_MEMORY_KERNEL
#define IMAGE    HANDOFF_MEMORY_IMAGE
#define TRACE    HANDOFF_MEMORY_TRACE
#define ACPI     HANDOFF_MEMORY_ACPI
#define FIRMWARE HANDOFF_MEMORY_FIRMWARE
#define MMIO     HANDOFF_MEMORY_MMIO

struct region {
    uint64_t base, end;
    uint32_t type;
};

struct map_case {
    const char *name;
    struct region in[6]; /* up to the first with end 0 */
    struct region out[6];
};

static const struct map_case cases[] = {
    {"nothing", {{0}}, {{0}}},
    {"one region stays", {{0x1000, 0x5000, USABLE}}, {{0x1000, 0x5000, USABLE}}},
    {"sorted by base",
     {{0x9000, 0xa000, ACPI}, {0x5000, 0x6000, MMIO}, {0x1000, 0x2000, USABLE}},
     {{0x1000, 0x2000, USABLE}, {0x5000, 0x6000, MMIO}, {0x9000, 0xa000, ACPI}}},
    {"same type, touching: merged",
     {{0x3000, 0x5000, USABLE}, {0x1000, 0x3000, USABLE}},
     {{0x1000, 0x5000, USABLE}}},
    {"same type, a page apart: kept apart",
     {{0x1000, 0x3000, USABLE}, {0x4000, 0x5000, USABLE}},
     {{0x1000, 0x3000, USABLE}, {0x4000, 0x5000, USABLE}}},
    {"other type, touching: kept apart",
     {{0x1000, 0x3000, USABLE}, {0x3000, 0x5000, ACPI}},
     {{0x1000, 0x3000, USABLE}, {0x3000, 0x5000, ACPI}}},
    {"a hole is punched",
     {{0x1000, 0x9000, USABLE}, {0x3000, 0x4000, KERNEL}},
     {{0x1000, 0x3000, USABLE}, {0x3000, 0x4000, KERNEL}, {0x4000, 0x9000, USABLE}}},
    {"a start is cut",
     {{0x1000, 0x9000, USABLE}, {0x1000, 0x4000, IMAGE}},
     {{0x1000, 0x4000, IMAGE}, {0x4000, 0x9000, USABLE}}},
    {"an end is cut",
     {{0x1000, 0x9000, USABLE}, {0x8000, 0xb000, RESERVED}},
     {{0x1000, 0x8000, USABLE}, {0x8000, 0xb000, RESERVED}}},
    {"swallowed by a stronger one",
     {{0x3000, 0x4000, USABLE}, {0x1000, 0x9000, FIRMWARE}},
     {{0x1000, 0x9000, FIRMWARE}}},
    {"the trace lies in reserved memory",
     {{0x1000, 0x9000, RESERVED}, {0x1000, 0x9000, TRACE}},
     {{0x1000, 0x9000, TRACE}}},
    {"three deep",
     {{0x0000, 0x9000, USABLE}, {0x2000, 0x7000, ACPI}, {0x4000, 0x5000, LOADER}},
     {{0x0000, 0x2000, USABLE},
      {0x2000, 0x4000, ACPI},
      {0x4000, 0x5000, LOADER},
      {0x5000, 0x7000, ACPI},
      {0x7000, 0x9000, USABLE}}},
    {"usable shrinks to whole pages", {{0x1001, 0x4fff, USABLE}}, {{0x2000, 0x4000, USABLE}}},
    {"usable of less than a page vanishes", {{0x1001, 0x2fff, USABLE}}, {{0}}},
    {"others grow to whole pages", {{0x1fff, 0x4001, RESERVED}}, {{0x1000, 0x5000, RESERVED}}},
    {"a few reserved bytes take the page",
     {{0x0000, 0x4000, USABLE}, {0x2800, 0x2801, RESERVED}},
     {{0x0000, 0x2000, USABLE}, {0x2000, 0x3000, RESERVED}, {0x3000, 0x4000, USABLE}}},
    {"an unknown type is reserved",
     {{0x1000, 0x2000, 77}, {0x1000, 0x2000, USABLE}},
     {{0x1000, 0x2000, 77}}},
    {"above 4 GiB", {{0x100000000, 0x180000000, USABLE}}, {{0x100000000, 0x180000000, USABLE}}},
    {"up to the end of the address space",
     {{0xfffffffffffe0000, 0xffffffffffffffff, RESERVED}},
     {{0xfffffffffffe0000, 0xfffffffffffff000, RESERVED}}},
    {"nothing but the last page", {{0xfffffffffffff000, 0xfffffffffffffff0, RESERVED}}, {{0}}},
};

static unsigned fill(struct handoff_memory *to, const struct region *from)
{
    unsigned count = 0;
    for (; count < 6 && from[count].end != 0; count++) {
        to[count] = (struct handoff_memory){.base = from[count].base,
                                            .bytes = from[count].end - from[count].base,
                                            .type = from[count].type};
    }
    return count;
}

static void test_case(void **state)
{
    const struct map_case *c = *state;
    struct handoff_memory in[6], out[OUT_MAX], expected[6];
    uint64_t edges[12];
    unsigned count;
    uint64_t lost;
    unsigned expected_count = fill(expected, c->out);
    assert_int_equal(memory_map_build(in, fill(in, c->in), edges, out, OUT_MAX, &count, &lost), OK);
    assert_int_equal(count, expected_count);
    assert_int_equal(lost, 0);
    assert_memory_equal(out, expected, count * sizeof(out[0]));
}

static void test_wrapping_length(void **state)
{
    (void)state;
    struct handoff_memory in[] = {
        {0x1000, UINT64_MAX, MMIO, 0}, {UINT64_MAX, UINT64_MAX, USABLE, 0}, {5, 0, ACPI, 0}};
    struct handoff_memory out[OUT_MAX];
    uint64_t edges[6], lost;
    unsigned count;
    assert_int_equal(memory_map_build(in, 3, edges, out, OUT_MAX, &count, &lost), OK);
    assert_int_equal(count, 1);
    assert_int_equal(out[0].base, 0x1000);
    assert_int_equal(out[0].base + out[0].bytes, 0xfffffffffffff000);
}

static void test_full(void **state)
{
    (void)state;
    struct handoff_memory in[] = {
        {0x0000, 0x3000, USABLE, 0}, {0x4000, 0x1000, USABLE, 0}, {0x6000, 0x1000, ACPI, 0},
        {0x8000, 0x2000, USABLE, 0}, {0xb000, 0x1000, MMIO, 0},   {0xd000, 0x9000, USABLE, 0},
    };
    struct handoff_memory out[OUT_MAX];
    uint64_t edges[12], lost;
    unsigned count;
    assert_int_equal(memory_map_build(in, 6, edges, out, 4, &count, &lost), OK);
    assert_int_equal(count, 4);
    assert_int_equal(lost, 0x3000); /* the two smallest */
    assert_int_equal(memory_map_bytes(out, count, USABLE), 0xc000);
    assert_int_equal(memory_map_bytes(out, count, ACPI), 0x1000);
    assert_int_equal(memory_map_build(in, 6, edges, out, 2, &count, &lost), OK);
    assert_int_equal(lost, 0xf000);
    assert_int_equal(memory_map_build(in, 6, edges, out, 1, &count, &lost), ERR_TABLE_FULL);
}

static void test_ram_end(void **state)
{
    (void)state;
    static const struct handoff_memory map[] = {{0, 0x8000, USABLE, 0},
                                                {0x8000, 0x2000, ACPI, 0},
                                                {0xa000, 0x1000, RESERVED, 0},
                                                {0x100000, 0x1000, MMIO, 0}};
    assert_int_equal(memory_map_ram_end(map, 4), 0xa000);
    assert_int_equal(memory_map_ram_end(map, 1), 0x8000);
    assert_int_equal(memory_map_ram_end(map, 0), 0);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#define MODEL_PAGES 48u
#define NO_TYPE     99u

/* The order of memory_map.h: usable, ACPI, firmware, MMIO, reserved, then loader, kernel, image, trace. */
static unsigned model_strength(uint32_t type)
{
    static const uint32_t order[] = {USABLE, ACPI,   FIRMWARE, MMIO, RESERVED,
                                     LOADER, KERNEL, IMAGE,    TRACE};
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i] == type) {
            return i + 1;
        }
    }
    return 0;
}

static void paint(uint32_t *pages, const struct handoff_memory *region)
{
    for (uint64_t page = 0; page < MODEL_PAGES; page++) {
        uint64_t low = page * 0x1000, high = low + 0x1000, end = region->base + region->bytes;
        bool covered = region->type == USABLE ? region->base <= low && end >= high
                                              : region->base < high && end > low;
        covered = covered && region->bytes > 0;
        if (covered && model_strength(region->type) > model_strength(pages[page])) {
            pages[page] = region->type;
        }
    }
}

static void check_against(const uint32_t *pages, const struct handoff_memory *out, unsigned count)
{
    uint32_t seen[MODEL_PAGES];
    for (unsigned i = 0; i < MODEL_PAGES; i++) {
        seen[i] = NO_TYPE;
    }
    for (unsigned i = 0; i < count; i++) {
        assert_true(out[i].bytes > 0 && out[i].base % 0x1000 == 0 && out[i].bytes % 0x1000 == 0);
        if (i > 0) {
            uint64_t before = out[i - 1].base + out[i - 1].bytes;
            assert_true(out[i].base > before ||
                        (out[i].base == before && out[i].type != out[i - 1].type)); /* M1 */
        }
        for (uint64_t page = out[i].base / 0x1000; page < (out[i].base + out[i].bytes) / 0x1000;
             page++) {
            assert_true(page < MODEL_PAGES);
            seen[page] = out[i].type;
        }
    }
    assert_memory_equal(seen, pages, sizeof(seen)); /* M2, M3 */
}

static void test_random_maps(void **state)
{
    (void)state;
    uint64_t seed = 0x6d656d6f7279ull;
    for (unsigned round = 0; round < 5000; round++) {
        struct handoff_memory in[REGIONS_MAX], out[2 * REGIONS_MAX];
        uint32_t pages[MODEL_PAGES];
        uint64_t edges[2 * REGIONS_MAX], lost;
        unsigned out_count, count = next_random(&seed) % (REGIONS_MAX + 1);
        for (unsigned i = 0; i < MODEL_PAGES; i++) {
            pages[i] = NO_TYPE;
        }
        for (unsigned i = 0; i < count; i++) {
            uint64_t base = next_random(&seed) % (MODEL_PAGES * 0x1000);
            uint64_t room = MODEL_PAGES * 0x1000 - base;
            uint64_t bytes = next_random(&seed) % (room < 0x8000 ? room + 1 : 0x8000);
            if (next_random(&seed) % 2) { /* most firmware maps are page aligned */
                base &= ~0xfffull;
                bytes &= ~0xfffull;
            }
            in[i] = (struct handoff_memory){
                .base = base, .bytes = bytes, .type = next_random(&seed) % 9};
            paint(pages, &in[i]);
        }
        assert_int_equal(
            memory_map_build(in, count, edges, out, 2 * REGIONS_MAX, &out_count, &lost), OK);
        assert_int_equal(lost, 0);
        check_against(pages, out, out_count);
    }
}

int main(void)
{
    enum { TABLE = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[TABLE + 4] = {
        {"lengths that wrap around are cut", test_wrapping_length, NULL, NULL, NULL},
        {"a full list drops the smallest usable regions", test_full, NULL, NULL, NULL},
        {"end of RAM ignores reserved and MMIO", test_ram_end, NULL, NULL, NULL},
        {"random maps equal the model (M1, M2, M3)", test_random_maps, NULL, NULL, NULL},
    };
    for (unsigned i = 0; i < TABLE; i++) {
        tests[4 + i] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    }
    return cmocka_run_group_tests_name("memory_map", tests, NULL, NULL);
}
