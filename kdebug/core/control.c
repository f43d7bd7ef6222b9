/* SPDX-License-Identifier: MIT */
/*
 * Holding, releasing and ending threads and processes, by the running kernel (deferred.c).
 *
 * At the prompt nothing can be asked of a thread: it is stopped by itself only, on its way to user
 * mode, after a rendezvous of all cores. So the prompt remembers who was meant, by number: an
 * address may be somebody else's by the time the kernel runs.
 *
 * This is an interrupt, so it must not be the one to tear a process down, which is long work: one that
 * has had a thread does that itself, another one is not found.
 */
#include "kdebug/core/control.h"

#include "base/log.h"
#include "sched/process.h"

static void control_thread(struct thread *thread, const struct kd_control *request)
{
    switch (request->what) {
    case KD_CONTROL_HOLD:
        thread_stop(thread, THREAD_PENDING_HELD);
        break;
    case KD_CONTROL_RELEASE:
        thread_go_on(thread, THREAD_PENDING_HELD);
        break;
    case KD_CONTROL_KILL:
        thread_kill(thread, request->code);
        break;
    }
}

static void control_process(struct process *process, const struct kd_control *request)
{
    switch (request->what) {
    case KD_CONTROL_HOLD:
        process_stop(process, THREAD_PENDING_HELD);
        break;
    case KD_CONTROL_RELEASE:
        process_go_on(process, THREAD_PENDING_HELD);
        break;
    case KD_CONTROL_KILL:
        process_kill(process, request->code, 0);
        break;
    }
}

void kd_control_do(const struct kd_control *request)
{
    struct thread *thread = request->is_process ? NULL : thread_find(request->id);
    struct process *process = request->is_process ? process_find(request->id) : NULL;
    if (thread != NULL) {
        control_thread(thread, request);
        object_put(&thread->object);
    } else if (process != NULL) {
        control_process(process, request);
        object_put(&process->object);
    } else {
        log_warning("kdebug: %s %u has ended, or has never run",
                    request->is_process ? "process" : "thread", request->id);
    }
}
