/* SPDX-License-Identifier: MIT */
/* runq: what is ready on each core, and its deadlines. */
#include "kdebug/core/lookup.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "sched/run_queue.h"

static void show_level(vaddr_t head, unsigned level)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_list_begin(&walk, head);
    while (kd_list_next(&walk, &node)) {
        struct thread thread;
        char process[NAME_BYTES];
        kd_fetch(node - offsetof(struct thread, run_link), &thread, sizeof(thread), "thread");
        thread.name[NAME_BYTES - 1] = '\0';
        kd_process_text((vaddr_t)thread.process, process, sizeof(process));
        kd_print("    %2u%s thread %u %s/%s\n", level, level_is_real_time(level) ? "!" : " ",
                 thread.tid, process, thread.name);
    }
}

static void show_queue(unsigned cpu)
{
    struct run_queue queue;
    vaddr_t address = KD_GLOBAL(run_queues) + cpu * sizeof(queue);
    kd_fetch(address, &queue, sizeof(queue), "run queue");
    int32_t running = atomic_load_explicit(&queue.running, memory_order_relaxed);
    kd_print("core %u: %u ready, runs %s", cpu, queue.ready, running < 0 ? "idle" : "level ");
    if (running >= 0) {
        kd_print("%d", running);
    }
    kd_print(", %llu switches, slice ends at tick %llu, timer at %lld\n",
             (unsigned long long)queue.switches, (unsigned long long)queue.slice_end,
             (long long)queue.timer_at);
    kd_print("    stole %llu threads, gave %llu away, aged %llu, kicked %llu times\n",
             (unsigned long long)queue.stolen, (unsigned long long)queue.given,
             (unsigned long long)queue.aged, (unsigned long long)queue.kicks);
    for (unsigned level = LEVEL_COUNT; level-- > 0;) {
        if (queue.levels >> level & 1) {
            show_level(address + offsetof(struct run_queue, level) + level * sizeof(struct list),
                       level);
        }
    }
    if (queue.deadlines != NULL) {
        struct deadline first;
        kd_fetch((vaddr_t)queue.deadlines, &first, sizeof(first), "deadline");
        kd_print("    first deadline %llu ns, ticket 0x%llx\n", (unsigned long long)first.when,
                 (unsigned long long)first.ticket);
    }
}

static void run_runq(struct kd_call *call)
{
    uint64_t only = UINT64_MAX;
    kd_arg_number(call, &only);
    kd_arg_done(call);
    for (unsigned cpu = 0; cpu < kd_target->cpu_count(); cpu++) {
        if (only == UINT64_MAX || only == cpu) {
            show_queue(cpu);
        }
    }
}
KD_COMMAND(runq, .usage = "[CPU]",
           .help = "ready threads by level (!: real time), counters and deadlines of each core",
           .flags = KD_READS, .run = run_runq);
