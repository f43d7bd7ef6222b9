/* SPDX-License-Identifier: MIT */
/*
 * Memory that is kept for a pager, and who else may take it. The parent is a pager that never takes a page, so whoever waits for memory
 * waits as long as it may. The child may take what is kept (process_reserve), and does not wait.
 */
#include <stdio.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/facts.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/programs/paging/paging.h"
#include "userspace/programs/paging/squeeze.h"

#define PATIENCE    (20 * NS_PER_S)
#define LEFT        MIB
#define PAGES       512u
#define FREE_LEAST  24u /* frames, less than are kept for any pager */
#define USED_LEAST  8u
#define SYSTEM_HELD (RIGHT_SYSTEM_PAGER | RIGHT_SYSTEM_INSPECT)

static uint64_t count_free(void)
{
    struct memory_facts facts = {0};

    must(sys_memory_facts(program_handle("system"), &facts));
    return facts.free;
}

void reserve_child(void)
{
    uint64_t area, address, begin = clock_now();
    unsigned used = 0;

    must(sys_area_create(PAGES * PAGE_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, PAGES * PAGE_BYTES, 0, PROT_READ | PROT_WRITE,
                      &address));
    while (used < PAGES && count_free() > FREE_LEAST) {
        *(volatile uint64_t *)(address + PAGE_BYTES * used++) = 1;
    }
    uint64_t ns = clock_now() - begin;
    report("%u pages in %lu ms, %lu are left", used, ns / NS_PER_MS, count_free());
    VERIFY(used >= USED_LEAST && used < PAGES && ns < PATIENCE);
}

static status_t give_reserve(uint64_t process)
{
    return sys_process_reserve(program_handle("system"), process);
}

void reserve_run(void)
{
    static const char *const args[] = {"reserve_child=1"};
    const struct spawn_grant grants[] = {{"system", program_handle("system"), 0, SYSTEM_HELD}};
    const struct spawn spawn = {.name = "taker",
                                .args = args,
                                .arg_count = 1,
                                .grants = grants,
                                .grant_count = 1,
                                .prepare = give_reserve};
    struct program_file file;
    uint64_t mailbox, pager, process;

    must(sys_mailbox_create("idle pager", sizeof("idle pager") - 1, &mailbox));
    must(program_open("paging", &file));
    must(sys_pager_create(program_handle("system"), mailbox, 1, PATIENCE, &pager));
    leave_free(LEFT);
    must(program_spawn(&file, &spawn, &process));
    VERIFY(process_end(process) == 0);
}
