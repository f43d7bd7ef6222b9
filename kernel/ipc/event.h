/* SPDX-License-Identifier: MIT */
/* Events: 64 signals, and threads that wait for some of them. The theory is in event.c. */
#pragma once

#include "base/list.h"
#include "gen/layout.h"
#include "object/object.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

/* (e) lock  (c) constant after create */
struct event {
    struct object object; /* (c) */
    struct spinlock lock;
    uint64_t signals;      /* (e) */
    struct list waiters;   /* (e) struct event_waiter, longest first */
    uint32_t handles;      /* (e) open ones */
    bool closed;           /* (e) none is left */
    char name[NAME_BYTES]; /* (c) */
};

/* One condition of a wait, in the thread that waits or on its stack. (e) event->lock  (c) constant while it waits */
struct event_waiter {
    struct list link;      /* (e) event->waiters, or alone */
    struct event *event;   /* (c) */
    struct thread *thread; /* (c) */
    uint64_t ticket;       /* (c) of the wait, which several conditions share */
    uint64_t mask, flags;  /* (c) EVENT_* */
    uint64_t seen;         /* written by who claimed the ticket: signals then */
    bool fired;            /* written by who claimed the ticket: this one it was */
};

static_assert(sizeof(struct event_waiter) <= sizeof(((struct thread *)NULL)->condition),
              "the condition of a wait for one event is in the thread");

void event_init(void);
status_t event_create(const char *name, uint32_t process_id, struct event **out) MUST_CHECK;
void event_destroy(struct object *object);
/* event_handle_opened() / event_handle_closed() - the handle table tells; with the last handle everybody who waits gets
 * ERR_PEER_CLOSED. */
void event_handle_opened(struct object *object);
void event_handle_closed(struct object *object);

/*
 * event_signal() - for the kernel itself (interrupts): the caller has a reference. Returns the thread that it woke last, claimed: the caller makes it
 * ready (TRACE_WAKE_REASON_SIGNAL) or gives way to it; NULL: none. Context: any but NMI class.
 */
struct thread *event_signal(struct event *event, uint64_t set, uint64_t clear) MUST_CHECK;
