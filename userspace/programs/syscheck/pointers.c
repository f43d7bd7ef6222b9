/* SPDX-License-Identifier: MIT */
/* User pointers into nothing, into the kernel, over the end; lengths from 0 to absurd. */
#include "userspace/programs/syscheck/syscheck.h"

#include <string.h>

/* Addresses at which no byte of this program can be read. */
static void *const bad[] = {NULL,
                            (void *)1,
                            (void *)0xfff,
                            (void *)0x600000000000ull,
                            NON_CANONICAL,
                            (void *)DIRECT_MAP_BASE,
                            KERNEL_POINTER,
                            LAST_BYTE,
                            (void *)(USER_END - 8),
                            (void *)USER_END};
#define BAD_COUNT (sizeof(bad) / sizeof(bad[0]))

static void check_console(void)
{
    uint64_t got;
    char c;

    for (unsigned i = 0; i < BAD_COUNT; i++) {
        EXPECT(sys_console_write(program.console, bad[i], 16), ERR_BAD_ADDRESS);
        EXPECT_EITHER(sys_console_write(program.console, bad[i], ~0ull), ERR_BAD_ADDRESS,
                      ERR_TOO_BIG);
        EXPECT_EITHER(sys_console_read(program.console, bad[i], 16, DEADLINE_POLL, &got),
                      ERR_BAD_ADDRESS, ERR_TIMED_OUT);
    }
    EXPECT(sys_console_write(program.console, "", 0), OK);
    EXPECT_EITHER(sys_console_write(program.console, "x", 1ull << 40), ERR_BAD_ADDRESS,
                  ERR_TOO_BIG);
    EXPECT_EITHER(sys_console_write(program.console, "x", ~0ull), ERR_BAD_ADDRESS, ERR_TOO_BIG);
    EXPECT(sys_console_read(program.console, &c, 1, DEADLINE_POLL, &got), ERR_TIMED_OUT);
}

/* A range that begins in a mapped page and ends in one that is not. */
static void check_half_mapped(void)
{
    uint64_t at;

    must(sys_area_map(program.self, specimens.area, 0, PAGE_BYTES, 0x600000000000ull,
                      PROT_READ | PROT_WRITE, &at));
    memset((void *)at, 'x', PAGE_BYTES);
    EXPECT(sys_console_write(program.console, (void *)(at + PAGE_BYTES - 8), 16), ERR_BAD_ADDRESS);
    EXPECT(sys_mailbox_create((void *)(at + PAGE_BYTES - 8), 16, &at), ERR_BAD_ADDRESS);
    must(sys_area_unmap(program.self, 0x600000000000ull, PAGE_BYTES));
}

static void check_names(void)
{
    char name[NAME_BYTES + 1];
    uint64_t out = HANDLE_NONE;

    memset(name, 'n', sizeof(name));
    for (unsigned i = 1; i < BAD_COUNT; i++) { /* NULL means no name */
        EXPECT(sys_mailbox_create(bad[i], 9, &out), ERR_BAD_ADDRESS);
        EXPECT(sys_process_create(bad[i], 9, &out), ERR_BAD_ADDRESS);
    }
    EXPECT(sys_mailbox_create(name, NAME_BYTES, &out), ERR_TOO_BIG);
    EXPECT(sys_process_create(name, NAME_BYTES, &out), ERR_TOO_BIG);
    EXPECT(sys_mailbox_create(name, ~0ull, &out), ERR_TOO_BIG);
    EXPECT(sys_process_create(name, ~0ull, &out), ERR_TOO_BIG);
    EXPECT(sys_mailbox_create(name, NAME_BYTES - 1, &out), OK);
    EXPECT(sys_handle_close(out), OK);
    EXPECT(sys_mailbox_create(NULL, 0, &out), OK);
    EXPECT(sys_handle_close(out), OK);
}

void check_pointers(void)
{
    check_console();
    check_half_mapped();
    check_names();
}
