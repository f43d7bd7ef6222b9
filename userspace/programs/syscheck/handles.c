/* SPDX-License-Identifier: MIT */
/*
 * Handles: such as are not open, name another type, or lack a right. For every call that takes one.
 */
#include "userspace/programs/syscheck/syscheck.h"

#include <stdio.h>

/*
 * A call and the place of a handle among its arguments. rights: it refuses a handle that has none.
 */
struct handle_user {
    enum syscall_number number;
    unsigned place;
    enum object_type type;
    bool rights;
};

static const struct handle_user users[] = {
    {SYSCALL_MAILBOX_CALL, 0, OBJECT_MAILBOX, true},
    {SYSCALL_MAILBOX_RECEIVE, 0, OBJECT_MAILBOX, true},
    {SYSCALL_MAILBOX_REPLY, 0, OBJECT_MAILBOX, true},
    {SYSCALL_MAILBOX_REPLY_RECEIVE, 0, OBJECT_MAILBOX, true},
    {SYSCALL_HANDLE_GRANT, 0, OBJECT_PROCESS, true},
    {SYSCALL_PROCESS_WAIT, 0, OBJECT_PROCESS, true},
    {SYSCALL_PROCESS_KILL, 0, OBJECT_PROCESS, true},
    {SYSCALL_THREAD_CREATE, 0, OBJECT_PROCESS, true},
    {SYSCALL_THREAD_PRIORITY, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_AFFINITY, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_TIME, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_SUSPEND, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_RESUME, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_KILL, 0, OBJECT_THREAD, true},
    {SYSCALL_THREAD_WAIT, 0, OBJECT_THREAD, true},
    {SYSCALL_PROCESS_SUPERVISE, 0, OBJECT_PROCESS, true},
    {SYSCALL_PROCESS_CEILING, 0, OBJECT_PROCESS, true},
    {SYSCALL_AREA_CREATE_PHYSICAL, 0, OBJECT_SYSTEM, true},
    {SYSCALL_AREA_MAP, 0, OBJECT_PROCESS, true},
    {SYSCALL_AREA_MAP, 1, OBJECT_AREA, false},
    {SYSCALL_AREA_UNMAP, 0, OBJECT_PROCESS, true},
    {SYSCALL_AREA_QUERY, 0, OBJECT_AREA, false},
    {SYSCALL_CONSOLE_WRITE, 0, OBJECT_CONSOLE, true},
    {SYSCALL_CONSOLE_READ, 0, OBJECT_CONSOLE, true},
    {SYSCALL_TRACE_CONTROL, 0, OBJECT_TRACE, true},
    {SYSCALL_TRACE_MAP, 0, OBJECT_TRACE, true},
    {SYSCALL_TRACE_WAIT, 0, OBJECT_TRACE, true},
    {SYSCALL_DEBUG_ENTER, 0, OBJECT_DEBUG, true},
    {SYSCALL_PORTS_CREATE, 0, OBJECT_SYSTEM, true},
    {SYSCALL_PORTS_READ, 0, OBJECT_PORTS, true},
    {SYSCALL_PORTS_WRITE, 0, OBJECT_PORTS, true},
    {SYSCALL_SYSTEM_POWER, 0, OBJECT_SYSTEM, true},
};
#define USER_COUNT (sizeof(users) / sizeof(users[0]))

static uint64_t closed_handle(void)
{
    uint64_t handle;

    must(sys_mailbox_create(NULL, 0, &handle));
    must(sys_handle_close(handle));
    return handle;
}

/* The other arguments are such that only the handle can be wrong. */
static void expect_user(const struct handle_user *user, uint64_t handle, status_t wanted)
{
    uint64_t args[6] = {program.self, 0, 0, PAGE_BYTES, 0,
                        PROT_READ}; /* good for area_map, whose second is a handle, too */
    char text[64];

    args[user->place] = handle;
    snprintf(text, sizeof(text), "%s(handle %lx in place %u)", syscall_name(user->number), handle,
             user->place);
    expect((status_t)raw_call(user->number, args), wanted, wanted, text, __LINE__);
}

/* A handle of the type without any right, or HANDLE_NONE where this program has no such object. */
static uint64_t powerless(enum object_type type)
{
    switch (type) {
    case OBJECT_PROCESS:
        return handle_with(program.self, 0);
    case OBJECT_AREA:
        return handle_with(specimens.area, 0);
    case OBJECT_MAILBOX:
        return handle_with(specimens.mailbox, 0);
    case OBJECT_CONSOLE:
        return handle_with(program.console, 0);
    case OBJECT_TRACE:
        return program_handle("trace");
    case OBJECT_DEBUG:
        return program_handle("debug");
    case OBJECT_SYSTEM:
        return program_handle("system");
    default:
        return HANDLE_NONE;
    }
}

void check_handles(void)
{
    const uint64_t closed = closed_handle();
    const uint64_t not_open[] = {0,
                                 1,
                                 HANDLE_MAX - 1,
                                 HANDLE_MAX,
                                 closed,
                                 closed + (1ull << 44),
                                 program.self ^ (1ull << 63),
                                 program.self + (1ull << 12),
                                 ~0ull,
                                 KERNEL_IMAGE_BASE};

    for (unsigned i = 0; i < USER_COUNT; i++) {
        for (unsigned j = 0; j < sizeof(not_open) / sizeof(not_open[0]); j++) {
            expect_user(&users[i], not_open[j], ERR_BAD_HANDLE);
        }
        expect_user(&users[i], users[i].type == OBJECT_MAILBOX ? specimens.area : specimens.mailbox,
                    ERR_WRONG_TYPE);
    }
    for (unsigned j = 0; j < sizeof(not_open) / sizeof(not_open[0]); j++) {
        uint64_t out = HANDLE_NONE;

        EXPECT(sys_handle_close(not_open[j]), ERR_BAD_HANDLE);
        EXPECT(sys_handle_duplicate(not_open[j], 0, 0, &out), ERR_BAD_HANDLE);
        EXPECT(sys_handle_grant(specimens.child, not_open[j], 0, 0, &out), ERR_BAD_HANDLE);
    }
}

static void check_duplicates(void)
{
    uint64_t out = HANDLE_NONE;
    uint64_t fixed = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND);
    uint64_t copyable = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE);
    const uint64_t wide[6] = {specimens.mailbox, 1ull << 32, 0};

    EXPECT(sys_handle_duplicate(fixed, RIGHT_MAILBOX_SEND, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(copyable, RIGHT_MAILBOX_RECEIVE, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(copyable, ~0u, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(specimens.mailbox, 1u << 31, 0, &out), ERR_NO_RIGHTS);
    EXPECT((status_t)raw_call(SYSCALL_HANDLE_DUPLICATE, wide), ERR_BAD_ARGUMENT);
    EXPECT(sys_handle_grant(specimens.child, copyable, RIGHT_MAILBOX_SEND, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_grant(specimens.child, specimens.mailbox, ~0u, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_grant(specimens.child, specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &out), OK);
    EXPECT(sys_handle_close(fixed), OK);
    EXPECT(sys_handle_close(fixed), ERR_BAD_HANDLE);
    EXPECT(sys_handle_close(copyable), OK);
}

/* Fill the table, find it full, empty it, use it again. */
static void check_full_table(void)
{
    static uint64_t handles[HANDLE_MAX];
    unsigned count = 0;
    status_t status = OK;
    uint64_t out = HANDLE_NONE;

    while (count < HANDLE_MAX && status == OK) {
        status = sys_handle_duplicate(specimens.mailbox, RIGHT_MAILBOX_SEND, 0, &handles[count]);
        count += status == OK;
    }
    EXPECT(status, ERR_TABLE_FULL);
    EXPECT(count > HANDLE_MAX / 2 ? OK : ERR_RANGE, OK);
    EXPECT(sys_mailbox_create(NULL, 0, &out), ERR_TABLE_FULL);
    EXPECT(sys_area_create(PAGE_BYTES, 0, &out), ERR_TABLE_FULL);
    EXPECT(sys_process_create("full", 4, &out), ERR_TABLE_FULL);
    while (count > 0) {
        must(sys_handle_close(handles[--count]));
    }
    EXPECT(sys_mailbox_create(NULL, 0, &out), OK);
    EXPECT(sys_handle_close(out), OK);
}

void check_rights(void)
{
    for (unsigned i = 0; i < USER_COUNT; i++) {
        uint64_t handle = powerless(users[i].type);

        if (users[i].rights && handle != HANDLE_NONE) {
            expect_user(&users[i], handle, ERR_NO_RIGHTS);
        }
    }
    check_duplicates();
    check_full_table();
}
