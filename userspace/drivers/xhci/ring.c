/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/xhci/ring.h"

#include <stdatomic.h>

#define LINKS 1u

void ring_init(struct ring *ring, void *memory, uint64_t physical, unsigned count)
{
    *ring =
        (struct ring){.trbs = memory, .physical = physical, .count = count - LINKS, .cycle = true};
    ring->trbs[ring->count].parameter = physical;
    ring->trbs[ring->count].control = TRB_TYPE(TRB_LINK) | TRB_TOGGLE;
}

static unsigned used_blocks(const struct ring *ring)
{
    return (ring->next + ring->count - ring->dequeue) % ring->count;
}

unsigned ring_room(const struct ring *ring)
{
    return ring->count - 1 - used_blocks(ring); /* G2 */
}

/* G1: what is in the block, before that it is there. x86 keeps the order of writes; the compiler is told to. */
static void hand_over(volatile struct trb *trb, uint32_t control, bool cycle)
{
    atomic_thread_fence(memory_order_release);
    trb->control = control | (cycle ? TRB_CYCLE : 0);
}

uint64_t ring_put(struct ring *ring, uint64_t parameter, uint32_t status, uint32_t control)
{
    volatile struct trb *trb = &ring->trbs[ring->next];
    uint64_t physical = ring->physical + ring->next * sizeof(*trb);

    trb->parameter = parameter;
    trb->status = status;
    hand_over(trb, control, ring->cycle);
    if (++ring->next == ring->count) {
        hand_over(&ring->trbs[ring->count], TRB_TYPE(TRB_LINK) | TRB_TOGGLE, ring->cycle);
        ring->next = 0;
        ring->cycle = !ring->cycle;
    }
    return physical;
}

bool ring_complete(struct ring *ring, uint64_t physical, unsigned *out_index)
{
    uint64_t offset = physical - ring->physical;
    uint64_t index = offset / sizeof(struct trb);

    if (offset % sizeof(struct trb) != 0 || index >= ring->count ||
        (index + ring->count - ring->dequeue) % ring->count >= used_blocks(ring)) {
        return false;
    }
    ring->dequeue = (unsigned)(index + 1) % ring->count;
    *out_index = (unsigned)index;
    return true;
}

uint64_t ring_restart(struct ring *ring)
{
    ring->dequeue = ring->next;
    return (ring->physical + ring->next * sizeof(struct trb)) | (ring->cycle ? TRB_CYCLE : 0);
}

void event_ring_init(struct event_ring *ring, const void *memory, uint64_t physical, unsigned count)
{
    *ring =
        (struct event_ring){.trbs = memory, .physical = physical, .count = count, .cycle = true};
}

bool event_ring_take(struct event_ring *ring, struct trb *out)
{
    const volatile struct trb *trb = &ring->trbs[ring->next];
    uint32_t control = trb->control;

    if (((control & TRB_CYCLE) != 0) != ring->cycle) {
        return false;
    }
    atomic_thread_fence(memory_order_acquire); /* G1, the other way round */
    *out = (struct trb){trb->parameter, trb->status, control};
    if (++ring->next == ring->count) {
        ring->next = 0;
        ring->cycle = !ring->cycle;
    }
    return true;
}

uint64_t event_ring_dequeue(const struct event_ring *ring)
{
    return ring->physical + ring->next * sizeof(struct trb);
}
