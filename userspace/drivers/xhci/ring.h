/* SPDX-License-Identifier: MIT */
/*
 * Rings of TRBs in memory that the controller reads or writes. Pure memory work.
 *
 * Who writes says with the cycle bit which blocks are new; it turns over with each round, so nobody needs to be told
 * where the other one is:
 *
 *     ring (we write)    | c | c | c |   |   | link |      c: cycle bit is the ring's
 *                          ^dequeue    ^next        (back to the first; the bit turns over)
 *
 *   G1  A block belongs to the controller from the write of its cycle bit, which is the last, until an event names it or a later one.
 *   G2  At least one block stays free, so that a full ring is not an empty one.
 *   G3  An event that names anything but a block that the controller has, changes nothing.
 *
 * Source: xHCI, "Transfer Rings", "Command Ring", "Event Ring". Context: one thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "userspace/drivers/xhci/trb.h"

/* Commands and transfers: we write. */
struct ring {
    volatile struct trb *trbs;
    uint64_t physical;
    unsigned count; /* with the link at the end */
    unsigned next, dequeue;
    bool cycle;
};

/* ring_init() - an empty ring in zeroed memory, 16 bytes aligned, that does not cross 64 KiB. @count  at least 4 */
void ring_init(struct ring *ring, void *memory, uint64_t physical, unsigned count);

/* ring_room() - how many blocks ring_put() takes. */
unsigned ring_room(const struct ring *ring);

/* ring_put() - one block more, without its cycle bit; there is room. Returns its physical address. */
uint64_t ring_put(struct ring *ring, uint64_t parameter, uint32_t status, uint32_t control);

/*
 * ring_complete() - an event says that the controller is done with a block, and so with those before it.
 * @out_index  which one it was. False: it had no such block (G3).
 */
bool ring_complete(struct ring *ring, uint64_t physical, unsigned *out_index);

/* ring_restart() - give up all that the controller has. Returns where it has to go on, as "Set TR Dequeue Pointer" takes it. */
uint64_t ring_restart(struct ring *ring);

/* Events: the controller writes. */
struct event_ring {
    const volatile struct trb *trbs;
    uint64_t physical;
    unsigned count, next;
    bool cycle;
};

void event_ring_init(struct event_ring *ring, const void *memory, uint64_t physical,
                     unsigned count);

/* event_ring_take() - the next event, if there is one. */
bool event_ring_take(struct event_ring *ring, struct trb *out);

/* event_ring_dequeue() - physical address of the next one: all before may be overwritten once the controller knows. */
uint64_t event_ring_dequeue(const struct event_ring *ring);
