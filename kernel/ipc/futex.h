/* SPDX-License-Identifier: MIT */
/* Futexes: waiting on a word of user memory. The theory is in futex.c. */
#pragma once

#include "base/list.h"
#include "sched/thread.h"
#include "sync/spinlock.h"

#define FUTEX_BUCKETS 256u

struct futex_bucket {
    struct spinlock lock;
    struct list waiters; /* (lock) struct futex_waiter, longest first */
};

/* A wait, in the thread that waits. (b) lock of the bucket it is in */
struct futex_waiter {
    struct list link;                      /* (b) */
    _Atomic(struct futex_bucket *) bucket; /* (b) changes under the locks of both */
    const uint32_t *word;                  /* (b) in the direct map: the key */
    struct thread *thread;
    uint64_t ticket;
};

static_assert(sizeof(struct futex_waiter) <= sizeof(((struct thread *)NULL)->condition),
              "the condition of a wait is in the thread");

extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

void futex_init(void);
