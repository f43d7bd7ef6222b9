/* SPDX-License-Identifier: MIT */
/*
 * What the parts of bench share.
 *
 * A figure is TSC ticks per operation. Under an emulator that counts instructions (-icount shift=N)
 * the TSC advances by 2^N for each, and the calibration line lets the host script check that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/clock.h"
#include "userspace/lib/spawn.h"

/* Of everything that is measured: a fixed level, so that partners stay equals. */
#define BENCH_PRIORITY 16u
/* Of threads that must run before what is measured goes on. */
#define BENCH_URGENT 20u

#define SAMPLES_MAX 2048u

struct samples {
    unsigned count;
    uint64_t ticks[SAMPLES_MAX];
};

struct figure {
    uint64_t min, median;
    unsigned count;
};

/* samples_reset() - begin anew; there is one set of samples at a time. */
struct samples *samples_reset(void);

/*
 * samples_add() - one duration, the cost of measuring taken off. Past SAMPLES_MAX nothing is kept.
 */
void samples_add(struct samples *samples, uint64_t ticks);

/* samples_figure() - minimum and median. The samples are sorted. */
struct figure samples_figure(struct samples *samples);

/* figure_print() - "BENCH <key> min=<ticks> median=<ticks> n=<count>". */
void figure_print(const char *key, struct figure figure);

/* figure_added() - what one has more than the other, divided among some events. */
struct figure figure_added(struct figure with, struct figure without, unsigned events);

/* MEASURE() - take one sample of a statement. */
#define MEASURE(samples, ...)                                                                      \
    do {                                                                                           \
        uint64_t measure_start = clock_tsc();                                                      \
        __VA_ARGS__;                                                                               \
        uint64_t measure_end = clock_tsc();                                                        \
        samples_add((samples), measure_end - measure_start);                                       \
    } while (0)

/*
 * What all benchmarks run on: the program file for partners, and the core that everything is pinned
 * to.
 */
struct bench {
    struct program_file file;
    uint64_t core, cores;
};
extern struct bench bench;

/* bench_calibrate() - measure the measuring, and a loop of known length. First of all. */
void bench_calibrate(void);

/* bench_partner() - start a partner process in a role on a core. Ends the program if that fails. */
uint64_t bench_partner(const char *role, uint64_t core, const struct spawn_grant *grants,
                       unsigned grant_count);
/* bench_stop_partner() - kill it and wait for its end. */
void bench_stop_partner(uint64_t process);

/* Single figures, which the tracing benchmarks take again with events switched on. */
struct figure bench_null(void);
struct figure bench_call_0w(void);
struct figure bench_yield(void);
struct figure bench_fault(void);
struct figure bench_mark(void);
struct figure bench_user_event(void);

/* bench_loss() - events lost when one comes every 300 instructions and another core reads them. Needs two cores, and events of
 * programs on. */
uint64_t bench_loss(void);

/* The groups: print their figures. */
void bench_events(void);
void bench_ipc(void);
void bench_memory(void);
void bench_processes(void);
void bench_tracing(void);
void bench_latency(void);

/* What partner processes do; do not return unless the role is unknown. */
void event_role(const char *role);
void ipc_role(const char *role);
void process_role(const char *role);
void latency_role(const char *role);
