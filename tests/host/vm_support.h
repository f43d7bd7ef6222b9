/* SPDX-License-Identifier: MIT */
/*
 * A CPU for host tests of kernel/vm: it translates by the page table, keeps every translation in a
 * TLB that never forgets by itself, and takes page faults to space_fault(). So a missing flush
 * shows as an access that still works, or reaches a frame that is no longer its area's.
 */
#pragma once

#include "arch/interrupt.h"
#include "tests/host/mm_support.h"
#include "vm/area_impl.h"
#include "vm/space_impl.h"

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

/* cpu_access() - an access in user mode. NULL: refused; else where the byte is. *out_outcome: of
 * the last fault, -1 none. */
void *cpu_access(struct space *space, vaddr_t va, enum access access, int *out_outcome);

/* map_view() - space_map() of a view that may be given any protection later. */
status_t map_view(struct space *space, struct area *area, uint64_t offset, uint64_t bytes,
                  vaddr_t va, unsigned protection, vaddr_t *out_va);

/* current_space - whose page tables user_copy_present() reads by. */
extern struct space *current_space;

/* tlb_model_reset() - empty. tlb_model_check() - every translation kept leads to a frame in use.
 * tlb_flush_count - calls. */
void tlb_model_reset(void);
void tlb_model_check(void);
extern unsigned tlb_flush_count;
extern bool tlb_model_off; /* while several threads flush: only real locks are tested */

/* Counts of frames by owner, to compare before and after. Heap frames are left out: magazines
 * keep some. */
struct frame_counts {
    uint64_t user, page_table;
};
struct frame_counts counts_now(void);
void assert_counts(struct frame_counts expected);

/* Free frames, and those of slabs that caches of one type keep for ever, where nothing is in use. */
uint64_t frames_not_used(void);
