/* SPDX-License-Identifier: MIT */
/*
 * why: why a thread does not go on, in five lines.
 *
 *     thread 12 'worker' of server: call on mailbox 25 'disk'
 *     chain: 12 server/worker -> 8 disk/main
 *     which is ready, third of level 8 on core 1
 *     stands at: thread_wait+0x21 < call+0x4b < sys_mailbox_call+0x57; user code client_main+0x322
 *     last event 12400 us before the stop
 */
#include "kdebug/cmd/trace_print.h"
#include "kdebug/cmd/wait.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/program.h"
#include "kdebug/core/symbols.h"
#include "kdebug/core/target.h"
#include "kdebug/x86_64/unwind.h"
#include "sched/run_queue.h"

#define FRAMES_SHOWN 4u
#define NAME_SHOWN   112u

static struct thread fetch_thread(vaddr_t address)
{
    struct thread thread;
    kd_fetch(address, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    return thread;
}

static void print_state(const struct thread *thread)
{
    char process[NAME_BYTES], object[80];
    kd_process_text((vaddr_t)thread->process, process, sizeof(process));
    kd_print("thread %u '%s' of %s: %s", thread->tid, thread->name, process, kd_state_name(thread));
    if (kd_wait_is_on(thread)) {
        kd_object_text((vaddr_t)thread->wait_object, object, sizeof(object));
        kd_print(" on %s", object);
    }
    if (thread->deadline.armed) {
        kd_print(", at most until %llu ns", (unsigned long long)thread->deadline.when);
    }
    if (atomic_load_explicit(&thread->pending, memory_order_relaxed) & THREAD_PENDING_PAUSED) {
        kd_print(", and its process is suspended");
    }
    kd_print("\n");
}

/* How many stand before it in its level. */
static unsigned count_before(vaddr_t address, const struct thread *thread)
{
    struct kd_list_walk walk;
    vaddr_t node, head = KD_GLOBAL(run_queues) + thread->cpu * sizeof(struct run_queue) +
                         offsetof(struct run_queue, level) + thread->queued * sizeof(struct list);
    unsigned before = 0;
    kd_list_begin(&walk, head);
    while (kd_list_next(&walk, &node) && node != address + offsetof(struct thread, run_link)) {
        before++;
    }
    return before;
}

/* What the one at the end of the chain does. */
static void print_end(vaddr_t address)
{
    struct thread thread = fetch_thread(address);
    int cpu = kd_thread_registers(address);
    struct kd_registers registers;
    if (cpu >= 0) {
        kd_print("which runs on core %d", cpu);
        if (kd_target->registers((unsigned)cpu, &registers) == OK) {
            kd_print(" at ");
            kd_print_address(registers.frame.rip);
        }
    } else if (thread.run == THREAD_READY) {
        kd_print("which is ready: %u before it at level %u of core %u",
                 count_before(address, &thread), thread.queued, thread.cpu);
    } else if (thread.run == THREAD_DEAD) {
        kd_print("which has ended");
    } else if (kd_thread_is_held(&thread)) {
        bool is_suspended = atomic_load_explicit(&thread.pending, memory_order_relaxed) &
                            THREAD_PENDING_STOP & ~THREAD_PENDING_HELD;
        kd_print("which is held: 'release thread %u' lets it go on%s", thread.tid,
                 is_suspended ? ", and a program must let it go on, too" : "");
    } else if (thread.wait == TRACE_THREAD_STATE_SUSPENDED) {
        kd_print("which stands still until a program lets it go on");
    } else {
        kd_print("which waits in %s for whoever comes", kd_state_name(&thread));
    }
    kd_print("\n");
}

static void print_chain(vaddr_t address)
{
    bool cycle;
    kd_print("chain: ");
    kd_wait_print(address);
    vaddr_t end = kd_wait_print_chain(address, &cycle);
    struct thread thread = fetch_thread(address);
    kd_print("\n");
    kd_wait_find_stuck();
    if (kd_wait_is_stuck(&thread)) {
        kd_print("a deadlock: %s ('deadlock' names all)\n",
                 cycle ? "it waits for itself in the end" : "nobody who could help can go on");
    } else {
        print_end(end);
    }
}

static void print_place(vaddr_t address, const struct thread *thread)
{
    struct kd_unwind unwind;
    struct kd_program program;
    struct kd_registers registers;
    char name[NAME_SHOWN];
    int cpu = kd_thread_registers(address);
    kd_print("stands at:");
    if (cpu >= 0 && kd_target->registers((unsigned)cpu, &registers) == OK) {
        kd_unwind_begin(&unwind, &registers.frame);
    } else if (!kd_unwind_begin_blocked(&unwind, thread->context.rsp)) {
        kd_print(" its stack cannot be read\n");
        return;
    }
    unsigned count = 0;
    do {
        if (kd_unwind_is_user(&unwind)) {
            bool is_known = kd_program_of(thread->root, &program) &&
                            kd_program_symbol(&program, unwind.rip, true, name, sizeof(name)) != 0;
            kd_print("; user code %s", is_known ? name : "");
        } else if (count++ < FRAMES_SHOWN) {
            kd_print(count == 1 ? " " : " < ");
            kd_print_address(unwind.rip);
        }
    } while (kd_unwind_next(&unwind));
    kd_print("\n");
}

static void print_last_event(const struct thread *thread)
{
    static const struct kd_event_filter any = {.cpu = -1};
    tsc_t last, now = kd_target->now();
    if (kd_target->trace_region() == 0) {
        kd_print("no trace\n");
        return;
    }
    kd_events_collect(&any, KD_EVENTS_MAX);
    if (!kd_events_find("tid", thread->tid, &last)) {
        kd_print("the newest events do not name it\n");
        return;
    }
    uint64_t khz = kd_events_khz();
    kd_print("last event that names it: %llu us before the stop\n",
             (unsigned long long)(khz == 0 || now < last ? 0 : (now - last) * 1000 / khz));
}

static void run_why(struct kd_call *call)
{
    vaddr_t address = kd_arg_thread(call);
    if (address == 0) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    struct thread thread = fetch_thread(address);
    print_state(&thread);
    print_chain(address);
    print_place(address, &thread);
    print_last_event(&thread);
}
KD_COMMAND(why, .usage = "TID", .help = "why a thread does not go on, in five lines",
           .flags = KD_READS | KD_TAKES, .run = run_why);
