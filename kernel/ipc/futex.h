/* SPDX-License-Identifier: MIT */
/* Futexes: waiting on a word of user memory. The theory is in futex.c. */
#pragma once

#include "base/list.h"
#include "sync/spinlock.h"

#define FUTEX_BUCKETS 256u

struct thread;

struct futex_bucket {
    struct spinlock lock;
    struct list waiters; /* (lock) struct futex_waiter, longest first */
};

/* A wait, on the stack of the thread that waits. (b) lock of the bucket it is in */
struct futex_waiter {
    struct list link;                      /* (b) */
    _Atomic(struct futex_bucket *) bucket; /* (b) changes under the locks of both */
    const uint32_t *word;                  /* (b) in the direct map: the key */
    struct thread *thread;
    uint64_t ticket;
};

extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

void futex_init(void);
