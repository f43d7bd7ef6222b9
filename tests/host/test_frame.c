/* SPDX-License-Identifier: MIT */
/* mm/frame*.c: layouts of physical memory, random traffic against a model, exhaustion, misuse,
 * and cores at the same time. */
#include "mm/frame.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/mmu.h"
#include "mm/frame_impl.h"
#include "tests/host/mm_support.h"

#define KIB 0x400ull
#define MIB 0x100000ull
#define GIB 0x40000000ull

/* ---- layouts ---- */

struct layout {
    const char *name;
    unsigned count;
    struct handoff_memory regions[8];
    uint64_t ram_frames;    /* with entries in the table, without holes */
    uint64_t in_use_frames; /* of these: reserved, kernel, trace; without the frame table */
    paddr_t limit;
};

#define U HANDOFF_MEMORY_USABLE
static const struct layout layouts[] = {
    {"one region", 1, {{MIB, 64 * MIB, U, 0}}, 16384, 0, 65 * MIB},
    {"from address 0: frame 0 is kept back", 1, {{0, 16 * MIB, U, 0}}, 4096, 1, 16 * MIB},
    {"a hole", 2, {{MIB, 7 * MIB, U, 0}, {16 * MIB, 16 * MIB, U, 0}}, 1792 + 4096, 0, 32 * MIB},
    {"touching regions are merged",
     2,
     {{MIB, 3 * MIB, U, 0}, {4 * MIB, 12 * MIB, U, 0}},
     3840,
     0,
     16 * MIB},
    {"bounds inside of frames",
     2,
     {{MIB + 1, 8 * MIB, U, 0}, {16 * MIB - 1, 4 * MIB + 1, U, 0}},
     2047 + 1024,
     0,
     20 * MIB},
    {"smaller than a frame", 2, {{MIB, 100, U, 0}, {2 * MIB, 8 * MIB, U, 0}}, 2048, 0, 10 * MIB},
    {"every type",
     8,
     {{MIB, MIB, HANDOFF_MEMORY_LOADER, 0},
      {2 * MIB, MIB, HANDOFF_MEMORY_KERNEL, 0},
      {3 * MIB, MIB, HANDOFF_MEMORY_IMAGE, 0},
      {4 * MIB, 16 * MIB, U, 0},
      {20 * MIB, 5 * MIB, HANDOFF_MEMORY_TRACE, 0},
      {25 * MIB, 12 * KIB, HANDOFF_MEMORY_ACPI, 0},
      {26 * MIB, 12 * KIB, HANDOFF_MEMORY_FIRMWARE, 0},
      {27 * MIB, 12 * KIB, HANDOFF_MEMORY_MMIO, 0}},
     24 * 256 + 6,
     8 * 256 + 6,
     26 * MIB + 12 * KIB},
    {"reserved memory is no RAM",
     2,
     {{MIB, 8 * MIB, U, 0}, {9 * MIB, MIB, HANDOFF_MEMORY_RESERVED, 0}},
     2048,
     0,
     9 * MIB},
    {"across 4 GiB", 1, {{4 * GIB - 32 * MIB, 64 * MIB, U, 0}}, 16384, 0, 4 * GIB + 32 * MIB},
    {"far apart: sections without a table",
     3,
     {{MIB, 8 * MIB, U, 0},
      {9 * GIB + 4 * MIB, 8 * MIB, U, 0},
      {100 * GIB - 4 * MIB, 8 * MIB, U, 0}},
     3 * 2048,
     0,
     100 * GIB + 4 * MIB},
    {"6 GiB above 4 GiB",
     2,
     {{MIB, 512 * MIB, U, 0}, {4 * GIB, 6 * GIB, U, 0}},
     131072 + 6 * 262144,
     0,
     10 * GIB},
};
#undef U

static uint64_t table_frames(void)
{
    uint64_t bytes = frame_section_count * sizeof(struct frame_section);
    for (uint64_t i = 0; i < frame_section_count; i++) {
        bytes += (frame_sections[i].end_pfn - frame_sections[i].first_pfn) * sizeof(struct frame);
    }
    return ROUND_UP(bytes, FRAME_BYTES) / FRAME_BYTES;
}

static void test_layouts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(layouts); i++) {
        const struct layout *layout = &layouts[i];
        print_message("  %s\n", layout->name);
        machine_start(layout->regions, layout->count);
        assert_holds(frame_check);
        uint64_t in_use = 0;
        for (unsigned owner = FRAME_FREE + 1; owner < FRAME_OWNERS; owner++) {
            in_use += frame_count((enum frame_owner)owner);
        }
        assert_int_equal(in_use, layout->in_use_frames + table_frames());
        assert_int_equal(frame_count_free() + in_use, layout->ram_frames);
        assert_int_equal(frame_count(FRAME_FREE), frame_count_free());
        assert_int_equal(frame_limit(), layout->limit);
    }
}

static void test_owners_of_memory_in_use(void **state)
{
    (void)state;
    machine_start(layouts[6].regions, layouts[6].count);
    assert_int_equal(frame_count(FRAME_KERNEL), 256 + table_frames());
    assert_int_equal(frame_count(FRAME_TRACE), 5 * 256);
    assert_int_equal(frame_count(FRAME_RESERVED), 2 * 256 + 6);
    for (unsigned i = 0; i < layouts[6].count; i++) {
        const struct handoff_memory *region = &layouts[6].regions[i];
        bool is_ram = region->type != HANDOFF_MEMORY_MMIO;
        assert_int_equal(frame_is_ram(region->base), is_ram);
        assert_int_equal(frame_is_ram(region->base + region->bytes - 1), is_ram);
    }
    assert_false(frame_is_ram(0));
    assert_false(frame_is_ram(MIB - 1));
    assert_false(frame_is_ram(25 * MIB + 12 * KIB));
    assert_false(frame_is_ram(28 * MIB));
    assert_false(frame_is_ram(UINT64_MAX));
}

static void test_no_room_for_the_table(void **state)
{
    (void)state;
    static const struct handoff_memory tiny[] = {
        {.base = MIB, .bytes = FRAME_BYTES, .type = HANDOFF_MEMORY_USABLE},
        {.base = 2 * MIB, .bytes = 64 * MIB, .type = HANDOFF_MEMORY_KERNEL},
    };
    EXPECT_PANIC("no room for the frame table", machine_start(tiny, 2));
    EXPECT_PANIC("no room for the frame table", machine_start(tiny, 0));
}

static void test_many_small_regions(void **state)
{
    (void)state;
    static struct handoff_memory regions[HANDOFF_MEMORY_MAX];
    uint64_t seed = 11, frames = 0;
    paddr_t at = 0;
    for (unsigned i = 0; i < HANDOFF_MEMORY_MAX; i++) {
        at += random_next(&seed) % 9 * FRAME_BYTES;
        uint64_t count = 1 + random_next(&seed) % 40;
        regions[i] = (struct handoff_memory){
            .base = at, .bytes = count * FRAME_BYTES, .type = HANDOFF_MEMORY_USABLE};
        at += count * FRAME_BYTES;
        frames += count;
    }
    regions[HANDOFF_MEMORY_MAX - 1].bytes += 4 * MIB;
    machine_start(regions, HANDOFF_MEMORY_MAX);
    assert_holds(frame_check);
    frames += 1024 - table_frames() - (regions[0].base == 0);
    assert_int_equal(frame_count_free(), frames);
    for (uint64_t i = 0; i < frames; i++) {
        paddr_t pa = frame_alloc(0, FRAME_USER);
        assert_true(frame_is_ram(pa));
    }
    assert_int_equal(frame_alloc(0, FRAME_USER), 0);
    assert_holds(frame_check);
}

/* ---- random traffic against a model ---- */

#define RUNS_MAX     600u
#define MODEL_FRAMES 20000u

struct run {
    paddr_t pa;
    uint64_t frames;
    unsigned order;
    bool is_odd; /* from frame_alloc_run() */
    enum frame_owner owner;
};

static struct run runs[RUNS_MAX];
static unsigned run_count;
static uint8_t in_use[MODEL_FRAMES]; /* by frame number */
static uint64_t owned[FRAME_OWNERS];

static void model_add(struct run run)
{
    assert_int_equal(run.pa % (FRAME_BYTES << (run.is_odd ? 0 : run.order)), 0);
    for (uint64_t i = 0; i < run.frames; i++) {
        uint64_t pfn = run.pa / FRAME_BYTES + i;
        assert_true(pfn < MODEL_FRAMES && frame_is_ram(pfn * FRAME_BYTES));
        assert_int_equal(in_use[pfn]++, 0); /* handed out once */
    }
    owned[run.owner] += run.frames;
    runs[run_count++] = run;
}

static struct run model_take(unsigned index)
{
    struct run run = runs[index];
    for (uint64_t i = 0; i < run.frames; i++) {
        in_use[run.pa / FRAME_BYTES + i] = 0;
    }
    owned[run.owner] -= run.frames;
    runs[index] = runs[--run_count];
    return run;
}

static void alloc_random(uint64_t *seed, unsigned order_max)
{
    struct run run = {.owner = (enum frame_owner)(FRAME_HEAP + random_next(seed) % 3)};
    run.is_odd = random_next(seed) % 4 == 0;
    if (run.is_odd) {
        run.frames = 1 + random_next(seed) % (1u << order_max);
        run.pa = frame_alloc_run(run.frames, FRAME_LIMIT_NONE, run.owner);
    } else {
        run.order = (unsigned)(random_next(seed) % (order_max + 1));
        run.frames = 1ull << run.order;
        run.pa = frame_alloc(run.order, run.owner);
    }
    if (run.pa != 0) {
        model_add(run);
    }
}

static void free_random(uint64_t *seed)
{
    struct run run = model_take((unsigned)(random_next(seed) % run_count));
    if (run.is_odd) {
        frame_free_run(run.pa, run.frames);
    } else {
        frame_free(run.pa, run.order);
    }
}

static void check_accounts(uint64_t free_at_start, const uint64_t *owned_at_start)
{
    uint64_t used = 0;
    for (unsigned owner = FRAME_HEAP; owner < FRAME_OWNERS; owner++) {
        assert_int_equal(frame_count((enum frame_owner)owner),
                         owned_at_start[owner] + owned[owner]);
        used += owned[owner];
    }
    assert_int_equal(frame_count_free(), free_at_start - used);
}

static void run_traffic(unsigned order_max, unsigned steps, unsigned cores)
{
    uint64_t seed = 0x5eed + order_max, before[FRAME_OWNERS], free_before,
             longest_before[FRAME_ORDER_MAX + 1];
    memset(in_use, 0, sizeof(in_use));
    memset(owned, 0, sizeof(owned));
    run_count = 0;
    for (unsigned owner = 0; owner < FRAME_OWNERS; owner++) {
        before[owner] = frame_count((enum frame_owner)owner);
    }
    free_before = frame_count_free();
    memcpy(longest_before, frame_zones[FRAME_ZONE_LOW].runs, sizeof(longest_before));

    for (unsigned step = 0; step < steps; step++) {
        machine_set_cpu((unsigned)(random_next(&seed) % cores));
        /* Phases of growth and of shrinking, so that memory runs full and empty. */
        bool grow = run_count == 0 ||
                    (run_count < RUNS_MAX && random_next(&seed) % 8 < (step / 2000 % 2 ? 3 : 5));
        if (grow) {
            alloc_random(&seed, order_max);
        } else {
            free_random(&seed);
        }
        if (step % 64 == 0) {
            assert_holds(frame_check);
            check_accounts(free_before, before);
        }
    }
    while (run_count > 0) {
        free_random(&seed);
    }
    for (unsigned cpu = 0; cpu < cores; cpu++) {
        machine_set_cpu(cpu);
        frame_cache_drain();
    }
    assert_holds(frame_check);
    assert_int_equal(frame_count_free(), free_before);
    /* Everything has grown together again: the same runs of each length as in the beginning
     * (I4). */
    assert_memory_equal(frame_zones[FRAME_ZONE_LOW].runs, longest_before, sizeof(longest_before));
}

static void test_random_traffic(void **state)
{
    (void)state;
    static const struct handoff_memory regions[] = {
        {.base = 0, .bytes = 3 * MIB + 5 * FRAME_BYTES, .type = HANDOFF_MEMORY_USABLE},
        {.base = 4 * MIB, .bytes = MIB, .type = HANDOFF_MEMORY_KERNEL},
        {.base = 5 * MIB, .bytes = 33 * MIB + 3 * FRAME_BYTES, .type = HANDOFF_MEMORY_USABLE},
    };
    static const unsigned orders[] = {0, 3, 6, 11};
    for (unsigned i = 0; i < ARRAY_COUNT(orders); i++) {
        machine_start(regions, 3);
        run_traffic(orders[i], 30000, 1);
        machine_start(regions, 3);
        run_traffic(orders[i], 30000, 5); /* taken on one core, given back on another */
    }
}

/* ---- exhaustion ---- */

static void exhaust(unsigned order)
{
    uint64_t free_before = frame_count_free(), taken = 0, stack = 0;
    for (paddr_t pa; (pa = frame_alloc(order, FRAME_USER)) != 0; taken++) {
        memcpy(phys_to_virt(pa), &stack, sizeof(stack)); /* chain what we have through itself */
        stack = pa;
    }
    assert_int_equal(frame_count(FRAME_USER), taken << order);
    assert_holds(frame_check);
    assert_int_equal(frame_alloc(order, FRAME_USER),
                     0); /* again: an error each time, never a panic */
    if (order == 0) {
        assert_int_equal(taken, free_before); /* every single frame is to be had */
        assert_int_equal(frame_count_free(), 0);
        assert_int_equal(frame_alloc_zeroed(FRAME_USER), 0);
        assert_int_equal(frame_alloc_run(3, FRAME_LIMIT_NONE, FRAME_USER), 0);
    }
    while (stack != 0) {
        paddr_t pa = stack;
        memcpy(&stack, phys_to_virt(pa), sizeof(stack));
        frame_free(pa, order);
    }
    assert_int_equal(frame_count(FRAME_USER), 0);
    assert_int_equal(frame_count_free(), free_before);
    assert_holds(frame_check);
}

static void test_every_frame_can_be_had_and_comes_back(void **state)
{
    (void)state;
    static const struct handoff_memory regions[] = {
        {.base = MIB, .bytes = 40 * MIB, .type = HANDOFF_MEMORY_USABLE},
        {.base = 4 * GIB - 8 * MIB, .bytes = 24 * MIB, .type = HANDOFF_MEMORY_USABLE},
    };
    for (unsigned order = 0; order <= 12; order++) {
        machine_start(regions, 2);
        exhaust(order);
        exhaust(0); /* no long run was lost to short ones, nor the other way round */
        exhaust(order);
    }
}

static void test_cached_frames_are_found_for_a_long_run(void **state)
{
    (void)state;
    static const struct handoff_memory region = {
        .base = 8 * MIB, .bytes = 4 * MIB + 64 * FRAME_BYTES, .type = HANDOFF_MEMORY_USABLE};
    machine_start(&region, 1);
    frame_free(frame_alloc(0, FRAME_USER), 0); /* breaks a run, the rest is in the cache */
    paddr_t pa = frame_alloc(10, FRAME_USER);
    assert_int_equal(pa, 8 * MIB);
    assert_holds(frame_check);
}

static void test_gigabyte_runs_above_4_gib(void **state)
{
    (void)state;
    machine_start(layouts[10].regions, layouts[10].count);
    uint64_t free_before = frame_count_free();
    paddr_t got[6];
    unsigned count = 0;
    while (count < ARRAY_COUNT(got) &&
           (got[count] = frame_alloc(FRAME_ORDER_MAX, FRAME_USER)) != 0) {
        assert_true(got[count] % GIB == 0 && got[count] >= 4 * GIB);
        count++;
    }
    assert_int_equal(count, 5); /* six gigabytes, of which the frame table has broken one */
    assert_int_equal(frame_count(FRAME_USER), 5ull << FRAME_ORDER_MAX);
    while (count > 0) {
        frame_free(got[--count], FRAME_ORDER_MAX);
    }
    assert_int_equal(frame_count_free(), free_before);
    assert_holds(frame_check);
    /* Halves of gigabytes grow together again. */
    paddr_t halves[12];
    for (count = 0; count < ARRAY_COUNT(halves); count++) {
        halves[count] = frame_alloc(FRAME_ORDER_MAX - 1, FRAME_USER);
    }
    while (count > 0) {
        count--;
        if (halves[count] != 0) {
            frame_free(halves[count], FRAME_ORDER_MAX - 1);
        }
    }
    assert_holds(frame_check);
    for (count = 0; count < 5; count++) {
        assert_int_not_equal(frame_alloc(FRAME_ORDER_MAX, FRAME_USER), 0);
    }
    machine_start(layouts[10].regions, layouts[10].count);
    /* Low memory is left for devices as long as there is other. */
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(frame_alloc(0, FRAME_USER) >= 4 * GIB);
    }
}

/* ---- runs of any length, zeroed frames, references ---- */

static void test_runs_of_any_length(void **state)
{
    (void)state;
    machine_start_plain(64 * MIB);
    uint64_t free_before = frame_count_free();
    for (uint64_t frames = 1; frames <= 300; frames++) {
        paddr_t pa = frame_alloc_run(frames, FRAME_LIMIT_NONE, FRAME_USER);
        assert_int_not_equal(pa, 0);
        assert_int_equal(frame_count_free(),
                         free_before - frames); /* exactly, not the next power of two */
        uint64_t span = 1;
        while (span < frames) {
            span *= 2;
        }
        assert_int_equal(pa % (span * FRAME_BYTES), 0);
        memset(phys_to_virt(pa), 0xa5, frames * FRAME_BYTES);
        assert_holds(frame_check);
        frame_free_run(pa, frames);
        assert_int_equal(frame_count_free(), free_before);
    }
    assert_int_equal(frame_alloc_run(0, FRAME_LIMIT_NONE, FRAME_USER), 0);
    assert_int_equal(frame_alloc_run((1ull << FRAME_ORDER_MAX) + 1, FRAME_LIMIT_NONE, FRAME_USER),
                     0);
    assert_int_equal(frame_alloc_run(UINT64_MAX, FRAME_LIMIT_NONE, FRAME_USER), 0);
    assert_holds(frame_check);
}

static bool is_zero(paddr_t pa)
{
    const uint64_t *words = phys_to_virt(pa);
    for (unsigned i = 0; i < FRAME_BYTES / sizeof(*words); i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_zeroed_frames_are_zero(void **state)
{
    (void)state;
    machine_start_plain(8 * MIB);
    paddr_t frames[200];
    uint64_t free_before = frame_count_free();
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < ARRAY_COUNT(frames); i++) {
            frames[i] = frame_alloc_zeroed(FRAME_PAGE_TABLE);
            assert_true(is_zero(frames[i]));
        }
        assert_int_equal(frame_count(FRAME_PAGE_TABLE), ARRAY_COUNT(frames));
        for (unsigned i = 0; i < ARRAY_COUNT(frames); i++) {
            if (i % 3 == 0) {
                memset(phys_to_virt(frames[i]), 0xff, FRAME_BYTES);
                frame_free(frames[i], 0);
            } else {
                frame_free_zeroed(frames[i]);
            }
        }
        assert_int_equal(frame_count_free(), free_before);
        assert_holds(frame_check);
    }
}

static void test_references(void **state)
{
    (void)state;
    machine_start_plain(8 * MIB);
    uint64_t free_before = frame_count_free();
    paddr_t pa = frame_alloc(0, FRAME_USER);
    frame_get(pa);
    frame_get(pa);
    frame_put(pa);
    frame_put(pa);
    assert_int_equal(frame_count_free(), free_before - 1);
    frame_put(pa);
    assert_int_equal(frame_count_free(), free_before);
    EXPECT_PANIC("freed with order 0", frame_put(pa));
    machine_start_plain(8 * MIB);
    EXPECT_PANIC("VERIFY", frame_get(2 * MIB));
    pa = frame_alloc(0, FRAME_USER);
    frame_get(pa);
    EXPECT_PANIC("2 references", frame_free(pa, 0)); /* somebody else still has it */
}

/* ---- misuse ---- */

struct misuse {
    const char *name;
    unsigned order;
    int64_t offset; /* of the address freed from the one got */
    unsigned free_order;
    bool free_first;
};

static void try_misuse(const struct misuse *row)
{
    print_message("  %s\n", row->name);
    machine_start_plain(8 * MIB);
    paddr_t pa = frame_alloc(row->order, FRAME_USER);
    if (row->free_first) {
        frame_free(pa, row->order);
    }
    EXPECT_PANIC("", frame_free(pa + (uint64_t)row->offset, row->free_order));
}

static void test_misuse_is_refused(void **state)
{
    (void)state;
    static const struct misuse rows[] = {
        {"single frame freed twice", 0, 0, 0, true},
        {"run freed twice", 4, 0, 4, true},
        {"run freed as a shorter one", 4, 0, 3, false},
        {"run freed as a longer one", 4, 0, 5, false},
        {"single frame freed as a run", 0, 0, 1, false},
        {"middle of a run freed", 4, FRAME_BYTES, 0, false},
        {"address inside of a frame", 0, 8, 0, false},
        {"an address that is not RAM", 0, 1ll << 40, 0, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        try_misuse(&rows[i]);
    }
    machine_start(layouts[1].regions, layouts[1].count);
    EXPECT_PANIC("VERIFY", (void)!frame_alloc(FRAME_ORDER_MAX + 1, FRAME_USER));
    EXPECT_PANIC("VERIFY", (void)!frame_alloc(0, FRAME_FREE));
    EXPECT_PANIC("VERIFY", (void)!frame_alloc(0, FRAME_OWNERS));
}

static void test_check_notices_damage(void **state)
{
    (void)state;
    char why[100];
    machine_start_plain(8 * MIB);
    paddr_t pa = frame_alloc(2, FRAME_USER);
    struct frame *head = frame_of(pa);

    head->owner = FRAME_STACK;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I5"));
    head->owner = FRAME_USER;
    head->order = 1;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I1"));
    head->order = 2;
    frame_zones[FRAME_ZONE_LOW].free_frames++;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I3"));
    frame_zones[FRAME_ZONE_LOW].free_frames--;
    frame_caches[3].count = 1;
    frame_caches[3].plain[0] = pa;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I6"));
    frame_caches[3].count = 0;
    while (frame_caches[0].stock_count == 0) {
        assert_int_not_equal(frame_alloc(0, FRAME_USER), 0);
    }
    frame_caches[0].stock_frames--;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I6: the frames of a stock"));
    frame_caches[0].stock_frames++;
    paddr_t run = frame_caches[0].stock[0];
    frame_caches[0].stock[0] = pa;
    assert_false(frame_check(why, sizeof(why)));
    assert_non_null(strstr(why, "I6: a run in a stock"));
    frame_caches[0].stock[0] = run;
    assert_holds(frame_check);
}

/* ---- cores at the same time ---- */

#define CORES   4u
#define OWN_MAX 200u

/* Each core writes its mark into what it has and looks for it before it gives it back: a frame
 * that two have at once is seen. */
static void *traffic_of_core(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    machine_set_cpu(cpu);
    uint64_t seed = 77 + cpu, *damage = calloc(1, sizeof(*damage));
    struct run own[OWN_MAX];
    unsigned count = 0;
    for (unsigned step = 0; step < 60000; step++) {
        if (count == 0 || (count < OWN_MAX && random_next(&seed) % 2)) {
            unsigned order = random_next(&seed) % 8 == 0 ? (unsigned)(random_next(&seed) % 5) : 0;
            paddr_t pa = frame_alloc(order, FRAME_USER);
            if (pa == 0) {
                continue;
            }
            own[count++] = (struct run){.pa = pa, .order = order};
            memcpy(phys_to_virt(pa + (FRAME_BYTES << order) - 8), &pa, 8);
            memcpy(phys_to_virt(pa), &cpu, sizeof(cpu));
        } else {
            unsigned index = (unsigned)(random_next(&seed) % count);
            struct run run = own[index];
            unsigned mark;
            paddr_t mark_pa;
            memcpy(&mark, phys_to_virt(run.pa), sizeof(mark));
            memcpy(&mark_pa, phys_to_virt(run.pa + (FRAME_BYTES << run.order) - 8), 8);
            *damage += mark != cpu || mark_pa != run.pa;
            frame_free(run.pa, run.order);
            own[index] = own[--count];
        }
    }
    while (count > 0) {
        count--;
        frame_free(own[count].pa, own[count].order);
    }
    return damage;
}

static void test_cores_at_the_same_time(void **state)
{
    (void)state;
    machine_start_plain(16 * MIB);
    uint64_t free_before = frame_count_free();
    pthread_t threads[CORES];
    for (unsigned i = 0; i < CORES; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, traffic_of_core, (void *)(uintptr_t)(i + 1)), 0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        uint64_t *damage;
        pthread_join(threads[i], (void **)&damage);
        assert_int_equal(*damage, 0);
        free(damage);
    }
    assert_holds(frame_check);
    assert_int_equal(frame_count_free(), free_before);
}

/* ---- when memory runs out ---- */

static void fill_cache_of(unsigned cpu)
{
    machine_set_cpu(cpu);
    paddr_t pa = frame_alloc(0, FRAME_USER), table = frame_alloc_zeroed(FRAME_PAGE_TABLE);
    assert_true(pa != 0 && table != 0);
    frame_free(pa, 0);
    frame_free_zeroed(table);
    assert_true(frame_caches[cpu].count > 0 && frame_caches[cpu].zeroed_count > 0);
}

static void test_caches_of_other_cores_are_found(void **state)
{
    (void)state;
    machine_start_plain(4 * MIB);
    for (unsigned cpu = 1; cpu < 8; cpu++) {
        fill_cache_of(cpu);
    }
    machine_set_cpu(0);
    uint64_t count = 0, expected = frame_count_free();
    while (frame_alloc(0, FRAME_USER) != 0) {
        count++;
    }
    assert_int_equal(count, expected); /* to the last frame */
    assert_int_equal(frame_count_free(), 0);
    assert_holds(frame_check);
}

static void test_a_long_run_is_made_of_what_other_cores_have(void **state)
{
    (void)state;
    machine_start_plain(4 * MIB);
    paddr_t all[1024];
    unsigned count = 0;
    while ((all[count] = frame_alloc(0, FRAME_USER)) != 0) {
        count++;
    }
    /* 32 aligned neighbours, each in the cache of another core. */
    unsigned first = 0;
    while (all[first] % (32 * FRAME_BYTES) != 0 ||
           all[first + 31] != all[first] + 31 * FRAME_BYTES) {
        first++;
    }
    for (unsigned i = 0; i < 32; i++) {
        machine_set_cpu(i);
        frame_free(all[first + i], 0);
    }
    machine_set_cpu(5);
    assert_int_equal(frame_alloc(5, FRAME_USER), all[first]);
    assert_holds(frame_check);
}

/* ---- what a core has in stock ---- */

#define PLENTY (5 * GIB) /* a full stock for each of the cores */

static const struct handoff_memory plenty[] = {
    {.base = MIB, .bytes = 64 * MIB, .type = HANDOFF_MEMORY_USABLE},
    {.base = 4 * GIB, .bytes = PLENTY, .type = HANDOFF_MEMORY_USABLE},
};

static uint64_t acquisitions(void)
{
    return frame_zones[FRAME_ZONE_LOW].lock.acquired + frame_zones[FRAME_ZONE_HIGH].lock.acquired;
}

static void alloc_many(unsigned count)
{
    while (count-- > 0) {
        assert_int_not_equal(frame_alloc(0, FRAME_USER), 0);
    }
}

static void test_a_core_meets_the_zone_once_in_512_frames(void **state)
{
    (void)state;
    machine_start(plenty, 2);
    uint64_t before = acquisitions();
    alloc_many(100000);
    assert_in_range(acquisitions() - before, 1, (100000 + FRAME_STOCK_MAX) / 512);
    assert_holds(frame_check);
}

/* What is in pieces is used up first, as many of them at a time as a batch has frames. */
static void test_a_core_takes_pieces_by_the_batch(void **state)
{
    (void)state;
    machine_start(plenty, 2);
    static paddr_t frames[64000];
    for (unsigned i = 0; i < ARRAY_COUNT(frames); i++) {
        frames[i] = frame_alloc(0, FRAME_USER);
    }
    frame_cache_drain();
    for (unsigned i = 0; i < ARRAY_COUNT(frames); i += 2) {
        frame_free(frames[i], 0);
    }
    frame_cache_drain();
    uint64_t before = acquisitions(), pieces = frame_zones[FRAME_ZONE_HIGH].runs[0];
    assert_in_range(pieces, 31000, 33000);
    alloc_many(30000);
    assert_in_range(acquisitions() - before, 1, 30000 / 32 + 4);
    assert_true(frame_zones[FRAME_ZONE_HIGH].runs[0] <= pieces - 30000);
    assert_holds(frame_check);
}

static bool is_zone_taken;

/* Who only tries does not come here while the lock is taken. */
static void refuse_to_wait(struct spinlock *lock)
{
    (void)lock;
    assert_false(is_zone_taken);
}

/* Another core has the lock, for as long as 512 frames last this one, at any time. */
static void test_a_core_need_not_wait_for_the_zone(void **state)
{
    (void)state;
    machine_start(plenty, 2);
    struct spinlock *lock = &frame_zones[FRAME_ZONE_HIGH].lock;
    machine_set_cpu(1);
    alloc_many(1);
    machine_at_acquire = refuse_to_wait;
    for (unsigned i = 0; i < 200; i++) {
        machine_set_cpu(0);
        assert_true(spinlock_try(lock));
        is_zone_taken = true;
        machine_set_cpu(1);
        alloc_many(512);
        is_zone_taken = false;
        machine_set_cpu(0);
        spinlock_release(lock);
        machine_set_cpu(1);
        alloc_many(2 * FRAME_CACHE_BATCH + i % 97);
    }
    machine_at_acquire = NULL;
}

static void test_little_is_held_back(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        unsigned each_max;
    } rows[] = {
        {4 * MIB, FRAME_STOCK_MIN + 2 * FRAME_CACHE_BATCH},
        {PLENTY, FRAME_STOCK_MAX + 2 * FRAME_CACHE_BATCH},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(rows); i++) {
        machine_start_plain(rows[i].bytes);
        for (unsigned cpu = 0; cpu < 5; cpu++) {
            machine_set_cpu(cpu);
            alloc_many(100);
            assert_in_range(frame_cache_frames(&frame_caches[cpu]), 1, rows[i].each_max);
        }
    }
}

static void test_stocks_of_other_cores_are_found(void **state)
{
    (void)state;
    machine_start(plenty, 2);
    uint64_t before[FRAME_ORDER_MAX + 1];
    memcpy(before, frame_zones[FRAME_ZONE_HIGH].runs, sizeof(before));
    for (unsigned cpu = 3; cpu < 5; cpu++) {
        machine_set_cpu(cpu);
        paddr_t pa = frame_alloc(0, FRAME_USER);
        assert_true(frame_caches[cpu].stock_frames > FRAME_STOCK_MAX / 2);
        frame_free(pa, 0);
    }
    assert_holds(frame_check);
    assert_memory_not_equal(frame_zones[FRAME_ZONE_HIGH].runs, before, sizeof(before));
    machine_set_cpu(0);
    frame_cache_drain();
    assert_true(frame_reclaim());
    assert_holds(frame_check);
    assert_memory_equal(frame_zones[FRAME_ZONE_HIGH].runs, before, sizeof(before));
}

/* More cores want memory than there is, each gives back what it has got when it gets no more: all
 * go on, nothing is lost. */
static atomic_uint busy_cores;

static void *want_everything(void *argument)
{
    machine_set_cpu((unsigned)(uintptr_t)argument);
    static paddr_t got[CORES + 1][4096];
    paddr_t *own = got[cpu_id()];
    for (unsigned round = 0; round < 30; round++) {
        unsigned count = 0;
        while (count < 4096 && (own[count] = frame_alloc(0, FRAME_USER)) != 0) {
            count++;
        }
        while (count > 0) {
            frame_free(own[--count], 0);
        }
    }
    atomic_fetch_sub(&busy_cores, 1);
    while (atomic_load(&busy_cores) > 0) { /* others may still ask */
        core_poll();
        sched_yield();
    }
    return NULL;
}

static void test_cores_run_out_at_the_same_time(void **state)
{
    (void)state;
    machine_start_plain(4 * MIB);
    uint64_t free_before = frame_count_free();
    pthread_t threads[CORES];
    frame_cache_drain(); /* this core will not poll: nobody may have to ask it */
    machine_cores_run = true;
    atomic_store(&busy_cores, CORES);
    for (unsigned i = 0; i < CORES; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, want_everything, (void *)(uintptr_t)(i + 1)), 0);
    }
    for (unsigned i = 0; i < CORES; i++) {
        pthread_join(threads[i], NULL);
    }
    machine_cores_run = false;
    assert_int_equal(frame_count_free(), free_before);
    assert_holds(frame_check);
}

static void test_runs_below_an_address(void **state)
{
    (void)state;
    static const struct handoff_memory regions[] = {
        {.base = MIB, .bytes = 63 * MIB, .type = HANDOFF_MEMORY_USABLE},
        {.base = FRAME_ZONE_LOW_END, .bytes = 64 * MIB, .type = HANDOFF_MEMORY_USABLE},
    };
    static const struct {
        uint64_t frames;
        paddr_t limit;
        bool is_there;
    } rows[] = {
        {16, 16 * MIB, true},  {300, 16 * MIB, true},           {1, 2 * MIB, true},
        {257, MIB + 1, false}, {512, FRAME_ZONE_LOW_END, true}, {4096, 16 * MIB, false},
    };
    machine_start(regions, 2);
    uint64_t before = frame_count_free();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        paddr_t pa = frame_alloc_run(rows[i].frames, rows[i].limit, FRAME_USER);
        assert_int_equal(pa != 0, rows[i].is_there);
        if (pa != 0) {
            assert_true(pa + rows[i].frames * FRAME_BYTES <= rows[i].limit);
            assert_holds(frame_check);
            frame_free_run(pa, rows[i].frames);
        }
    }
    frame_cache_drain();
    assert_int_equal(frame_count_free(), before);
    assert_holds(frame_check);
}

static void test_split_and_merge(void **state)
{
    (void)state;
    machine_start_plain(8 * MIB);
    uint64_t before = frame_count_free();
    paddr_t pa = frame_alloc(9, FRAME_USER);
    frame_split(pa, 9);
    assert_int_equal(frame_count(FRAME_USER), 512);
    assert_holds(frame_check);
    frame_get(pa + 7 * FRAME_BYTES);
    assert_true(frame_is_shared(pa + 7 * FRAME_BYTES));
    assert_true(frame_get_if_shared(pa + 7 * FRAME_BYTES));
    assert_false(frame_get_if_shared(pa + 8 * FRAME_BYTES));
    frame_put(pa + 7 * FRAME_BYTES);
    assert_false(frame_merge(pa, 9)); /* somebody else has a part of it */
    frame_put(pa + 7 * FRAME_BYTES);
    assert_false(frame_merge(pa + FRAME_BYTES, 9)); /* not aligned */
    assert_true(frame_merge(pa, 9));
    assert_holds(frame_check);
    frame_split(pa, 9);
    for (unsigned i = 0; i < 512; i++) {
        frame_put(pa + i * FRAME_BYTES);
    }
    pa = frame_alloc(9, FRAME_USER);
    frame_get(pa);
    frame_put(pa);
    frame_put(pa); /* the last reference frees the whole run */
    frame_cache_drain();
    assert_int_equal(frame_count_free(), before);
    assert_holds(frame_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_owners_of_memory_in_use),
        cmocka_unit_test(test_no_room_for_the_table),
        cmocka_unit_test(test_many_small_regions),
        cmocka_unit_test(test_random_traffic),
        cmocka_unit_test(test_every_frame_can_be_had_and_comes_back),
        cmocka_unit_test(test_cached_frames_are_found_for_a_long_run),
        cmocka_unit_test(test_gigabyte_runs_above_4_gib),
        cmocka_unit_test(test_runs_of_any_length),
        cmocka_unit_test(test_zeroed_frames_are_zero),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_misuse_is_refused),
        cmocka_unit_test(test_check_notices_damage),
        cmocka_unit_test(test_cores_at_the_same_time),
        cmocka_unit_test(test_caches_of_other_cores_are_found),
        cmocka_unit_test(test_a_long_run_is_made_of_what_other_cores_have),
        cmocka_unit_test(test_a_core_meets_the_zone_once_in_512_frames),
        cmocka_unit_test(test_a_core_takes_pieces_by_the_batch),
        cmocka_unit_test(test_a_core_need_not_wait_for_the_zone),
        cmocka_unit_test(test_little_is_held_back),
        cmocka_unit_test(test_stocks_of_other_cores_are_found),
        cmocka_unit_test(test_cores_run_out_at_the_same_time),
        cmocka_unit_test(test_runs_below_an_address),
        cmocka_unit_test(test_split_and_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
