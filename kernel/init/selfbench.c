/* SPDX-License-Identifier: MIT */
/*
 * The recorder measured in place. Records go to a scratch lane, because the real lanes must say nothing but the truth.
 *
 * Each figure is the difference of two loops that are equal but for the site, per iteration. Under an emulator that counts
 * instructions the TSC is exact, so minimum and median only differ where a sub-buffer was changed.
 */
#include "init/selfbench.h"

#include "arch/cpu.h"
#include "base/assert.h"
#include "base/format.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "irq/console.h"
#include "kdebug/core/kdebug.h"
#include "mm/heap.h"
#include "trace/function/function.h"
#include "trace/probe/probe.h"
#include "trace/ring/hook.h"
#include "trace/ring/ring.h"

#define BLOCKS        101u
#define ITERATIONS    100u
#define SCRATCH_BYTES (4 * TRACE_SUBBUF_BYTES)

typedef tsc_t (*measure_fn)(void);

static inline void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* What is recorded: loaded at the site, as from a thread; constants would fold and make the event too cheap. */
static struct {
    uint64_t address, ip;
    uint32_t prev, next, mailbox, label;
    uint8_t state, priority, vector;
} sample;

/* Two instructions per iteration: dec, jnz. */
static NOINLINE tsc_t measure_known(void)
{
    tsc_t begin = cpu_tsc();
    uint64_t count = ITERATIONS;
    __asm__ volatile("1: dec %0; jnz 1b" : "+r"(count)::"cc");
    return cpu_tsc() - begin;
}

static NOINLINE tsc_t measure_empty(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        barrier();
    }
    return cpu_tsc() - begin;
}

static NOINLINE tsc_t measure_switch(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        barrier();
        trace_sched_thread_switch(sample.state, TRACE_SWITCH_REASON_PICK, sample.prev, sample.next,
                                  sample.priority);
    }
    return cpu_tsc() - begin;
}

static NOINLINE tsc_t measure_irq(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        barrier();
        trace_irq_enter(sample.vector);
    }
    return cpu_tsc() - begin;
}

static NOINLINE tsc_t measure_fault(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        barrier();
        trace_fault_enter(sample.vector, sample.address, sample.ip);
    }
    return cpu_tsc() - begin;
}

static NOINLINE tsc_t measure_ipc(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        barrier();
        trace_ipc_call(sample.state, sample.address, sample.mailbox, sample.label);
    }
    return cpu_tsc() - begin;
}

/* A function that makes a frame. */
static NOINLINE void selfbench_called(void)
{
    __asm__ volatile("" ::"r"(__builtin_frame_address(0)) : "memory");
}

static NOINLINE tsc_t measure_call(void)
{
    tsc_t begin = cpu_tsc();
    for (unsigned i = 0; i < ITERATIONS; i++) {
        selfbench_called();
    }
    return cpu_tsc() - begin;
}

static void sort(tsc_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        tsc_t value = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
}

static void print_line(const char *key, tsc_t min, tsc_t median)
{
    char line[128];
    size_t length = format_text(line, sizeof(line), "BENCH %s min=%llu median=%llu n=%u\n", key,
                                (unsigned long long)min, (unsigned long long)median, BLOCKS);
    console_write(line, length);
}

/* The ticks of BLOCKS runs, sorted; the first is warm. */
static void measure(measure_fn run, tsc_t *ticks)
{
    run();
    for (unsigned i = 0; i < BLOCKS; i++) {
        ticks[i] = run();
    }
    sort(ticks, BLOCKS);
}

/* Ticks per iteration of `with`, less the best of `without` if there is one. */
static void report(const char *key, measure_fn with, measure_fn without)
{
    tsc_t ticks[BLOCKS], base[BLOCKS] = {0};
    if (without != NULL) {
        measure(without, base);
    }
    measure(with, ticks);
    print_line(key, (ticks[0] - base[0]) / ITERATIONS, (ticks[BLOCKS / 2] - base[0]) / ITERATIONS);
}

/* What one more condition costs: four that refuse, less one that does. */
static void report_predicate(void)
{
    struct trace_condition refuse[TRACE_CONDITIONS_MAX];
    tsc_t one[BLOCKS], four[BLOCKS];
    for (unsigned i = 0; i < TRACE_CONDITIONS_MAX; i++) {
        refuse[i] = (struct trace_condition){.join = i == 0 ? TRACE_JOIN_AND : TRACE_JOIN_OR,
                                             .value = 0xff};
    }
    VERIFY(trace_hook_set(TRACE_EVENT_IRQ_ENTER, refuse, 1) == OK);
    measure(measure_irq, one);
    VERIFY(trace_hook_set(TRACE_EVENT_IRQ_ENTER, refuse, TRACE_CONDITIONS_MAX) == OK);
    measure(measure_irq, four);
    VERIFY(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0) == OK);
    tsc_t terms = (TRACE_CONDITIONS_MAX - 1) * ITERATIONS;
    print_line("trace.predicate_term", (four[0] - one[0]) / terms,
               (four[BLOCKS / 2] - one[0]) / terms);
}

/* What counting an event costs beyond asking its filter: that of one condition, which refuses. */
static void report_aggregate(const char *key, uint8_t value)
{
    const struct trace_condition refuse = {.value = 0xff};
    const struct trace_condition pass = {.compare = TRACE_COMPARE_NOT_EQUAL, .value = 0xff};
    const struct trace_grouping grouping = {{0, TRACE_NO_FIELD}, value};
    tsc_t asked[BLOCKS], counted[BLOCKS];
    VERIFY(trace_hook_set(TRACE_EVENT_IRQ_ENTER, &refuse, 1) == OK);
    measure(measure_irq, asked);
    VERIFY(trace_hook_aggregate(TRACE_EVENT_IRQ_ENTER, &pass, 1, &grouping) == OK);
    measure(measure_irq, counted);
    VERIFY(trace_hook_set(TRACE_EVENT_IRQ_ENTER, NULL, 0) == OK);
    print_line(key, (counted[0] - asked[0]) / ITERATIONS,
               (counted[BLOCKS / 2] - asked[0]) / ITERATIONS);
}

/* What a probe that records two values adds to a call. */
static void report_probe(const char *name, const char *text)
{
    struct probe plan;
    unsigned number;
    tsc_t off[BLOCKS], on[BLOCKS];
    measure(measure_call, off);
    VERIFY(probe_plan(text, strlen(text), &plan) == NULL && probe_set(&plan, &number) == OK);
    measure(measure_call, on);
    VERIFY(probe_clear(number) == OK);
    print_line(name, (on[0] - off[0]) / ITERATIONS, (on[BLOCKS / 2] - off[0]) / ITERATIONS);
}

/* What tracing a function adds to a call: two records. */
static void report_function(void)
{
    static const char name[] = "selfbench_called";
    tsc_t off[BLOCKS], on[BLOCKS];
    measure(measure_call, off);
    VERIFY(function_trace_change(name, sizeof(name) - 1, true) == OK);
    measure(measure_call, on);
    VERIFY(function_trace_change(name, sizeof(name) - 1, false) == OK);
    print_line("trace.function", (on[0] - off[0]) / ITERATIONS,
               (on[BLOCKS / 2] - off[0]) / ITERATIONS);
}

void selfbench_run(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t categories = trace_categories();
    void *memory = heap_alloc(SCRATCH_BYTES);
    VERIFY(memory != NULL);
    struct trace_lane scratch = {.base = (uint64_t)memory, .mask = SCRATCH_BYTES - 1};
    struct trace_lane *real = cpu->lane_normal;
    uint64_t finished = cpu->trace_finished;

    kdebug_use_symbols();
    __asm__ volatile("" ::"r"(&sample) : "memory"); /* the compiler must not know what is in it */
    VERIFY(trace_categories_set(0) == OK);
    report("calibration", measure_known, NULL);
    report("trace.site_off", measure_switch, measure_empty);
    cpu->lane = &scratch;
    cpu->lane_normal = &scratch;
    VERIFY(trace_categories_set(TRACE_CATEGORIES_ALL & ~TRACE_CATEGORY_LOG) == OK);
    report("trace.event.thread_switch", measure_switch, measure_empty);
    report("trace.event.irq", measure_irq, measure_empty);
    report("trace.event.page_fault", measure_fault, measure_empty);
    report("trace.event.ipc", measure_ipc, measure_empty);
    report_predicate();
    report_aggregate("trace.aggregate", TRACE_NO_FIELD);
    report_aggregate("trace.aggregate.histogram", 0);
    report_function();
    kdebug_use_symbols();
    report_probe("trace.probe", "selfbench_called rdi rsi");
    report_probe("trace.probe.int3", "selfbench_called rdi rsp"); /* an exception, and two jumps */
    cpu->lane = real;
    cpu->lane_normal = real;
    cpu->trace_finished = finished;
    VERIFY(trace_categories_set(categories) == OK);
    heap_free(memory);
}
