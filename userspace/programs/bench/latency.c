/* SPDX-License-Identifier: MIT */
/*
 * For how long the kernel lets nobody else run: the lateness of a real-time thread that is due every few thousand
 * instructions, while this one has the kernel do long work on the same core.
 *
 * Lateness is from the deadline to the first instruction of the thread, so it holds the interrupt, the switch and the way out as
 * well: an upper bound for what the kernel does in one go with interrupts off. A stretch as long as a few periods is seen
 * for certain, whatever the phase.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen/layout.h"
#include "gen/objects.h"
#include "gen/syscall_user.h"
#include "gen/trace_events.h"
#include "kernel/abi/memory.h"
#include "kernel/abi/message.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/message.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

#define PERIOD_NS    50000ul /* 3,125 instructions at 16 ns each */
#define PAGES        4096ul
#define LARGE_BYTES  0x200000ul
#define HANDLES      3000u
#define RUNS         4u
#define BUFFER_BYTES 0x100000u

static atomic_bool stop;
static atomic_uint_least64_t worst, best, wakes; /* ns */

static void note(uint64_t late)
{
    if (late > atomic_load_explicit(&worst, memory_order_relaxed)) {
        atomic_store_explicit(&worst, late, memory_order_relaxed);
    }
    if (late < atomic_load_explicit(&best, memory_order_relaxed)) {
        atomic_store_explicit(&best, late, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&wakes, 1, memory_order_relaxed);
}

static void watch(void *argument)
{
    (void)argument;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        uint64_t due = clock_now() + PERIOD_NS;

        (void)sys_thread_sleep(due);
        uint64_t now = clock_now();
        note(now > due ? now - due : 0);
    }
}

/* ---- long work ---- */

static uint64_t map(uint64_t area, uint64_t bytes)
{
    uint64_t address;

    must(sys_area_map(program.self, area, 0, bytes, 0, PROT_READ | PROT_WRITE, &address));
    return address;
}

static void touch_pages(uint64_t address, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        *(volatile uint8_t *)(address + i * PAGE_BYTES) = 1;
    }
}

/* Many small pages: clone, write to shared ones, protect, unmap, give back. */
static void work_pages(void)
{
    uint64_t bytes = PAGES * PAGE_BYTES - PAGE_BYTES, area, clone;

    must(sys_area_create(bytes, 0, &area));
    uint64_t address = map(area, bytes);
    touch_pages(address, PAGES - 1);
    must(sys_area_clone(area, 0, bytes, &clone));
    touch_pages(address, PAGES / 2);
    must(sys_area_protect(program.self, address, bytes, PROT_READ));
    must(sys_area_unmap(program.self, address, bytes));
    must(sys_handle_close(area));
    must(sys_handle_close(clone));
}

/* Two MiB at once: zeroed at a fault, or when the run of frames is made. */
static void work_large(void)
{
    uint64_t area;

    must(sys_area_create(2 * LARGE_BYTES, 0, &area));
    uint64_t address = map(area, 2 * LARGE_BYTES);
    touch_pages(address, 2 * LARGE_BYTES / PAGE_BYTES);
    must(sys_area_unmap(program.self, address, 2 * LARGE_BYTES));
    must(sys_handle_close(area));
    must(sys_area_create(2 * LARGE_BYTES, AREA_CONTIGUOUS, &area));
    must(sys_handle_close(area));
}

/* A process that ends with many handles. */
static void work_process(void)
{
    uint64_t process = bench_partner("handles", bench.core, NULL, 0);

    VERIFY(process_end(process) == 0);
}

/* The text of the kernel is rewritten. */
static void work_tracing(void)
{
    uint64_t trace = program_handle("trace"), now, unused;

    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, TRACE_CATEGORY_SCHED, &now, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, ~0ull, &now, &unused));
}

/* What is sent, and in the partner where it lands. One array for both: each process has all of the program's memory, and
 * 2 MiB of it would be started on a large page. */
static uint8_t bytes[BUFFER_BYTES];

static void work_copy(void)
{
    uint64_t mailbox;

    must(sys_mailbox_create("bytes", strlen("bytes"), &mailbox));
    const struct spawn_grant grants[] = {{"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    uint64_t process = bench_partner("swallow", bench.core, grants, 1);
    for (unsigned i = 0; i < RUNS; i++) {
        struct message message = {0};
        message_send_buffer(&message, bytes, sizeof(bytes));
        must(message_call(mailbox, &message, DEADLINE_FOREVER));
    }
    bench_stop_partner(process);
    must(sys_handle_close(mailbox));
}

static _Noreturn void swallow(uint64_t mailbox)
{
    struct message message = {0};

    message_receive_buffer(&message, bytes, sizeof(bytes));
    must(message_receive(mailbox, &message, DEADLINE_FOREVER));
    for (;;) {
        message = (struct message){.token = message.token};
        message_receive_buffer(&message, bytes, sizeof(bytes));
        must(message_reply_receive(mailbox, &message));
    }
}

void latency_role(const char *role)
{
    if (strcmp(role, "handles") == 0) {
        for (unsigned i = 0; i < HANDLES; i++) {
            uint64_t handle;
            must(sys_area_create(PAGE_BYTES, 0, &handle));
        }
        exit(0);
    }
    if (strcmp(role, "swallow") == 0) {
        swallow(program_handle("mailbox"));
    }
}

static const struct {
    const char *key;
    void (*work)(void);
} works[] = {
    {"kernel.late.pages", work_pages},     {"kernel.late.large", work_large},
    {"kernel.late.process", work_process}, {"kernel.late.copy", work_copy},
    {"kernel.late.tracing", work_tracing},
};

static uint64_t ticks_of_ns(uint64_t ns)
{
    uint64_t now, khz = 1;

    (void)sys_clock_get(&now, &khz);
    return ns * khz / NS_PER_MS;
}

static struct figure measure(void (*work)(void))
{
    atomic_store(&worst, 0);
    atomic_store(&best, UINT64_MAX);
    atomic_store(&wakes, 0);
    for (unsigned i = 0; i < RUNS; i++) {
        work();
    }
    return (struct figure){ticks_of_ns(atomic_load(&best)), ticks_of_ns(atomic_load(&worst)),
                           (unsigned)atomic_load(&wakes)};
}

void bench_latency(void)
{
    struct thread watcher;
    struct figure all = {UINT64_MAX, 0, 0};

    must(thread_start(&watcher, watch, NULL,
                      THREAD_CORE(bench.core) | THREAD_PRIORITY(BENCH_URGENT), "watcher"));
    for (unsigned i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct figure figure = measure(works[i].work);
        figure_print(works[i].key, figure);
        all.min = figure.min < all.min ? figure.min : all.min;
        all.median = figure.median > all.median ? figure.median : all.median;
        all.count += figure.count;
    }
    figure_print("kernel.irqs_off_max", all);
    atomic_store(&stop, true);
    thread_join(&watcher);
}
