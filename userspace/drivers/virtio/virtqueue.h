/* SPDX-License-Identifier: MIT */
/*
 * A virtqueue in the legacy layout: descriptors, available ring, and from the next page on the used
 * ring. Pure memory work; who notifies the device is the driver. One request is in flight per chain
 * head.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, "Split Virtqueues", and "Legacy Interfaces: A Note on
 * Virtqueue Layout".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX 1024u

#define VIRTQUEUE_NEXT         1u /* descriptor flags */
#define VIRTQUEUE_WRITE        2u /* the device writes */
#define VIRTQUEUE_NO_INTERRUPT 1u /* flag of the available ring */

struct virtqueue_descriptor {
    uint64_t physical;
    uint32_t bytes;
    uint16_t flags;
    uint16_t next;
};

struct virtqueue_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[];
};

struct virtqueue_used {
    uint16_t flags;
    uint16_t index;
    struct {
        uint32_t id;
        uint32_t bytes;
    } ring[];
};

struct virtqueue {
    unsigned size; /* entries, a power of two */
    struct virtqueue_descriptor *descriptors;
    struct virtqueue_available *available;
    struct virtqueue_used *used;
    uint16_t used_seen;
};

/* virtqueue_bytes() - memory for a queue of this many entries, a multiple of the page size. */
uint64_t virtqueue_bytes(unsigned size);

/*
 * virtqueue_init() - lay a queue out in zeroed memory of virtqueue_bytes(), page aligned.
 * Interrupts are asked off.
 */
void virtqueue_init(struct virtqueue *queue, void *memory, unsigned size);

/* virtqueue_ask_interrupts() - from now on the device interrupts when it is done with a chain. */
void virtqueue_ask_interrupts(struct virtqueue *queue);

/*
 * virtqueue_offer() - give the device the chain that begins at a descriptor. The driver notifies.
 */
void virtqueue_offer(struct virtqueue *queue, uint16_t head);

/*
 * virtqueue_take() - a chain that the device is done with. False: none. Results: its head and the
 * bytes the device wrote.
 */
bool virtqueue_take(struct virtqueue *queue, uint16_t *out_head, uint32_t *out_bytes);
