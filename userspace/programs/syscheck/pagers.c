/* SPDX-License-Identifier: MIT */
/* Pagers: terms that make no sense, pages that nobody wants, a second one. */
#include "userspace/programs/syscheck/syscheck.h"

#include "kernel/abi/pager.h"

static char page[PAGE_BYTES];

static status_t create(uint64_t pages, uint64_t patience)
{
    uint64_t pager;

    return sys_pager_create(program_handle("system"), specimens.mailbox, pages, patience, &pager);
}

static void check_creation(void)
{
    EXPECT(create(0, 1), ERR_BAD_ARGUMENT);
    EXPECT(create(1, 0), ERR_BAD_ARGUMENT);
    EXPECT(create(1, PAGER_PATIENCE_MAX + 1), ERR_BAD_ARGUMENT);
    EXPECT(create(1, ~0ull), ERR_BAD_ARGUMENT);
    EXPECT(create(1, 1), ERR_BUSY); /* there is the specimen */
    EXPECT(create(~0ull, PAGER_PATIENCE_MAX), ERR_BUSY);
}

static status_t next(uint32_t outcome)
{
    uint64_t request, area, number;

    return sys_pager_next(specimens.pager, outcome, page, DEADLINE_POLL, &request, &area, &number);
}

static void check_supply(void)
{
    EXPECT(sys_pager_supply(specimens.pager, 0, 0, page), ERR_NOT_FOUND);
    EXPECT(sys_pager_supply(specimens.pager, ~0ull, ~0ull, page), ERR_NOT_FOUND);
    EXPECT(sys_pager_supply(specimens.pager, 1, 1, NULL), ERR_BAD_ADDRESS);
    EXPECT(sys_pager_supply(specimens.pager, 1, 1, KERNEL_POINTER), ERR_BAD_ADDRESS);
    EXPECT(sys_pager_supply(specimens.pager, 1, 1, NON_CANONICAL), ERR_BAD_ADDRESS);
    EXPECT(sys_pager_supply(specimens.pager, 1, 1, LAST_BYTE), ERR_BAD_ADDRESS);
    EXPECT(sys_pager_supply(specimens.pager, 1, 1, (void *)(USER_END - 8)), ERR_BAD_ADDRESS);
}

void check_pagers(void)
{
    check_creation();
    EXPECT(next(PAGER_REFUSED + 1), ERR_BAD_ARGUMENT);
    EXPECT(next(~0u), ERR_BAD_ARGUMENT);
    EXPECT(next(PAGER_STORED), ERR_TIMED_OUT); /* of no request */
    EXPECT(next(PAGER_REFUSED), ERR_TIMED_OUT);
    check_supply();
    EXPECT(sys_process_resident(program_handle("system"), specimens.child), OK);
    EXPECT(sys_process_reserve(program_handle("system"), specimens.child), OK);
}
