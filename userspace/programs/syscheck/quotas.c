/* SPDX-License-Identifier: MIT */
/* Quotas: what a process has in an account of its own, is refused beyond, and gives back to the last handle and page. */
#include "userspace/programs/syscheck/syscheck.h"

#include <string.h>

#include "kernel/abi/quota.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"

#define HANDLES 24u
#define THREADS 3u
#define MEMORY  64u /* pages */
#define PINS    5u

#define RETURN_NS 10000000000ull /* long enough for any machine */

static uint64_t used(uint64_t process, uint32_t kind)
{
    uint64_t used, limit;

    must(sys_process_get_quota(process, kind, &used, &limit));
    return used;
}

static uint64_t new_process(void)
{
    uint64_t process;

    must(sys_process_create("limited", strlen("limited"), &process));
    return process;
}

/* A process that never runs: its handles count, and the whole limit is charged to this program meanwhile. */
static void check_account(void)
{
    uint64_t before = used(program.self, QUOTA_HANDLES), pins = used(program.self, QUOTA_PINS);
    uint64_t process = new_process(), out = 0, limit = 0, count = 0;

    EXPECT(sys_process_set_quota(process, QUOTA_NO_LIMIT + 1, 0, 0, 0), ERR_QUOTA);
    EXPECT(sys_process_set_quota(process, 0, 0, 0, ~0ull), ERR_QUOTA);
    EXPECT(used(program.self, QUOTA_PINS) == pins ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_set_quota(process, 2, 0, MEMORY, PINS), OK);
    EXPECT(used(program.self, QUOTA_PINS) == pins + PINS ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_get_quota(process, QUOTA_HANDLES, &count, &limit), OK);
    EXPECT(count == 0 && limit == 2 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_handle_grant(process, specimens.mailbox, 0, 0, &out), OK);
    EXPECT(sys_process_set_quota(process, 9, 9, 9, 9), ERR_BUSY);
    EXPECT(sys_handle_grant(process, specimens.mailbox, 0, 0, &out), OK);
    EXPECT(sys_handle_grant(process, specimens.mailbox, 0, 0, &out), ERR_QUOTA);
    EXPECT(sys_thread_create(process, PAGE_BYTES, PAGE_BYTES, 0, 0, NULL, &out), ERR_QUOTA);
    EXPECT(used(process, QUOTA_HANDLES) == 2 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_get_quota(process, QUOTA_KINDS, &count, &limit), ERR_BAD_ARGUMENT);
    EXPECT(sys_process_set_quota(program.self, 9, 9, 9, 9), ERR_BUSY);
    must(sys_handle_close(process));
    EXPECT(used(program.self, QUOTA_HANDLES) == before ? OK : ERR_CORRUPT, OK);
    EXPECT(used(program.self, QUOTA_PINS) == pins ? OK : ERR_CORRUPT, OK);
}

static void wait_for_ever(void *argument)
{
    (void)argument;
    (void)sys_thread_sleep(DEADLINE_FOREVER);
}

/* Runs in the limited process: everything up to the limit, and not one more. Exit code 0, or which step failed. */
int run_limited(void)
{
    static struct thread threads[THREADS + 1];
    uint64_t area = HANDLE_NONE, handle = HANDLE_NONE;
    unsigned count = 1; /* this thread */

    if (sys_area_create((MEMORY + 1) * PAGE_BYTES, 0, &area) != ERR_QUOTA ||
        sys_area_create(MEMORY * PAGE_BYTES, AREA_CONTIGUOUS, &area) != OK ||
        sys_area_create(PAGE_BYTES, 0, &handle) != ERR_QUOTA || sys_handle_close(area) != OK ||
        used(program.self, QUOTA_MEMORY) != 0) {
        return 1;
    }
    while (thread_start(&threads[count], wait_for_ever, NULL, THREAD_ANYWHERE, "one") == OK) {
        count++;
        if (count > THREADS) {
            return 2;
        }
    }
    if (count != THREADS || used(program.self, QUOTA_THREADS) != THREADS) {
        return 3;
    }
    for (uint64_t i = used(program.self, QUOTA_HANDLES); i < HANDLES; i++) {
        must(sys_mailbox_create(NULL, 0, &handle));
    }
    handle = HANDLE_NONE;
    if (sys_mailbox_create(NULL, 0, &handle) != ERR_QUOTA ||
        sys_area_create(PAGE_BYTES, 0, &handle) != ERR_QUOTA) {
        return 4;
    }
    return sys_handle_close(handle) == ERR_BAD_HANDLE ? 0 : 5; /* and nothing was handed out */
}

/*
 * What a process took is back soon after its end: its last thread may be on its way out of another core. So may one of an
 * earlier check have been when `before` was read; then it is less.
 */
static void expect_back(uint32_t kind, uint64_t before)
{
    uint64_t deadline = clock_now() + RETURN_NS;

    while (used(program.self, kind) > before && clock_now() < deadline) {
        (void)sys_thread_yield();
    }
    EXPECT(used(program.self, kind) <= before ? OK : ERR_QUOTA, OK);
}

static void check_program(void)
{
    static const struct spawn_quota quota = {HANDLES, THREADS, MEMORY, PINS};
    const char *const args[] = {"role=limited"};
    struct spawn spawn = {.name = "limited", .args = args, .arg_count = 1, .quota = &quota};
    uint64_t before[QUOTA_KINDS], process;
    struct program_file file;

    must(program_open("syscheck", &file));
    for (uint32_t kind = 0; kind < QUOTA_KINDS; kind++) {
        before[kind] = used(program.self, kind);
    }
    for (unsigned i = 0; i < 3; i++) {
        must(program_spawn(&file, &spawn, &process));
        uint64_t end = process_end(process);
        expect(end == 0 ? OK : ERR_QUOTA, OK, OK, "a limited program", (int)end);
    }
    for (uint32_t kind = 0; kind < QUOTA_KINDS; kind++) {
        expect_back(kind, before[kind]);
    }
}

void check_quotas(void)
{
    check_account();
    check_program();
}
