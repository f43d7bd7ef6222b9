/* SPDX-License-Identifier: MIT */
/* What recording adds: the same operations with events switched on. */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "gen/trace_events.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/user_trace.h"
#include "userspace/programs/bench/bench.h"

#define ALL ~0ull

#define PROFILE_RATE  1000u  /* samples per second */
#define PROFILE_DEPTH 8u     /* frames of the program below which it calls the kernel */
#define PROFILE_CALLS 30000u /* enough for some dozens of samples */
#define PROFILE_RUNS  8u

/* Switch exactly these categories on. Returns those that were on before. */
static uint64_t set_categories(uint64_t mask)
{
    uint64_t trace = program_handle("trace");
    uint64_t before, now, unused;

    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, 0, &before, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, ~mask, &now, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, mask, &now, &unused));
    return before;
}

static struct figure with_events(uint64_t mask, struct figure (*measure)(void))
{
    uint64_t before = set_categories(mask);
    struct figure figure = measure();

    set_categories(before);
    return figure;
}

static void print_added(const char *key, uint64_t mask, struct figure (*measure)(void),
                        unsigned events)
{
    struct figure without = with_events(0, measure);

    figure_print(key, figure_added(with_events(mask, measure), without, events));
}

static __attribute__((noinline)) uint64_t call_from_below(unsigned depth)
{
    uint64_t calls = 0;

    if (depth > 0) {
        calls = call_from_below(depth - 1);
        __asm__ volatile("" : "+r"(calls)); /* no tail call: a frame */
        return calls;
    }
    for (; calls < PROFILE_CALLS; calls++) {
        (void)sys_null();
    }
    return calls;
}

/* Samples fall into the kernel and into the program, as they do in life. */
static void profile_rate(uint64_t rate)
{
    uint64_t now, unused;

    must(sys_trace_control(program_handle("trace"), TRACE_CONTROL_PROFILE, rate, &now, &unused));
}

static struct figure run_profiled(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < PROFILE_RUNS; i++) {
        MEASURE(samples, call_from_below(PROFILE_DEPTH));
    }
    return samples_figure(samples);
}

static void print_profile(void)
{
    uint64_t khz, now;

    must(sys_clock_get(&now, &khz));
    uint64_t before = set_categories(TRACE_CATEGORY_PROFILE);
    struct figure without = run_profiled();
    profile_rate(PROFILE_RATE);
    struct figure with = run_profiled();
    profile_rate(0);
    set_categories(before);
    unsigned beats = (unsigned)(with.median * PROFILE_RATE / (khz * 1000));
    figure_print("trace.profile_per_sample", figure_added(with, without, beats));
}

void bench_tracing(void)
{
    if (bench.cores > 1) {
        uint64_t before = set_categories(TRACE_CATEGORY_USER);

        printf("COUNT trace.loss_at_300 %lu events\n", bench_loss());
        set_categories(before);
    }
    print_added("ipc.call_reply.0w.traced", ALL, bench_call_0w, 1);
    print_added("ipc.call_reply.0w.traced_sched", TRACE_CATEGORY_SCHED, bench_call_0w, 1);
    print_added("trace.event.thread_switch", TRACE_CATEGORY_SCHED, bench_yield, 2);
    print_added("trace.event.page_fault", TRACE_CATEGORY_FAULT, bench_fault, 2);
    print_added("trace.event.ipc", TRACE_CATEGORY_IPC, bench_call_0w, 4);
    print_added("trace.event.syscall", TRACE_CATEGORY_SYSCALL, bench_null, 2);
    print_added("trace.event.mark", TRACE_CATEGORY_USER, bench_mark, 1);
    print_profile();
    (void)user_trace_open();
    figure_print("trace.event.user", bench_user_event());
}
