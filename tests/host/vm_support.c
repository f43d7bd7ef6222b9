/* SPDX-License-Identifier: MIT */
#include "tests/host/vm_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/memory.h"
#include "arch/mmu.h"
#include "arch/user.h"
#include "base/hooks.h"
#include "mm/frame_impl.h"
#include "mm/heap_impl.h"
#include "mm/tlb.h"
#include "vm/pager_impl.h"

#define TLB_MAX 65536u

struct translation {
    paddr_t root;
    vaddr_t va;
    uint64_t leaf;
    uint64_t page_bytes;
};

static struct translation tlb[TLB_MAX];
static unsigned tlb_count;
unsigned tlb_flush_count;
bool tlb_model_off;

void hook_object_destroy(struct object *object)
{
    assert_int_equal(object->type, OBJECT_AREA);
    area_destroy(object);
}

/* Areas of these tests have no payer. */
struct quota *quota_get(struct quota *quota)
{
    return quota;
}

void quota_put(struct quota *quota)
{
    assert_null(quota);
}

void quota_return(struct quota *quota, enum quota_kind kind UNUSED, uint64_t amount UNUSED)
{
    assert_null(quota);
}

status_t quota_charge(struct quota *quota, enum quota_kind kind UNUSED, uint64_t amount UNUSED)
{
    assert_null(quota);
    return OK;
}

/* There is no pager here: nothing is ever out. */
status_t page_in(struct area *area, uint64_t page)
{
    fail_msg("page %llu of area %u is not out", (unsigned long long)page, area->object.id);
    return ERR_CORRUPT;
}

void pager_page_gone_locked(struct area *area)
{
    fail_msg("area %u has no page out", area->object.id);
}

void pager_forget(struct area *area, uint64_t from)
{
    (void)area;
    (void)from;
}

bool pager_outlives(struct area *area)
{
    (void)area;
    return false;
}

void area_free(struct area *area)
{
    area_give_back(area);
}

bool pager_is_asking(void)
{
    return false;
}

bool pager_make_room(void)
{
    return false;
}

void pager_keep_reserve(void)
{
}

bool mmu_has_huge_pages(void)
{
    return true;
}

void tlb_model_reset(void)
{
    tlb_count = 0;
    tlb_flush_count = 0;
}

void tlb_flush(paddr_t root, vaddr_t va, uint64_t bytes)
{
    if (tlb_model_off) {
        return;
    }
    tlb_flush_count++;
    for (unsigned i = 0; i < tlb_count;) {
        bool overlaps = tlb[i].va < va + bytes && va < tlb[i].va + tlb[i].page_bytes;
        if (tlb[i].root == root && overlaps) {
            tlb[i] = tlb[--tlb_count];
        } else {
            i++;
        }
    }
}

void tlb_retire(paddr_t root)
{
    tlb_flush(root, 0, ~0ull);
}

void tlb_model_check(void)
{
    for (unsigned i = 0; i < tlb_count; i++) {
        const struct frame *frame = frame_lookup(tlb[i].leaf & PTE_ADDRESS);
        if (frame == NULL) {
            continue; /* device memory */
        }
        enum frame_state state = frame_state_of(frame);
        if (state != FRAME_STATE_USED && state != FRAME_STATE_TAIL) {
            fail_msg("the TLB still has 0x%llx, whose frame 0x%llx is free",
                     (unsigned long long)tlb[i].va,
                     (unsigned long long)(tlb[i].leaf & PTE_ADDRESS));
        }
    }
}

static bool allows(uint64_t leaf, enum access access)
{
    return (leaf & PTE_USER) && !(access == ACCESS_WRITE && !(leaf & PTE_WRITE)) &&
           !(access == ACCESS_EXECUTE && (leaf & PTE_NX));
}

static const struct translation *translate(struct space *space, vaddr_t va, enum access access)
{
    paddr_t root = space_root(space);
    for (unsigned i = 0; i < tlb_count; i++) {
        if (tlb[i].root == root && va - tlb[i].va < tlb[i].page_bytes &&
            allows(tlb[i].leaf, access)) {
            return &tlb[i];
        }
    }
    uint64_t page_bytes;
    const uint64_t *leaf = page_table_find(&space->table, va, &page_bytes);
    if (leaf == NULL || !allows(*leaf, access)) {
        return NULL;
    }
    assert_true(tlb_count < TLB_MAX);
    tlb[tlb_count] = (struct translation){root, ROUND_DOWN(va, page_bytes), *leaf, page_bytes};
    return &tlb[tlb_count++];
}

void *cpu_access(struct space *space, vaddr_t va, enum access access, int *out_outcome)
{
    unsigned faults = 0;
    *out_outcome = -1;
    for (;;) {
        const struct translation *entry = translate(space, va, access);
        if (entry != NULL) {
            paddr_t base = ROUND_DOWN(entry->leaf & PTE_ADDRESS, entry->page_bytes);
            return (uint8_t *)phys_to_virt(base) + (va - entry->va);
        }
        uint64_t page_bytes;
        unsigned error = FAULT_USER | (access == ACCESS_WRITE ? FAULT_WRITE : 0) |
                         (access == ACCESS_EXECUTE ? FAULT_FETCH : 0);
        error |= page_table_find(&space->table, va, &page_bytes) != NULL ? FAULT_PRESENT : 0;
        *out_outcome = (int)space_fault(space, va, error);
        if (!fault_is_served((enum fault_outcome) * out_outcome)) {
            return NULL;
        }
        assert_true(++faults < 3); /* a served fault serves */
    }
}

status_t map_view(struct space *space, struct area *area, uint64_t offset, uint64_t bytes,
                  vaddr_t va, unsigned protection, vaddr_t *out_va)
{
    const struct space_view view = {.area = area,
                                    .offset = offset,
                                    .bytes = bytes,
                                    .protection = protection,
                                    .allowed = PROT_READ | PROT_WRITE | PROT_EXEC};
    return space_map(space, &view, va, out_va);
}

struct space *current_space;

/* As the CPU would: by the page tables, no fault served. */
size_t user_copy_present(void *to, const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        vaddr_t va = (vaddr_t)from + i;
        uint64_t page_bytes;
        const uint64_t *leaf = page_table_find(&current_space->table, va, &page_bytes);
        if (leaf == NULL || !allows(*leaf, ACCESS_READ)) {
            return bytes - i;
        }
        paddr_t base = ROUND_DOWN(*leaf & PTE_ADDRESS, page_bytes);
        ((uint8_t *)to)[i] = ((const uint8_t *)phys_to_virt(base))[va % page_bytes];
    }
    return 0;
}

struct frame_counts counts_now(void)
{
    return (struct frame_counts){frame_count(FRAME_USER), frame_count(FRAME_PAGE_TABLE)};
}

void assert_counts(struct frame_counts expected)
{
    struct frame_counts now = counts_now();
    assert_int_equal(now.user, expected.user);
    assert_int_equal(now.page_table, expected.page_table);
}

uint64_t frames_not_used(void)
{
    uint64_t frames = frame_count_free();
    list_for_each (node, &heap_caches) {
        const struct cache *cache = LIST_ENTRY(node, struct cache, all_link);
        if (cache->is_typed && cache_in_use(cache) == 0) {
            frames += cache->slabs << cache->slab_order;
        }
    }
    return frames;
}
