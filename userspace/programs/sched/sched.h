/* SPDX-License-Identifier: MIT */
/* What the parts of sched share: threads that compute until told to stop, and say how far they got. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/thread.h"

#define PRIORITY_DEFAULT  8u
#define PRIORITY_FEEDBACK 15u /* the highest below real time */
#define PRIORITY_URGENT   24u
#define PRIORITY_HIGHEST  31u

/* A thread that counts. gap_ns: the longest time between two of its steps. */
struct hog {
    struct thread thread;
    atomic_ulong steps;
    uint64_t gap_ticks;
    bool looks;          /* asks where it runs, by a system call each step */
    _Atomic uint64_t at; /* the core it was on then */
};

extern atomic_bool hogs_stop;
extern uint64_t core_count, patience;

/* hog_start() / hogs_join() - hogs_join() stops them all first. */
void hog_start(struct hog *hog, uint64_t flags);
void hogs_join(struct hog *hogs, unsigned count);
/* hog_ns() - the core time it has had. */
uint64_t hog_ns(const struct hog *hog);

/* The cases. Each ends the program if it finds something wrong. */
void check_fairness(void);
void check_starvation(void);
void check_real_time(void);
void check_inversion(void);
void check_ceiling(void);
void check_affinity(void);
void check_spread(void);
void check_kicks(void);
