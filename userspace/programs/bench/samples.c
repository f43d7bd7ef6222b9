/* SPDX-License-Identifier: MIT */
/* Samples, and what becomes of them. */
#include "userspace/programs/bench/bench.h"

#include <stdio.h>

#define CALIBRATION_TURNS 100000u /* two instructions each */
#define CALIBRATION_RUNS  16u
#define OVERHEAD_RUNS     256u

static struct samples set;
static uint64_t overhead; /* of MEASURE() around nothing */

struct samples *samples_reset(void)
{
    set.count = 0;
    return &set;
}

void samples_add(struct samples *samples, uint64_t ticks)
{
    if (samples->count < SAMPLES_MAX) {
        samples->ticks[samples->count++] = ticks > overhead ? ticks - overhead : 0;
    }
}

/* Shell's sort: short, and quick enough for a few thousand numbers. */
static void sort(uint64_t *values, unsigned count)
{
    for (unsigned gap = count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) {
        for (unsigned i = gap; i < count; i++) {
            uint64_t value = values[i];
            unsigned j = i;

            for (; j >= gap && values[j - gap] > value; j -= gap) {
                values[j] = values[j - gap];
            }
            values[j] = value;
        }
    }
}

struct figure samples_figure(struct samples *samples)
{
    if (samples->count == 0) {
        return (struct figure){0, 0, 0};
    }
    sort(samples->ticks, samples->count);
    return (struct figure){samples->ticks[0], samples->ticks[samples->count / 2], samples->count};
}

void figure_print(const char *key, struct figure figure)
{
    printf("BENCH %s min=%lu median=%lu n=%u\n", key, figure.min, figure.median, figure.count);
}

static uint64_t share(uint64_t with, uint64_t without, unsigned events)
{
    return with > without ? (with - without) / events : 0;
}

struct figure figure_added(struct figure with, struct figure without, unsigned events)
{
    return (struct figure){share(with.min, without.min, events),
                           share(with.median, without.median, events), with.count};
}

static void run_known_loop(void)
{
    uint64_t turns = CALIBRATION_TURNS;

    __asm__ volatile("1: decq %0; jnz 1b" : "+r"(turns)::"cc");
}

void bench_calibrate(void)
{
    struct samples *samples = samples_reset();

    overhead = 0;
    for (unsigned i = 0; i < OVERHEAD_RUNS; i++) {
        MEASURE(samples, (void)0);
    }
    struct figure figure = samples_figure(samples);
    figure_print("overhead", figure);
    overhead = figure.min;

    samples = samples_reset();
    for (unsigned i = 0; i < CALIBRATION_RUNS; i++) {
        MEASURE(samples, run_known_loop());
    }
    figure = samples_figure(samples);
    printf("BENCH calibration min=%lu median=%lu n=%u instructions=%u\n", figure.min, figure.median,
           figure.count, 2 * CALIBRATION_TURNS);
}
