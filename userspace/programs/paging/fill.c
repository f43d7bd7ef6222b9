/* SPDX-License-Identifier: MIT */
/*
 * Memory that does not fit, used by all cores and checked word by word.
 *
 * Each thread has pages of its own, spread over the area. What a page holds follows from its number and how often it has been
 * written; it looks random but repeats after 64 words, so it can be made an eighth as long.
 */
#include <stdio.h>

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/random.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/paging/paging.h"
#include "userspace/programs/paging/squeeze.h"

#define REPEAT    64u
#define PAGES_MAX 0x40000u

struct filler {
    struct thread thread;
    uint64_t first, step, rounds;
};

static volatile uint64_t *memory;
static uint64_t page_count;
/* Held until all fillers are there: to start a thread takes memory, too. */
static struct mutex starting;
static uint16_t versions[PAGES_MAX]; /* of each page; 0: never written */

static uint64_t expected(uint64_t page, unsigned word)
{
    uint64_t seed = page << 20 | versions[page];

    if (word == 0) {
        return (uint64_t)FILL_MAGIC << 32 | page;
    }
    return random_mix(seed * REPEAT + word % REPEAT);
}

static void write_page(uint64_t page)
{
    versions[page]++;
    for (unsigned word = 0; word < PAGE_WORDS; word++) {
        memory[page * PAGE_WORDS + word] = expected(page, word);
    }
}

static void check_page(uint64_t page)
{
    for (unsigned word = 0; word < PAGE_WORDS; word++) {
        uint64_t found = memory[page * PAGE_WORDS + word];
        if (found != (versions[page] == 0 ? 0 : expected(page, word))) {
            die("page %lu word %u, version %u: %lx", page, word, versions[page], found);
        }
    }
}

static void fill(void *argument)
{
    const struct filler *filler = argument;
    uint64_t mine = (page_count - filler->first + filler->step - 1) / filler->step;
    uint64_t random = filler->first;

    mutex_lock(&starting);
    mutex_unlock(&starting);
    for (uint64_t page = filler->first; page < page_count; page += filler->step) {
        write_page(page);
    }
    for (uint64_t i = 0; i < mine * filler->rounds; i++) {
        uint64_t page = filler->first + random_next(&random) % mine * filler->step;
        check_page(page);
        if (random % 3 == 0) {
            write_page(page);
        }
    }
    for (uint64_t page = filler->first; page < page_count; page += filler->step) {
        check_page(page);
    }
}

static void fill_on(unsigned cores, uint64_t leave_bytes, uint64_t rounds)
{
    static struct filler fillers[FILL_THREADS_MAX];

    mutex_lock(&starting);
    for (unsigned i = 0; i < cores; i++) {
        fillers[i] = (struct filler){.first = i, .step = cores, .rounds = rounds};
        must(thread_start(&fillers[i].thread, fill, &fillers[i], THREAD_CORE(i), "filler"));
    }
    leave_free(leave_bytes);
    mutex_unlock(&starting);
    for (unsigned i = 0; i < cores; i++) {
        thread_join(&fillers[i].thread);
    }
    mark(MARK_CHECKED, page_count);
    report("%lu pages are as they were left", page_count);
}

void fill_run(uint64_t bytes, uint64_t leave_bytes, uint64_t rounds, bool is_mail)
{
    uint64_t area = program_handle(SHARED_AREA), address, cpu, cores;

    page_count = bytes / PAGE_BYTES;
    VERIFY(page_count <= PAGES_MAX);
    must(sys_cpu_info(&cpu, &cores));
    cores = cores < FILL_THREADS_MAX ? cores : FILL_THREADS_MAX;
    if (area == HANDLE_NONE) {
        must(sys_area_create(bytes, 0, &area));
    }
    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address));
    memory = (volatile uint64_t *)address;
    if (is_mail) {
        leave_free(leave_bytes);
        mail_run((uint64_t *)address, bytes, (unsigned)cores, rounds);
    } else {
        fill_on((unsigned)cores, leave_bytes, rounds);
    }
}
