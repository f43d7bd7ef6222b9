/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueue.
 *
 * Memory order: entries first, then the index that makes them visible, with release; the device
 * does the same for the used ring, so its index is read with acquire. On x86 both are plain moves,
 * and the notifying port write is a full barrier.
 */
#include "userspace/drivers/virtio/virtqueue.h"

#include "gen/layout.h"

/* Descriptors, then flags, index, ring and the event word of the available ring. */
static uint64_t driver_part_bytes(unsigned size)
{
    return (size * (sizeof(struct virtqueue_descriptor) + sizeof(uint16_t)) + 3 * sizeof(uint16_t) +
            PAGE_BYTES - 1) /
           PAGE_BYTES * PAGE_BYTES;
}

uint64_t virtqueue_bytes(unsigned size)
{
    uint64_t device_part = 3 * sizeof(uint16_t) + size * 8ull;

    return driver_part_bytes(size) + (device_part + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void virtqueue_init(struct virtqueue *queue, void *memory, unsigned size)
{
    queue->size = size;
    queue->descriptors = memory;
    queue->available = (void *)(queue->descriptors + size);
    queue->used = (void *)((char *)memory + driver_part_bytes(size));
    queue->used_seen = 0;
    queue->available->flags = VIRTQUEUE_NO_INTERRUPT;
}

void virtqueue_ask_interrupts(struct virtqueue *queue)
{
    queue->available->flags = 0;
}

void virtqueue_offer(struct virtqueue *queue, uint16_t head)
{
    uint16_t index = queue->available->index;

    queue->available->ring[index % queue->size] = head;
    __atomic_store_n(&queue->available->index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

bool virtqueue_take(struct virtqueue *queue, uint16_t *out_head, uint32_t *out_bytes)
{
    if (__atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE) == queue->used_seen) {
        return false;
    }
    *out_head = (uint16_t)queue->used->ring[queue->used_seen % queue->size].id;
    *out_bytes = queue->used->ring[queue->used_seen % queue->size].bytes;
    queue->used_seen++;
    return true;
}
