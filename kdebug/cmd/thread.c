/* SPDX-License-Identifier: MIT */
/* Threads: threads, thread. */
#include "base/string.h"
#include "kdebug/cmd/times.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"

static void show_thread(const struct kd_value *value)
{
    struct thread thread;
    char process[NAME_BYTES], object[80];
    kd_fetch(value->bits, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)thread.process, process, sizeof(process));
    object[0] = '\0';
    if (thread.run == THREAD_BLOCKED) {
        kd_object_text((vaddr_t)thread.wait_object, object, sizeof(object));
    }
    kd_print("%5u  %-9s  %3u%c  %3u  %-16s  %-16s  %s\n", thread.tid, kd_state_name(&thread),
             thread.cpu, thread.pinned ? '!' : ' ', thread.priority, process, thread.name, object);
}

const struct kd_type kd_type_thread = {
    .name = "thread",
    .header = "  TID  STATE      CORE  PRI  PROCESS           NAME              WAITS FOR",
    .show = show_thread,
};

struct listing {
    struct kd_call *call;
    vaddr_t process; /* 0: of all */
};

static bool list_thread(vaddr_t thread, const struct thread *copy, void *context)
{
    struct listing *listing = context;
    if (listing->process != 0 && (vaddr_t)copy->process != listing->process) {
        return true;
    }
    return kd_emit(listing->call, kd_value_of(thread, &kd_type_thread));
}

static void run_threads(struct kd_call *call)
{
    struct listing listing = {.call = call, .process = kd_arg_process(call)};
    kd_arg_done(call);
    kd_each_thread(list_thread, &listing);
}
KD_COMMAND(threads, .usage = "[PID]",
           .help = "all threads, or those of a process; '!' behind the core: pinned",
           .flags = KD_READS | KD_GIVES | KD_TAKES, .run = run_threads);

static void show_times(vaddr_t address, const struct thread *thread)
{
    struct thread_times times;
    if (!kd_thread_times(address, thread, &times)) {
        kd_print("  user and kernel time not counted\n");
        return;
    }
    kd_print("  user %llu ticks, kernel %llu, uncounted %llu\n", (unsigned long long)times.user,
             (unsigned long long)times.kernel, (unsigned long long)times.uncounted);
}

/* ticks of a running thread: less its start, see struct thread. */
static void show_scheduling(const struct thread *thread)
{
    bool runs = thread->ticks < 0;
    kd_print("  level %u, queued last at %u, cores 0x%x, slice left %llu ticks, lent by 0x%llx\n",
             thread->level, thread->queued, thread->affinity,
             (unsigned long long)thread->slice_left, (unsigned long long)thread->lent_by);
    kd_print("  %s %llu ticks, FPU %s, fs 0x%llx, gs 0x%llx\n",
             runs ? "had the core since tick" : "had a core for",
             (unsigned long long)(runs ? -thread->ticks : thread->ticks),
             thread->fpu == NULL                    ? "never used"
             : thread->special & THREAD_SPECIAL_FPU ? "in use"
                                                    : "saved",
             (unsigned long long)thread->fs_base, (unsigned long long)thread->gs_base);
}

static void run_thread(struct kd_call *call)
{
    vaddr_t address = kd_arg_thread(call);
    if (address == 0) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    struct thread thread;
    char text[80];
    kd_fetch(address, &thread, sizeof(thread), "thread");
    thread.name[NAME_BYTES - 1] = '\0';
    kd_process_text((vaddr_t)thread.process, text, sizeof(text));
    kd_print("thread %u '%s' of %s at 0x%llx\n", thread.tid, thread.name, text,
             (unsigned long long)address);
    kd_print("  state %s, core %u%s, priority %u, runs now: %s, pending 0x%x%s\n",
             kd_state_name(&thread), thread.cpu, thread.pinned ? " (pinned)" : "", thread.priority,
             kd_thread_cpu(address) >= 0 ? "yes" : "no",
             atomic_load_explicit(&thread.pending, memory_order_relaxed),
             thread.special & THREAD_SPECIAL_EXEMPT ? ", exempt from the trace" : "");
    show_scheduling(&thread);
    show_times(address, &thread);
    uint64_t ticket = atomic_load_explicit(&thread.ticket, memory_order_relaxed);
    kd_object_text((vaddr_t)thread.wait_object, text, sizeof(text));
    kd_print("  ticket 0x%llx, waits for %s, call 0x%llx, serving 0x%llx, last wake status %s\n",
             (unsigned long long)ticket, text[0] == '\0' ? "nothing" : text,
             (unsigned long long)thread.call, (unsigned long long)thread.serving,
             status_name(thread.wake_status));
    if (thread_pins(&thread) > 0) {
        kd_print("  %llu pages pinned for messages, %u of them by the one it queues with\n",
                 (unsigned long long)thread_pins(&thread), thread.queued_pins);
    }
    if (thread.deadline.armed) {
        kd_print("  deadline %llu ns on core %u\n", (unsigned long long)thread.deadline.when,
                 thread.deadline.cpu);
    }
    kd_print("  stack top 0x%llx, context rsp 0x%llx, page tables 0x%llx, slot %u\n",
             (unsigned long long)thread.stack_top, (unsigned long long)thread.context.rsp,
             (unsigned long long)thread.root, thread.slot);
}
KD_COMMAND(thread, .usage = "TID", .help = "everything about one thread",
           .flags = KD_READS | KD_TAKES, .run = run_thread);
