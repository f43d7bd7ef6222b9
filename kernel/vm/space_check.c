/* SPDX-License-Identifier: MIT */
/* Verifies the invariants V1 to V4 that space.c states, O2 of pager.c, P1 and P2 of its page table, and the areas that a space shows. */
#include "base/checked.h"
#include "base/format.h"
#include "base/tree.h"
#include "mm/frame.h"
#include "vm/space_impl.h"

static const char *check_mapping(const struct mapping *mapping, vaddr_t low)
{
    vaddr_t start = mapping_start(mapping);
    uint64_t bytes = mapping->end - start;
    if (start < low || mapping->end <= start || mapping->end > USER_END ||
        !IS_ALIGNED(start | mapping->end, PAGE_BYTES)) {
        return "V1: bounds";
    }
    if (mapping->area == NULL) {
        return NULL;
    }
    /* An anonymous area may have been made shorter since. */
    if (mapping->area->kind != AREA_ANONYMOUS &&
        !range_is_within(mapping->offset, bytes, 0, area_span(mapping->area))) {
        return "V1: outside of the area";
    }
    return NULL;
}

/* What the leaf at va must show. */
static paddr_t expected_frame(const struct mapping *mapping, vaddr_t va)
{
    const struct area *area = mapping->area;
    uint64_t page = mapping_page(mapping, va);
    if (area->kind != AREA_ANONYMOUS) {
        return area->base + page * PAGE_BYTES;
    }
    paddr_t own = area_find(area, page);
    return own == 0 && area->origin != NULL ? area_origin_frame(area, page) : own;
}

static bool is_paged(const struct mapping *mapping, vaddr_t va)
{
    const struct area *area = mapping->area;
    return area->kind == AREA_ANONYMOUS &&
           (area_entry(area, mapping_page(mapping, va)) & AREA_PAGED) != 0;
}

/* A4: what more than one area has is not written to. */
static bool must_be_read_only(const struct mapping *mapping, vaddr_t va)
{
    const struct area *area = mapping->area;
    paddr_t own = area_find(area, mapping_page(mapping, va));
    return area->kind == AREA_ANONYMOUS && (own != 0 ? frame_is_shared(own) : area->origin != NULL);
}

static const char *check_leaf(const struct mapping *mapping, vaddr_t va, uint64_t leaf,
                              uint64_t page_bytes)
{
    uint64_t ignored = PTE_ADDRESS | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_LARGE;
    if (mapping == NULL || mapping->area == NULL || va < mapping_start(mapping) ||
        mapping->end - va < page_bytes) {
        return "V2: a leaf outside of any mapping";
    }
    if (is_paged(mapping, va)) {
        return "O2: a page that is leaving or out has a leaf";
    }
    if ((leaf & PTE_ADDRESS) != expected_frame(mapping, va)) {
        return "V2: a leaf shows another frame than the area has";
    }
    if ((leaf & PTE_WRITE) && must_be_read_only(mapping, va)) {
        return "A4: a shared page can be written to";
    }
    ignored |= mapping->area->may_share ? PTE_WRITE : 0;
    if (((leaf ^ mapping->leaf_flags) & ~ignored) != 0 ||
        (leaf & ~mapping->leaf_flags & PTE_WRITE)) {
        return "V2: a leaf has other flags than its mapping";
    }
    return (leaf & PTE_WRITE) && !(leaf & PTE_NX) ? "V3: a leaf is writable and executable" : NULL;
}

static const char *check_leaves(const struct space *space, vaddr_t *va)
{
    uint64_t page_bytes;
    const uint64_t *leaf;
    while ((leaf = page_table_next(&space->table, va, USER_END, &page_bytes)) != NULL) {
        const struct mapping *mapping = mapping_of_node(tree_find_at_most(&space->mappings, *va));
        const char *wrong = check_leaf(mapping, *va, *leaf, page_bytes);
        if (wrong != NULL) {
            return wrong;
        }
        *va += page_bytes;
    }
    return page_table_has_empty(&space->table) ? "V4: an empty table, or P1: a table's count"
                                               : NULL;
}

/* A2, A3 and O3. An area whose lock is held is being changed. */
static bool check_areas(const struct space *space, char *why, size_t bytes)
{
    for (const struct mapping *mapping = space_first(space); mapping != NULL;
         mapping = space_next(mapping)) {
        const struct area *area = mapping->area;
        if (area != NULL && !spinlock_is_held(&area->lock) && !area_check(area, why, bytes)) {
            return false;
        }
    }
    return true;
}

bool space_check(const struct space *space, char *why, size_t bytes)
{
    vaddr_t at = USER_BASE;
    uint64_t count = 0;
    const char *wrong = tree_check(&space->mappings) ? NULL : "V1: the tree";
    for (const struct mapping *mapping = space_first(space); wrong == NULL && mapping != NULL;
         mapping = space_next(mapping)) {
        wrong = check_mapping(mapping, at);
        if (wrong == NULL &&
            tree_find_at_most(&space->mappings, mapping_start(mapping)) != &mapping->node) {
            wrong = "V1: the tree and the list differ";
        }
        at = mapping->end;
        count++;
    }
    if (wrong == NULL && count != space->mapping_count) {
        wrong = "V1: the number of mappings";
    }
    if (wrong == NULL) {
        at = USER_BASE;
        wrong = check_leaves(space, &at);
    }
    if (wrong == NULL && !page_table_has_kernel_half(&space->table)) {
        wrong = "P2: the upper half";
    }
    if (wrong != NULL) {
        format_text(why, bytes, "%s (at 0x%llx)", wrong, (unsigned long long)at);
    }
    return wrong == NULL && check_areas(space, why, bytes);
}
