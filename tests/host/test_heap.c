/* SPDX-License-Identifier: MIT */
/* mm/heap.c, cache.c, heap_guard.c, kernel_stack.c: sizes, random traffic, misuse, exhaustion,
 * cores, stacks. Built twice: with the guards of debug builds and without. */
#include "mm/heap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "mm/heap_impl.h"
#include "mm/page_table.h"
#include "tests/host/mm_support.h"

#define MIB 0x100000ull

static const size_t interesting[] = {0,
                                     1,
                                     8,
                                     15,
                                     16,
                                     17,
                                     32,
                                     33,
                                     48,
                                     49,
                                     63,
                                     64,
                                     65,
                                     127,
                                     128,
                                     129,
                                     191,
                                     192,
                                     193,
                                     256,
                                     257,
                                     320,
                                     384,
                                     500,
                                     512,
                                     768,
                                     1023,
                                     1024,
                                     1025,
                                     1536,
                                     2047,
                                     2048,
                                     2049,
                                     4095,
                                     4096,
                                     4097,
                                     8192,
                                     12288,
                                     65536,
                                     65537,
                                     100000,
                                     HEAP_BYTES_MAX - 1,
                                     HEAP_BYTES_MAX};

static bool is_zero(const uint8_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

static int begin(void **state)
{
    (void)state;
    machine_start_plain(32 * MIB);
    return 0;
}

static void test_sizes_are_zeroed_and_aligned(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(interesting); i++) {
            size_t bytes = interesting[i];
            uint8_t *p = heap_alloc(bytes);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % (bytes >= 64 ? 64 : 16), 0);
            assert_true(is_zero(p, bytes));
            memset(p, 0xff, bytes);
            heap_free(p);
            assert_holds(heap_check);
        }
    }
    heap_free(NULL);
}

static void test_too_much_is_an_error(void **state)
{
    (void)state;
    assert_null(heap_alloc(HEAP_BYTES_MAX + 1));
    assert_null(heap_alloc(SIZE_MAX));
    assert_null(heap_alloc(SIZE_MAX - 4095));
}

/* ---- random traffic ---- */

#define BLOCKS 400u

struct block {
    uint8_t *p;
    size_t bytes;
    uint8_t mark;
};

static size_t random_size(uint64_t *seed)
{
    uint64_t kind = random_next(seed) % 16;
    if (kind < 12) {
        return random_next(seed) % 300;
    }
    return random_next(seed) % (kind < 15 ? 3000 : 40000);
}

static void check_block(const struct block *block)
{
    for (size_t i = 0; i < block->bytes; i++) {
        assert_int_equal(block->p[i], block->mark);
    }
}

static void run_traffic(unsigned steps, unsigned cores)
{
    static struct block blocks[BLOCKS];
    unsigned count = 0;
    uint64_t seed = 99, free_before = frame_count_free();
    for (unsigned step = 0; step < steps; step++) {
        machine_set_cpu((unsigned)(random_next(&seed) % cores));
        if (count == 0 ||
            (count < BLOCKS && random_next(&seed) % 16 < (step / 3000 % 2 ? 6 : 10))) {
            struct block block = {.bytes = random_size(&seed), .mark = (uint8_t)random_next(&seed)};
            block.p = heap_alloc(block.bytes);
            assert_non_null(block.p);
            assert_true(is_zero(block.p, block.bytes));
            memset(block.p, block.mark, block.bytes); /* overlapping blocks would show */
            blocks[count++] = block;
        } else {
            unsigned index = (unsigned)(random_next(&seed) % count);
            check_block(&blocks[index]);
            heap_free(blocks[index].p);
            blocks[index] = blocks[--count];
        }
        if (step % 200 == 0) {
            assert_holds(heap_check);
        }
    }
    while (count > 0) {
        heap_free(blocks[--count].p);
    }
    for (unsigned cpu = 0; cpu < cores; cpu++) {
        machine_set_cpu(cpu);
        heap_trim();
    }
    machine_set_cpu(0);
    assert_holds(heap_check);
    assert_holds(frame_check);
    assert_int_equal(frame_count_free(), free_before);
    for (unsigned i = 0; i < HEAP_CLASSES; i++) {
        assert_int_equal(cache_in_use(&heap_size_caches[i]), 0);
    }
}

static void test_random_traffic_on_one_core(void **state)
{
    (void)state;
    run_traffic(40000, 1);
}

static void test_random_traffic_across_cores(void **state)
{
    (void)state;
    run_traffic(40000, 6);
}

/* ---- typed caches ---- */

struct typed {
    uint64_t generation;
    uint8_t rest[92];
};

#define TYPED_MAX 1000u

static void test_typed_objects_keep_their_memory(void **state)
{
    (void)state;
    struct cache *cache = cache_create("typed", sizeof(struct typed));
    static struct typed *objects[TYPED_MAX];
    unsigned count = 0;
    while (count < 500 ||
           count < cache->slabs * cache->slots_per_slab) { /* until every slot was used */
        assert_true(count < TYPED_MAX);
        struct typed *object = cache_alloc(cache);
        assert_non_null(object);
        assert_int_equal((uintptr_t)object % 64, 0);
        assert_true(is_zero((uint8_t *)object, sizeof(struct typed))); /* the first time */
        memset(object->rest, 0x77, sizeof(object->rest));
        objects[count++] = object;
        object->generation = count;
    }
    uint64_t slabs = cache->slabs;
    assert_int_equal(cache_in_use(cache), count);
    for (unsigned i = 0; i < count; i++) {
        cache_free(cache, objects[i]);
    }
    assert_holds(heap_check);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(objects[i]->generation, i + 1); /* a stale pointer still sees its object */
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        struct typed *again = cache_alloc(cache);
        sum += again->generation;
    }
    assert_int_equal(sum, (uint64_t)count * (count + 1) / 2); /* the same objects, each once */
    assert_int_equal(cache->slabs, slabs);
    heap_trim();
    assert_int_equal(cache->slabs, slabs); /* never given back */
}

static void test_large_typed_objects(void **state)
{
    (void)state;
    struct cache *cache = cache_create("large", CACHE_BYTES_MAX);
    for (unsigned i = 0; i < 50; i++) {
        uint8_t *p = cache_alloc(cache);
        assert_true(is_zero(p, CACHE_BYTES_MAX));
        memset(p, (int)i, CACHE_BYTES_MAX);
    }
    assert_holds(heap_check);
}

/* ---- misuse ---- */

static void free_twice(void)
{
    void *p = heap_alloc(40);
    heap_free(p);
    /* Without guards it is noticed when the slot goes back to its slab. */
    heap_free(p);
    heap_trim();
}

static void overrun(size_t bytes)
{
    uint8_t *volatile p = heap_alloc(bytes);
    p[bytes] = 1;
    heap_free(p);
}

static void write_after_free(void)
{
    uint8_t *volatile p = heap_alloc(100);
    heap_free(p);
    p[99] = 1;
    for (unsigned i = 0; i < 100; i++) {
        (void)!heap_alloc(100);
    }
}

static void free_typed_twice(void)
{
    struct cache *cache = cache_create("twice", 24);
    void *p = cache_alloc(cache);
    cache_free(cache, p);
    cache_free(cache, p);
}

static void overrun_typed(void)
{
    struct cache *cache = cache_create("overrun", 24);
    uint8_t *volatile p = cache_alloc(cache);
    p[24] = 1;
    cache_free(cache, p);
}

/* Who did what, told apart by the address of the caller. */
static void allocate_free_and(bool free_again)
{
    machine_caller = 0x1000;
    uint8_t *volatile p = heap_alloc(100);
    machine_caller = 0x2000;
    heap_free(p);
    machine_caller = 0x3000;
    if (free_again) {
        heap_free(p);
    }
    p[50] = 1;
    (void)!heap_alloc(100);
}

static void test_misuse_names_who_allocated_and_who_freed(void **state)
{
    static const char both[] =
        "allocated (100 bytes) by 0x1000 0x1001 0x1002, freed by 0x2000 0x2001 0x2002";
    if (!CONFIG_DEBUG) {
        return;
    }
    EXPECT_PANIC("is freed twice", allocate_free_and(true));
    assert_non_null(strstr(panic_message, both));
    (void)begin(state);
    EXPECT_PANIC("was written to after it was freed", allocate_free_and(false));
    assert_non_null(
        strstr(panic_message, "by 0x1000 0x1001 0x1002, freed by 0x2000 0x2001 0x2002"));
}

static void test_freeing_twice(void **state)
{
    EXPECT_PANIC("freed twice", free_twice());
    (void)begin(state);
    if (CONFIG_DEBUG) {
        EXPECT_PANIC("freed twice; allocated (", free_typed_twice());
    }
}

static void test_freeing_what_is_not_ours(void **state)
{
    static int variable;
    EXPECT_PANIC("VERIFY", heap_free(phys_to_virt(frame_alloc(0, FRAME_USER))));
    (void)begin(state);
    EXPECT_PANIC("VERIFY", heap_free(&variable));
    (void)begin(state);
    EXPECT_PANIC("VERIFY", heap_free((uint8_t *)heap_alloc(20000) + 4096)); /* inside of a run */
}

static void test_guards(void **state)
{
    if (!CONFIG_DEBUG) {
        return;
    }
    EXPECT_PANIC("written past its end; allocated (", overrun(1));
    (void)begin(state);
    EXPECT_PANIC("written past its end", overrun(64));
    (void)begin(state);
    EXPECT_PANIC("written past its end", overrun(2000));
    (void)begin(state);
    EXPECT_PANIC("written past its end", overrun(5000));
    (void)begin(state);
    EXPECT_PANIC("written past its end", overrun_typed());
    (void)begin(state);
    EXPECT_PANIC("written to after it was freed", write_after_free());
}

static void test_check_notices_damage(void **state)
{
    (void)state;
    char why[100];
    void *p = heap_alloc(100);
    struct cache *cache = &heap_size_caches[4];
    struct slab *slab = LIST_FIRST(&cache->partial, struct slab, link);
    slab->free_count--;
    assert_false(heap_check(why, sizeof(why)));
    assert_non_null(strstr(why, "H1"));
    slab->free_count++;
    cache->magazines[0].in_use++;
    assert_false(heap_check(why, sizeof(why)));
    assert_non_null(strstr(why, "H4"));
    cache->magazines[0].in_use--;
    cache->empty++;
    assert_false(heap_check(why, sizeof(why)));
    assert_non_null(strstr(why, "H3"));
    cache->empty--;
    assert_holds(heap_check);
    heap_free(p);
}

/* ---- exhaustion ---- */

static void test_out_of_memory_is_an_error(void **state)
{
    (void)state;
    static const size_t sizes[] = {16, 64, 300, 2048, 5000, 70000};
    uint64_t free_before = frame_count_free();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        void *stack = NULL;
        for (void **p; (p = heap_alloc(sizes[i])) != NULL;) {
            *p = stack;
            stack = p;
        }
        assert_null(heap_alloc(sizes[i]));
        assert_holds(heap_check);
        assert_holds(frame_check);
        while (stack != NULL) {
            void *p = stack;
            stack = *(void **)p;
            heap_free(p);
        }
        heap_trim();
        assert_int_equal(frame_count_free(), free_before);
    }
}

/* ---- cores at the same time ---- */

#define CORES 4u

static void *traffic_of_core(void *argument)
{
    unsigned cpu = (unsigned)(uintptr_t)argument;
    machine_set_cpu(cpu);
    uint64_t seed = 5 + cpu, *damage = calloc(1, sizeof(*damage));
    struct block own[100];
    unsigned count = 0;
    for (unsigned step = 0; step < 40000; step++) {
        if (count == 0 || (count < ARRAY_COUNT(own) && random_next(&seed) % 2)) {
            struct block block = {.bytes = 1 + random_size(&seed) % 2048, .mark = (uint8_t)cpu};
            block.p = heap_alloc(block.bytes);
            if (block.p != NULL) {
                memset(block.p, block.mark, block.bytes);
                own[count++] = block;
            }
        } else {
            struct block block = own[--count];
            *damage += block.p[0] != cpu || block.p[block.bytes - 1] != cpu;
            heap_free(block.p);
        }
    }
    while (count > 0) {
        heap_free(own[--count].p);
    }
    heap_trim();
    return damage;
}

static void test_cores_at_the_same_time(void **state)
{
    (void)state;
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
    heap_trim();
    assert_holds(heap_check);
    assert_holds(frame_check);
    assert_int_equal(frame_count_free(), free_before);
}

/* ---- kernel stacks: one test, because the region is filled only once ---- */

#define STACKS 40u

static bool is_mapped(vaddr_t va)
{
    uint64_t page_bytes;
    const uint64_t *leaf = page_table_find(&kernel_page_table, va, &page_bytes);
    if (leaf != NULL) {
        assert_int_equal(*leaf & (PTE_WRITE | PTE_NX | PTE_USER), PTE_WRITE | PTE_NX);
    }
    return leaf != NULL;
}

static void test_kernel_stacks(void **state)
{
    (void)state;
    vaddr_t tops[STACKS];
    uint64_t stack_frames = KERNEL_STACK_BYTES / PAGE_BYTES;
    for (unsigned i = 0; i < STACKS; i++) {
        tops[i] = kernel_stack_alloc();
        assert_int_not_equal(tops[i], 0);
        assert_int_equal(tops[i] % 16, 0);
        assert_true(is_mapped(tops[i] - 1));
        assert_true(is_mapped(tops[i] - KERNEL_STACK_BYTES));
        assert_false(is_mapped(tops[i] - KERNEL_STACK_BYTES - 1)); /* the guard */
        assert_false(is_mapped(tops[i] - KERNEL_STACK_SLOT_BYTES));
        for (unsigned j = 0; j < i; j++) {
            assert_true(tops[j] != tops[i]);
        }
    }
    assert_int_equal(frame_count(FRAME_STACK), STACKS * stack_frames);
    for (unsigned i = 0; i < STACKS; i++) {
        machine_set_cpu(i % 3);
        kernel_stack_free(tops[i]);
    }
    machine_set_cpu(0);
    assert_int_equal(kernel_stack_count_free(), STACKS);
    assert_int_equal(frame_count(FRAME_STACK), STACKS * stack_frames); /* they stay mapped */

    bool seen[STACKS] = {false};
    for (unsigned i = 0; i < STACKS;
         i++) { /* the same again, each once; not those in other cores' hands */
        vaddr_t top = kernel_stack_alloc();
        for (unsigned j = 0; j < STACKS; j++) {
            if (tops[j] == top) {
                assert_false(seen[j]);
                seen[j] = true;
            }
        }
        if (kernel_stack_count() > STACKS) {
            break;
        }
    }
    EXPECT_PANIC("VERIFY", kernel_stack_free(tops[0] + 16));
    EXPECT_PANIC("VERIFY", kernel_stack_free(KERNEL_STACKS_BASE));
    EXPECT_PANIC("VERIFY", kernel_stack_free(tops[STACKS - 1] + (1ull << 30)));
}

static void test_kernel_stacks_without_memory(void **state)
{
    (void)state;
    while (kernel_stack_count_free() > 0) {
        for (unsigned cpu = 0; cpu < 3; cpu++) {
            machine_set_cpu(cpu);
            (void)!kernel_stack_alloc();
        }
    }
    machine_set_cpu(0);
    /* A new slot takes some allocations: whichever fails, the next try completes it and nothing
     * is lost. */
    for (unsigned fail_at = 1; fail_at <= 6; fail_at++) {
        uint64_t count = kernel_stack_count(), frames = frame_count(FRAME_STACK);
        machine_allocations = 0;
        machine_fail_at = fail_at;
        vaddr_t top = kernel_stack_alloc();
        bool failed = machine_fail_at == 0;
        machine_fail_at = 0;
        assert_int_equal(top == 0, failed);
        if (failed) {
            assert_int_equal(kernel_stack_count(), count);
            top = kernel_stack_alloc();
        }
        assert_int_not_equal(top, 0);
        assert_true(is_mapped(top - 1) && is_mapped(top - KERNEL_STACK_BYTES));
        assert_int_equal(kernel_stack_count(), count + 1);
        assert_int_equal(frame_count(FRAME_STACK), frames + KERNEL_STACK_BYTES / PAGE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sizes_are_zeroed_and_aligned, begin),
        cmocka_unit_test_setup(test_too_much_is_an_error, begin),
        cmocka_unit_test_setup(test_random_traffic_on_one_core, begin),
        cmocka_unit_test_setup(test_random_traffic_across_cores, begin),
        cmocka_unit_test_setup(test_typed_objects_keep_their_memory, begin),
        cmocka_unit_test_setup(test_large_typed_objects, begin),
        cmocka_unit_test_setup(test_freeing_twice, begin),
        cmocka_unit_test_setup(test_freeing_what_is_not_ours, begin),
        cmocka_unit_test_setup(test_guards, begin),
        cmocka_unit_test_setup(test_misuse_names_who_allocated_and_who_freed, begin),
        cmocka_unit_test_setup(test_check_notices_damage, begin),
        cmocka_unit_test_setup(test_out_of_memory_is_an_error, begin),
        cmocka_unit_test_setup(test_cores_at_the_same_time, begin),
        cmocka_unit_test_setup(test_kernel_stacks, begin),
        cmocka_unit_test(test_kernel_stacks_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
