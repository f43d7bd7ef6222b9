/* SPDX-License-Identifier: MIT */
/* Threads, processes, yielding, and the empty system call. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gen/syscall_numbers.h"
#include "gen/syscall_user.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

#define RUNS         1000u
#define RUNS_PROCESS 64u
#define WARM_UP      64u

static atomic_uint thread_ran;
static uint8_t thread_stack[4096] __attribute__((aligned(16)));
static char touched_page[4096];

struct figure bench_null(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, (void)sys_null());
    }
    return samples_figure(samples);
}

struct figure bench_mark(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, mark(MARK_ROUND, i));
    }
    return samples_figure(samples);
}

/* Both processes do nothing but yield: one call is a switch there and a switch back. */
struct figure bench_yield(void)
{
    struct samples *samples = samples_reset();
    uint64_t partner = bench_partner("yield", bench.core, NULL, 0);

    clock_sleep(20 * NS_PER_MS); /* let it begin */
    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, (void)sys_thread_yield());
    }
    bench_stop_partner(partner);
    return samples_figure(samples);
}

static _Noreturn void run_briefly(void)
{
    atomic_store_explicit(&thread_ran, 1, memory_order_release);
    __asm__ volatile("syscall" ::"a"(SYSCALL_THREAD_EXIT), "D"(0) : "memory");
    __builtin_unreachable();
}

/* On one core a yield lets the new thread run to its end. */
static void create_and_join(void)
{
    uint64_t thread;

    atomic_store_explicit(&thread_ran, 0, memory_order_relaxed);
    must(sys_thread_create(
        program.self, (uint64_t)run_briefly, (uint64_t)thread_stack + sizeof(thread_stack) - 8, 0,
        THREAD_CORE(bench.core) | THREAD_PRIORITY(BENCH_PRIORITY), NULL, &thread));
    while (atomic_load_explicit(&thread_ran, memory_order_acquire) == 0) {
        (void)sys_thread_yield();
    }
    must(sys_handle_close(thread));
}

static struct figure measure_thread(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < WARM_UP; i++) {
        create_and_join();
    }
    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, create_and_join());
    }
    return samples_figure(samples);
}

static void create_and_wait(void)
{
    static const char *const args[] = {"role=exit"};
    const struct spawn spawn = {.name = "short",
                                .args = args,
                                .arg_count = 1,
                                .priority_ceiling = BENCH_PRIORITY,
                                .thread_flags =
                                    THREAD_CORE(bench.core) | THREAD_PRIORITY(BENCH_PRIORITY)};
    uint64_t process;

    must(program_spawn(&bench.file, &spawn, &process));
    VERIFY(process_end(process) == 0);
}

static struct figure measure_process(void)
{
    struct samples *samples = samples_reset();

    create_and_wait();
    for (unsigned i = 0; i < RUNS_PROCESS; i++) {
        MEASURE(samples, create_and_wait());
    }
    return samples_figure(samples);
}

void process_role(const char *role)
{
    if (strcmp(role, "exit") == 0) {
        *(volatile char *)touched_page = 1;
        exit(0);
    }
    if (strcmp(role, "yield") == 0) {
        for (;;) {
            (void)sys_thread_yield();
        }
    }
}

void bench_processes(void)
{
    figure_print("syscall.null", bench_null());
    figure_print("sched.yield_rt", bench_yield());
    figure_print("thread.create_join", measure_thread());
    figure_print("process.create_exit", measure_process());
}
