/* SPDX-License-Identifier: MIT */
/*
 * switching: threads that switch events and filters, each on events of its own, all at once.
 *
 *   threads=N (2)   rounds=N (500) of each
 *
 * Every round turns two events off and on and a filter on and off. A change lost to another thread shows at once:
 * each thread finds its events as it left them, and in the end as many filters can be set as at the start.
 */
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
#define HOOKS_MAX   16u /* trace/ring/hook.h */

struct switcher {
    struct thread thread;
    uint64_t rounds;
    unsigned event[2];
};

/* Events whose first field is a plain number, so that any of them can have a filter. */
static struct switcher switchers[THREADS_MAX] = {
    {.event = {TRACE_EVENT_IRQ_ENTER, TRACE_EVENT_MM_MAP}},
    {.event = {TRACE_EVENT_SYSCALL_ENTER, TRACE_EVENT_MM_UNMAP}},
    {.event = {TRACE_EVENT_IRQ_EXIT, TRACE_EVENT_MM_PROTECT}},
    {.event = {TRACE_EVENT_FAULT_ENTER, TRACE_EVENT_MM_CLONE}},
};
static uint64_t trace;

static void check_events(const struct switcher *switcher, const struct trace_event_set *now,
                         bool on)
{
    for (unsigned i = 0; i < 2; i++) {
        VERIFY(trace_event_set_has(now, switcher->event[i]) == on);
    }
}

/* They must be as they were left; then they are switched. */
static void switch_events(const struct switcher *switcher, bool on)
{
    struct trace_event_change change = {{{0}}, {{0}}};
    struct trace_event_set now;

    must(sys_trace_events(trace, &change, &now));
    check_events(switcher, &now, !on);
    for (unsigned i = 0; i < 2; i++) {
        trace_event_set_put(on ? &change.on : &change.off, switcher->event[i], 1);
    }
    must(sys_trace_events(trace, &change, &now));
    check_events(switcher, &now, on);
}

static status_t set_filter(unsigned event, unsigned count)
{
    const struct trace_condition condition = {.compare = TRACE_COMPARE_AT_LEAST, .value = 1};

    return sys_trace_filter(trace, event, &condition, count);
}

static void toggle(void *argument)
{
    const struct switcher *switcher = argument;

    for (uint64_t round = 0; round < switcher->rounds; round++) {
        switch_events(switcher, false);
        must(set_filter(switcher->event[0], 1));
        switch_events(switcher, true);
        must(set_filter(switcher->event[1], 1));
        must(set_filter(switcher->event[0], 0));
        must(set_filter(switcher->event[1], 0));
    }
}

/* No hook has been lost or is left over: all can be taken, and no more. */
static void count_hooks(void)
{
    unsigned taken = 0, events[HOOKS_MAX];

    for (unsigned event = TRACE_EVENT_SCHED_THREAD_SWITCH; event < TRACE_EVENT_COUNT; event++) {
        status_t status = set_filter(event, 1);

        if (status == OK) {
            VERIFY(taken < HOOKS_MAX);
            events[taken++] = event;
        } else {
            VERIFY(status == ERR_BAD_ARGUMENT || status == ERR_NO_MEMORY);
        }
    }
    VERIFY(taken == HOOKS_MAX);
    while (taken > 0) {
        must(set_filter(events[--taken], 0));
    }
}

int main(int argc, char **argv)
{
    uint64_t threads = option_u64("threads", 2), cpu, cpus;
    uint64_t rounds = option_u64("rounds", 500);

    (void)argc;
    (void)argv;
    trace = program_handle("trace");
    VERIFY(threads >= 1 && threads <= THREADS_MAX);
    must(sys_cpu_info(&cpu, &cpus));
    for (uint64_t i = 0; i < threads; i++) {
        switchers[i].rounds = rounds;
        must(thread_start(&switchers[i].thread, toggle, &switchers[i], THREAD_CORE(i % cpus),
                          "toggle"));
    }
    for (uint64_t i = 0; i < threads; i++) {
        thread_join(&switchers[i].thread);
    }
    count_hooks();
    mark(MARK_CHECKED, threads * rounds);
    report("%lu threads, %lu switchings each", threads, rounds * 6);
    return 0;
}
