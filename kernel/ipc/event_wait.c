/* SPDX-License-Identifier: MIT */
/*
 * Signals of and waits for one event: the system calls. The theory, with E1 to E5, is in event.c.
 *
 * A signal that wakes a more urgent thread of this core, or one that is followed by a wait, goes to it at once, through no queue; and who
 * waits parks. So this file is compiled with CFLAGS_ENTRY: only the dispatch of system calls calls it, which keeps no register.
 */
#include "arch/frame.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "ipc/event_impl.h"
#include "kernel/abi/message.h"
#include "object/handle.h"

static inline void finish(struct trap_frame *frame, status_t status)
{
    frame->rax = (uint64_t)(int64_t)status;
}

void event_signal_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    trace_syscall_exit((uint8_t)frame->rax);
}

void sys_event_signal(struct trap_frame *frame, struct handle_entry *entry)
{
    struct event *event = CONTAINER_OF(entry->object, struct event, object);
    spinlock_acquire(&event->lock);
    if (UNLIKELY(!handle_is_current(entry, frame->rdi))) {
        spinlock_release(&event->lock);
        finish(frame, ERR_BAD_HANDLE);
        return;
    }
    struct thread *woken = event_signal_locked(event, frame->rsi, frame->rdx);
    spinlock_release(&event->lock);
    finish(frame, OK);
    if (woken != NULL) {
        thread_ready_or_give_way(woken, TRACE_WAKE_REASON_SIGNAL, event_signal_parked);
    }
}

/* The wait of the current thread for one event is over. */
static inline void end_single_wait(struct trap_frame *frame, struct thread *self)
{
    struct event_waiter *waiter = (struct event_waiter *)self->condition;
    status_t status = self->wake_status;
    if (LIKELY(status == OK)) {
        frame->rdi = waiter->seen;
    } else {
        event_leave(waiter); /* E3 */
    }
    finish(frame, status);
}

void event_wait_resumed(struct trap_frame *frame)
{
    thread_switch_finish();
    end_single_wait(frame, current_thread());
    trace_syscall_exit((uint8_t)frame->rax);
}

/* What a system call waits for. */
struct wait {
    uint64_t mask, flags;
    ns_t deadline;
};

/* The wait of the current thread begins: its condition, which does not hold, into the list. */
static ALWAYS_INLINE uint64_t join_locked(struct event *event, struct thread *self,
                                          const struct wait *wait)
{
    struct event_waiter *waiter = (struct event_waiter *)self->condition;
    uint64_t ticket = thread_ticket(self, TRACE_THREAD_STATE_EVENT, event);
    waiter->event = event;
    waiter->thread = self;
    waiter->ticket = ticket;
    waiter->mask = wait->mask;
    waiter->flags = wait->flags;
    list_push_back(&event->waiters, &waiter->link);
    return ticket;
}

static inline bool is_sound(const struct wait *wait)
{
    return wait->mask != 0 && (wait->flags & ~EVENT_FLAGS) == 0;
}

/* The condition holds, or the caller will not wait: true, and the call is answered. */
static ALWAYS_INLINE bool answer_locked(struct trap_frame *frame, struct event *event,
                                        const struct wait *wait)
{
    uint64_t signals = event->signals;
    if (event_holds(signals, wait->mask, wait->flags)) {
        event->signals = wait->flags & EVENT_CLEAR ? signals & ~wait->mask : signals;
        frame->rdi = signals;
        finish(frame, OK);
        return true;
    }
    if (UNLIKELY(wait->deadline == DEADLINE_POLL)) {
        finish(frame, ERR_TIMED_OUT);
        return true;
    }
    return false;
}

static ALWAYS_INLINE bool will_park(const struct thread *self, const struct wait *wait)
{
    return wait->deadline == DEADLINE_FOREVER && thread_may_park(self);
}

/* Set some signals, if that was asked for, and wait. */
static ALWAYS_INLINE void signal_and_wait(struct trap_frame *frame, struct handle_entry *entry,
                                          const bool signals, uint64_t set, struct wait wait)
{
    struct event *event = CONTAINER_OF(entry->object, struct event, object);
    if (UNLIKELY(!is_sound(&wait))) {
        finish(frame, ERR_BAD_ARGUMENT);
        return;
    }
    spinlock_acquire(&event->lock);
    if (UNLIKELY(!handle_is_current(entry, frame->rdi))) {
        spinlock_release(&event->lock);
        finish(frame, ERR_BAD_HANDLE);
        return;
    }
    struct thread *woken = signals ? event_signal_locked(event, set, 0) : NULL;
    struct thread *self = current_thread();
    bool is_answered = answer_locked(frame, event, &wait);
    uint64_t ticket = is_answered ? 0 : join_locked(event, self, &wait);
    spinlock_release(&event->lock);
    bool parks = !is_answered && will_park(self, &wait);
    if (woken != NULL) {
        if (LIKELY(parks && thread_may_follow(woken))) {
            woken->wake_status = OK;
            thread_park_to(self, woken, event_wait_parked);
        }
        thread_ready_inline(woken, OK, TRACE_WAKE_REASON_SIGNAL);
    }
    if (LIKELY(parks)) {
        thread_park(self, event_wait_parked);
    }
    if (!is_answered) {
        (void)thread_wait(self, ticket, wait.deadline);
        end_single_wait(frame, self);
    }
}

void sys_event_wait(struct trap_frame *frame, struct handle_entry *entry)
{
    signal_and_wait(frame, entry, false, 0,
                    (struct wait){.mask = frame->rsi, .flags = frame->r8, .deadline = frame->rdx});
}

void sys_event_signal_wait(struct trap_frame *frame, struct handle_entry *entry)
{
    signal_and_wait(frame, entry, true, frame->rsi,
                    (struct wait){.mask = frame->rdx, .flags = frame->r9, .deadline = frame->r8});
}
