/* SPDX-License-Identifier: MIT */
/*
 * counting: the counts of an event, read while it goes on happening.
 *
 *   threads=N (2)   marks=N (20000) of each
 *
 * Each thread makes marks of an id of its own, with the numbers from 0 on. In the middle it waits until what it has made so far
 * has been read, so events are known to go on around that. No count ever goes back, and the last ones are exact.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "gen/syscall_user.h"
#include "gen/trace_events.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/thread.h"

#define THREADS_MAX 4u
#define ID          0x5000u /* of the first thread; no other program has it */

struct marker {
    struct thread thread;
    uint64_t id, marks;
    atomic_bool is_read; /* half of them */
    uint64_t seen;       /* count at the last look */
};

static struct marker markers[THREADS_MAX];
static uint64_t trace, cpus, threads, looks;

static void make_marks(void *argument)
{
    struct marker *marker = argument;

    for (uint64_t i = 0; i < marker->marks; i++) {
        must(sys_trace_mark((uint32_t)marker->id, i));
        while (i + 1 == marker->marks / 2 && !atomic_load(&marker->is_read)) {
            must(sys_thread_yield());
        }
    }
}

static void add(struct trace_row *to, const struct trace_row *row)
{
    to->least = to->count == 0 || row->least < to->least ? row->least : to->least;
    to->greatest = row->greatest > to->greatest ? row->greatest : to->greatest;
    to->count += row->count;
    to->sum += row->sum;
    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        to->bucket[i] += row->bucket[i];
    }
}

/* Of one id, all cores together. */
static struct trace_row read_counts(uint64_t id)
{
    struct trace_row total = {.key = id};
    static struct trace_row rows[TRACE_ROWS_MAX];
    uint64_t count, left_out;

    for (uint64_t cpu = 0; cpu < cpus; cpu++) {
        must(sys_trace_counts(trace, TRACE_EVENT_USER_MARK, cpu, rows, &count, &left_out));
        VERIFY(left_out == 0 && count <= TRACE_ROWS_MAX);
        for (uint64_t i = 0; i < count; i++) {
            if (rows[i].key == id) {
                add(&total, &rows[i]);
            }
        }
    }
    looks++;
    return total;
}

static void wait_for_half(struct marker *marker)
{
    while (marker->seen < marker->marks / 2) {
        uint64_t count = read_counts(marker->id).count;
        VERIFY(count >= marker->seen && count <= marker->marks / 2);
        marker->seen = count;
    }
    atomic_store(&marker->is_read, true);
}

static void check_last(const struct marker *marker)
{
    struct trace_row row = read_counts(marker->id);
    uint64_t in_buckets = 0;

    for (unsigned i = 0; i < TRACE_BUCKETS; i++) {
        in_buckets += row.bucket[i];
    }
    VERIFY(row.count == marker->marks && in_buckets == marker->marks);
    VERIFY(row.sum == marker->marks * (marker->marks - 1) / 2);
    VERIFY(row.least == 0 && row.greatest == marker->marks - 1);
}

static void check_refusals(void)
{
    struct trace_count_wish wish = {.grouping = {{9, TRACE_NO_FIELD}, TRACE_NO_FIELD}};
    static struct trace_row rows[TRACE_ROWS_MAX];
    uint64_t count, left_out;

    VERIFY(sys_trace_count(trace, TRACE_EVENT_USER_MARK, &wish) == ERR_BAD_ARGUMENT);
    wish.grouping.key[0] = 0;
    wish.conditions = TRACE_CONDITIONS_MAX + 1;
    VERIFY(sys_trace_count(trace, TRACE_EVENT_USER_MARK, &wish) == ERR_BAD_ARGUMENT);
    VERIFY(sys_trace_counts(trace, TRACE_EVENT_USER_MARK, cpus, rows, &count, &left_out) ==
           ERR_RANGE);
    VERIFY(sys_trace_counts(trace, TRACE_EVENT_IPC_CALL, 0, rows, &count, &left_out) ==
           ERR_NOT_FOUND);
    VERIFY(sys_trace_counts(trace, TRACE_EVENT_TRACE_PAD, 0, rows, &count, &left_out) ==
           ERR_NOT_FOUND);
}

int main(int argc, char **argv)
{
    const struct trace_count_wish wish = {.grouping = {.key = {0, TRACE_NO_FIELD}, .value = 1}};
    uint64_t cpu;

    (void)argc;
    (void)argv;
    trace = program_handle("trace");
    threads = option_u64("threads", 2);
    VERIFY(threads >= 1 && threads <= THREADS_MAX);
    must(sys_cpu_info(&cpu, &cpus));
    check_refusals();
    must(sys_trace_count(trace, TRACE_EVENT_USER_MARK, &wish));
    for (uint64_t i = 0; i < threads; i++) {
        markers[i].id = ID + i;
        markers[i].marks = option_u64("marks", 20000);
        must(thread_start(&markers[i].thread, make_marks, &markers[i], THREAD_CORE(i % cpus),
                          "marks"));
    }
    for (uint64_t i = 0; i < threads; i++) {
        wait_for_half(&markers[i]);
    }
    for (uint64_t i = 0; i < threads; i++) {
        thread_join(&markers[i].thread);
        check_last(&markers[i]);
    }
    must(sys_trace_count(trace, TRACE_EVENT_USER_MARK, NULL));
    mark(MARK_CHECKED, looks);
    report("%lu threads, %lu looks at their counts", threads, looks);
    return 0;
}
