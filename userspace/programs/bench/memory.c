/* SPDX-License-Identifier: MIT */
/* Page faults, mapping and unmapping. */
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/programs/bench/bench.h"

#define FAULT_PAGES 511u /* one more, and it would be a single large page */
#define MAP_PAGES   64u
#define MAP_RUNS    200u

static uint64_t create(uint64_t bytes)
{
    uint64_t area;

    must(sys_area_create(bytes, 0, &area));
    return area;
}

static uint64_t map(uint64_t area, uint64_t bytes)
{
    uint64_t address;

    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address));
    return address;
}

static void touch(uint64_t address)
{
    *(volatile uint8_t *)address = 1;
}

/*
 * First touch of a page: fault, a zeroed frame, back. A few pay for a page table, too; the median
 * does not see them.
 */
struct figure bench_fault(void)
{
    struct samples *samples = samples_reset();
    uint64_t area = create(FAULT_PAGES * PAGE_BYTES);
    uint64_t address = map(area, FAULT_PAGES * PAGE_BYTES);

    for (uint64_t i = 0; i < FAULT_PAGES; i++) {
        MEASURE(samples, touch(address + i * PAGE_BYTES));
    }
    must(sys_area_unmap(program.self, address, FAULT_PAGES * PAGE_BYTES));
    must(sys_handle_close(area));
    return samples_figure(samples);
}

static void touch_all(uint64_t address)
{
    for (uint64_t i = 0; i < MAP_PAGES; i++) {
        touch(address + i * PAGE_BYTES);
    }
}

/* Map and unmap, 64 pages touched in between; the area stays and keeps its frames. */
static struct figure measure_map(void)
{
    struct samples *samples = samples_reset();
    uint64_t area = create(MAP_PAGES * PAGE_BYTES);

    for (unsigned i = 0; i < MAP_RUNS; i++) {
        uint64_t start = clock_tsc();
        uint64_t address = map(area, MAP_PAGES * PAGE_BYTES);
        uint64_t mapped = clock_tsc();
        touch_all(address);
        uint64_t touched = clock_tsc();
        must(sys_area_unmap(program.self, address, MAP_PAGES * PAGE_BYTES));
        samples_add(samples, mapped - start + clock_tsc() - touched);
    }
    must(sys_handle_close(area));
    return samples_figure(samples);
}

/* The same with an area that is made and given back each time, with its frames. */
static struct figure measure_create_map(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < MAP_RUNS; i++) {
        uint64_t start = clock_tsc();
        uint64_t area = create(MAP_PAGES * PAGE_BYTES);
        uint64_t address = map(area, MAP_PAGES * PAGE_BYTES);
        uint64_t mapped = clock_tsc();
        touch_all(address);
        uint64_t touched = clock_tsc();
        must(sys_area_unmap(program.self, address, MAP_PAGES * PAGE_BYTES));
        must(sys_handle_close(area));
        samples_add(samples, mapped - start + clock_tsc() - touched);
    }
    return samples_figure(samples);
}

void bench_memory(void)
{
    figure_print("fault.anon_4k", bench_fault());
    figure_print("area.map_unmap_64", measure_map());
    figure_print("area.create_map_unmap_64", measure_create_map());
}
