/* SPDX-License-Identifier: MIT */
/* Processes that stand still. The child is this program, too: what is at an address there is here, but for what it maps. */
#include <stdatomic.h>

#include "kernel/abi/memory.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/tests/tests.h"

#define COUNTERS    3u
#define SHARED_SIZE (4 * PAGE_BYTES) /* the upper end is a stack for a thread that we start there */

struct shared {
    atomic_ulong steps[COUNTERS];
    atomic_ulong address; /* of this in the child */
};

static struct shared *shared;

static _Noreturn void count(void *number)
{
    for (;;) {
        atomic_fetch_add(&shared->steps[(uint64_t)number], 1);
    }
}

static void map_shared(uint64_t area)
{
    uint64_t address;

    must(sys_area_map(program.self, area, 0, SHARED_SIZE, 0, PROT_READ | PROT_WRITE, &address));
    shared = (struct shared *)address;
}

void process_child(void)
{
    struct thread second;

    map_shared(program_handle("shared"));
    must(thread_start(&second, count, (void *)1ul, THREAD_ANYWHERE, "tests"));
    atomic_store(&shared->address, (uint64_t)shared);
    count((void *)0ul);
}

static uint64_t start_child(void)
{
    static const char *role = "child-count";
    struct spawn_grant grant = {"shared", 0, 0, RIGHT_AREA_READ | RIGHT_AREA_WRITE};
    const struct spawn spawn = {
        .name = "tests", .args = &role, .arg_count = 1, .grants = &grant, .grant_count = 1};
    struct program_file file;
    uint64_t process;

    must(sys_area_create(SHARED_SIZE, 0, &grant.handle));
    map_shared(grant.handle);
    must(program_open("tests", &file));
    must(program_spawn(&file, &spawn, &process));
    must(sys_handle_close(grant.handle));
    return process;
}

static void end_child(uint64_t process)
{
    must(sys_process_kill(process, 6));
    CHECK(process_end(process) == 6);
    must(sys_area_unmap(program.self, (uint64_t)shared, SHARED_SIZE));
}

static void wait_for_step(unsigned counter)
{
    for (unsigned long now = atomic_load(&shared->steps[counter]);
         atomic_load(&shared->steps[counter]) == now;) {
        clock_sleep(NS_PER_MS / 10);
    }
}

static bool stands_still(void)
{
    unsigned long before[COUNTERS];
    bool is_still = true;

    for (unsigned i = 0; i < COUNTERS; i++) {
        before[i] = atomic_load(&shared->steps[i]);
    }
    clock_sleep(2 * NS_PER_MS);
    for (unsigned i = 0; i < COUNTERS; i++) {
        is_still = is_still && atomic_load(&shared->steps[i]) == before[i];
    }
    return is_still;
}

/* All its threads, and one that is started in it meanwhile. */
static void a_suspended_process_stands_still(void)
{
    uint64_t process = start_child(), thread;

    wait_for_step(0);
    wait_for_step(1);
    must(sys_process_suspend(process));
    CHECK(stands_still());
    must(sys_thread_create(process, (uint64_t)count,
                           atomic_load(&shared->address) + SHARED_SIZE - sizeof(uint64_t), 2,
                           THREAD_ANYWHERE, "tests", &thread));
    CHECK(stands_still());
    CHECK(atomic_load(&shared->steps[2]) == 0);
    must(sys_process_suspend(process)); /* is not counted */
    must(sys_process_resume(process));
    for (unsigned i = 0; i < COUNTERS; i++) {
        wait_for_step(i);
    }
    must(sys_handle_close(thread));
    end_child(process);
}

static void a_thread_and_its_process_are_suspended_apart(void)
{
    uint64_t process = start_child(), thread;

    wait_for_step(1);
    must(sys_process_suspend(process));
    must(sys_thread_create(process, (uint64_t)count,
                           atomic_load(&shared->address) + SHARED_SIZE - sizeof(uint64_t), 2,
                           THREAD_ANYWHERE, "tests", &thread));
    must(sys_thread_resume(thread));
    CHECK(stands_still());
    must(sys_thread_suspend(thread));
    must(sys_process_resume(process));
    wait_for_step(1);
    CHECK(atomic_load(&shared->steps[2]) == 0);
    must(sys_thread_resume(thread));
    wait_for_step(2);
    must(sys_handle_close(thread));
    end_child(process);
}

/* And the next one, which perhaps gets its memory, runs. */
static void a_suspended_process_can_be_ended(void)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t process = start_child();

        wait_for_step(0);
        must(sys_process_suspend(process));
        end_child(process);
    }
}

int test_processes(void)
{
    static const struct test tests[] = {
        TEST(a_suspended_process_stands_still),
        TEST(a_thread_and_its_process_are_suspended_apart),
        TEST(a_suspended_process_can_be_ended),
    };

    return TESTS_RUN("processes", tests);
}
