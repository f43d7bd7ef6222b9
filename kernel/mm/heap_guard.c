/* SPDX-License-Identifier: MIT */
/*
 * Guards and poison of heap slots in debug builds: a write past the end, a write after free, and
 * freeing twice are found, and whoever allocated and freed the object last is named by address
 * (kdebug turns it into a symbol).
 *
 *      | object, `bytes` asked for | HEAP_GUARD_BYTE ... | struct heap_guard |
 *
 * While free, an object of a size cache is full of HEAP_POISON_BYTE. Typed objects keep their
 * contents, so for them only the guard speaks.
 */
#include "base/assert.h"
#include "base/string.h"
#include "mm/heap_impl.h"

static struct heap_guard *guard_of(const struct cache *cache, void *slot)
{
    return (struct heap_guard *)((uint8_t *)slot + cache->slot_bytes - sizeof(struct heap_guard));
}

NORETURN static void report(const struct cache *cache, void *slot, const char *what)
{
    const struct heap_guard *guard = guard_of(cache, slot);
    panic("heap: %p of cache %s %s; allocated by %p (%u bytes), freed by %p", slot, cache->name,
          what, (void *)guard->alloc_pc, guard->bytes, (void *)guard->free_pc);
}

static bool is_filled(const uint8_t *from, const uint8_t *to, uint8_t value)
{
    for (; from < to; from++) {
        if (*from != value) {
            return false;
        }
    }
    return true;
}

static void check_guard(const struct cache *cache, void *slot)
{
    const struct heap_guard *guard = guard_of(cache, slot);
    if (guard->magic != HEAP_GUARD_MAGIC) {
        panic("heap: the guard behind %p of cache %s is overwritten", slot, cache->name);
    }
    if (!is_filled((uint8_t *)slot + guard->bytes, (const uint8_t *)guard, HEAP_GUARD_BYTE)) {
        report(cache, slot, "was written past its end");
    }
}

static void set_bytes(const struct cache *cache, void *slot, size_t bytes)
{
    struct heap_guard *guard = guard_of(cache, slot);
    guard->bytes = (uint32_t)bytes;
    memset((uint8_t *)slot + bytes, HEAP_GUARD_BYTE,
           (size_t)((uint8_t *)guard - ((uint8_t *)slot + bytes)));
}

/* What a free slot looks like. */
static void make_free(const struct cache *cache, void *slot, uint64_t pc)
{
    guard_of(cache, slot)->free_pc = pc;
    if (!cache->is_typed) {
        set_bytes(cache, slot, cache->object_bytes);
        memset(slot, HEAP_POISON_BYTE, cache->object_bytes);
    }
}

void heap_guard_first(const struct cache *cache, void *slot)
{
    struct heap_guard *guard = guard_of(cache, slot);
    *guard = (struct heap_guard){.magic = HEAP_GUARD_MAGIC};
    set_bytes(cache, slot, cache->object_bytes);
    make_free(cache, slot, (uint64_t)&heap_guard_first); /* not 0, which means "in use" */
}

void heap_guard_alloc(const struct cache *cache, void *slot, size_t bytes, uint64_t pc)
{
    struct heap_guard *guard = guard_of(cache, slot);
    check_guard(cache, slot);
    if (guard->free_pc == 0) {
        report(cache, slot, "is handed out twice");
    }
    if (!cache->is_typed &&
        !is_filled(slot, (uint8_t *)slot + cache->object_bytes, HEAP_POISON_BYTE)) {
        report(cache, slot, "was written to after it was freed");
    }
    guard->alloc_pc = pc;
    guard->free_pc = 0;
    set_bytes(cache, slot, bytes);
}

void heap_guard_free(const struct cache *cache, void *slot, uint64_t pc)
{
    check_guard(cache, slot);
    if (guard_of(cache, slot)->free_pc != 0) {
        report(cache, slot, "is freed twice");
    }
    make_free(cache, slot, pc);
}
