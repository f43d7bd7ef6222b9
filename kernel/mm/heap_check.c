/* SPDX-License-Identifier: MIT */
/* Verifies the invariants H1 to H4 that cache.c states. */
#include "base/format.h"
#include "mm/heap_impl.h"

static bool check_slab(const struct cache *cache, struct slab *slab)
{
    const uint16_t *chain = slab_chain(cache, slab);
    unsigned length = 0, in_use = 0;
    for (unsigned i = slab->first_free; i != SLAB_END; i = chain[i]) {
        if (i >= cache->slots_per_slab || ++length > slab->free_count) {
            return false;
        }
    }
    for (unsigned i = 0; i < cache->slots_per_slab; i++) {
        in_use += chain[i] == SLAB_IN_USE;
    }
    return length == slab->free_count && in_use + length == cache->slots_per_slab;
}

static const char *check_cache(const struct cache *cache)
{
    uint64_t free_slots = 0, empty = 0, partial = 0, magazines = 0;
    list_for_each (node, &cache->partial) {
        struct slab *slab = LIST_ENTRY(node, struct slab, link);
        if (!check_slab(cache, slab)) {
            return "H1: the chain of a slab";
        }
        if (slab->free_count == 0 || ++partial > cache->slabs) {
            return "H2: the partial list";
        }
        free_slots += slab->free_count;
        empty += slab->free_count == cache->slots_per_slab;
    }
    if (empty != cache->empty || (empty > 1 && !cache->is_typed)) {
        return "H3: empty slabs";
    }
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        magazines += cache->magazines[cpu].count;
    }
    if (cache->slabs * cache->slots_per_slab - free_slots != cache_in_use(cache) + magazines) {
        return "H4: slots in use";
    }
    return NULL;
}

bool heap_check(char *why, size_t bytes)
{
    list_for_each (node, &heap_caches) {
        const struct cache *cache = LIST_ENTRY(node, struct cache, all_link);
        const char *wrong = check_cache(cache);
        if (wrong != NULL) {
            format_text(why, bytes, "%s (cache %s)", wrong, cache->name);
            return false;
        }
    }
    return true;
}
