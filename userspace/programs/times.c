/* SPDX-License-Identifier: MIT */
/*
 * times: where core time goes, user mode or kernel (kernel/sched/times.h).
 *
 *   steps=N (400000) of a thread that only computes   calls=N (2000) of one that only calls
 *
 * Whatever a thread did, the parts add up to what it had, to the tick. How large they are is checked with -icount only, where
 * no host takes time from a core in the middle of something (option exact=1).
 */
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/clock.h"
#include "userspace/lib/message.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stdio.h"
#include "userspace/lib/thread.h"

struct times {
    uint64_t user, kernel, uncounted;
};

static uint64_t steps, calls, mailbox;
static bool exact;

static struct times times_of(const struct thread *thread)
{
    struct times times;

    must(sys_thread_times(thread->handle, &times.user, &times.kernel, &times.uncounted));
    return times;
}

static void count(bool on)
{
    uint64_t now, unused;

    must(sys_trace_control(program_handle("trace"), TRACE_CONTROL_TIMES, on, &now, &unused));
    if (now != on) {
        die("counting is %lu, not %d", now, on);
    }
}

/* Threads that work, then wait for good: so what they had stands still and can be compared. */
static atomic_uint at_rest;

static void rest(void)
{
    atomic_fetch_add_explicit(&at_rest, 1, memory_order_release);
    (void)sys_thread_sleep(DEADLINE_FOREVER);
}

static void compute(void *argument)
{
    volatile uint64_t sum = 0;

    (void)argument;
    for (uint64_t i = 0; i < steps; i++) {
        sum += i;
    }
    rest();
}

static void call_null(void *argument)
{
    (void)argument;
    for (uint64_t i = 0; i < calls; i++) {
        must(sys_null());
    }
    rest();
}

static void call_server(void *argument)
{
    struct message message = {.label = 1};

    (void)argument;
    for (uint64_t i = 0; i < calls; i++) {
        must(message_call(mailbox, &message, DEADLINE_FOREVER));
    }
    message.label = 2;
    must(message_call(mailbox, &message, DEADLINE_FOREVER));
    rest();
}

static void serve(void *argument)
{
    struct message message = {0};

    (void)argument;
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    while (message_label(&message) != 2) {
        message.label = 1;
        must(message_reply_receive(mailbox, &message));
    }
    must(message_reply(mailbox, &message));
    rest();
}

static void touch_pages(void *argument)
{
    uint64_t area, address, bytes = 64 * PAGE_BYTES;

    (void)argument;
    must(sys_area_create(bytes, 0, &area));
    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address));
    for (uint64_t offset = 0; offset < bytes; offset += PAGE_BYTES) {
        *(volatile uint64_t *)(address + offset) = 1;
    }
    rest();
}

/* The least and the most of a thread's core time that may be user mode's, in percent. */
static const struct work {
    const char *name;
    void (*run)(void *argument);
    unsigned least, most;
} works[] = {
    {"compute", compute, 95, 100},       {"null calls", call_null, 20, 60},
    {"caller", call_server, 8, 35},      {"server", serve, 8, 35},
    {"page faults", touch_pages, 0, 20},
};
#define WORKS (sizeof(works) / sizeof(works[0]))

static struct thread threads[WORKS];

static void begin_works(void)
{
    atomic_store_explicit(&at_rest, 0, memory_order_relaxed);
    for (unsigned i = 0; i < WORKS; i++) {
        must(thread_start(&threads[i], works[i].run, NULL, THREAD_ANYWHERE, works[i].name));
    }
}

/* Its last step to rest is a system call: wait until none of its time changes any more. */
static uint64_t settled_ns(const struct thread *thread)
{
    uint64_t before, now = 0;

    do {
        before = now;
        clock_sleep(NS_PER_MS);
        must(sys_thread_time(thread->handle, &now));
    } while (now != before);
    return now;
}

static void await_rest(void)
{
    while (atomic_load_explicit(&at_rest, memory_order_acquire) < WORKS) {
        clock_sleep(NS_PER_MS);
    }
}

static void end_works(void)
{
    for (unsigned i = 0; i < WORKS; i++) {
        must(sys_thread_kill(threads[i].handle, 0));
        thread_join(&threads[i]);
    }
}

static void check_sum(const struct work *work, const struct times *times, uint64_t ns)
{
    uint64_t khz, now, ticks = times->user + times->kernel + times->uncounted;

    must(sys_clock_get(&now, &khz));
    /* thread_time rounds ticks down to ns, by a multiplier of its own: 1 ns, and 1 in 2^20 */
    uint64_t sum = ticks * 1000000 / khz, slack = 2 + (ns >> 20);
    if (sum > ns + slack || ns > sum + slack) {
        die("%s: user %lu + kernel %lu + uncounted %lu ticks is %lu ns, not %lu", work->name,
            times->user, times->kernel, times->uncounted, sum, ns);
    }
}

static void check_counted(const struct work *work, const struct thread *thread)
{
    uint64_t ns = settled_ns(thread);
    struct times times = times_of(thread);
    uint64_t total = times.user + times.kernel;

    check_sum(work, &times, ns);
    if (times.user == 0 || times.kernel == 0 || times.uncounted != 0) {
        die("%s: user %lu, kernel %lu, uncounted %lu", work->name, times.user, times.kernel,
            times.uncounted);
    }
    uint64_t percent = times.user * 100 / total;
    report("%s: %lu %% of %lu ticks in user mode", work->name, percent, total);
    if (exact && (percent < work->least || percent > work->most)) {
        die("%s: not %u to %u %%", work->name, work->least, work->most);
    }
}

static void check_uncounted(const struct work *work, const struct thread *thread)
{
    uint64_t ns = settled_ns(thread);
    struct times times = times_of(thread);

    check_sum(work, &times, ns);
    if (times.user != 0 || times.kernel != 0) {
        die("%s: user %lu, kernel %lu, and nobody counted", work->name, times.user, times.kernel);
    }
}

static void run(void (*check)(const struct work *, const struct thread *))
{
    begin_works();
    await_rest();
    for (unsigned i = 0; i < WORKS; i++) {
        check(&works[i], &threads[i]);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    steps = option_u64("steps", 400000);
    calls = option_u64("calls", 2000);
    exact = option_u64("exact", 0) != 0;
    must(sys_mailbox_create("times", strlen("times"), &mailbox));
    run(check_uncounted);
    count(true);
    for (unsigned i = 0; i < WORKS; i++) { /* nor has anybody counted what was before */
        check_uncounted(&works[i], &threads[i]);
    }
    end_works();
    run(check_counted);
    count(false);
    for (unsigned i = 0; i < WORKS; i++) {
        check_uncounted(&works[i], &threads[i]);
    }
    end_works();
    report("%u kinds of work, each counted", (unsigned)WORKS);
    return 0;
}
