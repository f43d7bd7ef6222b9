/* SPDX-License-Identifier: MIT */
/*
 * Guards and poison of heap slots in debug builds: a write past the end, a write after free, and
 * freeing twice are found. Who allocated the object and who freed it last are named with their callers; the third backtrace,
 * of who noticed, is the panic's. `kdebug> heap ADDRESS` has their symbols.
 *
 *      | object, `bytes` asked for | HEAP_GUARD_BYTE ... | struct heap_guard |
 *
 * While free, an object of a size cache is full of HEAP_POISON_BYTE. Typed objects keep their
 * contents, so for them only the guard speaks.
 */
#include "arch/context.h"
#include "base/assert.h"
#include "base/format.h"
#include "base/string.h"
#include "mm/heap_impl.h"

#define SKIP_ALLOCATOR 1u /* heap_alloc() and the like are not news */

static struct heap_guard *guard_of(const struct cache *cache, void *slot)
{
    return (struct heap_guard *)((uint8_t *)slot + cache->slot_bytes - sizeof(struct heap_guard));
}

/* " 0x1 0x2 ..." */
#define CALLERS_TEXT_BYTES (HEAP_CALLERS * sizeof(" 0xffffffffffffffff"))
static void print_callers(char *text, const uint64_t *callers)
{
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < HEAP_CALLERS && callers[i] != 0; i++) {
        length +=
            format_text(text + length, CALLERS_TEXT_BYTES - length, " %p", (void *)callers[i]);
    }
}

NORETURN static void report(const struct cache *cache, void *slot, const char *what)
{
    const struct heap_guard *guard = guard_of(cache, slot);
    char allocated[CALLERS_TEXT_BYTES], freed[CALLERS_TEXT_BYTES];
    print_callers(allocated, guard->allocated_by);
    print_callers(freed, guard->freed_by);
    panic("heap: %p of cache %s %s; allocated (%u bytes) by%s, freed by%s", slot, cache->name, what,
          guard->asked, allocated, freed);
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
static void make_free(const struct cache *cache, void *slot)
{
    guard_of(cache, slot)->is_free = true;
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
    make_free(cache, slot);
}

void heap_guard_alloc(const struct cache *cache, void *slot, size_t bytes)
{
    struct heap_guard *guard = guard_of(cache, slot);
    check_guard(cache, slot);
    if (!guard->is_free) {
        report(cache, slot, "is handed out twice");
    }
    if (!cache->is_typed &&
        !is_filled(slot, (uint8_t *)slot + cache->object_bytes, HEAP_POISON_BYTE)) {
        report(cache, slot, "was written to after it was freed");
    }
    context_callers(guard->allocated_by, HEAP_CALLERS, SKIP_ALLOCATOR);
    guard->is_free = false;
    guard->asked = (uint32_t)bytes;
    set_bytes(cache, slot, bytes);
}

void heap_guard_free(const struct cache *cache, void *slot)
{
    struct heap_guard *guard = guard_of(cache, slot);
    check_guard(cache, slot);
    if (guard->is_free) {
        report(cache, slot, "is freed twice");
    }
    context_callers(guard->freed_by, HEAP_CALLERS, SKIP_ALLOCATOR);
    make_free(cache, slot);
}
