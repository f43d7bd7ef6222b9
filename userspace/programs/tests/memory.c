/* SPDX-License-Identifier: MIT */
/* Memory: areas, where they are seen, what may be done there. What is forbidden a child process does. */
#include <string.h>

#include "kernel/abi/memory.h"
#include "userspace/lib/spawn.h"
#include "userspace/programs/tests/tests.h"

#define PAGES       8u
#define PAGE_FAULT  (PROCESS_END_EXCEPTION + 14)
#define RW          (PROT_READ | PROT_WRITE)
#define NOT_REACHED 99

static volatile char *map_new(uint64_t pages, uint64_t protection, uint64_t *out_area)
{
    uint64_t address;

    must(sys_area_create(pages * PAGE_BYTES, 0, out_area));
    must(sys_area_map(program.self, *out_area, 0, pages * PAGE_BYTES, 0, protection, &address));
    return (volatile char *)address;
}

static void unmap(volatile char *memory, uint64_t pages, uint64_t area)
{
    must(sys_area_unmap(program.self, (uint64_t)memory, pages * PAGE_BYTES));
    must(sys_handle_close(area));
}

static void new_memory_is_zero(void)
{
    for (unsigned round = 0; round < 3; round++) {
        uint64_t area;
        volatile char *memory = map_new(PAGES, RW, &area);
        for (uint64_t i = 0; i < PAGES * PAGE_BYTES; i += 64) {
            CHECK(memory[i] == 0);
            memory[i] = 'x';
        }
        unmap(memory, PAGES, area);
    }
}

static void two_mappings_show_the_same(void)
{
    uint64_t area, other;
    volatile char *memory = map_new(PAGES, RW, &area);

    must(sys_area_map(program.self, area, 2 * PAGE_BYTES, PAGE_BYTES, 0, PROT_READ, &other));
    memory[2 * PAGE_BYTES + 5] = 'y';
    CHECK(((volatile char *)other)[5] == 'y');
    must(sys_area_unmap(program.self, other, PAGE_BYTES));
    unmap(memory, PAGES, area);
}

static void a_clone_goes_its_own_way(void)
{
    uint64_t area, clone, address;
    volatile char *memory = map_new(PAGES, RW, &area);

    memory[0] = 'a';
    memory[PAGE_BYTES] = 'b';
    must(sys_area_clone(area, 0, PAGES * PAGE_BYTES, &clone));
    must(sys_area_map(program.self, clone, 0, PAGES * PAGE_BYTES, 0, RW, &address));
    volatile char *copy = (volatile char *)address;
    memory[0] = 'A';
    copy[PAGE_BYTES] = 'B';
    CHECK(copy[0] == 'a' && memory[PAGE_BYTES] == 'b' && memory[0] == 'A' &&
          copy[PAGE_BYTES] == 'B');
    unmap(copy, PAGES, clone);
    unmap(memory, PAGES, area);
}

static void a_hole_can_be_cut_into_a_mapping(void)
{
    uint64_t area, start, bytes, protection;
    volatile char *memory = map_new(PAGES, RW, &area);

    must(sys_area_unmap(program.self, (uint64_t)memory + 3 * PAGE_BYTES, PAGE_BYTES));
    must(sys_area_find(program.self, (uint64_t)memory, &start, &bytes, &protection));
    CHECK(start == (uint64_t)memory && bytes == 3 * PAGE_BYTES);
    must(sys_area_find(program.self, (uint64_t)memory + 3 * PAGE_BYTES, &start, &bytes,
                       &protection));
    CHECK(start == (uint64_t)memory + 4 * PAGE_BYTES && bytes == (PAGES - 4) * PAGE_BYTES);
    memory[2 * PAGE_BYTES] = memory[4 * PAGE_BYTES] = 1;
    unmap(memory, PAGES, area);
}

static void what_is_mapped_is_not_mapped_over(void)
{
    uint64_t area, address;
    volatile char *memory = map_new(PAGES, RW, &area);

    CHECK_GIVES(ERR_BUSY, sys_area_map(program.self, area, 0, PAGE_BYTES,
                                       (uint64_t)memory + PAGE_BYTES, PROT_READ, &address));
    CHECK_GIVES(ERR_RANGE, sys_area_map(program.self, area, PAGES * PAGE_BYTES, PAGE_BYTES, 0,
                                        PROT_READ, &address));
    unmap(memory, PAGES, area);
}

static void nothing_is_written_and_executed(void)
{
    uint64_t area, address;

    must(sys_area_create(PAGE_BYTES, 0, &area));
    CHECK(sys_area_map(program.self, area, 0, PAGE_BYTES, 0, RW | PROT_EXEC, &address) != OK);
    must(sys_handle_close(area));
}

static void an_area_can_grow_and_shrink(void)
{
    uint64_t area, bytes, physical;
    volatile char *memory = map_new(PAGES, RW, &area);

    memory[PAGE_BYTES] = 'k';
    must(sys_area_resize(area, 2 * PAGE_BYTES));
    must(sys_area_query(area, &bytes, &physical));
    CHECK(bytes == 2 * PAGE_BYTES && memory[PAGE_BYTES] == 'k');
    must(sys_area_resize(area, PAGES * PAGE_BYTES));
    CHECK(memory[PAGE_BYTES] == 'k' && memory[5 * PAGE_BYTES] == 0);
    unmap(memory, PAGES, area);
}

static void what_is_forbidden_ends_the_process(void)
{
    CHECK(child_end("child-null") == PAGE_FAULT);
    CHECK(child_end("child-code") == PAGE_FAULT);
    CHECK(child_end("child-read-only") == PAGE_FAULT);
    CHECK(child_end("child-kernel") == PAGE_FAULT);
    CHECK(child_end("child-execute") == PAGE_FAULT);
    CHECK(child_end("child-nothing") == NOT_REACHED);
}

static volatile uintptr_t nowhere = 8; /* volatile: the compiler would see what is wrong */

void memory_child(const char *role)
{
    uint64_t area;
    volatile char *memory = map_new(1, RW, &area);

    memory[0] = (char)0xc3; /* RET */
    if (strcmp(role, "child-null") == 0) {
        *(volatile char *)nowhere = 1;
    } else if (strcmp(role, "child-code") == 0) {
        *(volatile char *)(uintptr_t)memory_child = 1;
    } else if (strcmp(role, "child-read-only") == 0) {
        must(sys_area_protect(program.self, (uint64_t)memory, PAGE_BYTES, PROT_READ));
        memory[0] = 1;
    } else if (strcmp(role, "child-kernel") == 0) {
        (void)*(volatile char *)KERNEL_IMAGE_BASE;
    } else if (strcmp(role, "child-execute") == 0) {
        ((void (*)(void))(uintptr_t)memory)();
    }
    sys_process_exit(NOT_REACHED);
}

int test_memory(void)
{
    static const struct test tests[] = {
        TEST(new_memory_is_zero),
        TEST(two_mappings_show_the_same),
        TEST(a_clone_goes_its_own_way),
        TEST(a_hole_can_be_cut_into_a_mapping),
        TEST(what_is_mapped_is_not_mapped_over),
        TEST(nothing_is_written_and_executed),
        TEST(an_area_can_grow_and_shrink),
        TEST(what_is_forbidden_ends_the_process),
    };

    return TESTS_RUN("memory", tests);
}
