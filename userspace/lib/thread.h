/* SPDX-License-Identifier: MIT */
/*
 * Threads in one's own process. The struct belongs to the caller and must live until thread_join().
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "gen/errors.h"

#define THREAD_STACK_BYTES 0x8000u
#define THREAD_SLOTS       4096u /* stacks that there can be, but for that of the first thread */

/* Flags of thread_create (kernel/abi/syscalls.toml). */
#define THREAD_PRIORITY(p) ((uint64_t)(p) + 1)
#define THREAD_CORE(c)     (((uint64_t)(c) + 1) << 8)
#define THREAD_ANYWHERE    0ull

struct thread {
    uint64_t handle;
    uint64_t stack; /* lowest address */
    void (*function)(void *argument);
    void *argument;
};

/*
 * thread_start() - run function(argument) in a new thread with a stack of THREAD_STACK_BYTES above
 * unmapped space.
 * @name  for traces and kdebug
 * OK, or the status of the system call that failed; then nothing is left behind.
 */
status_t thread_start(struct thread *thread, void (*function)(void *), void *argument,
                      uint64_t flags, const char *name);

/* thread_slot() - on which of the THREAD_SLOTS stacks the caller runs; THREAD_SLOTS: the first thread. Cheap: tells threads apart. */
unsigned thread_slot(void);

/*
 * thread_join() - wait until a thread has ended, then give its stack back. Once for
 * each thread.
 */
void thread_join(struct thread *thread);
