/* SPDX-License-Identifier: MIT */
/*
 * What the parts of syscheck share: expectations, and calls with arguments that no stub would pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_numbers.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"

#define KERNEL_POINTER ((void *)KERNEL_IMAGE_BASE)
#define NON_CANONICAL  ((void *)0x800000000000ull)
#define LAST_BYTE      ((void *)~0ull)

/* raw_call() - any number, any arguments. Returns the whole of rax. */
uint64_t raw_call(uint64_t number, const uint64_t args[6]);

/*
 * EXPECT() - the call gives this status. EXPECT_EITHER() - where two checks fail and their order is
 * nobody's business.
 */
#define EXPECT(call, wanted)                expect((call), (wanted), (wanted), #call, __LINE__)
#define EXPECT_EITHER(call, wanted, second) expect((call), (wanted), (second), #call, __LINE__)
void expect(status_t got, status_t wanted, status_t second, const char *call, int line);

/* end_of_checks() - say how many there were; the exit code of the process. */
int end_of_checks(void);

/* Objects to work with, each with every right, made by main(). */
struct specimens {
    uint64_t area; /* two pages, not mapped */
    uint64_t mailbox;
    uint64_t event;
    uint64_t child;  /* a process without threads */
    uint64_t thread; /* has ended */
    uint64_t lease;  /* has ended */
    uint64_t ports;
    uint64_t interrupt; /* a message that no device sends */
    uint64_t pager;     /* that is never asked: memory is not short here */
};
extern struct specimens specimens;

/* handle_with() - a duplicate with just these rights, open for the rest of the program. */
uint64_t handle_with(uint64_t handle, uint32_t rights);

/* The groups of checks. */
void check_entry(void);
void check_handles(void);
void check_rights(void);
void check_leases(void);
void check_quotas(void);
void check_pins(void);
void check_memory(void);
void check_pointers(void);
void check_messages(void);
void check_one_way(void);
void check_transfer(void);
void check_processes(void);
void check_pagers(void);

/* What a child of role=ROLE does. */
int run_role(const char *role);
int run_limited(void);
int run_pinned(void);
