/* SPDX-License-Identifier: MIT */
/* Spaces: which areas are mapped where in one process. */
#pragma once

#include "base/types.h"

struct area;
struct residence;
struct space;
struct object;

/* space_init() - once, after heap_init(). */
void space_init(void);
/* space_create() - an empty one. OK, ERR_NO_MEMORY. */
status_t space_create(struct space **out) MUST_CHECK;
/* space_destroy() - unmap everything, free the page tables. No thread of it runs, no core has
 * its root in CR3. May take long. */
void space_destroy(struct space *space);
paddr_t space_root(const struct space *space);

/*
 * space_map() - show [offset, offset + bytes) of an area at va; va 0: the space chooses.
 *
 * @protection  PROT_*; write and exec together are refused (ERR_BAD_ARGUMENT), as are none at all
 *              and unknown bits. Reading is always allowed: the CPU has no other kind of page.
 *              MAP_GUARD: nothing can be mapped on the page below, and a fault there says so.
 *              MAP_PRESENT: pages that the area has, up to a multiple of 64 KiB, are shown, so nobody faults there.
 * @allowed     PROT_* that space_protect() may give later.
 *
 * Takes a reference to the area. What goes on where the mapping below ends, with the same rights, becomes part of that. OK; ERR_BAD_ARGUMENT; ERR_NO_RIGHTS write to an area that is not
 * writable; ERR_RANGE not page aligned, not inside of the area or of user space; ERR_BUSY part is
 * mapped; ERR_NO_MEMORY. On error nothing has changed. Nothing else becomes present: faults do that.
 * Context: thread, no lock held. Locks: SPACE.
 */
struct space_view {
    struct area *area;
    uint64_t offset, bytes;
    unsigned protection, allowed;
};
status_t space_map(struct space *space, const struct space_view *view, vaddr_t va,
                   vaddr_t *out_va) MUST_CHECK;
/*
 * space_unmap() - whole mappings or parts. ERR_RANGE; ERR_NOT_FOUND if nothing is mapped there;
 * ERR_NO_MEMORY for a split (then nothing has changed). Returns when no core can use the old
 * translations. Context: thread, no lock held. May take long.
 */
status_t space_unmap(struct space *space, vaddr_t va, uint64_t bytes) MUST_CHECK;
/*
 * space_count_resident() - pages with memory in the areas that are mapped, whole; one that is mapped twice counts twice, one that is shared
 * counts in each space. Not of one moment. Context: thread, no lock held. Cost: the mappings, the lock shared for 64 of them at a time.
 */
uint64_t space_count_resident(struct space *space);

/*
 * space_protect() - another protection for a range that is mapped without a hole. W^X as
 * space_map(). OK; ERR_BAD_ARGUMENT; ERR_RANGE; ERR_NOT_FOUND not all of it is mapped;
 * ERR_NO_RIGHTS some mapping does not allow it; ERR_NO_MEMORY for a split. On error nothing has
 * changed. Returns when no core can use the old rights. May take long.
 */
status_t space_protect(struct space *space, vaddr_t va, uint64_t bytes,
                       unsigned protection) MUST_CHECK;

/* space_query() - the mapping at an address, or the first above it. ERR_NOT_FOUND: there is none. */
struct space_mapping {
    vaddr_t start;
    uint64_t bytes;
    unsigned protection; /* PROT_*; 0: a guard */
};
status_t space_query(struct space *space, vaddr_t va, struct space_mapping *out) MUST_CHECK;

enum fault_outcome {
    FAULT_FAILED = 0,
    FAULT_ZEROED = 1,
    FAULT_MAPPED = 2,
    FAULT_SPURIOUS = 3,
    FAULT_LARGE = 4,
    FAULT_COPIED = 5,
    FAULT_GUARD = 6,   /* failed, on a guard page */
    FAULT_FETCHED = 7, /* from the pager */
    FAULT_LOST = 8,    /* failed: the pager does not have the page any more */
};
static inline bool fault_is_served(enum fault_outcome outcome)
{
    return outcome != FAULT_FAILED && outcome != FAULT_GUARD && outcome != FAULT_LOST;
}
/*
 * space_fault() - serve a page fault, of user mode or of the kernel in user_copy_raw().
 * @error as the CPU pushed it. FAULT_FAILED, FAULT_GUARD: the access is not allowed, or there is no memory.
 * Context: thread, interrupts off, no lock held. Locks: SPACE, shared; AREA where the index grows or a page is copied. Cost: about 250
 * instructions and zeroing; faults on other cores are not waited for.
 */
enum fault_outcome space_fault(struct space *space, vaddr_t va, unsigned error);

/* space_prefault() - make [va, va + bytes) present, writable if write. OK or ERR_BAD_ADDRESS,
 * ERR_NO_MEMORY. May take long. */
status_t space_prefault(struct space *space, vaddr_t va, uint64_t bytes, bool write) MUST_CHECK;

/* space_is_resident() - the range is still as space_prefault_kept() found it. Cost: 10 instructions, no lock.
 * space_prefault_kept() - prefault for writing, and note for space_is_resident() that it was. */
bool space_is_resident(const struct space *space, const struct residence *residence, vaddr_t va,
                       uint64_t bytes);
status_t space_prefault_kept(struct space *space, struct residence *residence, vaddr_t va,
                             uint64_t bytes) MUST_CHECK;

/*
 * space_send() - copy from user memory of the current process to another space (or its own), at most SPACE_SEND_MAX bytes, in one
 * piece. The source is read where the current page tables have it, so only the target's are walked. False: a page of
 * either is not present, or the range is none of user memory; part may have been written. Serves no fault.
 * Context: thread, no lock held. Locks: SPACE, shared. Cost: about 80 instructions, 20 per further page, and the words.
 * The target range must have been found present once: it is not checked to be user memory.
 */
#define SPACE_SEND_MAX 0x4000ull
bool space_send(struct space *to, vaddr_t to_va, vaddr_t from_va, uint64_t bytes) MUST_CHECK;

/*
 * space_word_lock() - where the 32-bit word at va lies in the direct map, and keep it there until space_word_unlock(): the space's lock is
 * shared on OK. ERR_RANGE not a multiple of 4 in user space; ERR_BAD_ADDRESS; ERR_NO_MEMORY. Makes the page present, writable where
 * the mapping allows: so that a word of copied-on-write memory is the process's own before anybody waits on it.
 * Context: thread, no lock held.
 */
status_t space_word_lock(struct space *space, vaddr_t va, uint32_t **out_word) MUST_CHECK;
void space_word_unlock(struct space *space);

/*
 * space_copy() - copy between two spaces (or within one), once, through the direct map, page by
 * page, owning the source's lock and sharing the target's, with preempt_point() every 16 KiB. Pages must be present: who finds his
 * own missing, or not RAM, is named by the status: OK, ERR_BAD_ADDRESS with *out_bad_to = whose
 * fault it is (true: to). What was copied before stays.
 */
status_t space_copy(struct space *to, vaddr_t to_va, struct space *from, vaddr_t from_va,
                    uint64_t bytes, bool *out_bad_to) MUST_CHECK;
