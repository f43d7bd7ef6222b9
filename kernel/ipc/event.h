/* SPDX-License-Identifier: MIT */
/* Events: 64 signals, and threads that wait for some of them. The theory is in event.c. */
#pragma once

#include "base/list.h"
#include "gen/layout.h"
#include "object/object.h"
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

struct thread;

/* One condition of a wait, on the stack of the thread that waits. (e) event->lock  (c) constant while it waits */
struct event_waiter {
    struct list link;      /* (e) event->waiters, or alone */
    struct event *event;   /* (c) */
    struct thread *thread; /* (c) */
    uint64_t ticket;       /* (c) of the wait, which several conditions share */
    uint64_t mask, flags;  /* (c) EVENT_* */
    uint64_t seen;         /* written by who claimed the ticket: signals then */
    bool fired;            /* written by who claimed the ticket: this one it was */
};

void event_init(void);
status_t event_create(const char *name, uint32_t process_id, struct event **out) MUST_CHECK;
void event_destroy(struct object *object);
/* event_handle_opened() / event_handle_closed() - the handle table tells; with the last handle everybody who waits gets
 * ERR_PEER_CLOSED. */
void event_handle_opened(struct object *object);
void event_handle_closed(struct object *object);

/* event_signal() - for the kernel itself (interrupts): the caller has a reference. Context: any but NMI class. */
void event_signal(struct event *event, uint64_t set, uint64_t clear);
