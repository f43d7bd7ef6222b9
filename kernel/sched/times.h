/* SPDX-License-Identifier: MIT */
/*
 * CPU time, split into user mode and kernel.
 *
 * thread->ticks counts all core time, always. Where it went is counted only while somebody asks for it: then the entry stubs call the
 * two functions below, at sites that are one NOP otherwise (arch/x86_64/entry.asm, SITE_TIMES of arch/text_patch.h).
 *
 *      user    ───────┐ time_user_ends()       ┌─────── time_user_begins()
 *      kernel         └────────────────────────┘
 *
 * S1  Between two changes of the sites a core calls the two in turns: sites change while all cores are parked in the kernel, and
 *     between a site and user mode nothing polls. So cpu->user_since is always of this visit to user mode.
 * S2  user + kernel + uncounted = thread_ticks(), to the tick: kernel is what is left. uncounted is what a thread had before it first went
 *     to user mode in this period of counting.
 * S3  A period has an odd number, a pause an even one. What a thread has counted in an earlier period is forgotten when it next
 *     goes to user mode; nobody visits all threads.
 *
 * NMIs, and stops in kdebug, count for what they interrupt.
 *
 * The boundary is where the two read the clock: about 55 instructions of the stubs, the saving and loading of registers, count as
 * user mode for each visit. Cost while counted: about 40 instructions per entry and exit.
 *
 * Rejected: stamps that are always written (8 instructions per system call for a figure that is asked for by hand); the events
 * syscall.enter and .exit, whose sites lie inside of the kernel's part and know nothing of faults and interrupts.
 */
#pragma once

#include "base/types.h"

struct thread;

/* What a thread keeps; (s) own thread only. */
struct thread_count {
    uint64_t user;      /* TSC ticks */
    uint64_t uncounted; /* TSC ticks before its first way to user mode in this period */
    uint32_t period;    /* S3 */
};

/* time_period() - the number of the present period or pause. */
extern atomic_uint time_periods;
static inline uint32_t time_period(void)
{
    return atomic_load_explicit(&time_periods, memory_order_relaxed);
}
static inline bool time_is_counted(void)
{
    return time_period() & 1;
}

/* time_count() - count from now on, or no more; patches text. Context: thread, no lock held. One caller at a time, as
 * trace_categories_set(). */
status_t time_count(bool on) MUST_CHECK;

/* thread_times() - S2, in ticks of the TSC. Exact for the current thread and all that run nowhere, of others as of a moment ago. */
struct thread_times {
    uint64_t user, kernel, uncounted;
};
struct thread_times thread_times(const struct thread *thread);

/*
 * times_split() - S2 for a user thread, here or in kdebug.
 *
 * @total  ticks it has had   @since  when it went to the user mode it is in, 0: it is in none   @now, @period  at present
 */
static inline struct thread_times times_split(const struct thread_count *count, uint64_t total,
                                              tsc_t since, tsc_t now, uint32_t period)
{
    if (!(period & 1) || count->period != period) {
        return (struct thread_times){.uncounted = total};
    }
    uint64_t user = count->user + (since != 0 && now > since ? now - since : 0);
    uint64_t uncounted = MIN(count->uncounted, total);
    user = MIN(user, total - uncounted);
    return (struct thread_times){user, total - uncounted - user, uncounted};
}
