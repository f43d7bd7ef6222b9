/* SPDX-License-Identifier: MIT */
/* Threads, processes, yielding, and the empty system call. */
#include <stdlib.h>
#include <string.h>

#include "gen/objects.h"
#include "gen/syscall_numbers.h"
#include "gen/syscall_user.h"
#include "kernel/abi/exception.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/user_trace.h"
#include "userspace/lib/message.h"
#include "userspace/lib/thread.h"
#include "userspace/programs/bench/bench.h"

#define RUNS         1000u
#define RUNS_PROCESS 64u
#define WARM_UP      64u
#define PAGER_BASE   0x500000000000ull /* nothing is mapped there */
#define PAGER_BYTES  ((WARM_UP + RUNS) * PAGE_BYTES)

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

/* Without the system call that hands over each batch: its cost is of all records together, see user_lane.h. */
struct figure bench_user_event(void)
{
    struct samples *samples = samples_reset();

    for (unsigned i = 0; i < RUNS; i++) {
        MEASURE(samples, USER_INSTANT(1, 1, i));
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
    __asm__ volatile("syscall" ::"a"(SYSCALL_THREAD_EXIT), "D"(0) : "memory");
    __builtin_unreachable();
}

static void create_and_join(void)
{
    uint64_t thread, code;

    must(sys_thread_create(
        program.self, (uint64_t)run_briefly, (uint64_t)thread_stack + sizeof(thread_stack) - 8, 0,
        THREAD_CORE(bench.core) | THREAD_PRIORITY(BENCH_PRIORITY), NULL, &thread));
    must(sys_thread_wait(thread, DEADLINE_FOREVER, &code));
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

/* Steps over the two bytes of each ud2. */
static _Noreturn void supervise(uint64_t mailbox)
{
    struct message fault = {0};

    must(message_receive(mailbox, &fault, DEADLINE_FOREVER));
    for (;;) {
        fault.word[EXCEPTION_IP] += 2;
        fault.label = EXCEPTION_RESUME;
        must(message_reply_receive(mailbox, &fault));
    }
}

/* From an undefined instruction through a handler in another process to the instruction after it. */
static struct figure measure_fault(void)
{
    struct samples *samples = samples_reset();
    uint64_t mailbox;

    must(sys_mailbox_create("faults", strlen("faults"), &mailbox));
    const struct spawn_grant grants[] = {{"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE}};
    uint64_t partner = bench_partner("supervise", bench.core, grants, 1);

    must(sys_process_supervise(program.self, mailbox, 0));
    for (unsigned i = 0; i < WARM_UP + RUNS; i++) {
        uint64_t start = clock_tsc();

        __asm__ volatile("ud2" ::: "memory");
        if (i >= WARM_UP) {
            samples_add(samples, clock_tsc() - start);
        }
    }
    must(sys_process_supervise(program.self, 0, 0));
    bench_stop_partner(partner);
    must(sys_handle_close(mailbox));
    return samples_figure(samples);
}

/* Has an object of many pages, and shows each where the client misses it. */
static _Noreturn void provide_pages(uint64_t mailbox, uint64_t client)
{
    struct message fault = {0};
    uint64_t area, own, at;

    must(sys_area_create(PAGER_BYTES, 0, &area));
    must(sys_area_map(program.self, area, 0, PAGER_BYTES, 0, PROT_READ | PROT_WRITE, &own));
    for (at = own; at < own + PAGER_BYTES; at += PAGE_BYTES) {
        *(volatile uint64_t *)at = 1;
    }
    must(message_receive(mailbox, &fault, DEADLINE_FOREVER));
    for (;;) {
        at = fault.word[EXCEPTION_ADDRESS];
        must(sys_area_map(client, area, at - PAGER_BASE, PAGE_BYTES, at, PROT_READ | MAP_PRESENT,
                          &at));
        fault.label = EXCEPTION_RESUME;
        must(message_reply_receive(mailbox, &fault));
    }
}

/* From a read where nothing is mapped, through a handler in another process that maps a page there, to its value. */
static struct figure measure_pager(void)
{
    struct samples *samples = samples_reset();
    uint64_t mailbox;

    must(sys_mailbox_create("pages", strlen("pages"), &mailbox));
    const struct spawn_grant grants[] = {{"mailbox", mailbox, 0, RIGHT_MAILBOX_RECEIVE},
                                         {"client", program.self, 0, RIGHT_PROCESS_MAP}};
    uint64_t partner = bench_partner("provide", bench.core, grants, 2);

    must(sys_process_supervise(program.self, mailbox, 0));
    for (uint64_t i = 0; i < WARM_UP + RUNS; i++) {
        const volatile uint64_t *page = (void *)(PAGER_BASE + i * PAGE_BYTES);
        uint64_t start = clock_tsc();

        VERIFY(*page == 1);
        if (i >= WARM_UP) {
            samples_add(samples, clock_tsc() - start);
        }
    }
    must(sys_process_supervise(program.self, 0, 0));
    bench_stop_partner(partner);
    must(sys_handle_close(mailbox));
    must(sys_area_unmap(program.self, PAGER_BASE, (WARM_UP + RUNS) * PAGE_BYTES));
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
    if (strcmp(role, "supervise") == 0) {
        supervise(program_handle("mailbox"));
    }
    if (strcmp(role, "provide") == 0) {
        provide_pages(program_handle("mailbox"), program_handle("client"));
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
    figure_print("fault.to_handler_rt", measure_fault());
    figure_print("fault.pager_rt", measure_pager());
    figure_print("process.create_exit", measure_process());
}
