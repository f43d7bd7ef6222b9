/* SPDX-License-Identifier: MIT */
/* Inside of paging out, for vm/ and kdebug's `pager`. Theory: pager.c. */
#pragma once

#include "base/list.h"
#include "sched/wait_queue.h"
#include "sync/spinlock.h"
#include "vm/area_impl.h"
#include "vm/pager.h"

#define PAGE_BATCH_MAX 256u

/* Pages on their way out, all of one area. */
struct page_batch {
    struct area *area; /* with a reference; NULL: no pages */
    unsigned count, next;
    uint64_t page[PAGE_BATCH_MAX];
};

/* Where the clock goes on: the first process with this id or a higher one, at this address. */
struct page_hand {
    uint32_t process;
    vaddr_t va;
};

/* A thread that waits for a page, on its stack. */
struct page_request {
    struct list link; /* (p) pager->requests */
    struct area *area;
    uint64_t page;
    paddr_t frame;   /* (p) that the page will have; 0: it has been answered */
    bool is_given;   /* (p) by the page; it may be on its way again */
    bool is_corrupt; /* (p) by something else than the page */
};

/* (c) constant  (p) lock  (n) the thread in pager_next()  (r) room.lock  (w) work.lock  (a) atomic */
struct pager {
    struct object object;
    atomic_uint uses; /* (a) what keeps the memory: the object, areas (O4) */
    struct spinlock lock;
    struct object *mailbox;    /* (c) with a reference */
    const struct space *space; /* (c) compared, never followed */
    uint64_t pages_max;        /* (c) */
    ns_t patience;             /* (c) */
    uint64_t key;              /* (c) of the seals */
    uint64_t reserve;          /* (c) frames that only the pager takes */
    atomic_ulong pages_out;    /* (a) */
    atomic_bool closed;        /* (a) */
    atomic_bool is_full;       /* (a) has refused a page, and none has come back since */
    atomic_bool is_busy;       /* (a) a thread is in pager_next() */
    struct list forgets;       /* (p) area.forget_link */
    struct list requests;      /* (p) page_request.link */
    struct page_batch batch;   /* (n) */
    bool is_pending;           /* (n) page[next - 1] of the batch is with the pager */
    uint64_t seal;             /* (n) of that page */
    struct page_hand hand;     /* (n) */
    void *outbox;              /* (n) a page: what is being given */
    struct wait_queue work;    /* the pager's thread */
    bool is_wanted;            /* (w) there may be something to do */
    struct wait_queue room;    /* who waits for memory */
    uint64_t freed;            /* (n) pages that left since the last of both: */
    uint64_t rooms;            /* (r) times when there was room again */
    uint64_t vain;             /* (r) times when nothing could be found to leave */
    atomic_ulong fetched, returned, lost, refused; /* (a) statistics */
};

extern struct pager *pager_current; /* NULL: none. pager_use_current() to keep it. */

/* pager_use_current() - the one there is, kept; NULL. pager_use() / pager_unuse() - keep its memory. */
struct pager *pager_use_current(void) MUST_CHECK;
void pager_use(struct pager *pager);
void pager_unuse(struct pager *pager);

/* pager_wake() - there may be something to do. */
void pager_wake(struct pager *pager);
/* pager_is_own() - the current thread is one of the pager's process. */
bool pager_is_own(const struct pager *pager) MUST_CHECK;
/* pager_tell_room() - wake who waits for memory if there is enough, or if no more will come just now. */
void pager_tell_room(struct pager *pager, bool is_last);
/* pager_is_needed() - memory is short, and the pager may have more. */
bool pager_is_needed(const struct pager *pager);

/* pager_page_gone_locked() - a page that is out is needed no longer, or came back. REQUIRES(area->lock). */
void pager_page_gone_locked(struct area *area);
/* pager_forget() - let the pager know that pages from `from` on are not needed any more. */
void pager_forget(struct area *area, uint64_t from);
/* pager_outlives() - a destroyed area whose pager has to be told: true, and its memory is freed when that is done.
 * area_free() - that. */
bool pager_outlives(struct area *area) MUST_CHECK;
void area_free(struct area *area);

/*
 * page_out_choose() - go on with the clock until there are cold pages: hidden, on their way, in pager->batch. False: none
 * in two turns. page_out_next() - the contents of the next one in pager->outbox. page_out_finish() - the one before
 * has left, or goes back. page_out_return() - so do the rest of the batch. All (n).
 */
bool page_out_choose(struct pager *pager) MUST_CHECK;
bool page_out_next(struct pager *pager, struct pager_request *out) MUST_CHECK;
void page_out_finish(struct pager *pager, bool is_stored);
void page_out_return(struct pager *pager);

/*
 * page_in() - bring a page back that is leaving or out. OK: it is here now, or was; ERR_NO_MEMORY; ERR_CANCELLED; ERR_CORRUPT: it
 * is lost, or the thread is one of the pager's process, which would wait for itself; that has been said. Context: thread, no lock held; waits for the pager.
 */
status_t page_in(struct area *area, uint64_t page) MUST_CHECK;

/*
 * page_seal() - a keyed checksum of a page under its name; the two tag bits are clear. A polynomial over the numbers modulo
 * 2^61 - 1 at a secret place: who does not know the key finds other contents with the same seal once in
 * 2^50 tries, so a pager cannot lie on purpose either.
 */
uint64_t page_seal(uint64_t key, uint64_t area, uint64_t page, const void *contents);
