/* SPDX-License-Identifier: MIT */
/*
 * The clocks of all cores.
 *
 *     this core            the other one
 *     before = TSC
 *     asked = n      -->   there = TSC
 *     after = TSC    <--   answered = n
 *
 * Its clock was read between before and after, so their difference lies between there - after and there - before, whatever
 * the ways there and back cost: no guess that they cost the same. Every round trip narrows the bounds; they are the proof, and
 * a clock is only touched if they say that it is off for certain. What remains afterwards is at most half of the quickest
 * round trip, less than any message between the two cores takes.
 *
 * S1  A clock is moved before its core uses it, never later: time does not go back on a core (C1 in clock.c).
 * S2  There is one question at a time: start-up is core 0 alone, later ones hold the rendezvous.
 * S3  A look ends soon. Two real cores answer each other in some hundred nanoseconds. An emulator may let either of them wait
 *     for a core of its host: then only a round trip while both run tells much, and as soon as there was one more do not help.
 *
 * Sources: Intel SDM vol. 3B, "Time-Stamp Counter Adjustment". Rejected: a correction in every reader of the TSC, which is an
 * instruction in every trace event and does not reach user mode; one in the tools, which leaves the kernel's own clock wrong.
 */
#include "arch/clock_sync.h"

#include "arch/clock.h"
#include "arch/x86_64/cpu_impl.h"
#include "arch/x86_64/msr.h"
#include "base/hooks.h"
#include "base/log.h"

#define ROUNDS_MIN  4u
#define ROUNDS_MAX  256u
#define MOVES_MAX   8u            /* the middle of poor bounds may be far off */
#define GOOD_NS     200u          /* so narrow bounds end a look at once, */
#define FAIR_NS     3000u         /* these as soon as it has taken its time */
#define PATIENCE_NS 2000000000ull /* for one answer */

/* How long a look takes if its bounds are fair, and if they are not. */
struct effort {
    uint64_t fair_ns, poor_ns;
};
static const struct effort at_start = {2000000, 1000000000};
static const struct effort at_check = {200000, 200000000}; /* all cores wait */

struct clock_sync clock_syncs[CPU_MAX];
struct clock_question clock_question;
static bool is_fixed;
static atomic_bool is_checking;

bool clock_bias(unsigned cpu, int64_t ticks)
{
    if (CONFIG_TSC_BIAS && cpu < CPU_MAX) {
        cpus[cpu].tsc_bias = (uint64_t)ticks;
    }
    return CONFIG_TSC_BIAS;
}

void clock_bias_fix(void)
{
    is_fixed = true;
}

/* The emulator that tests run on lets no TSC be written; there the bias is what is moved. */
static void move_own(int64_t ticks)
{
    if (is_fixed) {
        return;
    }
    if (CONFIG_TSC_BIAS && this_cpu()->tsc_bias != 0) {
        this_cpu()->tsc_bias += (uint64_t)ticks;
    } else if (cpu_features.tsc_adjust) {
        msr_write(IA32_TSC_ADJUST, msr_read(IA32_TSC_ADJUST) + (uint64_t)ticks);
    } else {
        msr_write(IA32_TIME_STAMP_COUNTER, cpu_tsc() + (uint64_t)ticks);
    }
}

void clock_sync_wait(void)
{
    while (cpu_count() <= cpu_id()) {
        if (clock_is_asked()) {
            if (clock_question.move != 0) {
                move_own(clock_question.move);
            }
            clock_answer();
        }
        cpu_relax();
        core_poll();
    }
}

static uint64_t ticks_of(uint64_t ns)
{
    return clock_tsc_khz() * ns / 1000000;
}

/* False: no answer. */
static bool ask(unsigned cpu, int64_t move)
{
    unsigned number = atomic_load_explicit(&clock_question.asked, memory_order_relaxed) >> 8;
    unsigned asked = (number + 1) << 8 | cpu;
    tsc_t end = cpu_tsc() + ticks_of(PATIENCE_NS);
    clock_question.move = move;
    /* pairs with the acquire in clock_is_asked() */
    atomic_store_explicit(&clock_question.asked, asked, memory_order_release);
    while (atomic_load_explicit(&clock_question.answered, memory_order_acquire) != asked) {
        if (cpu_tsc() > end) {
            return false;
        }
        cpu_relax();
        core_poll();
    }
    return true;
}

/* S3. Time is that of the core that asks: how long it was kept waiting counts. */
static bool is_enough(struct clock_bounds bounds, unsigned rounds, tsc_t spent,
                      const struct effort *effort)
{
    uint64_t width = (uint64_t)(bounds.high - bounds.low);
    return rounds >= ROUNDS_MIN &&
           (width <= ticks_of(GOOD_NS) || rounds >= ROUNDS_MAX ||
            spent >= ticks_of(width <= ticks_of(FAIR_NS) ? effort->fair_ns : effort->poor_ns));
}

static struct clock_bounds look(unsigned cpu, const struct effort *effort)
{
    struct clock_bounds bounds = {INT64_MIN, INT64_MAX};
    tsc_t begin = cpu_tsc_in_order(), after = begin;
    for (unsigned i = 0; i == 0 || !is_enough(bounds, i, after - begin, effort); i++) {
        tsc_t before = cpu_tsc_in_order();
        if (!ask(cpu, 0)) {
            break;
        }
        after = cpu_tsc_in_order();
        bounds.low = MAX(bounds.low, (int64_t)(clock_question.answer - after));
        bounds.high = MIN(bounds.high, (int64_t)(clock_question.answer - before));
    }
    return bounds;
}

static int64_t middle(struct clock_bounds bounds)
{
    return bounds.low / 2 + bounds.high / 2;
}

static void tell(unsigned cpu)
{
    const struct clock_sync *sync = &clock_syncs[cpu];
    const char *side = middle(sync->newest) > 0 ? "ahead of" : "behind";
    if (!clock_agrees(sync->newest)) {
        log_warning("clock: that of cpu %u is %lu ticks or more %s that of cpu 0 and cannot be set "
                    "right: do not compare times",
                    cpu, clock_off_at_least(sync->newest), side);
    } else if (sync->moved != 0) {
        log_info("clock: that of cpu %u was moved by %ld ticks, now right within %lu", cpu,
                 sync->moved, clock_off_at_most(sync->newest));
    }
}

void clock_sync_start(unsigned cpu)
{
    struct clock_sync *sync = &clock_syncs[cpu];
    sync->found = sync->newest = look(cpu, &at_start);
    for (unsigned i = 0; i < MOVES_MAX && !clock_agrees(sync->newest); i++) {
        int64_t move = -middle(sync->newest);
        (void)ask(cpu, move);
        sync->newest = look(cpu, &at_start);
        sync->moved += is_fixed ? 0 : move;
    }
    tell(cpu);
}

struct check {
    unsigned cpu;
    struct clock_bounds bounds; /* its clock minus that of the core that checks */
};

static void check_one(void *argument)
{
    struct check *check = argument;
    check->bounds = look(check->cpu, &at_check);
}

static struct clock_bounds bounds_here(unsigned cpu)
{
    struct check check = {.cpu = cpu};
    if (cpu != cpu_id()) {
        rendezvous_run(check_one, &check);
    }
    return check.bounds;
}

static void check_all(void)
{
    struct clock_bounds zero = bounds_here(0);
    for (unsigned cpu = 1; cpu < cpu_count(); cpu++) {
        struct clock_bounds here = bounds_here(cpu);
        clock_syncs[cpu].newest = (struct clock_bounds){here.low - zero.high, here.high - zero.low};
    }
}

uint64_t clock_sync_check(void)
{
    /* Who comes meanwhile takes what there is. */
    if (!atomic_exchange_explicit(&is_checking, true, memory_order_acquire)) {
        check_all();
        atomic_store_explicit(&is_checking, false, memory_order_release);
    }
    uint64_t worst = 0;
    for (unsigned cpu = 1; cpu < cpu_count(); cpu++) {
        worst = MAX(worst, clock_off_at_most(clock_syncs[cpu].newest));
    }
    return worst;
}
