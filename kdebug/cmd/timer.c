/* SPDX-License-Identifier: MIT */
/* timers: what each core's timer is armed for, and the deadlines of its threads. */
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "sched/run_queue.h"

#define DEADLINES_MAX 512u

static vaddr_t pending[DEADLINES_MAX]; /* nodes of a heap that are still to be looked at */

static void push(unsigned *count, const struct deadline *node)
{
    if (node != NULL && *count < DEADLINES_MAX) {
        pending[(*count)++] = (vaddr_t)node;
    }
}

static void show_deadline(vaddr_t address, const struct deadline *deadline)
{
    struct thread thread;
    char process[NAME_BYTES];
    kd_fetch(address - offsetof(struct thread, deadline), &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)thread.process, process, sizeof(process));
    kd_print("    %16llu ns  %u %s/%s, %s\n", (unsigned long long)deadline->when, thread.tid,
             process, thread.name, kd_state_name(&thread));
}

/* The heap's order is not that of time but for its first; each node once, however damaged it is. */
static void show_heap(const struct deadline *root)
{
    unsigned count = 0, shown = 0;
    push(&count, root);
    while (count > 0 && shown++ < DEADLINES_MAX) {
        struct deadline deadline;
        vaddr_t at = pending[--count];
        kd_fetch(at, &deadline, sizeof(deadline), "deadline");
        show_deadline(at, &deadline);
        push(&count, deadline.next);
        push(&count, deadline.child);
    }
}

static void run_timers(struct kd_call *call)
{
    kd_arg_done(call);
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        struct run_queue queue;
        kd_fetch(KD_GLOBAL(run_queues) + cpu * sizeof(queue), &queue, sizeof(queue), "run queue");
        kd_print("core %u: ", cpu);
        if (queue.timer_at == TIMER_NEVER) {
            kd_print("timer off\n");
        } else {
            kd_print("timer at tick %llu, slice ends at %llu\n", (unsigned long long)queue.timer_at,
                     (unsigned long long)queue.slice_end);
        }
        show_heap(queue.deadlines);
    }
}
KD_COMMAND(timers, .usage = "",
           .help = "what each core's timer is armed for, and its threads' deadlines",
           .flags = KD_READS, .run = run_timers);
