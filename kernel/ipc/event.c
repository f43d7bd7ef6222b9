/* SPDX-License-Identifier: MIT */
/*
 * Events: signals are level-triggered bits; a wait ends when its condition holds, at once or later.
 *
 * A wait has one or more conditions, each a struct event_waiter in the list of its event: of a wait for one event in the thread itself, which
 * parks (sched/switch.h), of a wait for many on its kernel stack. They share the ticket of the wait (sched/thread.h), so exactly one of them ends it.
 *
 * E1  In the list are only conditions that do not hold: who waits looks and joins under one lock, who signals looks at all.
 * E2  Whoever takes a condition out of a list does so under the lock, and touches it afterwards only if it has claimed the ticket,
 *     and not any more once it has made the thread ready: the memory is that thread's.
 * E3  A wait that ends takes its remaining conditions out of their lists before it returns.
 * E4  Longest waiters come first, and a condition with EVENT_CLEAR takes its signals before the next is looked at: so one
 *     signal wakes one of several takers.
 * E5  The last handle closed ends all waits: nobody could signal. So what has waiters has handles, and lives; who comes back late
 *     from another end of its wait may find the event gone, but still an event, whose list he is not in (M5 in mailbox.c).
 *
 * This file: life, signals of the kernel's own, waits for many. event_wait.c: the calls for one event, which switch threads without coming back.
 *
 * Rejected: counting signals (a semaphore is a futex); edges without state, which are lost when nobody waits.
 */
#include "base/assert.h"
#include "base/string.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "ipc/event_impl.h"
#include "kernel/abi/message.h"
#include "mm/heap.h"
#include "object/handle.h"
#include "sched/process.h"
#include "vm/user_copy.h"

static struct cache *event_cache;

void event_init(void)
{
    event_cache = cache_create("event", sizeof(struct event));
}

status_t event_create(const char *name, uint32_t process_id, struct event **out)
{
    struct event *event = cache_alloc(event_cache);
    if (event == NULL) {
        return ERR_NO_MEMORY;
    }
    /* A late look-up of an earlier life may hold the lock right now: it is initialised once (M5 in mailbox.c). */
    if (event->lock.name == NULL) {
        spinlock_init(&event->lock, "event", LOCK_RANK_WAIT);
        list_init(&event->waiters);
    }
    spinlock_acquire(&event->lock);
    event->signals = 0;
    event->handles = 0;
    event->closed = false;
    string_copy(event->name, name, sizeof(event->name));
    object_init(&event->object, OBJECT_EVENT);
    spinlock_release(&event->lock);
    trace_life_object_name(OBJECT_EVENT, event->object.id, process_id, event->name,
                           strlen(event->name));
    *out = event;
    return OK;
}

void event_destroy(struct object *object)
{
    cache_free(event_cache, CONTAINER_OF(object, struct event, object));
}

struct thread *event_signal(struct event *event, uint64_t set, uint64_t clear)
{
    spinlock_acquire(&event->lock);
    struct thread *woken = event_signal_locked(event, set, clear);
    spinlock_release(&event->lock);
    return woken;
}

void event_handle_opened(struct object *object)
{
    struct event *event = CONTAINER_OF(object, struct event, object);
    spinlock_acquire(&event->lock);
    event->handles++;
    spinlock_release(&event->lock);
}

void event_handle_closed(struct object *object)
{
    struct event *event = CONTAINER_OF(object, struct event, object);
    spinlock_acquire(&event->lock);
    ASSERT(event->handles > 0);
    if (--event->handles == 0) {
        event->closed = true;
        list_for_each_safe (node, following, &event->waiters) {
            list_remove(node);
            struct event_waiter *waiter = LIST_ENTRY(node, struct event_waiter, link);
            if (event_claim(waiter, event->signals)) {
                thread_ready(waiter->thread, ERR_PEER_CLOSED, TRACE_WAKE_REASON_CLOSED);
            }
        }
    }
    spinlock_release(&event->lock);
}

/* The events of the conditions, each with a reference. On an error none is kept. */
static status_t open_conditions(struct event_waiter *waiters,
                                const struct event_condition *conditions, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct object *object;
        status_t status =
            conditions[i].mask == 0 || (conditions[i].flags & ~EVENT_FLAGS) != 0
                ? ERR_BAD_ARGUMENT
                : handle_get(conditions[i].event, OBJECT_EVENT, RIGHT_EVENT_WAIT, &object);
        if (status != OK) {
            while (i-- > 0) {
                object_put(&waiters[i].event->object);
            }
            return status;
        }
        waiters[i] = (struct event_waiter){.event = CONTAINER_OF(object, struct event, object),
                                           .thread = current_thread(),
                                           .mask = conditions[i].mask,
                                           .flags = conditions[i].flags};
        list_init(&waiters[i].link);
    }
    return OK;
}

enum joined {
    JOINED,     /* the condition is in its list */
    ENDED_HERE, /* it held, or never can: the wait is over and has not begun to block */
    ENDED, /* a condition that joined before has ended the wait: the thread has been made ready */
};

/* One more condition of the wait. */
static enum joined join(struct event_waiter *waiter)
{
    struct event *event = waiter->event;
    enum joined joined = JOINED;
    spinlock_acquire(&event->lock);
    if (!event->closed && !event_holds(event->signals, waiter->mask, waiter->flags)) {
        list_push_back(&event->waiters, &waiter->link);
    } else if (thread_claim(waiter->thread, waiter->ticket)) {
        joined = ENDED_HERE;
        waiter->thread->wake_status = event->closed ? ERR_PEER_CLOSED : OK;
        waiter->seen = event->signals;
        waiter->fired = true;
        event->signals &= waiter->flags & EVENT_CLEAR ? ~waiter->mask : ~0ull;
    } else {
        joined = ENDED;
    }
    spinlock_release(&event->lock);
    return joined;
}

static status_t wait_any(struct event_waiter *waiters, unsigned count, ns_t deadline)
{
    struct thread *self = current_thread();
    uint64_t ticket = thread_ticket(self, TRACE_THREAD_STATE_EVENT, waiters[0].event);
    enum joined joined = JOINED;
    for (unsigned i = 0; i < count && joined == JOINED; i++) {
        waiters[i].ticket = ticket;
        joined = join(&waiters[i]);
    }
    if (joined == JOINED && deadline == DEADLINE_POLL && thread_claim(self, ticket)) {
        self->wake_status = ERR_TIMED_OUT;
        joined = ENDED_HERE;
    }
    status_t status;
    if (joined == ENDED_HERE) {
        self->run = THREAD_RUNNING;
        status = self->wake_status;
    } else {
        status = thread_wait(self, ticket, deadline == DEADLINE_POLL ? DEADLINE_FOREVER : deadline);
    }
    for (unsigned i = 0; i < count; i++) {
        event_leave(&waiters[i]); /* E3 */
    }
    return status;
}

status_t sys_event_wait_many(vaddr_t conditions, uint64_t count, ns_t deadline, uint64_t *out_index,
                             uint64_t *out_signals)
{
    struct event_condition copy[EVENT_WAIT_MAX];
    struct event_waiter waiters[EVENT_WAIT_MAX];
    if (count == 0 || count > EVENT_WAIT_MAX) {
        return ERR_BAD_ARGUMENT;
    }
    status_t status = user_copy_in(copy, conditions, count * sizeof(copy[0]));
    if (status == OK) {
        status = open_conditions(waiters, copy, (unsigned)count);
    }
    if (status != OK) {
        return status;
    }
    status = wait_any(waiters, (unsigned)count, deadline);
    for (unsigned i = 0; i < count; i++) {
        if (waiters[i].fired) {
            *out_index = i;
            *out_signals = waiters[i].seen;
        }
        object_put(&waiters[i].event->object);
    }
    return status;
}
