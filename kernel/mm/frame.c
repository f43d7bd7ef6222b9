/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddies in two zones, and a cache of single frames per core.
 *
 * Problem. Everybody needs single frames all the time, on every core; some need long aligned runs
 * (2 MiB, 1 GiB, DMA), which must still be found after days; and the numbers must be exact, because
 * "ends with the frames it began with" is what tests of everything above rest on.
 *
 * Model. RAM is cut into runs of 2^order frames. A run is described by the struct frame of its
 * first frame, its head; all others are TAIL and not looked at. So allocating or freeing 1 GiB
 * touches one entry.
 *
 *      pfn   0      1      2 ...          8             16
 *            |USED 0|FREE 0|FREE 1 TAIL...|FREE 3 TAIL..|USED 2 TAIL TAIL TAIL|
 *
 * The table has one part per section of 1 GiB that holds RAM, trimmed to the first and last RAM
 * frame in it; holes between sections cost nothing. All parts lie at the end of the largest usable
 * region.
 *
 * Zones: below and above 4 GiB, each with a lock and free lists by order. Requests go to the high
 * zone first, so that low memory stays for devices that need it. A run never crosses 4 GiB, which
 * is a multiple of the largest run.
 *
 * Cores cache single frames: plain ones, and a few that are known to hold zeros (emptied page
 * tables). A cache is filled and drained by 32, so a core meets the zone's lock at most once in 32
 * frames, and not at all while its use swings by less than a cache holds. Filling begins while a batch is left, and draining while
 * there is room for several, so a core that finds the lock taken need not wait but tries again at the next frame. Filling only
 * takes runs off the lists under it. It takes the
 * shortest free runs first: what is in pieces already is used up before a longer run is broken.
 *
 *   I1  Every frame of the table is ABSENT, or belongs to exactly one run: a head of order k is
 *       followed by 2^k - 1 TAILs.
 *   I2  A run is aligned to its size.
 *   I3  A FREE head is on the list of its zone and order, knows its address, and nothing else is;
 *       runs[], orders and free_frames agree with the lists.
 *   I4  Two free buddies of one order below the greatest do not exist: they would have been merged.
 *   I5  For each owner, the frames of USED runs sum up to the sum of owned[] over cores.
 *   I6  CACHED frames have order 0, and there are as many as the caches say they hold.
 *   I7  Frame 0 is never free: 0 means "no memory".
 *
 * Locks and memory order. A zone's lock guards its lists, and link, data and order of its FREE
 * heads. State changes to FREE and from FREE happen only under that lock; changes between CACHED
 * and USED happen without, by the core that has the frame. A merging core may see its buddy in the
 * midst of such a change, but never as FREE, and that is all it asks.
 *
 * When memory runs out, cores ask each other for what is cached: frame_reclaim.c.
 *
 * Rejected: a bitmap per order (needs a search, and no place for owner and counts); a lock per
 * cache so that others could empty it (a locked instruction per allocation).
 *
 * Sources: Knuth, TAOCP vol. 1, 2.5 "Dynamic Storage Allocation" (buddy system); Bonwick and Adams,
 * "Magazines and Vmem" (2001).
 */
#include "mm/frame.h"

#include "abi/handoff.h"
#include "arch/cpu.h"
#include "arch/mmu.h"
#include "base/assert.h"
#include "base/format.h"
#include "base/string.h"
#include "gen/trace_emit.h"
#include "mm/frame_impl.h"

struct frame_zone frame_zones[FRAME_ZONES];
struct frame_cache frame_caches[CPU_MAX];
struct frame_section *frame_sections;
uint64_t frame_section_count;
bool frame_short;
static uint64_t short_mark; /* free frames, below which memory is short */

static void set_state(struct frame *frame, enum frame_state state)
{
    atomic_store_explicit(&frame->state, (uint8_t)state, memory_order_relaxed);
}

static struct frame_cache *own_cache(void)
{
    return &frame_caches[cpu_id()];
}

/* ---- runs: a zone's lock is held ---- */

static void push_free_locked(struct frame_zone *zone, struct frame *head, paddr_t pa,
                             unsigned order)
{
    head->order = (uint8_t)order;
    head->owner = FRAME_FREE;
    head->data = pa;
    atomic_store_explicit(&head->refs, 0, memory_order_relaxed);
    set_state(head, FRAME_STATE_FREE);
    list_push_front(&zone->free[order], &head->link);
    zone->runs[order]++;
    zone->orders |= 1u << order;
}

/* The head becomes TAIL, part of something longer or about to get a state of its own. */
static void remove_free_locked(struct frame_zone *zone, struct frame *head, unsigned order)
{
    list_remove(&head->link);
    zone->runs[order]--;
    if (list_is_empty(&zone->free[order])) {
        zone->orders &= ~(1u << order);
    }
    set_state(head, FRAME_STATE_TAIL);
}

/* Put a run back, merged with its buddies as far as they are free (I4). The head's entry is TAIL
 * or about to be overwritten. */
static void free_run_locked(struct frame_zone *zone, paddr_t pa, unsigned order)
{
    zone->free_frames += 1ull << order;
    while (order < FRAME_ORDER_MAX) {
        struct frame *buddy = frame_lookup(pa ^ (FRAME_BYTES << order));
        if (buddy == NULL || frame_state_of(buddy) != FRAME_STATE_FREE || buddy->order != order) {
            break;
        }
        remove_free_locked(zone, buddy, order);
        set_state(frame_of(pa), FRAME_STATE_TAIL);
        pa &= ~(FRAME_BYTES << order);
        order++;
    }
    push_free_locked(zone, frame_of(pa), pa, order);
}

/* Take a run of exactly this order from the beginning of a free one. Its head is TAIL. */
static paddr_t split_run_locked(struct frame_zone *zone, paddr_t pa, unsigned order)
{
    struct frame *head = frame_of(pa);
    unsigned found = head->order;
    remove_free_locked(zone, head, found);
    while (found > order) {
        found--;
        paddr_t upper = pa + (FRAME_BYTES << found);
        push_free_locked(zone, frame_of(upper), upper, found);
    }
    zone->free_frames -= 1ull << order;
    return pa;
}

/* Take one out of the shortest free run that is long enough. 0: none. */
static paddr_t take_run_locked(struct frame_zone *zone, unsigned order)
{
    uint32_t orders = zone->orders >> order << order;
    if (orders == 0) {
        return 0;
    }
    const struct list *shortest = &zone->free[__builtin_ctz(orders)];
    return split_run_locked(zone, LIST_FIRST(shortest, struct frame, link)->data, order);
}

/* The zones are looked at without their locks: a hint, renewed at each trip. */
static void note_shortage(void)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < FRAME_ZONES; i++) {
        frames += *(volatile uint64_t *)&frame_zones[i].free_frames;
    }
    frame_short = frames < short_mark;
}

/* Counters of the trace: when a core meets a zone, not for each frame. */
static void trace_zone(const struct frame_zone *zone)
{
    trace_mm_frames_free((uint8_t)(zone - frame_zones), zone->free_frames);
    note_shortage();
}

void frame_set_short_mark(uint64_t frames)
{
    short_mark = frames;
    note_shortage();
}

static void trace_owner(const struct frame_cache *cache, enum frame_owner owner)
{
    trace_mm_frames_owned((uint8_t)owner, (uint64_t)cache->owned[owner]);
}

/* ---- the cache of this core ---- */

struct short_run {
    paddr_t pa;
    unsigned order;
};

/* A run that has left its zone goes into the cache, from the top, so that it is handed out upwards. */
static void cache_run(struct frame_cache *cache, const struct short_run *run)
{
    for (unsigned i = 1u << run->order; i-- > 0;) {
        paddr_t one = run->pa + i * FRAME_BYTES;
        struct frame *frame = frame_of(one);
        frame->order = 0;
        set_state(frame, FRAME_STATE_CACHED);
        cache->plain[cache->count++] = one;
    }
}

/* Move at least one and up to about two batches into a cache that is nearly empty. The zone's lock is held, and released. */
static void refill_and_unlock(struct frame_zone *zone, struct frame_cache *cache)
{
    struct short_run runs[FRAME_CACHE_BATCH];
    unsigned count = 0, frames = cache->count;
    while (frames < FRAME_CACHE_BATCH && zone->orders != 0) {
        unsigned order = MIN((unsigned)__builtin_ctz(zone->orders), FRAME_CACHE_ORDER);
        runs[count++] = (struct short_run){take_run_locked(zone, order), order};
        frames += 1u << order;
    }
    trace_zone(zone);
    spinlock_release(&zone->lock);
    for (unsigned i = 0; i < count; i++) {
        cache_run(cache, &runs[i]);
    }
}

static void refill_from(struct frame_zone *zone, struct frame_cache *cache)
{
    spinlock_acquire(&zone->lock);
    refill_and_unlock(zone, cache);
}

/* While some are left there is no need to wait for a zone: the next allocation tries again. */
static COLD void refill_early(struct frame_cache *cache)
{
    for (unsigned i = FRAME_ZONES; i-- > 0;) {
        struct frame_zone *zone = &frame_zones[i];
        if (*(volatile uint32_t *)&zone->orders != 0) {
            if (spinlock_try(&zone->lock)) {
                cache->refills++;
                refill_and_unlock(zone, cache);
            }
            return;
        }
    }
}

static bool refill_from_zones(struct frame_cache *cache)
{
    refill_from(&frame_zones[FRAME_ZONE_HIGH], cache);
    if (cache->count == 0) {
        refill_from(&frame_zones[FRAME_ZONE_LOW], cache);
    }
    return cache->count > 0;
}

/* An empty cache. */
static COLD bool refill(struct frame_cache *cache, enum frame_owner owner)
{
    cache->refills++;
    trace_owner(cache, owner);
    if (refill_from_zones(cache)) {
        return true;
    }
    if (cache->zeroed_count == 0) {
        return frame_reclaim() && refill_from_zones(cache);
    }
    cache->plain[cache->count++] = cache->zeroed[--cache->zeroed_count];
    return true;
}

/* Give back frames that have left the cache; the lock changes hands only where the zone does. @held: NULL, or a zone that is locked. */
static void give_back(const paddr_t *frames, unsigned count, struct frame_zone *held)
{
    for (unsigned i = 0; i < count; i++) {
        struct frame_zone *zone = frame_zone_of(frames[i]);
        if (zone != held) {
            if (held != NULL) {
                trace_zone(held);
                spinlock_release(&held->lock);
            }
            spinlock_acquire(&zone->lock);
            held = zone;
        }
        free_run_locked(zone, frames[i], 0);
    }
    if (held != NULL) {
        trace_zone(held);
        spinlock_release(&held->lock);
    }
}

/* Give the oldest back, at most a batch; the younger ones are warm. They leave the cache before a
 * lock is waited for: R1 of frame_reclaim.c. */
static void give_oldest(struct frame_cache *cache, struct frame_zone *held)
{
    paddr_t oldest[FRAME_CACHE_BATCH];
    unsigned count = MIN(cache->count, FRAME_CACHE_BATCH);
    memcpy(oldest, cache->plain, count * sizeof(oldest[0]));
    cache->count -= count;
    memmove(cache->plain, cache->plain + count, cache->count * sizeof(cache->plain[0]));
    give_back(oldest, count, held);
}

/* Make room. While there is some there is no need to wait for a zone: the next frame tries again. */
static COLD void drain_batch(struct frame_cache *cache, enum frame_owner owner)
{
    struct frame_zone *zone = frame_zone_of(cache->plain[0]);
    bool must_wait = cache->count == FRAME_CACHE_MAX;
    if (!must_wait && !spinlock_try(&zone->lock)) {
        return;
    }
    cache->drains++;
    trace_owner(cache, owner);
    give_oldest(cache, must_wait ? NULL : zone);
}

void frame_cache_drain(void)
{
    struct frame_cache *cache = own_cache();
    while (cache->count > 0) {
        give_oldest(cache, NULL);
    }
    paddr_t zeroed[FRAME_CACHE_ZEROED_MAX];
    unsigned count = cache->zeroed_count;
    memcpy(zeroed, cache->zeroed, count * sizeof(zeroed[0]));
    cache->zeroed_count = 0;
    give_back(zeroed, count, NULL);
}

void frame_return_cached(struct frame *frame)
{
    paddr_t pa = frame->data;
    give_back(&pa, 1, NULL);
}

/* ---- public ---- */

static void begin_use(struct frame *head, unsigned order, enum frame_owner owner)
{
    head->order = (uint8_t)order;
    head->owner = (uint8_t)owner;
    head->data = 0;
    atomic_store_explicit(&head->refs, 1, memory_order_relaxed);
    set_state(head, FRAME_STATE_USED);
}

/* The shortest free run of at least this order that ends, cut to the order, at or below `limit`. A
 * zone that lies below it altogether has no need to look. */
static paddr_t find_run_locked(const struct frame_zone *zone, unsigned order, paddr_t limit)
{
    for (uint32_t orders = zone->orders >> order << order; orders != 0; orders &= orders - 1) {
        list_for_each (node, &zone->free[__builtin_ctz(orders)]) {
            const struct frame *head = LIST_ENTRY(node, struct frame, link);
            if (head->data + (FRAME_BYTES << order) <= limit) {
                return head->data;
            }
        }
    }
    return 0;
}

static paddr_t alloc_long_from(struct frame_zone *zone, unsigned order, paddr_t limit)
{
    paddr_t pa = 0;
    spinlock_acquire(&zone->lock);
    if (limit == FRAME_LIMIT_NONE) {
        pa = take_run_locked(zone, order);
    } else {
        paddr_t found = find_run_locked(zone, order, limit);
        pa = found != 0 ? split_run_locked(zone, found, order) : 0;
    }
    trace_zone(zone);
    spinlock_release(&zone->lock);
    return pa;
}

static paddr_t alloc_long(unsigned order, paddr_t limit, enum frame_owner owner)
{
    for (unsigned i = FRAME_ZONES; i-- > 0;) {
        struct frame_zone *zone = &frame_zones[i];
        if (i == FRAME_ZONE_HIGH && limit <= FRAME_ZONE_LOW_END) {
            continue;
        }
        paddr_t pa = alloc_long_from(zone, order, limit);
        if (pa != 0) {
            struct frame_cache *cache = own_cache();
            begin_use(frame_of(pa), order, owner);
            cache->owned[owner] += 1ll << order;
            trace_owner(cache, owner);
            return pa;
        }
    }
    return 0;
}

static COLD paddr_t alloc_long_or_drain(unsigned order, paddr_t limit, enum frame_owner owner)
{
    paddr_t pa = alloc_long(order, limit, owner);
    if (pa == 0) {
        frame_cache_drain(); /* what is missing for a long run may be in caches */
        (void)frame_reclaim();
        pa = alloc_long(order, limit, owner);
    }
    return pa;
}

/* A frame that was CACHED. */
static paddr_t use_cached(struct frame_cache *cache, paddr_t pa, enum frame_owner owner)
{
    struct frame *frame = frame_of(pa);
    ASSERT(frame_state_of(frame) == FRAME_STATE_CACHED);
    begin_use(frame, 0, owner);
    cache->owned[owner]++;
    return pa;
}

/* A plain frame from the cache, 0: no memory. */
static inline paddr_t take_plain(struct frame_cache *cache, enum frame_owner owner)
{
    if (UNLIKELY(cache->count <= FRAME_CACHE_LOW)) {
        if (cache->count > 0) {
            refill_early(cache);
        } else if (!refill(cache, owner)) {
            return 0;
        }
    }
    return use_cached(cache, cache->plain[--cache->count], owner);
}

paddr_t frame_alloc(unsigned order, enum frame_owner owner)
{
    VERIFY(order <= FRAME_ORDER_MAX && owner > FRAME_FREE && owner < FRAME_OWNERS);
    if (order > 0) {
        return alloc_long_or_drain(order, FRAME_LIMIT_NONE, owner);
    }
    return take_plain(own_cache(), owner);
}

paddr_t frame_alloc_zeroed(enum frame_owner owner)
{
    struct frame_cache *cache = own_cache();
    if (cache->zeroed_count > 0) {
        return use_cached(cache, cache->zeroed[--cache->zeroed_count], owner);
    }
    paddr_t pa = take_plain(cache, owner);
    if (LIKELY(pa != 0)) {
        page_zero(phys_to_virt(pa));
    }
    return pa;
}

NORETURN COLD static void refuse_free(const struct frame *head, paddr_t pa, unsigned order)
{
    if (head == NULL) {
        panic("frame 0x%llx freed: not memory of ours", (unsigned long long)pa);
    }
    panic("frame 0x%llx freed with order %u: it has state %u, order %u, owner %u, %u references",
          (unsigned long long)pa, order, frame_state_of(head), head->order, head->owner,
          atomic_load_explicit(&head->refs, memory_order_relaxed));
}

/* What every free checks: a run in use, of this order, with at most the caller's reference.
 * Counts it out; returns whose it was. */
static inline enum frame_owner end_use(struct frame_cache *cache, struct frame *head, paddr_t pa,
                                       unsigned order)
{
    if (UNLIKELY(head == NULL || !IS_ALIGNED(pa, FRAME_BYTES) ||
                 frame_state_of(head) != FRAME_STATE_USED || head->order != order ||
                 atomic_load_explicit(&head->refs, memory_order_relaxed) > 1)) {
        refuse_free(head, pa, order);
    }
    enum frame_owner owner = head->owner;
    cache->owned[owner] -= 1ll << order;
    head->owner = FRAME_FREE;
    return owner;
}

static inline void free_single(struct frame *frame, paddr_t pa)
{
    struct frame_cache *cache = own_cache();
    enum frame_owner owner = end_use(cache, frame, pa, 0);
    if (UNLIKELY(cache->count >= FRAME_CACHE_HIGH)) {
        drain_batch(cache, owner);
    }
    set_state(frame, FRAME_STATE_CACHED);
    cache->plain[cache->count++] = pa;
}

void frame_free(paddr_t pa, unsigned order)
{
    struct frame *head = frame_lookup(pa);
    if (order == 0) {
        free_single(head, pa);
        return;
    }
    struct frame_cache *cache = own_cache();
    trace_owner(cache, end_use(cache, head, pa, order));
    struct frame_zone *zone = frame_zone_of(pa);
    spinlock_acquire(&zone->lock);
    free_run_locked(zone, pa, order);
    trace_zone(zone);
    spinlock_release(&zone->lock);
}

void frame_free_zeroed(paddr_t pa)
{
    struct frame_cache *cache = own_cache();
    if (cache->zeroed_count == FRAME_CACHE_ZEROED_MAX) {
        frame_free(pa, 0);
        return;
    }
    struct frame *frame = frame_lookup(pa);
    end_use(cache, frame, pa, 0);
    set_state(frame, FRAME_STATE_CACHED);
    cache->zeroed[cache->zeroed_count++] = pa;
}

/* The length of the piece that begins a run of `frames`: the greatest power of two in it. Pieces
 * fall in size, so each is aligned. */
static unsigned first_piece_order(uint64_t frames)
{
    return 63u - (unsigned)__builtin_clzll(frames);
}

/* Keep the first `frames` of a run in use of 2^order: they become runs of falling length, what is
 * left over goes back from its end, in falling lengths too. */
static void cut_run(paddr_t pa, unsigned order, uint64_t frames, enum frame_owner owner)
{
    uint64_t excess = (1ull << order) - frames;
    struct frame_cache *cache = own_cache();
    struct frame_zone *zone = frame_zone_of(pa);
    cache->owned[owner] -= (int64_t)excess;
    paddr_t end = pa + (FRAME_BYTES << order);
    spinlock_acquire(&zone->lock);
    while (excess > 0) {
        unsigned piece = first_piece_order(excess);
        end -= FRAME_BYTES << piece;
        excess -= 1ull << piece;
        free_run_locked(zone, end, piece);
    }
    spinlock_release(&zone->lock);
    for (paddr_t at = pa; frames > 0;) {
        unsigned piece = first_piece_order(frames);
        begin_use(frame_of(at), piece, owner);
        at += FRAME_BYTES << piece;
        frames -= 1ull << piece;
    }
}

paddr_t frame_alloc_run(uint64_t frames, paddr_t limit, enum frame_owner owner)
{
    if (frames == 0 || frames > 1ull << FRAME_ORDER_MAX) {
        return 0;
    }
    unsigned order = frames == 1 ? 0 : first_piece_order(frames - 1) + 1;
    VERIFY(owner > FRAME_FREE && owner < FRAME_OWNERS);
    paddr_t pa = order == 0 && limit == FRAME_LIMIT_NONE ? frame_alloc(0, owner)
                                                         : alloc_long_or_drain(order, limit, owner);
    if (pa != 0 && frames != 1ull << order) {
        cut_run(pa, order, frames, owner);
    }
    return pa;
}

void frame_free_run(paddr_t pa, uint64_t frames)
{
    while (frames > 0) {
        unsigned piece = first_piece_order(frames);
        frame_free(pa, piece);
        pa += FRAME_BYTES << piece;
        frames -= 1ull << piece;
    }
}

void frame_get(paddr_t pa)
{
    struct frame *frame = frame_lookup(pa);
    VERIFY(frame != NULL && frame_state_of(frame) == FRAME_STATE_USED);
    unsigned before = atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    VERIFY(before > 0);
}

/* One of several references goes. True if it was the last after all. */
static NOINLINE bool drop_reference(struct frame *frame)
{
    VERIFY(frame_state_of(frame) == FRAME_STATE_USED);
    unsigned before = atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel);
    VERIFY(before > 0);
    return before == 1;
}

void frame_put(paddr_t pa)
{
    struct frame *frame = frame_lookup(pa);
    VERIFY(frame != NULL);
    /* A count of 1 is the caller's own: nobody else has one to copy, so no locked instruction is
     * needed. */
    if (LIKELY(atomic_load_explicit(&frame->refs, memory_order_acquire) == 1) ||
        drop_reference(frame)) {
        if (LIKELY(frame->order == 0)) {
            free_single(frame, pa);
        } else {
            frame_free(pa, frame->order);
        }
    }
}

bool frame_is_shared(paddr_t pa)
{
    return atomic_load_explicit(&frame_of(pa)->refs, memory_order_acquire) > 1;
}

bool frame_is_used(paddr_t pa, unsigned order)
{
    const struct frame *frame = frame_lookup(pa);
    return frame != NULL && frame_state_of(frame) == FRAME_STATE_USED && frame->order == order &&
           atomic_load_explicit(&frame->refs, memory_order_relaxed) > 0;
}

void frame_split(paddr_t pa, unsigned order)
{
    struct frame *head = frame_of(pa);
    VERIFY(frame_state_of(head) == FRAME_STATE_USED && head->order == order &&
           atomic_load_explicit(&head->refs, memory_order_relaxed) == 1);
    enum frame_owner owner = head->owner;
    for (uint64_t i = 0; i < 1ull << order; i++) {
        begin_use(head + i, 0, owner);
    }
}

bool frame_merge(paddr_t pa, unsigned order)
{
    struct frame *head = frame_of(pa);
    if (!IS_ALIGNED(pa, FRAME_BYTES << order)) {
        return false;
    }
    for (uint64_t i = 0; i < 1ull << order; i++) {
        if (frame_state_of(head + i) != FRAME_STATE_USED || head[i].order != 0 ||
            head[i].owner != head->owner ||
            atomic_load_explicit(&head[i].refs, memory_order_relaxed) != 1) {
            return false;
        }
    }
    for (uint64_t i = 1; i < 1ull << order; i++) {
        set_state(head + i, FRAME_STATE_TAIL);
        head[i].owner = FRAME_FREE;
    }
    head->order = (uint8_t)order;
    return true;
}

uint64_t frame_count_free(void)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < FRAME_ZONES; i++) {
        frames += frame_zones[i].free_frames;
    }
    for (unsigned i = 0; i < CPU_MAX; i++) {
        frames += frame_caches[i].count + frame_caches[i].zeroed_count;
    }
    return frames;
}

uint64_t frame_count(enum frame_owner owner)
{
    if (owner == FRAME_FREE) {
        return frame_count_free();
    }
    int64_t frames = 0;
    for (unsigned i = 0; i < CPU_MAX; i++) {
        frames += frame_caches[i].owned[owner];
    }
    return (uint64_t)frames;
}

/* ---- for frame_boot.c ---- */

void frame_add_free(paddr_t pa, unsigned order)
{
    struct frame_zone *zone = frame_zone_of(pa);
    spinlock_acquire(&zone->lock);
    free_run_locked(zone, pa, order);
    spinlock_release(&zone->lock);
}

void frame_add_used(paddr_t pa, unsigned order, enum frame_owner owner)
{
    begin_use(frame_of(pa), order, owner);
    own_cache()->owned[owner] += 1ll << order;
}
