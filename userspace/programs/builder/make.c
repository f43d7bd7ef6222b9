/* SPDX-License-Identifier: MIT */
/*
 * make: starts a compiler for each unit that is older than what it is made of, as soon as that is there, so many at once.
 *
 * A thread waits for each compiler, so that the next one starts as soon as any has ended.
 */
#include <stdio.h>
#include <string.h>

#include "gen/objects.h"
#include "userspace/files/client/file.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mutex.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/thread.h"
#include "userspace/lib/user_trace.h"
#include "kernel/abi/message.h"
#include "userspace/programs/builder/builder.h"

#define JOBS_MAX 16u

enum { COMPILERS = 1 };
enum unit_state { FRESH, STALE, UNDER_WAY };

static struct mutex mutex;
static struct condition changed;
static enum unit_state states[UNITS_MAX];
static unsigned unit_count, running, most_running, compiled;
static bool is_out_of_order;
static struct program_file compiler;

/* ---- compilers ---- */

static uint64_t start_compiler(unsigned unit)
{
    char name[16], own[16];
    const char *const args[] = {"role=compiler", own};
    const struct spawn_grant grants[] = {
        {"ramfs", program_handle("ramfs"), 100 + unit, RIGHT_MAILBOX_SEND}};
    const struct spawn spawn = {
        .name = name, .args = args, .arg_count = 2, .grants = grants, .grant_count = 1};
    uint64_t process;

    (void)snprintf(name, sizeof(name), "compile %u", unit);
    (void)snprintf(own, sizeof(own), "unit=%u", unit);
    must(program_spawn(&compiler, &spawn, &process));
    return process;
}

/* A unit whose needs are all there; UNITS_MAX: there is none now. */
static unsigned find_ready(void)
{
    for (unsigned unit = 0; unit < unit_count; unit++) {
        unsigned needs[NEEDS_MAX], count = plan_needs(unit, needs);
        bool is_ready = states[unit] == STALE;

        for (unsigned i = 0; i < count; i++) {
            is_ready &= states[needs[i]] == FRESH;
        }
        if (is_ready) {
            return unit;
        }
    }
    return UNITS_MAX;
}

static bool is_all_fresh(void)
{
    for (unsigned unit = 0; unit < unit_count; unit++) {
        if (states[unit] != FRESH) {
            return false;
        }
    }
    return true;
}

static void compile(unsigned unit)
{
    states[unit] = UNDER_WAY;
    running++;
    most_running = running > most_running ? running : most_running;
    USER_COUNTER(COMPILERS, running);
    mutex_unlock(&mutex);
    uint64_t code = process_end(start_compiler(unit));
    mutex_lock(&mutex);
    is_out_of_order |= code != 0;
    states[unit] = FRESH;
    running--;
    compiled++;
    USER_COUNTER(COMPILERS, running);
    condition_wake_all(&changed);
}

/* One job: as many of these as there may be compilers. */
static void work(void *argument)
{
    (void)argument;
    mutex_lock(&mutex);
    while (!is_all_fresh() && !is_out_of_order) {
        unsigned unit = find_ready();
        if (unit < UNITS_MAX) {
            compile(unit);
        } else {
            (void)condition_wait(&changed, &mutex, DEADLINE_FOREVER);
        }
    }
    mutex_unlock(&mutex);
}

/* ---- what is to be done ---- */

static uint64_t time_of(const char *name, unsigned unit)
{
    char path[PATH_MAX_BYTES];
    struct file_info info;

    unit_path(name, unit, path);
    return file_stat(path, &info) == OK ? info.changed_ns : 0;
}

/* As make does: by the times of files. */
static unsigned find_stale(void)
{
    unsigned count = 0;

    for (unsigned unit = 0; unit < unit_count; unit++) {
        unsigned needs[NEEDS_MAX], need_count = plan_needs(unit, needs);
        uint64_t made = time_of("o", unit);
        bool is_stale = made == 0 || time_of("s", unit) > made;

        for (unsigned i = 0; i < need_count; i++) {
            is_stale |= states[needs[i]] == STALE || time_of("o", needs[i]) > made;
        }
        states[unit] = is_stale ? STALE : FRESH;
        count += is_stale;
    }
    return count;
}

static void make_all(unsigned jobs, unsigned wanted)
{
    struct thread threads[JOBS_MAX];

    compiled = 0;
    VERIFY(find_stale() == wanted);
    for (unsigned i = 0; i < jobs; i++) {
        must(thread_start(&threads[i], work, NULL, THREAD_ANYWHERE, "job"));
    }
    for (unsigned i = 0; i < jobs; i++) {
        thread_join(&threads[i]);
    }
    VERIFY(compiled == wanted && !is_out_of_order && most_running <= jobs);
}

/* ---- sources and objects ---- */

static void write_source(unsigned unit, unsigned edition)
{
    static char text[SOURCE_MAX];
    unsigned bytes = plan_source(unit, edition, text);
    char path[PATH_MAX_BYTES];
    struct file file;
    uint64_t done;

    unit_path("s", unit, path);
    must(file_open(path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, &file));
    must(file_write(&file, 0, text, bytes, &done));
    file_close(&file);
}

/* All objects are what this program would have made by itself, all sources being first editions but one. */
static void check_objects(unsigned changed_unit, unsigned edition)
{
    static char text[SOURCE_MAX];
    static uint64_t sums[UNITS_MAX];

    for (unsigned unit = 0; unit < unit_count; unit++) {
        unsigned needs[NEEDS_MAX], count = plan_needs(unit, needs);
        unsigned bytes = plan_source(unit, unit == changed_unit ? edition : 1, text);
        uint64_t needed[NEEDS_MAX], got;
        char path[PATH_MAX_BYTES];
        struct object_file object;
        struct file file;

        for (unsigned i = 0; i < count; i++) {
            needed[i] = sums[needs[i]];
        }
        sums[unit] = unit_sum(text, bytes, needed, count);
        unit_path("o", unit, path);
        must(file_open(path, OPEN_READ, &file));
        must(file_read(&file, 0, &object, sizeof(object), &got));
        file_close(&file);
        VERIFY(got == sizeof(object) && object.unit == unit && object.sum == sums[unit]);
    }
}

/* How many units hang on one, itself too. */
static unsigned count_dependents(unsigned changed_unit)
{
    bool hangs[UNITS_MAX] = {false};
    unsigned total = 0;

    for (unsigned unit = changed_unit; unit < unit_count; unit++) {
        unsigned needs[NEEDS_MAX], count = plan_needs(unit, needs);

        hangs[unit] = unit == changed_unit;
        for (unsigned i = 0; i < count; i++) {
            hangs[unit] |= hangs[needs[i]];
        }
        total += hangs[unit];
    }
    return total;
}

int be_make(unsigned units, unsigned jobs)
{
    VERIFY(units >= 1 && units <= UNITS_MAX && jobs >= 1 && jobs <= JOBS_MAX);
    unit_count = units;
    (void)user_trace_open();
    user_trace_name(COMPILERS, "compilers");
    must(program_open("builder", &compiler));
    for (unsigned unit = 0; unit < units; unit++) {
        write_source(unit, 1);
    }
    make_all(jobs, units);
    check_objects(0, 1);
    make_all(jobs, 0);
    const unsigned again = count_dependents(units / 4);
    write_source(units / 4, 2);
    make_all(jobs, again);
    check_objects(units / 4, 2);
    user_trace_hand_over();
    report("%u compiled, then %u; %u at once", units, again, most_running);
    return 0;
}
