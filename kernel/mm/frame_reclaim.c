/* SPDX-License-Identifier: MIT */
/*
 * When memory runs out: the frames that other cores have in their caches.
 *
 * A cache is its core's own and has no lock, so nobody can reach in; the core has to hand over. It
 * does so where it serves shootdowns, in core_poll(), which takes no lock: it hangs its frames on a
 * chain that only needs atomic stores, and the one who asked takes them from there to the zones.
 *
 *      who has none                             another core
 *      n = surrenders
 *      set its poll bit, send VECTOR_POLL --->  core_poll(), from a spin or from the interrupt
 *                                               cached frames -> chain `surrendered`   (release)
 *      until surrenders != n             <---   surrenders += 1                        (release)
 *      take the chain, free its frames
 *
 *   R1  A core's cache is in order wherever that core may poll: frame.c takes frames out of the
 *       arrays before it waits for a zone's lock to give them back.
 *   R2  Who waits polls, so two cores that both have run out hand over to each other.
 *   R3  What is on a chain is CACHED or STOCKED and belongs to no cache; whoever exchanges the chain for NULL
 *       has it. The owner is the only one who adds.
 *
 *   R4  Frames that leave a zone count as the core's before the zone's lock is released. So who finds a zone empty
 *       and then no core that has frames has seen the end of memory, but for a batch that is on its way back.
 *
 * `check mm` verifies R3. R1, R2 and R4 are about the order of instructions: nothing that is in memory later shows a breach.
 *
 * A core that is asked empties itself to the last frame; it will meet the zone's lock once more
 * than it would have. That is what running out of memory costs.
 */
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "base/assert.h"
#include "base/hooks.h"
#include "mm/frame_impl.h"

static struct frame *add_to_chain(struct frame *chain, const paddr_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct frame *frame = frame_of(frames[i]);
        frame->data = frames[i];
        frame->link.next = chain == NULL ? NULL : &chain->link;
        chain = frame;
    }
    return chain;
}

void frame_surrender(void)
{
    struct frame_cache *cache = &frame_caches[cpu_id()];
    struct frame *chain =
        atomic_exchange_explicit(&cache->surrendered, NULL, memory_order_acquire); /* R3 */
    chain = add_to_chain(chain, cache->plain, cache->count);
    chain = add_to_chain(chain, cache->zeroed, cache->zeroed_count);
    chain = add_to_chain(chain, cache->stock, cache->stock_count);
    cache->count = 0;
    cache->zeroed_count = 0;
    cache->stock_count = 0;
    cache->stock_frames = 0;
    atomic_store_explicit(&cache->surrendered, chain, memory_order_release);
    atomic_fetch_add_explicit(&cache->surrenders, 1, memory_order_release);
}

static void ask_and_wait(unsigned cpu)
{
    struct frame_cache *cache = &frame_caches[cpu];
    unsigned before = atomic_load_explicit(&cache->surrenders, memory_order_relaxed);
    atomic_fetch_or_explicit(&cpus[cpu].poll, CPU_POLL_FRAMES, memory_order_release);
    ipi_send(cpu, VECTOR_POLL);
    while (atomic_load_explicit(&cache->surrenders, memory_order_acquire) == before) {
        cpu_relax();
        core_poll(); /* R2 */
    }
}

static bool take_chain(struct frame_cache *cache)
{
    struct frame *chain =
        atomic_exchange_explicit(&cache->surrendered, NULL, memory_order_acquire); /* R3 */
    bool any = chain != NULL;
    while (chain != NULL) {
        struct list *next = chain->link.next;
        frame_return_cached(chain);
        chain = next == NULL ? NULL : LIST_ENTRY(next, struct frame, link);
    }
    return any;
}

bool frame_reclaim(void)
{
    bool any = false;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        struct frame_cache *cache = &frame_caches[cpu];
        /* A look from outside: what is missed now is found by the next one who runs out. */
        if (cpu != cpu_id() && frame_cache_frames(cache) != 0) {
            ask_and_wait(cpu);
        }
        any |= take_chain(cache);
    }
    return any;
}
