/* SPDX-License-Identifier: MIT */
/* What recording adds: the same operations with events switched on. */
#include "gen/syscall_user.h"
#include "gen/trace_events.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/user_trace.h"
#include "userspace/programs/bench/bench.h"

#define ALL ~0ull

/* Switch exactly these categories on. Returns those that were on before. */
static uint64_t set_categories(uint64_t mask)
{
    uint64_t trace = program_handle("trace");
    uint64_t before, now, unused;

    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, 0, &before, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, ~mask, &now, &unused));
    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, mask, &now, &unused));
    return before;
}

static struct figure with_events(uint64_t mask, struct figure (*measure)(void))
{
    uint64_t before = set_categories(mask);
    struct figure figure = measure();

    set_categories(before);
    return figure;
}

static void print_added(const char *key, uint64_t mask, struct figure (*measure)(void),
                        unsigned events)
{
    struct figure without = with_events(0, measure);

    figure_print(key, figure_added(with_events(mask, measure), without, events));
}

void bench_tracing(void)
{
    print_added("ipc.call_reply.0w.traced", ALL, bench_call_0w, 1);
    print_added("ipc.call_reply.0w.traced_sched", TRACE_CATEGORY_SCHED, bench_call_0w, 1);
    print_added("trace.event.thread_switch", TRACE_CATEGORY_SCHED, bench_yield, 2);
    print_added("trace.event.page_fault", TRACE_CATEGORY_FAULT, bench_fault, 2);
    print_added("trace.event.ipc", TRACE_CATEGORY_IPC, bench_call_0w, 4);
    print_added("trace.event.syscall", TRACE_CATEGORY_SYSCALL, bench_null, 2);
    print_added("trace.event.mark", TRACE_CATEGORY_USER, bench_mark, 1);
    (void)user_trace_open();
    figure_print("trace.event.user", bench_user_event());
}
