/* SPDX-License-Identifier: MIT */
/* A virtio disk on the PCI bus (legacy interface of a transitional device, 1af4:1001). */
#pragma once

#include "userspace/drivers/disk/disk.h"
#include "userspace/drivers/dma.h"
#include "userspace/drivers/virtio/virtio.h"

struct virtio_blk {
    struct disk disk;
    struct virtio virtio;
    struct virtqueue queue;
    struct dma *dma;
    struct dma_piece queue_memory;
    unsigned queue_size; /* that the memory is for */
    struct virtio_blk_request *request;
    uint64_t request_physical;
    uint32_t features;
    bool is_ready;
};

/*
 * virtio_blk_open() - set up one of the machine's virtio disks.
 * @index  which, from 0
 * @dma    its memory is taken from here, when the device has been reset
 * OK; ERR_NOT_FOUND: there are not so many; ERR_NOT_SUPPORTED; ERR_BUSY: another process drives it; ERR_IO: it does not answer.
 */
status_t virtio_blk_open(struct virtio_blk *blk, uint64_t system, unsigned index, struct dma *dma);

/* virtio_blk_stop() - stop one, whatever it does for a driver that is no more. The status of virtio_open(). */
status_t virtio_blk_stop(uint64_t system, unsigned index);

/* virtio_blk_close() - stop it and give it back. */
void virtio_blk_close(struct virtio_blk *blk);
