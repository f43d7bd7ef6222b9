/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time: measured once at boot, then one RDTSC and one multiplication per look.
 *
 * Measurement. A sample is a reference value with the TSC before and after it; the sample with the
 * narrowest bracket of several is kept, at both ends of a 10 ms wait. The brackets bound the error,
 * and a round rate within that bound is taken to be the true one (clock_rate_round): under QEMU
 * -icount that makes the clock exact.
 *
 * Stops. kdebug may stop a core in the middle of clock_now(), between reading base and TSC: then
 * the two belong to different times. The generation, read before and after, tells; only NMI-class
 * code of the same core or with this core parked writes, so plain volatile accesses are enough.
 *
 * C1  clock_now() never goes back on a core, and leaves out the time between clock_hold() and
 *     clock_release().
 * C2  TSCs of all cores agree: clock_sync.c sees to it.
 */
#include "arch/clock.h"

#include "arch/cpu.h"
#include "arch/x86_64/apic_impl.h"
#include "arch/x86_64/clock_math.h"
#include "arch/x86_64/clock_reference.h"
#include "arch/x86_64/cpu_impl.h"
#include "base/assert.h"
#include "base/log.h"

#define MEASURE_PER_SECOND 100 /* wait a hundredth of a second */
#define SAMPLES            8
#define RATE_MIN_HZ        1000000u

static struct {
    volatile uint32_t generation;
    volatile tsc_t base; /* TSC at which the clock would have been 0 */
    volatile uint64_t multiplier;
    volatile bool is_held;
    volatile tsc_t held_at;
    uint64_t hz;
} state;

struct sample {
    tsc_t tsc; /* middle of the bracket */
    tsc_t width;
    uint64_t reference;
    uint32_t timer;
};

static struct sample take_sample(const struct clock_reference *reference)
{
    struct sample best = {.width = ~0ull};
    for (int i = 0; i < SAMPLES; i++) {
        tsc_t before = cpu_tsc();
        uint64_t value = reference->read();
        tsc_t after = cpu_tsc();
        uint32_t timer = apic_timer_count();
        if (after - before < best.width) {
            best = (struct sample){before + (after - before) / 2, after - before, value, timer};
        }
    }
    return best;
}

static uint64_t elapsed(const struct clock_reference *reference, uint64_t from, uint64_t to)
{
    return (to - from) & reference->mask;
}

static void wait_for(const struct clock_reference *reference, uint64_t from, uint64_t ticks)
{
    while (elapsed(reference, from, reference->read()) < ticks) {
        cpu_relax();
    }
}

void clock_init(void)
{
    const struct clock_reference *reference = clock_reference_find();
    uint64_t wait = reference->rate_times / reference->rate_over / MEASURE_PER_SECOND;
    apic_timer_count_start();
    struct sample first = take_sample(reference);
    wait_for(reference, first.reference, wait);
    struct sample last = take_sample(reference);

    tsc_t ticks = last.tsc - first.tsc;
    uint64_t passed = elapsed(reference, first.reference, last.reference);
    uint64_t over = passed * reference->rate_over;
    uint64_t hz = mul_div(ticks, reference->rate_times, over);
    VERIFY(hz >= RATE_MIN_HZ && hz != ~0ull);
    /* Each bracket may be off by half its width, the reference by one tick at either end. */
    uint64_t error = mul_div((first.width + last.width) / 2 + 2, reference->rate_times, over) +
                     2 * hz / passed + 1;

    state.hz = clock_rate_round(hz, error);
    state.base = cpu_tsc();
    state.multiplier = clock_multiplier(state.hz);
    apic_timer_set_rate(mul_div(last.timer - first.timer, 1ull << 32, ticks));
    log_info("clock: TSC %lu.%03lu MHz by %s, measured %lu Hz within %lu%s", state.hz / 1000000,
             state.hz / 1000 % 1000, reference->name, hz, error,
             cpu_features.invariant_tsc ? "" : ", not said to be invariant");
}

ns_t clock_now(void)
{
    uint32_t generation;
    tsc_t ticks;
    do {
        generation = state.generation;
        ticks = (UNLIKELY(state.is_held) ? state.held_at : cpu_tsc()) - state.base;
    } while (UNLIKELY(generation != state.generation));
    return clock_scale(ticks, state.multiplier);
}

tsc_t clock_tsc_at(ns_t time)
{
    tsc_t ticks = clock_unscale(time, state.multiplier);
    tsc_t base = state.base;
    return ticks > ~0ull - base ? ~0ull : base + ticks;
}

ns_t clock_ns_of_ticks(tsc_t ticks)
{
    return clock_scale(ticks, state.multiplier);
}

uint64_t clock_tsc_khz(void)
{
    return state.hz / 1000;
}

void clock_hold(void)
{
    if (!state.is_held) {
        state.held_at = cpu_tsc();
        state.is_held = true;
        state.generation++;
    }
}

void clock_release(void)
{
    if (state.is_held) {
        state.base += cpu_tsc() - state.held_at;
        state.is_held = false;
        state.generation++;
    }
}
