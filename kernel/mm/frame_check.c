/* SPDX-License-Identifier: MIT */
/* Verifies the invariants I1 to I7 that frame.c states, and R3 of frame_reclaim.c. */
#include "base/assert.h"
#include "base/format.h"
#include "mm/frame_impl.h"

struct census {
    uint64_t owned[FRAME_OWNERS]; /* frames of USED runs */
    uint64_t free[FRAME_ZONES];   /* frames of FREE runs */
    uint64_t runs[FRAME_ZONES][FRAME_ORDER_MAX + 1];
    uint64_t cached;
    char *why;
    size_t why_bytes;
};

static bool fail(const struct census *census, const char *what, uint64_t pa, uint64_t value)
{
    format_text(census->why, census->why_bytes, "%s (at 0x%llx, %llu)", what,
                (unsigned long long)pa, (unsigned long long)value);
    return false;
}

static bool check_free_head(struct census *census, const struct frame *head, paddr_t pa)
{
    unsigned zone = pa >= FRAME_ZONE_LOW_END ? FRAME_ZONE_HIGH : FRAME_ZONE_LOW;
    unsigned order = head->order;
    census->free[zone] += 1ull << order;
    census->runs[zone][order]++;
    if (pa == 0) {
        return fail(census, "I7: frame 0 is free", pa, order);
    }
    if (head->data != pa) {
        return fail(census, "I3: a free head has the wrong address", pa, head->data);
    }
    const struct frame *buddy = frame_lookup(pa ^ (FRAME_BYTES << order));
    if (order < FRAME_ORDER_MAX && buddy != NULL && frame_state_of(buddy) == FRAME_STATE_FREE &&
        buddy->order == order) {
        return fail(census, "I4: two free buddies", pa, order);
    }
    return true;
}

/* One head: counts it, and gives its length in *out_frames. */
static bool check_head(struct census *census, const struct frame *head, paddr_t pa,
                       uint64_t *out_frames)
{
    *out_frames = 1;
    switch (frame_state_of(head)) {
    case FRAME_STATE_ABSENT:
        return true;
    case FRAME_STATE_CACHED:
        census->cached++;
        return head->order == 0 || fail(census, "I6: a cached frame has an order", pa, head->order);
    case FRAME_STATE_FREE:
    case FRAME_STATE_USED:
    case FRAME_STATE_STOCKED:
        break;
    default:
        return fail(census, "I1: a tail without a head", pa, frame_state_of(head));
    }
    if (head->order > FRAME_ORDER_MAX || !IS_ALIGNED(pa, FRAME_BYTES << head->order)) {
        return fail(census, "I2: a run is not aligned", pa, head->order);
    }
    *out_frames = 1ull << head->order;
    if (frame_state_of(head) == FRAME_STATE_FREE) {
        return check_free_head(census, head, pa);
    }
    if (frame_state_of(head) == FRAME_STATE_STOCKED) {
        census->cached += *out_frames;
        return true;
    }
    if (head->owner == FRAME_FREE || head->owner >= FRAME_OWNERS) {
        return fail(census, "I5: a used run has no owner", pa, head->owner);
    }
    census->owned[head->owner] += *out_frames;
    return true;
}

static bool check_section(struct census *census, const struct frame_section *section)
{
    for (uint64_t pfn = section->first_pfn; pfn < section->end_pfn;) {
        const struct frame *head = &section->frames[pfn - section->first_pfn];
        uint64_t frames;
        if (!check_head(census, head, pfn * FRAME_BYTES, &frames)) {
            return false;
        }
        if (frames > section->end_pfn - pfn) {
            return fail(census, "I1: a run leaves its section", pfn * FRAME_BYTES, frames);
        }
        for (uint64_t i = 1; i < frames; i++) {
            if (frame_state_of(head + i) != FRAME_STATE_TAIL) {
                return fail(census, "I1: a head inside a run", (pfn + i) * FRAME_BYTES,
                            frame_state_of(head + i));
            }
        }
        pfn += frames;
    }
    return true;
}

static bool check_zone(struct census *census, unsigned id)
{
    const struct frame_zone *zone = &frame_zones[id];
    for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++) {
        uint64_t length = 0;
        list_for_each (node, &zone->free[order]) {
            const struct frame *head = LIST_ENTRY(node, struct frame, link);
            if (frame_state_of(head) != FRAME_STATE_FREE || head->order != order ||
                ++length > zone->runs[order]) {
                return fail(census, "I3: a free list is wrong", head->data, order);
            }
        }
        bool has_bit = zone->orders >> order & 1;
        if (length != zone->runs[order] || length != census->runs[id][order] ||
            has_bit != (length > 0)) {
            return fail(census, "I3: a free list has the wrong length", order, length);
        }
    }
    return zone->free_frames == census->free[id] ||
           fail(census, "I3: the free frames of a zone", zone->free_frames, census->free[id]);
}

/* R3. Adds what a core has handed over and nobody has taken to *cached. */
static bool check_surrendered(struct census *census, const struct frame_cache *cache,
                              uint64_t *cached)
{
    const struct frame *frame = atomic_load_explicit(&cache->surrendered, memory_order_acquire);
    while (frame != NULL) {
        const struct list *next = frame->link.next;
        enum frame_state state = frame_state_of(frame);
        if (state != FRAME_STATE_CACHED && state != FRAME_STATE_STOCKED) {
            return fail(census, "R3: a frame handed over is not CACHED", frame->data, state);
        }
        *cached += 1ull << frame->order;
        frame = next == NULL ? NULL : LIST_ENTRY(next, struct frame, link);
    }
    return true;
}

static bool check_stock(const struct census *census, const struct frame_cache *cache)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < cache->stock_count; i++) {
        paddr_t pa = cache->stock[i];
        if (frame_lookup(pa) == NULL || frame_state_of(frame_of(pa)) != FRAME_STATE_STOCKED) {
            return fail(census, "I6: a run in a stock is not STOCKED", pa, i);
        }
        frames += 1ull << frame_of(pa)->order;
    }
    return frames == cache->stock_frames ||
           fail(census, "I6: the frames of a stock", frames, cache->stock_frames);
}

static bool check_caches(struct census *census)
{
    uint64_t cached = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        const struct frame_cache *cache = &frame_caches[cpu];
        cached += frame_cache_frames(cache);
        if (!check_surrendered(census, cache, &cached) || !check_stock(census, cache)) {
            return false;
        }
        for (unsigned i = 0; i < cache->count + cache->zeroed_count; i++) {
            paddr_t pa = i < cache->count ? cache->plain[i] : cache->zeroed[i - cache->count];
            if (frame_lookup(pa) == NULL || frame_state_of(frame_of(pa)) != FRAME_STATE_CACHED) {
                return fail(census, "I6: a frame in a cache is not CACHED", pa, cpu);
            }
        }
    }
    return cached == census->cached ||
           fail(census, "I6: the number of cached frames", cached, census->cached);
}

bool frame_check(char *why, size_t bytes)
{
    struct census census = {.why = why, .why_bytes = bytes};
    for (uint64_t i = 0; i < frame_section_count; i++) {
        if (frame_sections[i].frames != NULL && !check_section(&census, &frame_sections[i])) {
            return false;
        }
    }
    for (unsigned id = 0; id < FRAME_ZONES; id++) {
        if (!check_zone(&census, id)) {
            return false;
        }
    }
    for (unsigned owner = FRAME_FREE + 1; owner < FRAME_OWNERS; owner++) {
        if (census.owned[owner] != frame_count((enum frame_owner)owner)) {
            return fail(&census, "I5: the frames of an owner", owner, census.owned[owner]);
        }
    }
    return check_caches(&census);
}
