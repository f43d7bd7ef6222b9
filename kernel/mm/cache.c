/* SPDX-License-Identifier: MIT */
/*
 * Caches of equal objects: slabs below, a magazine per core on top.
 *
 * Model. A slab is a run of frames cut into slots; at its end a chain of slot numbers, and its
 * head:
 *
 *      | slot 0 | slot 1 | ... | slot n-1 |   | next[0] ... next[n-1] | struct slab |
 *
 * The chain is outside of the objects, because those of a typed cache must survive being free; and
 * a slot in use is marked there, so a slot given back twice is caught in every build. A magazine
 * holds slots that count as in use below; a core works on its own without a lock, and trades half a
 * magazine at a time.
 *
 *   H1  The chain of a slab is as long as its free count says, and the other slots are marked
 *       SLAB_IN_USE.
 *   H2  A slab is on the partial list exactly while it has a free slot.
 *   H3  cache->empty counts the slabs without an object; at most one of them is kept, unless the
 *       cache is typed.
 *   H4  Slots in use below = objects in use above (sum of in_use) + slots in magazines.
 *
 * Locks: cache->lock (rank HEAP) for slabs; frames are taken and given back under it (rank FRAMES
 * is higher).
 *
 * Source: Bonwick, "The Slab Allocator" (1994); Bonwick and Adams, "Magazines and Vmem" (2001).
 */
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/string.h"
#include "mm/heap_impl.h"

#define SLOTS_PER_SLAB_MIN 8u
#define ALIGN_SMALL        16u
#define ALIGN_LARGE        64u /* a cache line, for objects of that size and more */

struct list heap_caches = LIST_INIT(heap_caches);

/* ---- slabs: cache->lock is held ---- */

static struct slab *slab_of(const struct cache *cache, const void *slot)
{
    uint64_t bytes = FRAME_BYTES << cache->slab_order;
    return (struct slab *)(ALIGN_DOWN((vaddr_t)slot, bytes) + bytes - sizeof(struct slab));
}

/* Tell every frame of a slab whose it is; cache NULL: nobody's again. */
static void mark_frames(const struct cache *cache, unsigned order, paddr_t pa)
{
    for (uint64_t i = 0; i < 1ull << order; i++) {
        struct frame *frame = frame_of(pa + i * FRAME_BYTES);
        frame->data = (uint64_t)cache;
        frame->owner = cache != NULL || i == 0 ? FRAME_HEAP : FRAME_FREE;
    }
}

static void fill_slots(struct cache *cache, struct slab *slab)
{
    uint16_t *chain = slab_chain(cache, slab);
    for (unsigned i = 0; i < cache->slots_per_slab; i++) {
        uint8_t *slot = slab_base(cache, slab) + (uint64_t)i * cache->slot_bytes;
        if (cache->is_typed) {
            memset(slot, 0, cache->object_bytes);
        }
        if (CONFIG_DEBUG) {
            heap_guard_first(cache, slot);
        }
        chain[i] = (uint16_t)(i + 1);
    }
    chain[cache->slots_per_slab - 1] = SLAB_END;
    slab->free_count = (uint16_t)cache->slots_per_slab;
    slab->first_free = 0;
}

static bool add_slab_locked(struct cache *cache)
{
    paddr_t pa = frame_alloc(cache->slab_order, FRAME_HEAP);
    if (pa == 0) {
        return false;
    }
    struct slab *slab = slab_of(cache, phys_to_virt(pa));
    fill_slots(cache, slab);
    mark_frames(cache, cache->slab_order, pa);
    list_push_front(&cache->partial, &slab->link);
    cache->slabs++;
    cache->empty++;
    return true;
}

static void drop_slab_locked(struct cache *cache, struct slab *slab)
{
    paddr_t pa = virt_to_phys(slab_base(cache, slab));
    list_remove(&slab->link);
    cache->slabs--;
    cache->empty--;
    mark_frames(NULL, cache->slab_order, pa);
    frame_free(pa, cache->slab_order);
}

static void *take_slot_locked(struct cache *cache)
{
    if (list_is_empty(&cache->partial) && !add_slab_locked(cache)) {
        return NULL;
    }
    struct slab *slab = LIST_FIRST(&cache->partial, struct slab, link);
    uint16_t *chain = slab_chain(cache, slab);
    unsigned index = slab->first_free;
    VERIFY(index < cache->slots_per_slab);
    cache->empty -= slab->free_count == cache->slots_per_slab;
    slab->first_free = chain[index];
    chain[index] = SLAB_IN_USE;
    slab->free_count--;
    if (slab->free_count == 0) {
        list_remove(&slab->link);
    }
    return slab_base(cache, slab) + (uint64_t)index * cache->slot_bytes;
}

static void give_slot_locked(struct cache *cache, void *slot)
{
    struct slab *slab = slab_of(cache, slot);
    uint64_t offset = (uint64_t)((uint8_t *)slot - slab_base(cache, slab));
    uint64_t index = offset / cache->slot_bytes;
    uint16_t *chain = slab_chain(cache, slab);
    VERIFY(index < cache->slots_per_slab && offset == index * cache->slot_bytes);
    if (UNLIKELY(chain[index] != SLAB_IN_USE)) {
        panic("heap: %p of cache %s is freed twice", slot, cache->name);
    }
    chain[index] = slab->first_free;
    slab->first_free = (uint16_t)index;
    slab->free_count++;
    if (slab->free_count == 1) {
        list_push_front(&cache->partial, &slab->link);
    }
    if (slab->free_count < cache->slots_per_slab) {
        return;
    }
    cache->empty++;
    if (!cache->is_typed && cache->empty > 1) {
        drop_slab_locked(cache, slab);
    }
}

/* ---- magazines: own core ---- */

static struct cache_magazine *own_magazine(struct cache *cache)
{
    return &cache->magazines[cpu_id()];
}

static bool refill(struct cache *cache, struct cache_magazine *magazine)
{
    spinlock_acquire(&cache->lock);
    while (magazine->count < CACHE_MAGAZINE_BATCH) {
        void *slot = take_slot_locked(cache);
        if (slot == NULL) {
            break;
        }
        magazine->slots[magazine->count++] = slot;
    }
    spinlock_release(&cache->lock);
    return magazine->count > 0;
}

/* Give the oldest back; the youngest are warm. */
static void drain(struct cache *cache, struct cache_magazine *magazine, unsigned count)
{
    spinlock_acquire(&cache->lock);
    for (unsigned i = 0; i < count; i++) {
        give_slot_locked(cache, magazine->slots[i]);
    }
    spinlock_release(&cache->lock);
    magazine->count -= count;
    memmove(magazine->slots, magazine->slots + count, magazine->count * sizeof(magazine->slots[0]));
}

void *cache_take(struct cache *cache)
{
    struct cache_magazine *magazine = own_magazine(cache);
    if (UNLIKELY(magazine->count == 0) && !refill(cache, magazine)) {
        return NULL;
    }
    magazine->in_use++;
    return magazine->slots[--magazine->count];
}

void cache_give(struct cache *cache, void *slot)
{
    struct cache_magazine *magazine = own_magazine(cache);
    if (UNLIKELY(magazine->count == CACHE_MAGAZINE_MAX)) {
        drain(cache, magazine, CACHE_MAGAZINE_BATCH);
    }
    magazine->in_use--;
    magazine->slots[magazine->count++] = slot;
}

void cache_trim(struct cache *cache)
{
    struct cache_magazine *magazine = own_magazine(cache);
    if (cache->is_typed) {
        return;
    }
    drain(cache, magazine, magazine->count);
    spinlock_acquire(&cache->lock);
    list_for_each_safe (node, next, &cache->partial) {
        struct slab *slab = LIST_ENTRY(node, struct slab, link);
        if (slab->free_count == cache->slots_per_slab) {
            drop_slab_locked(cache, slab);
        }
    }
    spinlock_release(&cache->lock);
}

uint64_t cache_in_use(const struct cache *cache)
{
    int64_t objects = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        objects += cache->magazines[cpu].in_use;
    }
    return (uint64_t)objects;
}

/* ---- caches ---- */

static uint32_t slot_bytes_for(size_t object_bytes)
{
    size_t bytes = object_bytes + (CONFIG_DEBUG ? sizeof(struct heap_guard) : 0);
    return (uint32_t)ROUND_UP(bytes, object_bytes < ALIGN_LARGE ? ALIGN_SMALL : ALIGN_LARGE);
}

static uint32_t slots_in_slab(uint32_t slot_bytes, unsigned order)
{
    return (uint32_t)(((FRAME_BYTES << order) - sizeof(struct slab)) /
                      (slot_bytes + sizeof(uint16_t)));
}

void cache_setup(struct cache *cache, const char *name, size_t object_bytes, bool is_typed)
{
    spinlock_init(&cache->lock, name, LOCK_RANK_HEAP);
    cache->name = name;
    cache->object_bytes = (uint32_t)object_bytes;
    cache->slot_bytes = slot_bytes_for(object_bytes);
    while (slots_in_slab(cache->slot_bytes, cache->slab_order) < SLOTS_PER_SLAB_MIN) {
        cache->slab_order++;
    }
    cache->slots_per_slab = slots_in_slab(cache->slot_bytes, cache->slab_order);
    cache->is_typed = is_typed;
    list_init(&cache->partial);
    list_push_back(&heap_caches, &cache->all_link);
}

static struct cache *create_cache(const char *name, size_t object_bytes, bool is_typed)
{
    unsigned order = 0;
    while (FRAME_BYTES << order < sizeof(struct cache)) {
        order++;
    }
    paddr_t pa = frame_alloc(order, FRAME_HEAP);
    if (pa == 0 || object_bytes == 0 || object_bytes > CACHE_BYTES_MAX) {
        panic("cache_create(%s, %zu)", name, object_bytes);
    }
    struct cache *cache = phys_to_virt(pa);
    memset(cache, 0, FRAME_BYTES << order);
    cache_setup(cache, name, object_bytes, is_typed);
    return cache;
}

struct cache *cache_create(const char *name, size_t object_bytes)
{
    return create_cache(name, object_bytes, true);
}

struct cache *cache_create_plain(const char *name, size_t object_bytes)
{
    return create_cache(name, object_bytes, false);
}

void *cache_alloc(struct cache *cache)
{
    void *slot = cache_take(cache);
    if (CONFIG_DEBUG && slot != NULL) {
        heap_guard_alloc(cache, slot, cache->object_bytes);
    }
    return slot;
}

void cache_free(struct cache *cache, void *object)
{
    if (CONFIG_DEBUG) {
        heap_guard_free(cache, object);
    }
    cache_give(cache, object);
}
