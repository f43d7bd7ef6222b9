/* SPDX-License-Identifier: MIT */
/* The parts of soak: what runs, who kills, who uses the drivers, and what it all may not cost. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/start.h"

#define LONG (clock_now() + 120 * NS_PER_S) /* who waits that long was forgotten */

/* load_run() - all programs of the mix at once, until the last has ended; each must end well. load_run_one() - a short one alone. */
void load_run(uint64_t *random);
void load_run_one(void);

/*
 * killer_start() - from now on services are ended at random, and stopped and started; killer_stop() - no more, and all of them run
 * again; returns how many were ended since. Both also for those who use them meanwhile (clients.c).
 */
void killer_start(uint64_t seed);
uint64_t killer_stop(void);

/* clients_start() - threads that use the drivers all the time, and find them again; clients_stop() - returns how many answers they got. */
void clients_start(void);
uint64_t clients_stop(void);

/* account_check() - what this program and all that it has to do with have is what it was the first time, sooner or later. */
void account_check(void);
