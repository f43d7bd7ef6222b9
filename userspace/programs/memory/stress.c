/* SPDX-License-Identifier: MIT */
/*
 * Many cores, one area. Writers count up in words of their own, on pages that all share. Meanwhile
 * the area is cloned again and again, and other mappings of it come, go and change protection.
 *
 * A clone must not change after it was made: a core that still had a translation through which it
 * may write to a shared frame would be seen in it. And no count may be lost: a page copied too early
 * would be missing the last steps of somebody.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/memory/memory.h"

#define RW          (PROT_READ | PROT_WRITE)
#define PAGES       12u
#define BYTES       (PAGES * PAGE_BYTES)
#define WRITERS_MAX 6u
#define LOOKS       3u

struct writer {
    struct thread thread;
    unsigned index;
    uint64_t count; /* steps done, on each page */
};

static struct writer writers[WRITERS_MAX];
static struct thread mapper, cloner;
static volatile uint64_t *pages; /* where all write */
static uint64_t area;
static atomic_uint stop;

static void count_up(void *argument)
{
    struct writer *writer = argument;

    while (atomic_load_explicit(&stop, memory_order_relaxed) == 0) {
        writer->count++;
        for (unsigned page = 0; page < PAGES; page++) {
            volatile uint64_t *word = &pages[page * PAGE_WORDS + writer->index];
            VERIFY(*word == writer->count - 1);
            *word = writer->count;
        }
    }
}

static void map_and_protect(void *argument)
{
    (void)argument;
    while (atomic_load_explicit(&stop, memory_order_relaxed) == 0) {
        volatile uint64_t *at = memory_map(area, 0, BYTES, RW);
        at[7 * PAGE_WORDS + PAGE_WORDS - 1] = 1;
        must(sys_area_protect(program.self, (uint64_t)at + 4 * PAGE_BYTES, 8 * PAGE_BYTES,
                              PROT_READ));
        VERIFY(at[7 * PAGE_WORDS + PAGE_WORDS - 1] == 1);
        memory_unmap(at + 9 * PAGE_WORDS, 3 * PAGE_BYTES);
        memory_unmap(at, BYTES);
    }
}

/* One page of a clone: what it held at the first look it holds for ever. */
static void look_at_page(const volatile uint64_t *at, unsigned page, bool is_first)
{
    static uint64_t seen[PAGES][WRITERS_MAX];

    for (unsigned i = 0; i < WRITERS_MAX; i++) {
        uint64_t now = at[page * PAGE_WORDS + i];
        VERIFY(is_first || seen[page][i] == now);
        seen[page][i] = now;
    }
}

/* The same pages, looked at several times while the writers go on. */
static void check_clone(uint64_t round)
{
    uint64_t clone;

    must(sys_area_clone(area, 0, BYTES, &clone));
    volatile uint64_t *at = memory_map(clone, 0, BYTES, RW);
    for (unsigned look = 0; look < LOOKS; look++) {
        for (unsigned page = 0; page < PAGES; page++) {
            look_at_page(at, page, look == 0);
            if (round % 2 && look == 1) {
                at[page * PAGE_WORDS + PAGE_WORDS - 2] = round; /* its own page from now on */
            }
        }
    }
    memory_unmap(at, BYTES);
    must(sys_handle_close(clone));
}

static void clone_all(void *argument)
{
    for (uint64_t round = 0; round < *(const uint64_t *)argument; round++) {
        check_clone(round);
    }
    atomic_store_explicit(&stop, 1, memory_order_relaxed);
}

/* Core 0 clones, the last one maps, those between write. */
void memory_stress(uint64_t rounds)
{
    uint64_t cpu, cores;

    must(sys_cpu_info(&cpu, &cores));
    unsigned count = cores < 3 ? 1 : cores - 2 < WRITERS_MAX ? (unsigned)cores - 2 : WRITERS_MAX;
    must(sys_area_create(BYTES, 0, &area));
    pages = memory_map(area, 0, BYTES, RW);
    for (unsigned i = 0; i < count; i++) {
        writers[i].index = i;
        must(thread_start(&writers[i].thread, count_up, &writers[i], THREAD_CORE((i + 1) % cores),
                          "writer"));
    }
    must(thread_start(&mapper, map_and_protect, NULL, THREAD_CORE(cores - 1), "mapper"));
    must(thread_start(&cloner, clone_all, &rounds, THREAD_CORE(0), "cloner"));
    thread_join(&cloner);
    thread_join(&mapper);
    for (unsigned i = 0; i < count; i++) {
        thread_join(&writers[i].thread);
        for (unsigned page = 0; page < PAGES; page++) {
            VERIFY(pages[page * PAGE_WORDS + i] == writers[i].count);
        }
    }
    memory_unmap(pages, BYTES);
    must(sys_handle_close(area));
}
