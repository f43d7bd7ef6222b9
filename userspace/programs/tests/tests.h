/* SPDX-License-Identifier: MIT */
/* The areas that `tests` covers; each runs its tests and gives the exit code of the program. */
#pragma once

#include <stdint.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"
#include "userspace/lib/test.h"

#define LONG (clock_now() + 30 * NS_PER_S) /* who waits that long was forgotten */

int test_handles(void);
int test_ipc(void);
int test_memory(void);
int test_threads(void);
int test_processes(void);
int test_drivers(void);
int test_planted(void);

/* child_end() - how a further process of this program ends that runs child(role), below. */
uint64_t child_end(const char *role);

/* memory_child() - what a child of the memory tests does; must not return. */
void memory_child(const char *role);

/* process_child() - a child of the process tests: counts. Does not return. */
_Noreturn void process_child(void);
