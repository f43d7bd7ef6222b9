/* SPDX-License-Identifier: MIT */
/*
 * Port 0 of a virtio console on the PCI bus (legacy interface of a transitional device, 1af4:1003),
 * sending by polling, receiving by MSI-X where the device has it. Memory that the caller knows the physical address of goes out without a copy.
 *
 * The host side has to be something that takes all bytes (a file, a pipe with a reader): QEMU drops
 * what a console port's back end refuses.
 */
#pragma once

#include "userspace/drivers/transport.h"
#include "userspace/drivers/virtio/virtio.h"

struct virtio_console {
    struct transport transport;
    struct virtio virtio;
    uint64_t memory;   /* both queues, receive buffers, bounce buffer */
    uint64_t physical; /* of memory */
    uint64_t receive_offset, bounce_offset;
    struct virtqueue receive_queue, transmit_queue;
    uint16_t current; /* receive buffer that is being read out */
    uint32_t current_at, current_bytes;
};

/*
 * virtio_console_open() - find the device, set up its queues, start it. @system with rights ports,
 * and interrupts and physical for MSI-X; without them the caller has to look from time to time.
 * Its memory is kept by the supervisor (drivers/dma.h).
 * OK; ERR_NOT_FOUND: no such device; ERR_NOT_SUPPORTED: it has no legacy interface; ERR_BUSY:
 * another process drives it; ERR_NO_MEMORY.
 */
status_t virtio_console_open(struct virtio_console *console, uint64_t system);
