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
#include "gen/trace_emit.h"
#include "irq/console.h"
#include "mm/heap.h"
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

void selfbench_run(void)
{
    struct cpu *cpu = this_cpu();
    uint64_t categories = trace_categories();
    void *memory = heap_alloc(SCRATCH_BYTES);
    VERIFY(memory != NULL);
    struct trace_lane scratch = {.base = (uint64_t)memory, .mask = SCRATCH_BYTES - 1};
    struct trace_lane *real = cpu->lane_normal;
    uint64_t finished = cpu->trace_finished;

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
    cpu->lane = real;
    cpu->lane_normal = real;
    cpu->trace_finished = finished;
    VERIFY(trace_categories_set(categories) == OK);
    heap_free(memory);
}
