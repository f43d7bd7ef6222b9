/* SPDX-License-Identifier: MIT */
/* Page faults, mapping and unmapping. */
#include <stdatomic.h>
#include <stddef.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

#define FAULT_PAGES     511u /* one more, and it would be a single large page */
#define MAP_PAGES       64u
#define MAP_RUNS        200u
#define LARGE_PAGES     16u
#define SHOOTDOWN_CORES 3u /* beside the one that measures */

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

/* The first write to a page that a clone shares: its own frame, the contents copied. */
static struct figure measure_cow(void)
{
    struct samples *samples = samples_reset();
    uint64_t area = create(FAULT_PAGES * PAGE_BYTES), clone;
    uint64_t address = map(area, FAULT_PAGES * PAGE_BYTES);

    for (uint64_t i = 0; i < FAULT_PAGES; i++) {
        touch(address + i * PAGE_BYTES);
    }
    must(sys_area_clone(area, 0, FAULT_PAGES * PAGE_BYTES, &clone));
    for (uint64_t i = 0; i < FAULT_PAGES; i++) {
        MEASURE(samples, touch(address + i * PAGE_BYTES));
    }
    must(sys_area_unmap(program.self, address, FAULT_PAGES * PAGE_BYTES));
    must(sys_handle_close(area));
    must(sys_handle_close(clone));
    return samples_figure(samples);
}

/* First touch of 2 MiB that one large page can show: most of it is zeroing. */
static struct figure measure_large(void)
{
    struct samples *samples = samples_reset();
    uint64_t bytes = LARGE_PAGES * LARGE_PAGE_BYTES, area = create(bytes),
             address = map(area, bytes);

    for (uint64_t i = 0; i < LARGE_PAGES; i++) {
        MEASURE(samples, touch(address + i * LARGE_PAGE_BYTES));
    }
    must(sys_area_unmap(program.self, address, bytes));
    must(sys_handle_close(area));
    return samples_figure(samples);
}

/* Three other cores have the space: threads that spin politely in user mode. */
static atomic_uint stop_spinning, spinning;

static void spin_politely(void *unused)
{
    (void)unused;
    atomic_fetch_add(&spinning, 1);
    while (atomic_load_explicit(&stop_spinning, memory_order_relaxed) == 0) {
        __asm__ volatile("pause");
    }
}

/* Unmapping one touched page on four cores, less the same on one: asking and being answered. The
 * counter is the sum over all cores. */
static struct figure measure_unmap_page(void)
{
    struct samples *samples = samples_reset();
    uint64_t area = create(PAGE_BYTES);

    for (unsigned i = 0; i < MAP_RUNS; i++) {
        uint64_t address = map(area, PAGE_BYTES);
        touch(address);
        MEASURE(samples, must(sys_area_unmap(program.self, address, PAGE_BYTES)));
    }
    must(sys_handle_close(area));
    return samples_figure(samples);
}

static void bench_shootdown(void)
{
    static struct thread threads[SHOOTDOWN_CORES];
    struct figure alone = measure_unmap_page();

    if (bench.cores <= SHOOTDOWN_CORES) {
        return;
    }
    for (unsigned i = 0; i < SHOOTDOWN_CORES; i++) {
        uint64_t core = (bench.core + 1 + i) % bench.cores;
        must(thread_start(&threads[i], spin_politely, NULL, THREAD_CORE(core), "spinner"));
    }
    while (atomic_load(&spinning) < SHOOTDOWN_CORES) {
        (void)sys_thread_yield();
    }
    figure_print("tlb.shootdown_3", figure_added(measure_unmap_page(), alone, 1));
    atomic_store(&stop_spinning, 1);
    for (unsigned i = 0; i < SHOOTDOWN_CORES; i++) {
        thread_join(&threads[i]);
    }
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
    figure_print("fault.cow_4k", measure_cow());
    figure_print("fault.anon_2m", measure_large());
    bench_shootdown();
    figure_print("area.map_unmap_64", measure_map());
    figure_print("area.create_map_unmap_64", measure_create_map());
}
