/* SPDX-License-Identifier: MIT */
/*
 * Do the clocks of all cores agree? Times of one trace come from all of them, and monotonic time is each core's own TSC.
 */
#pragma once

#include "arch/cpu.h"
#include "base/types.h"

/* The TSC of a core minus that of core 0 is a number of ticks that does not change: low <= it <= high. */
struct clock_bounds {
    int64_t low, high;
};

struct clock_sync {
    struct clock_bounds found;  /* when it started */
    struct clock_bounds newest; /* what the newest look said */
    int64_t moved;              /* ticks that were added to its TSC in between */
};

/* Of core 0 all is 0. Written by one core at a time. */
extern struct clock_sync clock_syncs[CPU_MAX];

/* clock_agrees() - whether there may be no difference. */
static inline bool clock_agrees(struct clock_bounds bounds)
{
    return bounds.low <= 0 && bounds.high >= 0;
}

/* clock_off_at_least(), clock_off_at_most() - how many ticks the clock is off, to either side. */
static inline uint64_t clock_off_at_least(struct clock_bounds bounds)
{
    if (clock_agrees(bounds)) {
        return 0;
    }
    return bounds.low > 0 ? (uint64_t)bounds.low : 0 - (uint64_t)bounds.high;
}

static inline uint64_t clock_off_at_most(struct clock_bounds bounds)
{
    uint64_t behind = bounds.low < 0 ? 0 - (uint64_t)bounds.low : 0;
    uint64_t ahead = bounds.high > 0 ? (uint64_t)bounds.high : 0;
    return MAX(behind, ahead);
}

/*
 * clock_sync_start() - core 0, about a core that waits in clock_sync_wait(): look, set its TSC right if it must be, look
 * again, until they agree. What cannot be set right is logged. Cost: some round trips between two cores; where an emulator
 * runs them by turns up to a second for each of at most nine looks.
 * clock_sync_wait() - that core, before it uses its clock, until cpu_count() includes it.
 */
void clock_sync_start(unsigned cpu);
void clock_sync_wait(void);

/*
 * clock_sync_check() - look again at all cores. Nothing is changed: a clock must not jump while it is used. Returns how far
 * any of them may be off, in ticks. Context: interrupts off, no lock held; stops all cores once for each, some microseconds
 * (where an emulator runs them by turns up to 0.2 s).
 */
uint64_t clock_sync_check(void);

/*
 * clock_bias() - for tests of unequal clocks: cpu_tsc() of a core adds this from now on. Only in kernels that are made with
 * CONFIG_TSC_BIAS; false: this one is not. clock_bias_fix() - and nothing can set it right.
 */
bool clock_bias(unsigned cpu, int64_t ticks);
void clock_bias_fix(void);

/* A question to one core: read your clock. Rendezvous and start-up answer it while they wait. */
struct clock_question {
    atomic_uint asked;    /* number of the question << 8 | cpu */
    atomic_uint answered; /* the newest that was */
    int64_t move;         /* first add this to your TSC; start-up only */
    tsc_t answer;
};
extern struct clock_question clock_question;

/* cpu_tsc_in_order() - the TSC after all earlier loads are done. Intel SDM vol. 2, "RDTSC". */
static inline tsc_t cpu_tsc_in_order(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return cpu_tsc();
}

/* clock_is_asked() - whether there is a question for this core. clock_answer() - answer it. Inline: who waits in a rendezvous
 * executes no text that may be changed. */
static inline bool clock_is_asked(void)
{
    unsigned asked = atomic_load_explicit(&clock_question.asked, memory_order_acquire);
    return (asked & 0xff) == cpu_id() &&
           asked != atomic_load_explicit(&clock_question.answered, memory_order_relaxed);
}

static inline void clock_answer(void)
{
    unsigned asked = atomic_load_explicit(&clock_question.asked, memory_order_relaxed);
    clock_question.answer = cpu_tsc_in_order();
    /* pairs with the acquire in ask() */
    atomic_store_explicit(&clock_question.answered, asked, memory_order_release);
}
