/* SPDX-License-Identifier: MIT */
/*
 * deadlock: threads that nobody can wake any more, proved; and cores that spin for locks in a circle (cmd/lock.c).
 *
 * Who can go on? Whoever runs, is ready, has a deadline, is about to be killed, or waits for something
 * that does not name who brings it (a message, an interrupt, a page, a word of memory, the first of several
 * events). Then, as long as that finds more:
 *     a caller whose call is being served   if some thread of the server's process can go on
 *     a caller whom nobody has received     if some thread of a process can that may receive there
 *     who joins a thread or a process       if that, or a thread of it, can go on
 *     who waits for one event               if some thread of a process can that may signal it, or a
 *                                           device's interrupt signals it; or if one can of each process
 *                                           that has a handle to it: they may all close theirs (E5 in event.c)
 * The rest is stuck for ever. The verdict errs on the side of "may go on": a token or a handle may be
 * passed on inside a process, so all its threads count; so there is no false "deadlock", and one that
 * spans threads who wait for one of several events is not found. A right on its way in a message is in its
 * sender's table until the receiver has it. A process without threads is being made or taken down, by
 * somebody who may do anything with its handles: it can go on.
 *
 * Root cause: of those that are stuck, the ones that are waited for in a circle; the others stand behind.
 */
#include "base/string.h"
#include "ipc/event.h"
#include "ipc/mailbox.h"
#include "irq/interrupt.h"
#include "kdebug/cmd/handle.h"
#include "kdebug/cmd/lock.h"
#include "kdebug/cmd/wait.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "sched/process.h"

#define CHAIN_MAX 64u

enum state { UNKNOWN, FREE, STUCK };
static uint8_t states[THREAD_MAX]; /* enum state, by slot */
static bool changed;

/* It waits for an event, and for no other one beside it: then the condition is in the thread. */
static bool waits_for_one_event(const struct thread *thread)
{
    struct event_waiter condition;
    memcpy(&condition, thread->condition, sizeof(condition));
    return thread->wait == TRACE_THREAD_STATE_EVENT &&
           (vaddr_t)condition.event == (vaddr_t)thread->wait_object &&
           condition.ticket == atomic_load_explicit(&thread->ticket, memory_order_relaxed);
}

static bool is_signalled_by_device(vaddr_t event)
{
    for (unsigned i = 0; i < INTERRUPT_VECTORS; i++) {
        vaddr_t interrupt =
            kd_fetch_word(KD_GLOBAL(interrupt_vectors) + i * sizeof(vaddr_t), "vectors");
        if (interrupt != 0 &&
            kd_fetch_word(interrupt + offsetof(struct interrupt, event), "interrupt") == event) {
            return true;
        }
    }
    return false;
}

/* Does it wait for somebody who has a name? */
static bool depends(const struct thread *thread)
{
    if (!kd_wait_is_on(thread) || thread->deadline.armed ||
        atomic_load_explicit(&thread->pending, memory_order_relaxed) != 0) {
        return false;
    }
    return thread->wait == TRACE_THREAD_STATE_CALL || thread->wait == TRACE_THREAD_STATE_REPLY ||
           thread->wait == TRACE_THREAD_STATE_JOIN ||
           (waits_for_one_event(thread) && !is_signalled_by_device((vaddr_t)thread->wait_object));
}

struct question {
    vaddr_t process, object;
    uint32_t right; /* to the object, for what helps */
    bool yes;
};

static bool is_free_in(vaddr_t address UNUSED, const struct thread *thread, void *context)
{
    struct question *question = context;
    question->yes |=
        (vaddr_t)thread->process == question->process && states[thread->slot % THREAD_MAX] == FREE;
    return !question->yes;
}

static bool process_can_go_on(vaddr_t process)
{
    uint32_t threads;
    kd_fetch(process + offsetof(struct process, thread_count), &threads, sizeof(threads),
             "process");
    struct question question = {.process = process, .yes = threads == 0};
    kd_each_thread(is_free_in, &question);
    return question.yes;
}

static bool has_right(vaddr_t entry UNUSED, const struct handle_entry *copy, void *context)
{
    struct question *question = context;
    question->yes |=
        (vaddr_t)copy->object == question->object && (copy->rights & question->right) != 0;
    return !question->yes;
}

static bool process_may_help(vaddr_t process, void *context)
{
    struct question *question = context;
    struct question holds = {.object = question->object, .right = question->right};
    kd_each_handle(process, has_right, &holds);
    question->yes = holds.yes && process_can_go_on(process);
    return !question->yes;
}

static bool process_keeps_open(vaddr_t process, void *context)
{
    struct question *question = context;
    struct question holds = {.object = question->object, .right = UINT32_MAX};
    kd_each_handle(process, has_right, &holds);
    question->yes = holds.yes && !process_can_go_on(process);
    return !question->yes;
}

/* By the last handle closed, which ends all waits. */
static bool may_be_closed(vaddr_t event)
{
    struct question question = {.object = event};
    kd_each_process(process_keeps_open, &question);
    return !question.yes;
}

static vaddr_t process_of(vaddr_t thread)
{
    return kd_fetch_word(thread + offsetof(struct thread, process), "thread");
}

/* What it waits for may come, as far as is known by now. */
static bool may_come(vaddr_t address, const struct thread *thread)
{
    struct object object;
    kd_fetch((vaddr_t)thread->wait_object, &object, sizeof(object), "object");
    if (object.type == OBJECT_PROCESS) {
        return process_can_go_on((vaddr_t)thread->wait_object);
    }
    if (object.type == OBJECT_THREAD) {
        struct thread joined;
        kd_fetch((vaddr_t)thread->wait_object, &joined, sizeof(joined), "thread");
        return joined.run == THREAD_DEAD || states[joined.slot % THREAD_MAX] == FREE;
    }
    if (thread->wait == TRACE_THREAD_STATE_REPLY) {
        vaddr_t server = kd_wait_awaited(address);
        return server == 0 || process_can_go_on(process_of(server));
    }
    struct question question = {.object = (vaddr_t)thread->wait_object,
                                .right = object.type == OBJECT_EVENT ? RIGHT_EVENT_SIGNAL
                                                                     : RIGHT_MAILBOX_RECEIVE};
    kd_each_process(process_may_help, &question);
    return question.yes || (object.type == OBJECT_EVENT && may_be_closed(question.object));
}

static bool look_once(vaddr_t address UNUSED, const struct thread *thread, void *context UNUSED)
{
    states[thread->slot % THREAD_MAX] = depends(thread) ? STUCK : FREE;
    return true;
}

static bool look_again(vaddr_t address, const struct thread *thread, void *context UNUSED)
{
    uint8_t *state = &states[thread->slot % THREAD_MAX];
    if (*state == STUCK && may_come(address, thread)) {
        *state = FREE;
        changed = true;
    }
    return true;
}

static bool count_stuck(vaddr_t address UNUSED, const struct thread *thread, void *context)
{
    *(unsigned *)context += kd_wait_is_stuck(thread);
    return true;
}

bool kd_wait_is_stuck(const struct thread *thread)
{
    return states[thread->slot % THREAD_MAX] == STUCK;
}

unsigned kd_wait_find_stuck(void)
{
    unsigned count = 0;
    kd_each_thread(look_once, NULL);
    do {
        changed = false;
        kd_each_thread(look_again, NULL);
    } while (changed);
    kd_each_thread(count_stuck, &count);
    return count;
}

static bool waits_for_any(vaddr_t address)
{
    uint8_t wait;
    kd_fetch(address + offsetof(struct thread, wait), &wait, sizeof(wait), "thread");
    return wait == TRACE_THREAD_STATE_CALL || wait == TRACE_THREAD_STATE_EVENT;
}

/* It is waited for, in the end, by itself; or it waits for a mailbox from which only the stuck may receive, or an event that only they
 * may signal. */
static bool is_cause(vaddr_t thread)
{
    vaddr_t at = thread;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        at = kd_wait_awaited(at);
        if (at == thread) {
            return true;
        }
        if (at == 0) {
            return i == 0 && waits_for_any(thread);
        }
    }
    return false;
}

static void print_stuck(vaddr_t address, const struct thread *thread)
{
    char object[80];
    bool cycle;
    kd_object_text((vaddr_t)thread->wait_object, object, sizeof(object));
    kd_print("  ");
    kd_wait_print(address);
    kd_print(": %s on %s", kd_state_name(thread), object);
    (void)kd_wait_print_chain(address, &cycle);
    if (kd_wait_awaited(address) == 0 && thread->wait == TRACE_THREAD_STATE_CALL) {
        kd_print(", from which only threads that are stuck may receive");
    }
    if (thread->wait == TRACE_THREAD_STATE_EVENT) {
        kd_print(", which only threads that are stuck may signal");
    }
    kd_print("%s\n", cycle ? "  CYCLE" : "");
}

static bool print_if(vaddr_t address, const struct thread *thread, void *context)
{
    const bool *causes = context;
    if (kd_wait_is_stuck(thread) && is_cause(address) == *causes) {
        print_stuck(address, thread);
    }
    return true;
}

static void run_deadlock(struct kd_call *call)
{
    bool causes = true;
    kd_arg_done(call);
    unsigned spinning = kd_lock_print_cycles(), count = kd_wait_find_stuck();
    if (spinning != 0) {
        kd_print("%u cores can never go on\n", spinning);
    }
    if (count == 0 && spinning == 0) {
        kd_print("no deadlock: each thread can go on, or waits for what may still come\n");
    }
    if (count == 0) {
        return;
    }
    kd_print("%u threads can never go on; the cause:\n", count);
    kd_each_thread(print_if, &causes);
    causes = false;
    kd_print("behind them:\n");
    kd_each_thread(print_if, &causes);
}
KD_COMMAND(
    deadlock, .usage = "",
    .help = "threads that nobody can wake any more, proved; who causes it, who stands behind",
    .flags = KD_READS, .run = run_deadlock);
