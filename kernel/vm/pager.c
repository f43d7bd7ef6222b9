/* SPDX-License-Identifier: MIT */
/*
 * Paging out: what is cold goes to a pager, a user process, and comes back when it is touched.
 *
 * The kernel decides what goes and when (page_out.c) and fetches what is missing (page_in.c); where pages are
 * kept is the pager's business. Choosing is done by the pager's own thread while it is in pager_next(): there is no
 * thread of the kernel for it, and the time counts as the pager's. Fetching is a call of the thread that needs the
 * page to the pager's mailbox, like any other: priority lent, cancelled when the thread is killed, over when
 * nobody can answer any more.
 *
 *              chosen, hidden            the pager has it
 *      here ──────────────────> leaving ──────────────────> out
 *       ^  <────────────────────                             │
 *       │    touched, or refused                             │
 *       └────────────────────────────────────────────────────┘
 *                          supplied with the right seal
 *
 *   O1  The state of a page is in its entry of the area's index. It goes from here to leaving only while it is
 *       frozen and hidden from all spaces; all other steps are made under area->lock.
 *   O2  A page that is leaving or out has no leaf in any space.
 *   O3  area->paged_out is the number of entries that are out; pager->pages_out that of all its areas.
 *   O4  An area keeps its pager's memory from the first page that leaves on. One that had another pager, now closed,
 *       changes when it has nothing out there.
 *   O5  What is taken from a pager is only a page that somebody waits for, and only if its seal fits. So a pager can
 *       lose pages, not change them; whoever needs a lost one ends, nobody else.
 *   O6  The pager never waits for itself: what its process maps stays, and its threads do not wait for memory; a
 *       reserve is theirs, and of those that the pager waits for (process_reserve()). If it maps what is out already, its threads are refused that.
 *
 * `check mm` verifies O1 to O4. O5 would need the contents that the pager has, and O6 is about who waits: a breach of that is a
 * hang, which the program `paging` would be in.
 *
 * A page may only leave that is mapped in one place: not what processes share (clones, message
 * rings), nor buffers of threads that wait for a message, which must be there when it comes.
 *
 * Locks: pager->lock (rank PAGER) under area->lock. Wait queues `work` and `room` are taken alone.
 *
 * Rejected: a kernel thread that chooses (another thing to schedule and account for); handing frames over instead of
 * copying them (the pager would write to what a fault may take back at any time).
 */
#include "vm/pager_impl.h"

#include "abi/pager.h"
#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/frame.h"
#include "mm/heap.h"
#include "sched/process.h"
#include "sched/thread.h"
#include "vm/user_copy.h"

#define SHORT_SHARE  128u   /* memory is short when less than this part of what was free is */
#define SHORT_MIN    256u   /* frames */
#define SHORT_MAX    16384u /* frames: 64 MiB */
#define RESERVE_PART 4u     /* of that is the pager's */
#define WAKE_RESERVES                                                                              \
    2u /* as much as that must be free for those who wait to go on, if there is more to come */

struct pager *pager_current;
static struct cache *pager_cache;
static struct spinlock current_lock = SPINLOCK_INIT("current pager", LOCK_RANK_PAGER);

/* ---- life ---- */

void pager_init(void)
{
    pager_cache = cache_create("pager", sizeof(struct pager));
}

static status_t make_outbox(struct pager *pager)
{
    paddr_t out = frame_alloc(0, FRAME_PAGER);
    if (out == 0) {
        return ERR_NO_MEMORY;
    }
    pager->outbox = phys_to_virt(out);
    return OK;
}

/* Not known to a pager: from when exactly, and what the kernel's stack canary was made of. */
static uint64_t make_key(void)
{
    uint64_t key = cpu_tsc() ^ this_cpu()->stack_canary;
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9ull;
    key = (key ^ key >> 27) * 0x94d049bb133111ebull;
    return (key ^ key >> 31) >> 4 | 1;
}

static void init_pager(struct pager *pager, const struct pager_terms *terms)
{
    spinlock_init(&pager->lock, "pager", LOCK_RANK_PAGER);
    list_init(&pager->forgets);
    list_init(&pager->requests);
    wait_queue_init(&pager->work, "pager work");
    wait_queue_init(&pager->room, "pager room");
    atomic_store_explicit(&pager->uses, 1, memory_order_relaxed);
    pager->mailbox = terms->mailbox;
    pager->space = terms->space;
    pager->pages_max = terms->pages_max;
    pager->patience = terms->patience;
    pager->key = make_key();
    object_get(pager->mailbox);
}

/* False: there is one. The mark goes with the pager: one that goes must not take away that of the next. */
static bool become_current(struct pager *pager, uint64_t mark)
{
    spinlock_acquire(&current_lock);
    bool is_free = pager_current == NULL;
    if (is_free) {
        pager_current = pager;
        frame_set_short_mark(mark);
    }
    spinlock_release(&current_lock);
    return is_free;
}

static void free_pager(struct pager *pager)
{
    frame_free(virt_to_phys(pager->outbox), 0);
    object_put(pager->mailbox);
    cache_free(pager_cache, pager);
}

status_t pager_create(const struct pager_terms *terms, struct pager **out)
{
    struct pager *pager = cache_alloc(pager_cache);
    if (pager == NULL) {
        return ERR_NO_MEMORY;
    }
    memset(pager, 0, sizeof(*pager)); /* nobody has a reference: it stays 0 */
    if (make_outbox(pager) != OK) {
        cache_free(pager_cache, pager);
        return ERR_NO_MEMORY;
    }
    init_pager(pager, terms);
    uint64_t mark = frame_count_free() / SHORT_SHARE;
    mark = MIN(MAX(mark, (uint64_t)SHORT_MIN), (uint64_t)SHORT_MAX);
    pager->reserve = mark / RESERVE_PART;
    if (!become_current(pager, mark)) {
        free_pager(pager);
        return ERR_BUSY;
    }
    object_init(&pager->object, OBJECT_PAGER);
    *out = pager;
    return OK;
}

void pager_use(struct pager *pager)
{
    atomic_fetch_add_explicit(&pager->uses, 1, memory_order_relaxed);
}

void pager_unuse(struct pager *pager)
{
    if (atomic_fetch_sub_explicit(&pager->uses, 1, memory_order_acq_rel) == 1) {
        free_pager(pager);
    }
}

struct pager *pager_use_current(void)
{
    if (pager_current == NULL) {
        return NULL;
    }
    spinlock_acquire(&current_lock);
    struct pager *pager = pager_current;
    if (pager != NULL) {
        pager_use(pager);
    }
    spinlock_release(&current_lock);
    return pager;
}

/* The first area that the pager was to be told of, off the list. *out_gone: nobody else knows it any more. */
static struct area *pop_forget(struct pager *pager, uint64_t *out_from, bool *out_gone)
{
    struct area *area = NULL;
    spinlock_acquire(&pager->lock);
    if (!list_is_empty(&pager->forgets)) {
        area = LIST_FIRST(&pager->forgets, struct area, forget_link);
        list_remove(&area->forget_link);
        *out_from = area->forget_from;
        *out_gone = area->is_gone;
    }
    spinlock_release(&pager->lock);
    return area;
}

/* Nobody has a handle, so no thread is in pager_next() or pager_supply(), and the mailbox may be closed. */
void pager_destroy(struct object *object)
{
    struct pager *pager = CONTAINER_OF(object, struct pager, object);
    spinlock_acquire(&current_lock);
    pager_current = NULL;
    frame_set_short_mark(0);
    spinlock_release(&current_lock);
    spinlock_acquire(&pager->lock); /* after this pager_outlives() leaves no area to the pager */
    atomic_store_explicit(&pager->closed, true, memory_order_release);
    spinlock_release(&pager->lock);
    page_out_return(pager);
    uint64_t from;
    bool is_gone;
    for (struct area *area; (area = pop_forget(pager, &from, &is_gone)) != NULL;) {
        if (is_gone) {
            area_free(area);
        }
    }
    pager_tell_room(pager, true);
    pager_unuse(pager);
}

/* ---- what is no longer needed ---- */

void pager_page_gone_locked(struct area *area)
{
    struct pager *pager = area->pager;
    area->paged_out--;
    atomic_fetch_sub_explicit(&pager->pages_out, 1, memory_order_relaxed);
    atomic_store_explicit(&pager->is_full, false, memory_order_relaxed);
}

/* False: the pager is closed. */
static bool push_forget(struct area *area, uint64_t from, bool is_gone)
{
    struct pager *pager = area->pager;
    spinlock_acquire(&pager->lock);
    bool is_open = !atomic_load_explicit(&pager->closed, memory_order_relaxed);
    if (is_open) {
        bool is_listed = area->forget_link.next != NULL && !list_is_empty(&area->forget_link);
        area->forget_from = is_listed ? MIN(area->forget_from, from) : from;
        area->is_gone = is_gone;
        if (!is_listed) {
            list_push_back(&pager->forgets, &area->forget_link);
        }
    }
    spinlock_release(&pager->lock);
    return is_open;
}

void pager_forget(struct area *area, uint64_t from)
{
    if (area->pager != NULL && push_forget(area, from, false)) {
        pager_wake(area->pager);
    }
}

bool pager_outlives(struct area *area)
{
    struct pager *pager = area->pager;
    if (pager == NULL) {
        return false;
    }
    pager_use(pager); /* the area may be freed as soon as it is on the list */
    bool outlives = push_forget(area, 0, true);
    if (outlives) {
        pager_wake(pager);
    }
    pager_unuse(pager);
    return outlives;
}

void area_free(struct area *area)
{
    if (area->pager != NULL) {
        pager_unuse(area->pager);
    }
    area_give_back(area);
}

/* ---- the pager's thread ---- */

void pager_wake(struct pager *pager)
{
    spinlock_acquire(&pager->work.lock);
    if (!pager->is_wanted) {
        pager->is_wanted = true;
        wait_queue_wake_all_locked(&pager->work, TRACE_WAKE_REASON_MEMORY);
    }
    spinlock_release(&pager->work.lock);
}

bool pager_is_needed(const struct pager *pager)
{
    return frame_is_short() && !atomic_load_explicit(&pager->is_full, memory_order_relaxed) &&
           atomic_load_explicit(&pager->pages_out, memory_order_relaxed) < pager->pages_max;
}

static status_t wait_for_work(struct pager *pager, ns_t deadline)
{
    spinlock_acquire(&pager->work.lock);
    if (pager->is_wanted) {
        pager->is_wanted = false;
        spinlock_release(&pager->work.lock);
        return OK;
    }
    return wait_queue_wait_locked(&pager->work, deadline, TRACE_THREAD_STATE_FAULT, pager);
}

static bool take_forget(struct pager *pager, struct pager_request *out)
{
    bool is_gone;
    struct area *area = pop_forget(pager, &out->page, &is_gone);
    if (area == NULL) {
        return false;
    }
    out->what = PAGER_FORGET;
    out->area = area->object.id;
    if (is_gone) {
        area_free(area);
    }
    return true;
}

/* What is to be forgotten comes first, so that it cannot hit pages that leave later. */
static status_t find_work(struct pager *pager, ns_t deadline, struct pager_request *out)
{
    for (;;) {
        if (take_forget(pager, out) || page_out_next(pager, out)) {
            return OK;
        }
        if (pager_is_needed(pager) && page_out_choose(pager)) {
            continue;
        }
        pager_tell_room(pager, true);
        status_t status = wait_for_work(pager, deadline);
        if (status != OK) {
            return status;
        }
    }
}

/* What cannot be given to the pager stays. */
static status_t give_contents(struct pager *pager, vaddr_t buffer)
{
    status_t status = user_copy_out(buffer, pager->outbox, PAGE_BYTES);
    if (status != OK) {
        page_out_finish(pager, false);
    }
    return status;
}

status_t pager_next(struct pager *pager, unsigned outcome, vaddr_t buffer, ns_t deadline,
                    struct pager_request *out)
{
    if (atomic_exchange_explicit(&pager->is_busy, true, memory_order_acquire)) {
        return ERR_BUSY;
    }
    page_out_finish(pager, outcome == PAGER_STORED);
    if (outcome == PAGER_REFUSED) {
        atomic_store_explicit(&pager->is_full, true, memory_order_relaxed);
        page_out_return(pager);
    }
    status_t status = find_work(pager, deadline, out);
    if (status == OK && out->what == PAGER_STORE) {
        status = give_contents(pager, buffer);
    }
    atomic_store_explicit(&pager->is_busy, false, memory_order_release);
    return status;
}

/* ---- who waits for memory ---- */

/* Those who wait are woken when there is something for all of them, not for each page. */
void pager_tell_room(struct pager *pager, bool is_last)
{
    if (!is_last && frame_count_free() < WAKE_RESERVES * pager->reserve) {
        return;
    }
    spinlock_acquire(&pager->room.lock);
    if (pager->freed != 0) {
        pager->freed = 0;
        pager->rooms++;
    } else {
        pager->vain++;
    }
    wait_queue_wake_all_locked(&pager->room, TRACE_WAKE_REASON_MEMORY);
    spinlock_release(&pager->room.lock);
}

/* True: something left. False after two looks for nothing: the first may have begun before. */
static bool wait_for_room(struct pager *pager)
{
    ns_t deadline = clock_now() + pager->patience;
    status_t status = OK;
    spinlock_acquire(&pager->room.lock);
    uint64_t rooms = pager->rooms, vain = pager->vain;
    spinlock_release(&pager->room.lock);
    for (;;) {
        pager_wake(pager); /* each time: it looks once, and sleeps */
        spinlock_acquire(&pager->room.lock);
        if (status != OK || pager->rooms != rooms || pager->vain > vain + 1 ||
            atomic_load_explicit(&pager->closed, memory_order_acquire)) {
            break;
        }
        status = wait_queue_wait_locked(&pager->room, deadline, TRACE_THREAD_STATE_FAULT, pager);
    }
    bool has_room = pager->rooms != rooms;
    spinlock_release(&pager->room.lock);
    return has_room;
}

bool pager_is_own(const struct pager *pager)
{
    const struct process *process = current_thread()->process;
    return process != NULL && process->space == pager->space;
}

/* The pager may be waiting for it. What is left even of the reserve is waited for: then there is nothing else. */
static bool has_reserve(void)
{
    const struct process *process = current_thread()->process;
    return process != NULL && process->has_reserve;
}

bool pager_is_asking(void)
{
    struct pager *pager = pager_use_current();
    if (pager == NULL) {
        return false;
    }
    bool is_asking = pager_is_own(pager);
    pager_unuse(pager);
    return is_asking;
}

bool pager_make_room(void)
{
    struct pager *pager = pager_use_current();
    if (pager == NULL) {
        return false;
    }
    bool has_room = !pager_is_own(pager) && wait_for_room(pager);
    pager_unuse(pager);
    return has_room;
}

void pager_keep_reserve(void)
{
    struct pager *pager = pager_use_current();
    if (pager == NULL) {
        return;
    }
    if (!pager_is_own(pager)) {
        pager_wake(pager);
        while (frame_count_free() < pager->reserve && !has_reserve() && wait_for_room(pager)) {
        }
    }
    pager_unuse(pager);
}
