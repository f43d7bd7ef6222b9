/* SPDX-License-Identifier: MIT */
/* heap: the caches of the kernel heap; or one object of it, and in debug builds who allocated and who freed it last. */
#include "kdebug/cmd/heap.h"

#include "kdebug/cmd/frame.h"
#include "kdebug/core/command.h"
#include "kdebug/core/list_walk.h"
#include "kdebug/core/output.h"
#include "kdebug/core/target.h"
#include "mm/heap_impl.h"

#define KIB_PER_FRAME 4

static void show_cache(vaddr_t address)
{
    static struct cache cache; /* large */
    char name[32] = "?";
    int64_t in_use = 0;
    kd_fetch(address, &cache, sizeof(cache), "heap cache");
    if (kd_read_kernel((vaddr_t)cache.name, name, sizeof(name)) == OK) {
        name[sizeof(name) - 1] = '\0';
    }
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        in_use += cache.magazines[cpu].in_use;
    }
    uint64_t frames = cache.slabs << cache.slab_order;
    kd_print("%-20s  %6u  %8lld  %6llu  %6llu  %10llu  %s\n", name, cache.object_bytes,
             (long long)in_use, (unsigned long long)cache.slabs, (unsigned long long)cache.empty,
             (unsigned long long)frames * KIB_PER_FRAME, cache.is_typed ? "typed" : "");
}

static void show_caches(void)
{
    struct kd_list_walk walk;
    vaddr_t node;
    kd_print("CACHE                  BYTES    IN USE   SLABS   EMPTY         KIB\n");
    kd_list_begin(&walk, KD_GLOBAL(heap_caches));
    while (kd_list_next(&walk, &node)) {
        show_cache(node - offsetof(struct cache, all_link));
    }
}

static void show_callers(const char *what, const uint64_t *callers)
{
    kd_print("  %s by\n", what);
    for (unsigned i = 0; i < HEAP_CALLERS && callers[i] != 0; i++) {
        kd_print("    %016llx  ", (unsigned long long)callers[i]);
        kd_print_address(callers[i]);
        kd_print("\n");
    }
}

static void show_guard(vaddr_t address)
{
    struct heap_guard guard;
    kd_fetch(address, &guard, sizeof(guard), "guard");
    if (guard.magic != HEAP_GUARD_MAGIC) {
        kd_print("  no guard behind it: a release kernel has none, or it is overwritten\n");
        return;
    }
    kd_print("  %s, %u bytes asked for\n", guard.is_free ? "free" : "in use", guard.asked);
    show_callers("allocated", guard.allocated_by);
    show_callers("freed", guard.freed_by);
}

/* The cache of a slab is in the frame's data; large objects have a run of their own. */
static bool find_cache(vaddr_t address, vaddr_t *out)
{
    struct frame frame;
    bool is_direct = address >= DIRECT_MAP_BASE && address < KERNEL_STACKS_BASE;
    if (!is_direct || !kd_fetch_frame(address - DIRECT_MAP_BASE, &frame) ||
        frame.owner != FRAME_HEAP || (frame.data & HEAP_DATA_RUN) || frame.data == 0) {
        return false;
    }
    *out = frame.data;
    return true;
}

bool kd_heap_has(vaddr_t address)
{
    vaddr_t cache;
    return find_cache(address, &cache);
}

void kd_heap_show(vaddr_t address)
{
    static struct cache cache; /* large */
    char name[32] = "?";
    vaddr_t where;
    if (!find_cache(address, &where)) {
        kd_fail("0x%llx is in no cache of the heap", (unsigned long long)address);
    }
    kd_fetch(where, &cache, sizeof(cache), "heap cache");
    if (cache.slot_bytes < sizeof(struct heap_guard)) {
        kd_fail("the cache of 0x%llx is damaged", (unsigned long long)address);
    }
    (void)kd_read_kernel((vaddr_t)cache.name, name, sizeof(name) - 1);
    vaddr_t slab = ALIGN_DOWN(address, FRAME_BYTES << cache.slab_order);
    vaddr_t slot = slab + ROUND_DOWN(address - slab, (vaddr_t)cache.slot_bytes);
    kd_print("0x%llx is at 0x%llx of the object at 0x%llx of cache %s\n",
             (unsigned long long)address, (unsigned long long)(address - slot),
             (unsigned long long)slot, name);
    show_guard(slot + cache.slot_bytes - sizeof(struct heap_guard));
}

static void run_heap(struct kd_call *call)
{
    uint64_t address;
    bool has_address = kd_arg_number(call, &address);
    kd_arg_done(call);
    if (has_address) {
        kd_heap_show(address);
    } else {
        show_caches();
    }
}
KD_COMMAND(heap, .usage = "[ADDRESS]", .help = "caches of the kernel heap, or one object of it",
           .flags = KD_READS, .run = run_heap);
