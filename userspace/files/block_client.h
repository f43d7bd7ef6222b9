/* SPDX-License-Identifier: MIT */
/*
 * The service of a disk as a block device for file systems and programs.
 *
 * Reading or writing sectors twice does the same as once, so what a service that ends has not answered is asked of the next one:
 * callers see a delay, and ERR_IO if there is none for 10 s. What was answered is on the disk.
 *
 * Callers never work on another disk than the one that they opened: if the next service has another one, or says nothing of it, that is
 * an error, and stays one until block_client_open().
 *
 * Context: one thread at a time.
 */
#pragma once

#include <stdbool.h>

#include "userspace/files/block_device.h"
#include "userspace/lib/block.h"

struct block_client {
    struct block_device
        device; /* works as the functions below; does not write if the disk does not */
    const char *name;
    uint64_t service;
    struct block_names names;
    bool is_read_only;
    bool is_unknown; /* nobody has said yet what disk this service has */
    bool is_changed; /* another one */
};

/* block_client_open() - find a service and ask for its facts. ERR_TIMED_OUT: none has answered until the deadline, also if they come and
 * end; ERR_NOT_FOUND: it has no disk; ERR_NOT_SUPPORTED: sectors of a size that block_device.h does not allow; else the status of
 * service_find(). */
status_t block_client_open(struct block_client *client, const char *name, uint64_t deadline);

/* block_client_read() - any number of sectors that exist. OK; ERR_RANGE; ERR_IO; ERR_CHANGED: the disk is another one now. */
status_t block_client_read(struct block_client *client, uint64_t sector, uint32_t count,
                           void *data);

/* block_client_write() - the same, and ERR_READ_ONLY. After an error some of the sectors may have been written. */
status_t block_client_write(struct block_client *client, uint64_t sector, uint32_t count,
                            const void *data);

/* block_client_flush() - OK or ERR_IO. */
status_t block_client_flush(struct block_client *client);
