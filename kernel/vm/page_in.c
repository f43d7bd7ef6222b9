/* SPDX-License-Identifier: MIT */
/*
 * Bringing a page back. A page that is still on its way out is just taken back. For one that is out its frame is made
 * ready, the pager is asked, and when the call is over the page is here or lost: what the pager replies
 * says nothing, what it supplied while it was asked does. A thread of the pager's own process is refused: it would wait for itself.
 *
 * Several threads may ask for the same page; the first contents that fit serve all of them.
 */
#include "abi/pager.h"
#include "arch/clock.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/hooks.h"
#include "base/log.h"
#include "gen/layout.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "sched/thread.h"
#include "vm/pager_impl.h"
#include "vm/user_copy.h"

/* A page that is leaving is taken back. The pager, kept, of one that is out; NULL: it is here. */
static struct pager *take_back(struct area *area, uint64_t page)
{
    struct pager *pager = NULL;
    spinlock_acquire(&area->lock);
    uint64_t entry = area_entry(area, page);
    if (entry & AREA_LEAVING) {
        uint64_t *slot = area_slot_locked(area, page);
        __atomic_store_n(slot, area_leaving_frame(entry), __ATOMIC_RELEASE);
        atomic_fetch_add_explicit(&area->pager->returned, 1, memory_order_relaxed);
    } else if (area_is_out(entry)) {
        pager = area->pager;
        pager_use(pager);
    }
    spinlock_release(&area->lock);
    return pager;
}

static bool is_out(struct area *area, uint64_t page)
{
    spinlock_acquire(&area->lock);
    bool out = area_is_out(area_entry(area, page));
    spinlock_release(&area->lock);
    return out;
}

static void begin_request(struct pager *pager, struct page_request *request)
{
    spinlock_acquire(&pager->lock);
    list_push_back(&pager->requests, &request->link);
    spinlock_release(&pager->lock);
}

static void end_request(struct pager *pager, struct page_request *request)
{
    spinlock_acquire(&pager->lock);
    list_remove(&request->link);
    spinlock_release(&pager->lock);
    if (request->frame != 0) {
        frame_free(request->frame, 0);
    }
}

static void report_lost(const struct pager *pager, const struct page_request *request,
                        status_t status)
{
    static const char *const texts[] = {
        [TRACE_PAGE_LOSS_CLOSED] = "its pager is gone",
        [TRACE_PAGE_LOSS_LATE] = "its pager did not answer in time",
        [TRACE_PAGE_LOSS_MISSING] = "its pager answered without it",
        [TRACE_PAGE_LOSS_CORRUPT] = "its pager gave something else",
    };
    enum trace_page_loss loss = TRACE_PAGE_LOSS_MISSING;
    if (request->is_corrupt) {
        loss = TRACE_PAGE_LOSS_CORRUPT;
    } else if (status != OK) {
        loss = status == ERR_TIMED_OUT ? TRACE_PAGE_LOSS_LATE : TRACE_PAGE_LOSS_CLOSED;
    }
    trace_mm_page_lost((uint8_t)loss, request->area->object.id, request->page);
    log_warning("page %llu of area %u is lost: %s (pager %u)", (unsigned long long)request->page,
                request->area->object.id, texts[loss], pager->object.id);
}

static status_t ask(struct pager *pager, struct page_request *request)
{
    begin_request(pager, request);
    status_t status = hook_page_fetch(pager->mailbox, request->area->object.id, request->page,
                                      clock_now() + pager->patience);
    end_request(pager, request);
    if (request->is_given || !is_out(request->area, request->page)) {
        return OK;
    }
    if (status == ERR_CANCELLED) {
        return status;
    }
    atomic_fetch_add_explicit(&pager->lost, 1, memory_order_relaxed);
    report_lost(pager, request, status);
    return ERR_CORRUPT;
}

static paddr_t alloc_frame(void)
{
    if (frame_is_short()) {
        pager_keep_reserve();
    }
    paddr_t frame;
    while ((frame = frame_alloc(0, FRAME_USER)) == 0 && pager_make_room()) {
    }
    return frame;
}

static status_t fetch(struct pager *pager, struct area *area, uint64_t page)
{
    struct page_request request = {.area = area, .page = page, .frame = alloc_frame()};
    return request.frame != 0 ? ask(pager, &request) : ERR_NO_MEMORY;
}

/* O6. Nothing is lost: the page stays with the pager, for whoever else asks. */
static status_t refuse_own(const struct pager *pager, const struct area *area, uint64_t page)
{
    log_warning("page %llu of area %u is refused to the process of pager %u, which has it",
                (unsigned long long)page, area->object.id, pager->object.id);
    return ERR_CORRUPT;
}

status_t page_in(struct area *area, uint64_t page)
{
    struct pager *pager = take_back(area, page);
    if (pager == NULL) {
        return OK;
    }
    status_t status =
        pager_is_own(pager) ? refuse_own(pager, area, page) : fetch(pager, area, page);
    pager_unuse(pager);
    return status;
}

/* ---- the pager answers ---- */

/* The first request for a page, with a frame or without. NULL: none. REQUIRES(pager->lock). */
static struct page_request *find_request_locked(const struct pager *pager, uint64_t area,
                                                uint64_t page, bool has_frame)
{
    list_for_each (node, &pager->requests) {
        struct page_request *request = LIST_ENTRY(node, struct page_request, link);
        if ((request->frame != 0) == has_frame && request->page == page &&
            request->area->object.id == area) {
            return request;
        }
    }
    return NULL;
}

/* A request for the page that has not been answered; its frame is the caller's, its area has a reference more. */
static bool take_request(struct pager *pager, uint64_t area, uint64_t page,
                         struct page_request *out)
{
    spinlock_acquire(&pager->lock);
    struct page_request *request = find_request_locked(pager, area, page, true);
    if (request != NULL) {
        *out = *request;
        object_get(&request->area->object);
        request->frame = 0;
    }
    spinlock_release(&pager->lock);
    return request != NULL;
}

/* There were no contents: the request, if it still waits, or another one that has been taken, may be answered yet. */
static void put_back(struct pager *pager, const struct page_request *taken)
{
    spinlock_acquire(&pager->lock);
    struct page_request *request =
        find_request_locked(pager, taken->area->object.id, taken->page, false);
    if (request != NULL) {
        request->frame = taken->frame;
    }
    spinlock_release(&pager->lock);
    if (request == NULL) {
        frame_free(taken->frame, 0);
    }
}

/* All who asked for the page find out what came. */
static void note_answer(struct pager *pager, const struct page_request *answered, status_t status)
{
    spinlock_acquire(&pager->lock);
    list_for_each (node, &pager->requests) {
        struct page_request *request = LIST_ENTRY(node, struct page_request, link);
        if (request->page == answered->page && request->area == answered->area) {
            request->is_given |= status == OK;
            request->is_corrupt |= status == ERR_CORRUPT;
        }
    }
    spinlock_release(&pager->lock);
}

/* O5. The frame is the area's on OK. */
static status_t install(struct area *area, uint64_t page, paddr_t frame, uint64_t seal)
{
    status_t status = ERR_NOT_FOUND;
    spinlock_acquire(&area->lock);
    uint64_t entry = area_entry(area, page);
    if (area_is_out(entry)) {
        status = (entry & ~AREA_TAGS) == seal ? OK : ERR_CORRUPT;
    }
    if (status == OK) {
        area_own_frame(area, area_slot_locked(area, page), frame);
        pager_page_gone_locked(area);
    }
    spinlock_release(&area->lock);
    return status;
}

static status_t supply(struct pager *pager, struct page_request *request)
{
    struct area *area = request->area;
    uint64_t seal =
        page_seal(pager->key, area->object.id, request->page, phys_to_virt(request->frame));
    status_t status = install(area, request->page, request->frame, seal);
    note_answer(pager, request, status);
    if (status == OK) {
        atomic_fetch_add_explicit(&pager->fetched, 1, memory_order_relaxed);
        trace_mm_page_in(area->object.id, request->page);
        return OK;
    }
    frame_free(request->frame, 0);
    return status;
}

/* The contents go right into the frame, which nobody else can reach before it is the area's: so what is sealed is what comes.
 * Nothing is held while they are copied, which may wait for a pager where the caller is not the pager's process. */
status_t pager_supply(struct pager *pager, uint64_t area, uint64_t page, vaddr_t contents)
{
    if (!range_is_within(contents, PAGE_BYTES, USER_BASE, USER_END)) {
        return ERR_BAD_ADDRESS;
    }
    struct page_request request;
    if (!take_request(pager, area, page, &request)) {
        return ERR_NOT_FOUND;
    }
    status_t status = user_copy_in(phys_to_virt(request.frame), contents, PAGE_BYTES);
    if (status == OK) {
        status = supply(pager, &request);
    } else {
        put_back(pager, &request);
    }
    object_put(&request.area->object);
    return status;
}
