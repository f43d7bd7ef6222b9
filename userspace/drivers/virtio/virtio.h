/* SPDX-License-Identifier: MIT */
/*
 * A virtio device on the PCI bus, by the legacy interface that transitional devices have: registers in I/O ports, queues anywhere
 * below 16 TiB.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.1, "Virtio Over PCI Bus", "Legacy Interfaces: A Note on PCI Device Layout".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
#include "userspace/drivers/virtio/virtqueue.h"

#define VIRTIO_VECTOR      0u /* the one that virtio_open() enables */
#define VIRTIO_VECTOR_NONE 0xffffu

struct virtio {
    uint64_t ports;
    uint64_t interrupt; /* of its vector; HANDLE_NONE: the device cannot, so it is polled */
    uint32_t config;    /* first register of what this kind of device has */
    uint64_t system;
    uint16_t function; /* of the PCI bus */
};

/*
 * virtio_open() - find a device, stop it whatever it does, and switch it on.
 * @system        with rights ports, and interrupts and physical for MSI-X
 * @device        PCI device id
 * @index         which of those, from 0
 * @config_ports  registers that this kind of device has
 * OK; ERR_NOT_FOUND: there is none; ERR_NOT_SUPPORTED: it has no legacy interface; ERR_BUSY: another process drives it; ERR_IO: it does
 * not stop, and is kept from memory. Nothing is left behind on an error.
 */
status_t virtio_open(struct virtio *virtio, uint64_t system, uint16_t device, unsigned index,
                     uint32_t config_ports);

/* virtio_close() - reset it, so that it leaves memory alone, or keep it from there if it does not obey; and give it back. */
void virtio_close(struct virtio *virtio);

/*
 * virtio_begin() - reset it, so that it leaves memory alone, and agree on features.
 * @wanted  bits of those that the driver knows; *out_features: those that the device has, too
 * OK; ERR_IO: it is not reset, and may still be writing to memory.
 */
status_t virtio_begin(struct virtio *virtio, uint32_t wanted, uint32_t *out_features);

/* virtio_queue_size() - entries of a queue; 0: there is none. */
unsigned virtio_queue_size(const struct virtio *virtio, uint32_t index);

/*
 * virtio_place_queue() - set a queue up in zeroed memory of virtqueue_bytes(@size), what virtio_queue_size() gave.
 * It interrupts if there is an interrupt and @interrupts says so.
 */
void virtio_place_queue(const struct virtio *virtio, uint32_t index, struct virtqueue *queue,
                        unsigned size, void *memory, uint64_t physical, bool interrupts);

/* virtio_start() - all queues are placed: let it work. */
void virtio_start(const struct virtio *virtio);

/* virtio_notify() - there is something in a queue. */
void virtio_notify(const struct virtio *virtio, uint32_t index);

/* virtio_is_broken() - it is gone, or wants a reset. */
bool virtio_is_broken(const struct virtio *virtio);

/* virtio_config() - 32 bits of what this kind of device has. */
uint32_t virtio_config(const struct virtio *virtio, uint32_t offset);
