/* SPDX-License-Identifier: MIT */
/*
 * The first page tables: what the kernel finds in CR3. Plain C over two callbacks, so that it also runs on the host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

/* Rights of a mapping. Everything is readable, nothing is visible to user mode. */
#define PAGING_WRITE  1u
#define PAGING_EXEC   2u
#define PAGING_GLOBAL 4u /* same in all address spaces: stays in the TLB when CR3 changes */
#define PAGING_SMALL  8u /* pages of 4 KiB only: some will be taken out again one by one */

/* Where tables come from. */
struct paging_source {
    void *context;
    uint64_t (*page_alloc)(void *context); /* physical address of a zeroed page; 0: no memory */
    void *(*page_pointer)(void *context, uint64_t phys); /* to read and write such a page now */
};

struct paging {
    uint64_t root; /* physical, for CR3 */
    bool has_huge_pages;
    unsigned table_count; /* pages taken so far */
    const struct paging_source *source;
};

/* paging_create() - an empty top level. @has_huge_pages  the CPU knows 1 GiB pages. OK, ERR_NO_MEMORY. */
status_t paging_create(struct paging *out_paging, const struct paging_source *source,
                       bool has_huge_pages) __attribute__((warn_unused_result));

/*
 * paging_map() - map [virt, virt + bytes) to phys on, each part with the largest page that fits unless PAGING_SMALL.
 *
 * Returns OK; ERR_RANGE not 4 KiB aligned, no canonical range, or physical past 2^52; ERR_BAD_ARGUMENT writable and
 * executable; ERR_EXISTS part is mapped already; ERR_NO_MEMORY. After an error the tables are of no use.
 */
status_t paging_map(struct paging *paging, uint64_t virt, uint64_t phys, uint64_t bytes,
                    unsigned rights) __attribute__((warn_unused_result));

/* paging_fill_slot() - give the PML4 entry that covers virt an empty table. OK, ERR_NO_MEMORY. */
status_t paging_fill_slot(struct paging *paging, uint64_t virt) __attribute__((warn_unused_result));
