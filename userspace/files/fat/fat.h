/* SPDX-License-Identifier: MIT */
/* FAT12, FAT16 and FAT32 with long names, to be read only. Theory: fat.c. No system calls. */
#pragma once

#include "userspace/files/block_device.h"
#include "userspace/files/file_system.h"

/* A sector that was read last. */
struct fat_cache {
    uint64_t sector; /* plus 1; 0: none */
    uint8_t data[SECTOR_BYTES_MAX];
};

struct fat {
    struct file_system fs;
    struct block_device *device;
    uint32_t bits; /* of an entry of the table: 12, 16 or 32 */
    uint32_t cluster_bytes;
    uint32_t clusters;     /* they are numbered from 2 */
    uint32_t root_entries; /* of the fixed root directory; 0: it is a chain */
    uint32_t root_cluster;
    uint64_t table, root, data; /* byte offsets */
    /* Where the last look along a chain ended: cluster `at` is number `index` of the chain that begins with `first`. */
    struct {
        uint32_t first, index, at;
    } last;
    struct fat_cache of_table, of_data;
};

/* fat_open() - look at the first sector. ERR_CORRUPT: this is no FAT, or it makes no sense; what reading gives. */
status_t fat_open(struct fat *fat, struct block_device *device);
