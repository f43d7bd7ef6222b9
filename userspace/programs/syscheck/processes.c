/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads: bad places to start, things done to the dead; and the calls without
 * handles.
 */
#include "userspace/programs/syscheck/syscheck.h"

#define SOME_ENTRY 0x400000ull
#define SOME_STACK 0x500000ff8ull

static status_t create_thread(uint64_t entry, uint64_t stack, uint64_t flags, const void *name)
{
    uint64_t thread;

    return sys_thread_create(specimens.child, entry, stack, 0, flags, name, &thread);
}

static void check_thread_arguments(void)
{
    EXPECT(create_thread(USER_END, SOME_STACK, 0, NULL), ERR_RANGE);
    EXPECT(create_thread((uint64_t)NON_CANONICAL, SOME_STACK, 0, NULL), ERR_RANGE);
    EXPECT(create_thread(KERNEL_IMAGE_BASE, SOME_STACK, 0, NULL), ERR_RANGE);
    EXPECT(create_thread(~0ull, SOME_STACK, 0, NULL), ERR_RANGE);
    EXPECT(create_thread(SOME_ENTRY, (uint64_t)NON_CANONICAL, 0, NULL), ERR_RANGE);
    EXPECT(create_thread(SOME_ENTRY, KERNEL_STACKS_BASE + 8, 0, NULL), ERR_RANGE);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 17, NULL), ERR_BAD_ARGUMENT);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 255, NULL), ERR_BAD_ARGUMENT);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 255ull << 8, NULL), ERR_BAD_ARGUMENT);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 1ull << 16, NULL), ERR_BAD_ARGUMENT);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 1ull << 63, NULL), ERR_BAD_ARGUMENT);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 0, KERNEL_POINTER), ERR_BAD_ADDRESS);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 0, NON_CANONICAL), ERR_BAD_ADDRESS);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 0, (void *)1), ERR_BAD_ADDRESS);
}

static void check_waiting(void)
{
    uint64_t code, fault;

    EXPECT(sys_process_wait(program.self, DEADLINE_POLL, &code, &fault), ERR_TIMED_OUT);
    EXPECT(sys_process_wait(specimens.child, DEADLINE_POLL, &code, &fault), ERR_TIMED_OUT);
    EXPECT(sys_process_wait(specimens.child, 1, &code, &fault), ERR_TIMED_OUT);
}

/* The calls of a supervised process say no other badge than those of the handle would, unless its holder may give badges. */
static void check_supervisor_badge(void)
{
    uint64_t plain;

    must(sys_handle_duplicate(specimens.mailbox, RIGHT_MAILBOX_SEND, 7, &plain));
    EXPECT(sys_process_supervise(specimens.child, plain, 8), ERR_NO_RIGHTS);
    EXPECT(sys_process_supervise(specimens.child, plain, 7), OK);
    EXPECT(sys_process_supervise(specimens.child, plain, 0), OK);
    EXPECT(sys_process_supervise(specimens.child, specimens.mailbox, 8), OK);
    EXPECT(sys_process_supervise(specimens.child, 0, 8), OK);
    must(sys_handle_close(plain));
}

/* Who may only end a process does nothing else to it, and who may do all else neither ends nor stops it. */
static void check_right_to_end(void)
{
    uint64_t ender, manager, out;
    const uint32_t others = RIGHTS_PROCESS & ~(RIGHT_PROCESS_END | RIGHT_PROCESS_SUSPEND);

    must(sys_handle_duplicate(specimens.child, RIGHT_PROCESS_END, 0, &ender));
    must(sys_handle_duplicate(specimens.child, others, 0, &manager));
    EXPECT(sys_process_suspend(ender), ERR_NO_RIGHTS);
    EXPECT(sys_process_resume(ender), ERR_NO_RIGHTS);
    EXPECT(sys_process_suspend(manager), ERR_NO_RIGHTS);
    EXPECT(sys_process_resume(manager), ERR_NO_RIGHTS);
    EXPECT(sys_process_supervise(ender, specimens.mailbox, 0), ERR_NO_RIGHTS);
    EXPECT(sys_handle_grant(ender, specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_process_kill(manager, 1), ERR_NO_RIGHTS);
    must(sys_handle_close(ender));
    must(sys_handle_close(manager));
}

/* A process that has ended answers waits for as long as it has a handle, and nothing else. */
static void check_the_dead(void)
{
    uint64_t code = 0, fault = 1, out;

    EXPECT(sys_process_kill(specimens.child, 1234), OK);
    EXPECT(sys_process_wait(specimens.child, DEADLINE_FOREVER, &code, &fault), OK);
    EXPECT(code == 1234 && fault == 0 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_wait(specimens.child, DEADLINE_POLL, &code, &fault), OK);
    EXPECT(code == 1234 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_process_kill(specimens.child, 4321), OK);
    EXPECT(sys_process_wait(specimens.child, DEADLINE_POLL, &code, &fault), OK);
    EXPECT(code == 1234 ? OK : ERR_CORRUPT, OK);
    EXPECT(create_thread(SOME_ENTRY, SOME_STACK, 0, NULL), ERR_PEER_CLOSED);
    EXPECT(sys_area_map(specimens.child, specimens.area, 0, PAGE_BYTES, 0, PROT_READ, &out),
           ERR_PEER_CLOSED);
    EXPECT(sys_handle_grant(specimens.child, specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &out),
           ERR_PEER_CLOSED);
}

/* Arguments of 32 bits must not be cut silently. */
static void check_wide_arguments(void)
{
    const uint64_t mark[6] = {1ull << 32 | 1, 0};
    const uint64_t power[6] = {program_handle("system"), 1ull << 32};
    const uint64_t area[6] = {PAGE_BYTES, 1ull << 32};

    EXPECT((status_t)raw_call(SYSCALL_TRACE_MARK, mark), ERR_BAD_ARGUMENT);
    EXPECT((status_t)raw_call(SYSCALL_AREA_CREATE, area), ERR_BAD_ARGUMENT);
    EXPECT_EITHER((status_t)raw_call(SYSCALL_SYSTEM_POWER, power), ERR_BAD_ARGUMENT, ERR_NO_RIGHTS);
}

static void check_clock(void)
{
    uint64_t before = 0, after = 0, khz = 0, cpu = 0, count = 0;

    EXPECT(sys_clock_get(&before, &khz), OK);
    EXPECT(sys_clock_get(&after, &khz), OK);
    EXPECT(after >= before && khz > 0 ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_cpu_info(&cpu, &count), OK);
    EXPECT(cpu < count && count <= CPU_MAX ? OK : ERR_CORRUPT, OK);
    EXPECT(sys_thread_yield(), OK);
    EXPECT(sys_null(), OK);
}

void check_processes(void)
{
    check_thread_arguments();
    check_waiting();
    check_supervisor_badge();
    check_right_to_end();
    check_the_dead();
    check_wide_arguments();
    check_clock();
}
