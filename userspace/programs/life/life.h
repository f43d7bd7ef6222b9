/* SPDX-License-Identifier: MIT */
/* What the parts of life share: threads that may be ended in the middle of anything. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"

#define WORKERS_MAX 8u

/* What a worker does until somebody ends it. */
enum worker_kind {
    WORKER_SPINS,
    WORKER_YIELDS,
    WORKER_SLEEPS,
    WORKER_SLEEPS_BRIEFLY, /* again and again */
    WORKER_RECEIVES,       /* from a mailbox that nobody calls */
    WORKER_CALLS,          /* a mailbox that nobody receives from */
    WORKER_WAITS,          /* for a reply that nobody gives */
    WORKER_JOINS,          /* a thread that does not end */
    WORKER_EXITS,          /* at once, with its number as code */
    WORKER_KINDS,
};

/* A thread with a stack of its own that nobody has to give back. */
struct worker {
    uint64_t handle;
    enum worker_kind kind;
    uint64_t number;
    atomic_ulong steps;
    uint8_t stack[4096] __attribute__((aligned(16)));
};
extern struct worker workers[WORKERS_MAX];

/* workers_init() - the objects that workers wait for. Once. */
void workers_init(void);
void worker_start(struct worker *worker, enum worker_kind kind, uint64_t number);
/* worker_end() - wait for its end: the code. Closes the handle. */
uint64_t worker_end(struct worker *worker);

extern struct program_file life_file;

/* The cases. Each ends the program if it finds something wrong. */
void check_join(void);
void check_suspend(void);
void check_kill(uint64_t rounds);
void check_processes(uint64_t rounds);
void check_faults(void);

/* life_role() - what a child process does; returns false if this is no child. */
bool life_role(const char *role);
