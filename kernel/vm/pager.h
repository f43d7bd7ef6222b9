/* SPDX-License-Identifier: MIT */
/* Pagers: user processes that keep cold pages of others. Theory: pager.c; what is said: abi/pager.h. */
#pragma once

#include "base/types.h"
#include "object/object.h"

struct pager; /* starts with struct object */
struct space;

/* pager_init() - once, after heap_init(). */
void pager_init(void);

struct pager_terms {
    struct object *mailbox;    /* where pages are asked for */
    const struct space *space; /* of the pager's own process: stays in memory */
    uint64_t pages_max;        /* that it may have at a time */
    ns_t patience;             /* how long a thread waits for a page before it counts as lost */
};

/*
 * pager_create() - from now on cold pages go there. One reference for the caller; when the last goes, all
 * that the pager has is lost. Takes a reference to the mailbox. OK; ERR_NO_MEMORY; ERR_BUSY there is one.
 * pager_destroy() - called by object_put() with the last reference.
 */
status_t pager_create(const struct pager_terms *terms, struct pager **out) MUST_CHECK;
void pager_destroy(struct object *object);

struct pager_request {
    unsigned what; /* PAGER_STORE, PAGER_FORGET */
    uint64_t area, page;
};

/*
 * pager_next() - the calling thread looks for something to do for the pager, and waits if there is nothing:
 * here cold pages are chosen, in the pager's time.
 *
 * @outcome  what became of the request before: PAGER_STORED, PAGER_REFUSED.
 * @buffer   user address: gets the contents of a page to store
 *
 * OK; ERR_BAD_ADDRESS the page stays in memory; ERR_TIMED_OUT; ERR_CANCELLED; ERR_BUSY another thread is here. Context: thread, no lock held. May take
 * long.
 */
status_t pager_next(struct pager *pager, unsigned outcome, vaddr_t buffer, ns_t deadline,
                    struct pager_request *out) MUST_CHECK;

/*
 * pager_supply() - the contents, at a user address, of a page that somebody waits for. OK; ERR_NOT_FOUND nobody does, or no
 * longer; ERR_CORRUPT they are not what the pager was given; ERR_BAD_ADDRESS, also, and at once, if the caller is of the pager's
 * process and they are out themselves: they would have to be supplied first.
 * Context: thread, no lock held; waits if another process gives what is out. Cost: about 8000 instructions, for the seal.
 */
status_t pager_supply(struct pager *pager, uint64_t area, uint64_t page,
                      vaddr_t contents) MUST_CHECK;

/* pager_is_asking() - the current thread is one of the pager's process: what memory it takes is for pages of others. */
bool pager_is_asking(void) MUST_CHECK;

/* pager_make_room() - memory is out: wait until a pager has taken something. True: try again. For who may wait:
 * no lock held. False at once without a pager, and in the pager's own process. */
bool pager_make_room(void) MUST_CHECK;
/* pager_keep_reserve() - before taking memory that is short: start paging out, wait while what is left is so little that
 * the pager needs it. Who has a right to that does not wait. */
void pager_keep_reserve(void);
