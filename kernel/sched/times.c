/* SPDX-License-Identifier: MIT */
/* Counting user and kernel time; the theory is in times.h. */
#include "sched/times.h"

#include "arch/cpu.h"
#include "base/hooks.h"
#include "sched/thread.h"
#include "trace/ring/switch.h"

atomic_uint time_periods;

status_t time_count(bool on)
{
    if (on == time_is_counted()) {
        return OK;
    }
    /* While the sites change nobody is between them (S1), so a period may begin before and a pause, too. */
    atomic_fetch_add_explicit(&time_periods, 1, memory_order_relaxed);
    status_t status = trace_switch_times(on);
    if (status != OK) {
        atomic_fetch_add_explicit(&time_periods, 1, memory_order_relaxed);
    }
    return status;
}

void time_user_begins(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    tsc_t now = cpu_tsc();
    uint32_t present = time_period();
    if (UNLIKELY(self->count.period != present)) {
        self->count = (struct thread_count){.period = present,
                                            .uncounted = (uint64_t)(self->ticks + (int64_t)now)};
    }
    cpu->user_since = now;
}

void time_user_ends(void)
{
    struct cpu *cpu = this_cpu();
    cpu->current->count.user += cpu_tsc() - cpu->user_since;
    cpu->user_since = 0;
}

/* Since when the thread has been in user mode: in this very moment, or at most one ago. 0: it is not. */
static tsc_t user_since(const struct thread *thread)
{
    const struct cpu *cpu = &cpus[*(const volatile uint16_t *)&thread->cpu];
    tsc_t since = *(const volatile tsc_t *)&cpu->user_since;
    return *(struct thread *const volatile *)&cpu->current == thread ? since : 0;
}

struct thread_times thread_times(const struct thread *thread)
{
    uint64_t total = thread_ticks(thread);
    if (thread->process == NULL) {
        return (struct thread_times){.kernel = total};
    }
    return times_split(&thread->count, total, user_since(thread), cpu_tsc(), time_period());
}
