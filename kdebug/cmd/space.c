/* SPDX-License-Identifier: MIT */
/* Spaces: space, area. What a process has mapped where, and what an area is. */
#include "abi/memory.h"
#include "arch/mmu.h"
#include "kdebug/cmd/lock.h"
#include "kdebug/core/lookup.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "vm/space_impl.h"

#define KIB          1024u
#define MAPPINGS_MAX 65536u /* more than that: the tree is damaged */

static const char *kind_name(const struct area *area)
{
    static const char *const names[] = {"anonymous", "run", "physical"};
    return (unsigned)area->kind < ARRAY_COUNT(names) ? names[area->kind] : "?";
}

static const char *cache_name(const struct area *area)
{
    if (area->cache_flags & PTE_PCD) {
        return " uncached";
    }
    return area->cache_flags & PTE_PWT ? " write-combining" : "";
}

static void print_mapping(vaddr_t at, const struct mapping *mapping)
{
    struct area area = {0};
    vaddr_t start = mapping->node.key;
    kd_print("%016llx %10llu KiB  ", (unsigned long long)start,
             (unsigned long long)(mapping->end - start) / KIB);
    if (mapping->area == NULL) {
        kd_print("---  guard%s\n", mapping->dying ? ", dying" : "");
        return;
    }
    kd_fetch((vaddr_t)mapping->area, &area, sizeof(area), "area");
    kd_print("%c%c%c  %s%s%s area 0x%llx + 0x%llx%s  (0x%llx)",
             mapping->protection & PROT_READ ? 'r' : '-',
             mapping->protection & PROT_WRITE ? 'w' : '-',
             mapping->protection & PROT_EXEC ? 'x' : '-', kind_name(&area), cache_name(&area),
             area.is_ring ? " ring" : "", (unsigned long long)(vaddr_t)mapping->area,
             (unsigned long long)mapping->offset, mapping->dying ? ", dying" : "",
             (unsigned long long)at);
    if (area.paged_out != 0) {
        kd_print("  %llu pages out", (unsigned long long)area.paged_out);
    }
    kd_print("\n");
}

/* In order of addresses. Depth is bounded by the tree's height; a damaged one by the count. */
static void print_tree(vaddr_t node, unsigned depth, unsigned *left)
{
    struct mapping mapping;
    vaddr_t at = node - offsetof(struct mapping, node);
    if (node == 0) {
        return;
    }
    if (depth == 0 || (*left)-- == 0) {
        kd_fail("the tree of mappings is damaged");
    }
    kd_fetch(at, &mapping, sizeof(mapping), "mapping");
    print_tree((vaddr_t)mapping.node.child[0], depth - 1, left);
    print_mapping(at, &mapping);
    print_tree((vaddr_t)mapping.node.child[1], depth - 1, left);
}

static const char *describe_lock(vaddr_t at, const struct shared_lock *lock)
{
    if (spinlock_is_held(&lock->spin)) {
        return ", locked";
    }
    return kd_lock_is_shared(at) ? ", a fault or a copy is under way" : "";
}

static void run_space(struct kd_call *call)
{
    struct space space;
    unsigned left = MAPPINGS_MAX;
    vaddr_t process = kd_arg_process(call);
    if (process == 0) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    vaddr_t at = kd_fetch_word(process + offsetof(struct process, space), "process");
    if (at == 0) {
        kd_fail("the process has ended: its space is gone");
    }
    kd_fetch(at, &space, sizeof(space), "space");
    kd_print("space 0x%llx, page tables 0x%llx, %llu mappings%s\n", (unsigned long long)at,
             (unsigned long long)space.table.root, (unsigned long long)space.mapping_count,
             describe_lock(at + offsetof(struct space, lock), &space.lock));
    print_tree((vaddr_t)space.mappings.root, 64, &left);
}
KD_COMMAND(space, .usage = "PID", .help = "what a process has mapped where",
           .flags = KD_READS | KD_TAKES, .run = run_space);

static void run_area(struct kd_call *call)
{
    struct area area;
    struct kd_list_walk walk;
    uint64_t address;
    vaddr_t node;
    if (!kd_arg_number(call, &address)) {
        kd_fail_usage(call);
    }
    kd_arg_done(call);
    kd_fetch(address, &area, sizeof(area), "area");
    if (area.object.type != OBJECT_AREA) {
        kd_fail("0x%llx is no area; `space PID` shows those of a process",
                (unsigned long long)address);
    }
    kd_print("area %u at 0x%llx: %s%s%s%s%s, %llu KiB, references %u\n", area.object.id,
             (unsigned long long)address, kind_name(&area), cache_name(&area),
             area.is_ring ? ", ring" : "", area.may_share ? ", shares pages with clones" : "",
             area.writable ? "" : ", read only", (unsigned long long)area.bytes / KIB,
             atomic_load_explicit(&area.object.refs, memory_order_relaxed));
    if (area.kind == AREA_ANONYMOUS) {
        kd_print(
            "  %llu pages have a frame, %llu are out with a pager, index of %u levels at 0x%llx\n",
            (unsigned long long)area.resident, (unsigned long long)area.paged_out, area.levels,
            (unsigned long long)(vaddr_t)area.index);
    } else {
        kd_print("  physical 0x%llx\n", (unsigned long long)area.base);
    }
    if (area.origin != NULL) {
        kd_print("  copied page by page from area 0x%llx + 0x%llx\n",
                 (unsigned long long)(vaddr_t)area.origin, (unsigned long long)area.origin_offset);
    }
    kd_list_begin(&walk, address + offsetof(struct area, mappings));
    while (kd_list_next(&walk, &node)) {
        struct mapping mapping;
        kd_fetch(node - offsetof(struct mapping, area_link), &mapping, sizeof(mapping), "mapping");
        kd_print("  mapped at 0x%llx in space 0x%llx\n", (unsigned long long)mapping.node.key,
                 (unsigned long long)(vaddr_t)mapping.space);
    }
}
KD_COMMAND(area, .usage = "ADDRESS", .help = "an area: kind, pages, who maps it", .flags = KD_READS,
           .run = run_area);
