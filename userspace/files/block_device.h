/* SPDX-License-Identifier: MIT */
/* What file systems on disks stand on: sectors by number. A driver's client, a file, or memory in tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

#define SECTOR_BYTES_MAX 4096u

struct block_device {
    /* read() - whole sectors that exist. OK, or what went wrong: that is what the file's reader gets. */
    status_t (*read)(struct block_device *device, uint64_t sector, uint32_t count, void *data);
    uint64_t sectors;
    uint32_t sector_bytes; /* a power of two from 512 to SECTOR_BYTES_MAX */
    /* write() - the same; NULL: nothing can be written. What was written first is there first, but for a loss of power. */
    status_t (*write)(struct block_device *device, uint64_t sector, uint32_t count,
                      const void *data);
    /* flush() - what was written before survives a loss of power. NULL: it does at once. */
    status_t (*flush)(struct block_device *device);
};

static inline status_t block_device_flush(struct block_device *device)
{
    return device->flush != NULL ? device->flush(device) : OK;
}
