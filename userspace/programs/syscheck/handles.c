/* SPDX-License-Identifier: MIT */
/*
 * Handles that are not open, were revoked, name another type, or lack a right: for every call that takes one.
 */
#include "userspace/programs/syscheck/syscheck.h"

#include <stdio.h>

#include "gen/syscall_checks.h"

/*
 * Every call is tried, by gen/syscall_checks.h: a new one is covered without a line here, a new type of object needs a
 * specimen. The kernel looks handles up in the order of the arguments, so those before the wrong one must be good.
 */
static uint64_t specimen_of(enum object_type type)
{
    switch (type) {
    case OBJECT_PROCESS:
        return specimens.child;
    case OBJECT_THREAD:
        return specimens.thread;
    case OBJECT_AREA:
        return specimens.area;
    case OBJECT_MAILBOX:
        return specimens.mailbox;
    case OBJECT_PORTS:
        return specimens.ports;
    case OBJECT_LEASE:
        return specimens.lease;
    case OBJECT_INTERRUPT:
        return specimens.interrupt;
    case OBJECT_EVENT:
        return specimens.event;
    case OBJECT_PAGER:
        return specimens.pager;
    default:
        return HANDLE_NONE;
    }
}

/* A handle that is good enough to be passed before the one that is tried. */
static uint64_t good_handle(enum object_type type)
{
    return type == OBJECT_SYSTEM ? program_handle("system") : specimen_of(type);
}

/* A handle without any right. The powerful objects were given to this program so. */
static uint64_t powerless(enum object_type type)
{
    switch (type) {
    case OBJECT_CONSOLE:
        return handle_with(program.console, 0);
    case OBJECT_TRACE:
        return program_handle("trace");
    case OBJECT_DEBUG:
        return program_handle("debug");
    case OBJECT_SYSTEM:
        return handle_with(program_handle("system"), 0);
    default:
        return handle_with(specimen_of(type), 0);
    }
}

/* A closed handle whose place in the table is in use again, by a handle of the same object. */
static uint64_t stale_handle(void)
{
    uint64_t stale = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND);

    must(sys_handle_close(stale));
    uint64_t next = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND);
    VERIFY((stale ^ next) % HANDLE_MAX == 0 && stale != next);
    return stale;
}

static uint64_t revoked_handle(enum object_type type)
{
    uint64_t handle, lease;

    must(sys_handle_lease(specimen_of(type), object_rights_all(type), 0, &handle, &lease));
    must(sys_lease_revoke(lease));
    must(sys_handle_close(lease));
    return handle;
}

/* The call of a row with this handle in its place, good ones before it and zeros after it. */
static void expect_refused(const struct syscall_handle_arg *row, uint64_t handle, status_t wanted)
{
    uint64_t args[6] = {0};
    char text[64];

    for (const struct syscall_handle_arg *before = syscall_handle_args; before < row; before++) {
        if (before->number == row->number) {
            args[before->place] = good_handle((enum object_type)before->type);
        }
    }
    args[row->place] = handle;
    snprintf(text, sizeof(text), "%s(handle %lx in place %u)", syscall_name(row->number), handle,
             row->place);
    expect((status_t)raw_call(row->number, args), wanted, wanted, text, __LINE__);
}

static void check_not_open(const struct syscall_handle_arg *row)
{
    const uint64_t stale = stale_handle();
    const uint64_t not_open[] = {0,
                                 1,
                                 HANDLE_MAX - 1,
                                 HANDLE_MAX,
                                 stale,
                                 stale + (1ull << 44),
                                 program.self ^ (1ull << 63),
                                 program.self + (1ull << 12),
                                 ~0ull,
                                 KERNEL_IMAGE_BASE};

    for (unsigned i = 0; i < sizeof(not_open) / sizeof(not_open[0]); i++) {
        expect_refused(row, not_open[i], ERR_BAD_HANDLE);
    }
}

static void check_wrong_types(const struct syscall_handle_arg *row)
{
    for (unsigned type = 1; type < OBJECT_TYPE_COUNT && row->type != OBJECT_ANY; type++) {
        uint64_t handle = specimen_of(type);

        if (type != row->type && handle != HANDLE_NONE) {
            expect_refused(row, handle, ERR_WRONG_TYPE);
        }
    }
}

/* With every right but one of those needed; with none; and not any more. */
static void check_wrong_rights(const struct syscall_handle_arg *row)
{
    enum object_type type = row->type == OBJECT_ANY ? OBJECT_MAILBOX : (enum object_type)row->type;

    if (row->rights != 0) {
        expect_refused(row, powerless(type), ERR_NO_RIGHTS);
    }
    if (specimen_of(type) == HANDLE_NONE) {
        return;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        if (row->rights >> bit & 1) {
            uint64_t handle =
                handle_with(specimen_of(type), object_rights_all(type) & ~(1u << bit));
            expect_refused(row, handle, ERR_NO_RIGHTS);
            must(sys_handle_close(handle));
        }
    }
    uint64_t revoked = revoked_handle(type);
    expect_refused(row, revoked, ERR_REVOKED);
    must(sys_handle_close(revoked));
}

void check_handles(void)
{
    uint64_t stale = stale_handle();

    for (unsigned i = 0; i < SYSCALL_HANDLE_ARG_COUNT; i++) {
        check_not_open(&syscall_handle_args[i]);
        check_wrong_types(&syscall_handle_args[i]);
    }
    EXPECT(sys_handle_close(0), ERR_BAD_HANDLE);
    EXPECT(sys_handle_close(stale), ERR_BAD_HANDLE);
    EXPECT(sys_handle_close(~0ull), ERR_BAD_HANDLE);
}

static void check_duplicates(void)
{
    uint64_t out = HANDLE_NONE, lease;
    uint64_t fixed = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND);
    uint64_t copyable = handle_with(specimens.mailbox, RIGHT_MAILBOX_SEND | RIGHT_DUPLICATE);
    const uint64_t wide[6] = {specimens.mailbox, 1ull << 32, 0};

    EXPECT(sys_handle_duplicate(fixed, RIGHT_MAILBOX_SEND, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(copyable, RIGHT_MAILBOX_RECEIVE, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(copyable, ~0u, 0, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_duplicate(copyable, RIGHT_MAILBOX_SEND, 5, &out), ERR_NO_RIGHTS);
    EXPECT(sys_handle_lease(copyable, RIGHT_MAILBOX_SEND, 5, &out, &lease), ERR_NO_RIGHTS);
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
    for (unsigned i = 0; i < SYSCALL_HANDLE_ARG_COUNT; i++) {
        check_wrong_rights(&syscall_handle_args[i]);
    }
    check_duplicates();
    check_full_table();
}
