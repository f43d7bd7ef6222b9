/* SPDX-License-Identifier: MIT */
/*
 * Which pages go to the pager: a clock over all processes and their addresses.
 *
 * The hand goes from process to process and up its addresses, in stretches of at most 512 pages of one area. For each
 * it takes away the accessed bits; a page whose bit is still away when the hand comes round again, or that no
 * leaf shows, is cold and goes. Not every mapping has a bit of its own for every page: a large page has one, and
 * is split when it is cold.
 *
 *      freeze the stretch; visit who shows it: clear accessed bits              hot: what had one
 *      cold = in memory, not hot, not shared, not shown elsewhere, no buffer of a waiting thread
 *      visit again: take the leaves of cold pages, unless one has been accessed since; flush
 *      mark those as leaving; thaw
 *
 * TLBs are not flushed for bits that were cleared: a core that goes on using its translation may let a page look cold that
 * is not, which costs a fault; flushing would cost every core an interrupt for every stretch, cold or not.
 *
 * A message buffer must be there when the message comes. It is announced by the registers of the system call, before that
 * looks whether its pages are present; here they are looked at after leaves have been taken. So one of both sees the other: the page
 * stays in memory, if hidden (space_copy() shows it again), or the system call finds it missing and brings it back. The same
 * goes for words that somebody waits on (ipc/futex.c).
 */
#include "abi/message.h"
#include "abi/pager.h"
#include "arch/context.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/frame.h"
#include "mm/tlb.h"
#include "sched/process.h"
#include "vm/pager_impl.h"
#include "vm/space_impl.h"

#define STRETCH_PAGES AREA_NODE_ENTRIES
#define TURNS_MAX     2u

/* Pages [first, end) of an area, shown at va. */
struct stretch {
    struct process *process; /* with a reference, its space held */
    struct space *space;
    struct area *area; /* with a reference */
    vaddr_t va;
    uint64_t first, end;
    uint64_t keep[STRETCH_PAGES / 64]; /* a bit per page: stays */
};

static void keep_pages(struct stretch *stretch, uint64_t first, uint64_t end)
{
    for (uint64_t page = MAX(first, stretch->first); page < MIN(end, stretch->end); page++) {
        uint64_t bit = page - stretch->first;
        stretch->keep[bit / 64] |= 1ull << bit % 64;
    }
}

static bool is_kept(const struct stretch *stretch, uint64_t page)
{
    uint64_t bit = page - stretch->first;
    return stretch->keep[bit / 64] >> bit % 64 & 1;
}

/* ---- the hand ---- */

static bool can_leave(const struct mapping *mapping)
{
    const struct area *area = mapping->area;
    return area != NULL && area->kind == AREA_ANONYMOUS && !area->is_ring && area->index != NULL;
}

/* The next stretch of a space from an address on. False: no more. */
static bool find_stretch_locked(struct space *space, vaddr_t va, struct stretch *out)
{
    struct mapping *mapping;
    while ((mapping = space_first_live_locked(space, va, USER_END)) != NULL &&
           !can_leave(mapping)) {
        va = mapping->end;
    }
    if (mapping == NULL) {
        return false;
    }
    struct area *area = mapping->area;
    out->va = MAX(va, mapping_start(mapping));
    out->first = mapping_page(mapping, out->va);
    out->end = MIN(ROUND_DOWN(out->first, (uint64_t)STRETCH_PAGES) + STRETCH_PAGES,
                   out->first + (mapping->end - out->va) / PAGE_BYTES);
    out->area = area;
    object_get(&area->object);
    return true;
}

/* Move the hand on by one stretch, within its process. False: it has no more, or is ending. */
static bool next_in_process(struct pager *pager, struct process *process, struct stretch *out)
{
    struct space *space = process_space_get(process);
    if (space == NULL) {
        return false;
    }
    bool found = false;
    if (space != pager->space && !process->is_resident) { /* O6 */
        shared_lock_share(&space->lock, SHARE_FIRST);
        found = find_stretch_locked(space, pager->hand.va, out);
        shared_lock_unshare(&space->lock, SHARE_FIRST);
    }
    if (!found) {
        process_space_put(process);
        return false;
    }
    pager->hand.va = out->va + (out->end - out->first) * PAGE_BYTES;
    out->process = process;
    out->space = space;
    return true;
}

/* The next stretch anywhere. False: the hand has come to the end, and begins anew. */
static bool next_stretch(struct pager *pager, struct stretch *out)
{
    struct process *process;
    while ((process = process_from(pager->hand.process)) != NULL) {
        if (process->object.id != pager->hand.process) {
            pager->hand = (struct page_hand){.process = process->object.id};
        }
        if (next_in_process(pager, process, out)) {
            return true;
        }
        pager->hand = (struct page_hand){.process = process->object.id + 1};
        object_put(&process->object);
    }
    pager->hand = (struct page_hand){0};
    return false;
}

static void put_stretch(struct stretch *stretch)
{
    object_put(&stretch->area->object);
    process_space_put(stretch->process);
    object_put(&stretch->process->object);
}

/* ---- what stays ---- */

static void keep_range(struct stretch *stretch, vaddr_t va, uint64_t bytes)
{
    vaddr_t stretch_end = stretch->va + (stretch->end - stretch->first) * PAGE_BYTES;
    vaddr_t low = MAX(ROUND_DOWN(va, PAGE_BYTES), stretch->va), high = MIN(va + bytes, stretch_end);
    if (low < high) {
        uint64_t first = stretch->first + (low - stretch->va) / PAGE_BYTES;
        keep_pages(stretch, first, first + (high - low + PAGE_BYTES - 1) / PAGE_BYTES);
    }
}

/*
 * Buffers of a call, see abi/message.h, as the registers of the thread's last entry to the kernel have them. Whether it is in that call is
 * not asked: one that is about to wait has not said so yet, and one that is being served does no longer. A page
 * that stays without need does no harm.
 */
static void keep_buffers_of(struct stretch *stretch, const struct thread *thread)
{
    const struct trap_frame *frame = context_frame(thread->stack_top);
    if (frame->rsi & MESSAGE_SEND) {
        keep_range(stretch, frame->r8, MIN(frame->r9, (uint64_t)MESSAGE_BUFFER_MAX));
    }
    if (frame->rsi & MESSAGE_RECEIVE) {
        keep_range(stretch, frame->r10, MIN(frame->r12, (uint64_t)MESSAGE_BUFFER_MAX));
    }
}

/* A thread in the list lives, so its stack, where the registers are, is there. */
static void keep_buffers(struct stretch *stretch)
{
    struct process *process = stretch->process;
    spinlock_acquire(&process->lock);
    list_for_each (node, &process->threads) {
        keep_buffers_of(stretch, LIST_ENTRY(node, struct thread, process_link));
    }
    spinlock_release(&process->lock);
}

/* Is this the place where the stretch was found, or another one? */
static bool is_elsewhere(const struct stretch *stretch, const struct mapping *mapping, vaddr_t va)
{
    return mapping->space != stretch->space ||
           va - stretch->va != (mapping_page(mapping, va) - stretch->first) * PAGE_BYTES;
}

/* First visit: what has been accessed stays, and what is shown elsewhere. */
static void look_at_bits(struct mapping *mapping, vaddr_t va, vaddr_t end, void *context)
{
    struct stretch *stretch = context;
    struct page_table *table = &mapping->space->table;
    uint64_t page = mapping_page(mapping, va), page_bytes;
    if (is_elsewhere(stretch, mapping, va)) {
        keep_pages(stretch, page, page + (end - va) / PAGE_BYTES);
        return;
    }
    vaddr_t at = va;
    for (uint64_t *leaf; (leaf = page_table_next(table, &at, end, &page_bytes)) != NULL;
         at += page_bytes) {
        if (*leaf & PTE_ACCESSED) {
            __atomic_fetch_and(leaf, ~PTE_ACCESSED, __ATOMIC_RELAXED);
            uint64_t low = at > va ? page + (at - va) / PAGE_BYTES : page;
            keep_pages(stretch, low, low + page_bytes / PAGE_BYTES);
        }
    }
}

/* Second visit: take the leaves of the pages that go; what is accessed again stays. */
static void hide_cold(struct mapping *mapping, vaddr_t va, vaddr_t end, void *context)
{
    struct stretch *stretch = context;
    struct page_table *table = &mapping->space->table;
    struct list tables = LIST_INIT(tables);
    unsigned leaves = 0;
    uint64_t page = mapping_page(mapping, va);
    if (is_elsewhere(stretch, mapping, va)) {
        keep_pages(stretch, page, page + (end - va) / PAGE_BYTES);
        return;
    }
    for (vaddr_t at = va; at < end; at += PAGE_BYTES, page++) {
        uint64_t page_bytes;
        const uint64_t *leaf = page_table_find(table, at, &page_bytes);
        if (is_kept(stretch, page) || leaf == NULL) {
            continue;
        }
        if (*leaf & PTE_ACCESSED) {
            keep_pages(stretch, page, page + page_bytes / PAGE_BYTES);
        } else {
            (void)page_table_clear(table, at, at + PAGE_BYTES, &tables, &leaves);
        }
    }
    if (leaves > 0) {
        tlb_flush(table->root, va, end - va);
        page_table_free_tables(&tables);
    }
}

/* Words that threads wait on are known by their physical address. */
static void keep_word(paddr_t word, void *context)
{
    struct stretch *stretch = context;
    for (uint64_t page = stretch->first; page < stretch->end; page++) {
        if (!is_kept(stretch, page) && word - area_find(stretch->area, page) < PAGE_BYTES) {
            keep_pages(stretch, page, page + 1);
        }
    }
}

/* ---- leaving ---- */

/* O4. False: pages of the area are with a pager that is gone. */
static bool join_locked(struct pager *pager, struct area *area)
{
    if (area->pager == pager) {
        return true;
    }
    if (area->pager != NULL) {
        if (area->paged_out != 0) {
            return false;
        }
        pager_unuse(area->pager);
    }
    pager_use(pager);
    list_init(&area->forget_link);
    area->pager = pager;
    return true;
}

/* Keep what cannot go, and all beyond what a batch has room for. True: something may go. */
static bool choose_cold(struct stretch *stretch)
{
    const struct area *area = stretch->area;
    unsigned count = 0;
    for (uint64_t page = stretch->first; page < stretch->end; page++) {
        paddr_t pa = is_kept(stretch, page) || count == PAGE_BATCH_MAX ? 0 : area_find(area, page);
        bool is_large = pa != 0 && area_is_large(area, page);
        if (pa == 0 || (!is_large && frame_is_shared(pa))) {
            keep_pages(stretch, page, page + 1);
        } else {
            count++;
        }
    }
    return count > 0;
}

static void mark_leaving_locked(struct stretch *stretch, struct page_batch *batch)
{
    struct area *area = stretch->area;
    for (uint64_t page = stretch->first; page < stretch->end; page++) {
        /* Splits what is large; without memory for that it stays. */
        uint64_t *slot = is_kept(stretch, page) ? NULL : area_slot_locked(area, page);
        if (slot != NULL) {
            __atomic_store_n(slot, *slot | AREA_TAGS, __ATOMIC_RELEASE);
            batch->page[batch->count++] = page;
        }
    }
}

/* O1. True: pages of the stretch are on their way. */
static bool take_cold(struct pager *pager, struct stretch *stretch)
{
    struct page_batch *batch = &pager->batch;
    struct area *area = stretch->area;
    memset(stretch->keep, 0, sizeof(stretch->keep));
    batch->count = batch->next = 0;
    area_freeze(area, stretch->first, stretch->end, look_at_bits, stretch);
    stretch->end = MIN(stretch->end, area->bytes / PAGE_BYTES);
    if (choose_cold(stretch)) {
        area_visit(area, stretch->first, stretch->end, hide_cold, stretch);
        keep_buffers(stretch);
        hook_futex_words(keep_word, stretch); /* after that nobody can begin to wait on them */
        spinlock_acquire(&area->lock);
        if (join_locked(pager, area)) {
            mark_leaving_locked(stretch, batch);
        }
        spinlock_release(&area->lock);
    }
    area_thaw(area);
    if (batch->count > 0) {
        object_get(&area->object);
        batch->area = area;
    }
    return batch->count > 0;
}

bool page_out_choose(struct pager *pager)
{
    struct stretch stretch;
    for (unsigned turns = 0; turns <= TURNS_MAX;) {
        if (!next_stretch(pager, &stretch)) {
            turns++;
            continue;
        }
        bool found = take_cold(pager, &stretch);
        put_stretch(&stretch);
        preempt_point();
        if (found) {
            return true;
        }
    }
    return false;
}

/* ---- one by one ---- */

static void end_batch(struct page_batch *batch)
{
    if (batch->area != NULL && batch->next == batch->count) {
        struct area *area = batch->area;
        batch->area = NULL;
        object_put(&area->object);
    }
}

/* Take a leaving page out, or back; nothing, if somebody has touched it. True: it is out. */
static bool settle(struct pager *pager, uint64_t page, bool is_stored)
{
    struct area *area = pager->batch.area;
    spinlock_acquire(&area->lock);
    uint64_t entry = area_entry(area, page);
    bool is_leaving = entry & AREA_LEAVING, is_out = is_leaving && is_stored;
    if (is_leaving) {
        uint64_t next = is_out ? pager->seal | AREA_PAGED : area_leaving_frame(entry);
        __atomic_store_n(area_slot_locked(area, page), next, __ATOMIC_RELEASE);
    }
    if (is_out) {
        area_count_resident(area, -1);
        area->paged_out++;
        atomic_fetch_add_explicit(&pager->pages_out, 1, memory_order_relaxed);
    }
    spinlock_release(&area->lock);
    if (is_out) {
        frame_put(area_leaving_frame(entry));
    }
    return is_out;
}

void page_out_finish(struct pager *pager, bool is_stored)
{
    struct page_batch *batch = &pager->batch;
    if (!pager->is_pending) {
        return;
    }
    pager->is_pending = false;
    uint64_t page = batch->page[batch->next - 1];
    if (settle(pager, page, is_stored)) {
        trace_mm_page_out(batch->area->object.id, page);
        pager->freed++;
        pager_tell_room(pager, false);
    } else {
        atomic_fetch_add_explicit(is_stored ? &pager->returned : &pager->refused, 1,
                                  memory_order_relaxed);
    }
    end_batch(batch);
}

bool page_out_next(struct pager *pager, struct pager_request *out)
{
    struct page_batch *batch = &pager->batch;
    while (batch->area != NULL) {
        struct area *area = batch->area;
        uint64_t page = batch->page[batch->next++];
        spinlock_acquire(&area->lock);
        uint64_t entry = area_entry(area, page);
        if (entry & AREA_LEAVING) {
            page_copy(pager->outbox, phys_to_virt(area_leaving_frame(entry)));
        }
        spinlock_release(&area->lock);
        if (entry & AREA_LEAVING) {
            pager->is_pending = true;
            pager->seal = page_seal(pager->key, area->object.id, page, pager->outbox);
            *out = (struct pager_request){PAGER_STORE, area->object.id, page};
            return true;
        }
        end_batch(batch);
    }
    return false;
}

void page_out_return(struct pager *pager)
{
    struct page_batch *batch = &pager->batch;
    page_out_finish(pager, false);
    while (batch->area != NULL) {
        (void)settle(pager, batch->page[batch->next++], false);
        end_batch(batch);
    }
}
