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
 * tables). While memory is plenty each has a stock too: runs that have left their zone but are not
 * cut yet. A cache is filled by 32 from the stock, without a lock, and the stock by half of its 1024,
 * in one run where there is one. So a core that takes frames and gives none back meets the zone's lock
 * once in 512, and for the few steps that it takes to unlink a run; cutting is done outside. The
 * stock is filled from when half is left: a core that finds the lock taken tries again at the next
 * batch, and waits only if the lock is taken for as long as 512 frames last it. How many waits there
 * are is up to the host, where a virtual core can lose its processor inside of the lock; that makes them rare.
 * All stocks together are at most 1/32 of the free frames of when they were filled, and 64 each
 * where that is less: then a core meets the lock once in 32 frames.
 *
 * Filling takes the shortest free runs first: what is in pieces already is used up before a longer
 * run is broken. A cache is drained by 32, and from when on there is room for several batches more.
 *
 *   I1  Every frame of the table is ABSENT, or belongs to exactly one run: a head of order k is
 *       followed by 2^k - 1 TAILs.
 *   I2  A run is aligned to its size.
 *   I3  A FREE head is on the list of its zone and order, knows its address, and nothing else is;
 *       runs[], orders and free_frames agree with the lists.
 *   I4  Two free buddies of one order below the greatest do not exist: they would have been merged.
 *   I5  For each owner, the frames of USED runs sum up to the sum of owned[] over cores.
 *   I6  CACHED frames have order 0, STOCKED runs are in the stock of a core, and there are as many
 *       frames of both as the caches say they hold.
 *   I7  Frame 0 is never free: 0 means "no memory".
 *
 * Locks and memory order. A zone's lock guards its lists, and link, data and order of its FREE
 * heads. State changes to FREE and from FREE happen only under that lock; changes between STOCKED,
 * CACHED and USED happen without, by the core that has the frame. A merging core may see its buddy in the
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

/* ---- the cache of this core: filling ---- */

/* How many frames a core should have in stock: of what is free a small part for all cores together, so that little is
 * out of reach, and where memory is short no more than two batches. Without the lock it is a hint. */
static unsigned stock_aim(const struct frame_zone *zone)
{
    uint64_t free_frames = *(const volatile uint64_t *)&zone->free_frames;
    uint64_t share = free_frames / FRAME_STOCK_SHARE / cpu_count();
    return (unsigned)MAX(MIN(share, FRAME_STOCK_MAX), FRAME_STOCK_MIN);
}

/* The shortest runs stay at the end, where they are used up first: else the stock would fill with them. Does not count the
 * frames. */
static void add_to_stock(struct frame_cache *cache, paddr_t pa, unsigned order)
{
    struct frame *head = frame_of(pa);
    head->order = (uint8_t)order;
    set_state(head, FRAME_STATE_STOCKED);
    unsigned at = cache->stock_count++;
    for (; at > 0 && frame_of(cache->stock[at - 1])->order < order; at--) {
        cache->stock[at] = cache->stock[at - 1];
    }
    cache->stock[at] = pa;
}

struct taken_run {
    paddr_t pa;
    unsigned order;
};

/* Take runs as they are, each up to half of the stock, until it is more than half full. The zone's lock is held, and
 * released; from then on the frames are counted as the core's, so that who finds none here asks for them (R4). */
static void fill_stock_and_unlock(struct frame_zone *zone, struct frame_cache *cache)
{
    struct taken_run runs[FRAME_STOCK_RUNS_FILL];
    unsigned half = stock_aim(zone) / 2, order_max = 31u - (unsigned)__builtin_clz(half);
    unsigned count = 0;
    unsigned count_max = MIN(FRAME_STOCK_RUNS_FILL, FRAME_STOCK_RUNS_MAX - cache->stock_count);
    while (cache->stock_frames <= half && count < count_max && zone->orders != 0) {
        unsigned order = MIN((unsigned)__builtin_ctz(zone->orders), order_max);
        runs[count++] = (struct taken_run){take_run_locked(zone, order), order};
        cache->stock_frames += 1u << order;
    }
    trace_zone(zone);
    spinlock_release(&zone->lock);
    while (count-- > 0) {
        add_to_stock(cache, runs[count].pa, runs[count].order);
    }
}

/* The zone to fill from: the high one while it has something. Without its lock, so it may be empty when that is held. NULL: none. */
static struct frame_zone *zone_with_frames(void)
{
    for (unsigned i = FRAME_ZONES; i-- > 0;) {
        if (*(volatile uint32_t *)&frame_zones[i].orders != 0) {
            return &frame_zones[i];
        }
    }
    return NULL;
}

/* While something is left there is no need to wait for a zone: the next batch tries again. */
static void fill_stock_early(struct frame_cache *cache)
{
    struct frame_zone *zone = zone_with_frames();
    if (zone != NULL && cache->stock_frames < stock_aim(zone) / 2 &&
        cache->stock_count < FRAME_STOCK_RUNS_MAX && spinlock_try(&zone->lock)) {
        cache->refills++;
        fill_stock_and_unlock(zone, cache);
    }
}

/* The shortest run of the stock, or the first batch of it, becomes single frames: from the top, so that they are handed out upwards.
 * The rest stays in stock, in runs of falling length. */
static void cut_run_of_stock(struct frame_cache *cache)
{
    paddr_t pa = cache->stock[--cache->stock_count];
    unsigned order = frame_of(pa)->order;
    while (order > FRAME_CACHE_ORDER) {
        order--;
        add_to_stock(cache, pa + (FRAME_BYTES << order), order);
    }
    cache->stock_frames -= 1u << order;
    for (unsigned i = 1u << order; i-- > 0;) {
        paddr_t one = pa + i * FRAME_BYTES;
        struct frame *frame = frame_of(one);
        frame->order = 0;
        set_state(frame, FRAME_STATE_CACHED);
        cache->plain[cache->count++] = one;
    }
}

/* At least a batch, and less than two, if the stock has it. */
static void cut_batch(struct frame_cache *cache)
{
    uint32_t enough = cache->count + FRAME_CACHE_BATCH;
    while (cache->count < enough && cache->stock_count > 0) {
        cut_run_of_stock(cache);
    }
}

/* Nothing is left: waits for the zones. */
static bool fill_from_zones(struct frame_cache *cache)
{
    for (unsigned i = FRAME_ZONES; i-- > 0 && cache->stock_count == 0;) {
        spinlock_acquire(&frame_zones[i].lock);
        fill_stock_and_unlock(&frame_zones[i], cache);
    }
    cut_batch(cache);
    return cache->count > 0;
}

/* What other cores hand over may be in the cache of a third one before we look: as long as there is something, ask again. */
static bool fill_from_cores(struct frame_cache *cache)
{
    while (frame_reclaim()) {
        if (fill_from_zones(cache)) {
            return true;
        }
    }
    return false;
}

static COLD bool refill_empty(struct frame_cache *cache, enum frame_owner owner)
{
    cache->refills++;
    trace_owner(cache, owner);
    if (fill_from_zones(cache)) {
        return true;
    }
    if (cache->zeroed_count == 0) {
        return fill_from_cores(cache);
    }
    cache->plain[cache->count++] = cache->zeroed[--cache->zeroed_count];
    return true;
}

/* A cache that is nearly empty. False: there is no frame. */
static COLD bool refill(struct frame_cache *cache, enum frame_owner owner)
{
    fill_stock_early(cache);
    cut_batch(cache);
    return cache->count > 0 || refill_empty(cache, owner);
}

/* ---- the cache of this core: draining ---- */

/* Give back runs that have left the cache; the lock changes hands only where the zone does. @held: NULL, or a zone that is locked. */
static void give_back(const paddr_t *runs, unsigned count, struct frame_zone *held)
{
    for (unsigned i = 0; i < count; i++) {
        struct frame_zone *zone = frame_zone_of(runs[i]);
        if (zone != held) {
            if (held != NULL) {
                trace_zone(held);
                spinlock_release(&held->lock);
            }
            spinlock_acquire(&zone->lock);
            held = zone;
        }
        free_run_locked(zone, runs[i], frame_of(runs[i])->order);
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
    paddr_t zeroed[FRAME_CACHE_ZEROED_MAX], stock[FRAME_STOCK_RUNS];
    unsigned zeroed_count = cache->zeroed_count, stock_count = cache->stock_count;
    memcpy(zeroed, cache->zeroed, zeroed_count * sizeof(zeroed[0]));
    memcpy(stock, cache->stock, stock_count * sizeof(stock[0]));
    cache->zeroed_count = 0;
    cache->stock_count = 0;
    cache->stock_frames = 0;
    give_back(zeroed, zeroed_count, NULL);
    give_back(stock, stock_count, NULL);
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
    if (UNLIKELY(cache->count <= FRAME_CACHE_LOW) && !refill(cache, owner)) {
        return 0;
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

bool frame_get_if_shared(paddr_t pa)
{
    struct frame *frame = frame_of(pa);
    unsigned refs = atomic_load_explicit(&frame->refs, memory_order_relaxed);
    while (refs > 1) {
        if (atomic_compare_exchange_weak_explicit(&frame->refs, &refs, refs + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
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
        frames += frame_cache_frames(&frame_caches[i]);
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
