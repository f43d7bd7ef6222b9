/* SPDX-License-Identifier: MIT */
/*
 * A machine for host tests of kernel/mm and kernel/vm: physical memory behind DIRECT_MAP_BASE (the
 * test's module.mk puts that at a free address of the process), cores (threads whose GS base is a
 * struct cpu), real spin locks with the rank check, and panics that a test can expect.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/handoff.h"
#include "base/types.h"

/* machine_start() - begin anew with these regions as physical memory, dirty, and the frame
 * allocator over it; boot core. */
void machine_start(const struct handoff_memory *regions, unsigned count);
/* machine_start_plain() - with usable memory from 1 MiB up (at most 512 MiB), a boot image at
 * MACHINE_IMAGE_BASE, and the heap. */
#define MACHINE_IMAGE_BASE  0x40000000ull
#define MACHINE_IMAGE_BYTES 0x800000ull
void machine_start_plain(uint64_t bytes);
/* machine_set_cpu() - the calling thread is this core from now on. */
void machine_set_cpu(unsigned cpu);
/* True while each core that has frames is a thread, which polls; else an interrupt sent to a core is
 * served by the caller in its place. */
extern bool machine_cores_run;

/* Fault injection: the allocation number `countdown` from now fails, counting frame_alloc(),
 * frame_alloc_zeroed(), frame_alloc_run() and heap_alloc() as seen by other files (linked with
 * WRAP_ALLOCATIONS); 0: none. */
extern unsigned machine_fail_at;
extern unsigned machine_allocations; /* counted since it was last set to 0 */

/* What preempt_point() is to do besides counting; NULL: nothing. */
extern void (*machine_at_preempt)(void);
extern unsigned machine_preempts;

/* Called before a lock is taken; NULL: nothing. A test plays another core that is faster there. */
struct spinlock;
extern void (*machine_at_acquire)(struct spinlock *lock);

/* xorshift: the same numbers on every run of a test with the same seed. */
uint64_t random_next(uint64_t *state);

extern bool panic_expected;
extern jmp_buf panic_return;
extern char panic_message[384];
/* What context_callers() says: this address and the two behind it. */
extern uint64_t machine_caller;

/* EXPECT_PANIC() - run a statement that must panic with a message that contains `text`. Locks it
 * held are lost: start anew. */
#define EXPECT_PANIC(text, statement)                                                              \
    do {                                                                                           \
        panic_expected = true;                                                                     \
        if (setjmp(panic_return) == 0) {                                                           \
            statement;                                                                             \
            panic_expected = false;                                                                \
            fail_msg("no panic: %s", #statement);                                                  \
        }                                                                                          \
        panic_expected = false;                                                                    \
        if (strstr(panic_message, text) == NULL) {                                                 \
            fail_msg("panic '%s' instead of '%s'", panic_message, text);                           \
        }                                                                                          \
    } while (0)

/* assert_holds() - an invariant checker of the form check(why, bytes) returns true. */
#define assert_holds(check)                                                                        \
    do {                                                                                           \
        char why_[160] = "";                                                                       \
        if (!(check)(why_, sizeof(why_))) {                                                        \
            fail_msg("%s: %s", #check, why_);                                                      \
        }                                                                                          \
    } while (0)
