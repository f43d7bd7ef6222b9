/* SPDX-License-Identifier: MIT */
/* FAT12, FAT16 and FAT32 with long names, read and written. Theory: fat.c. No system calls. */
#pragma once

#include "userspace/files/block_device.h"
#include "userspace/files/file_system.h"

#define FAT_HELD_MAX      1024u
#define FAT_SCRATCH_BYTES 32768u
#define FAT_ENTRY_BYTES   32u

/* A sector that was used last. */
struct fat_cache {
    uint64_t sector; /* plus 1; 0: none */
    bool is_dirty;   /* the disk does not have it yet */
    uint8_t data[SECTOR_BYTES_MAX];
};

/* A node that somebody has open (fat_held.c). */
struct fat_held {
    uint64_t node;
    uint64_t at; /* where its entry is now; 0: it has no name any more, this is its entry: */
    uint32_t holds;
    uint8_t entry[FAT_ENTRY_BYTES];
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

    /* What follows is for writing. */
    uint64_t table_bytes; /* of each copy; they stand one behind the other */
    uint32_t tables;      /* copies that are kept the same */
    uint64_t info;        /* byte offset of FSInfo; 0: there is none */
    uint32_t free, next;  /* clusters; where to look for the next (once counted) */
    bool is_counted;      /* the whole table has been looked at */
    bool is_marked;       /* on the disk: somebody is writing */
    bool was_marked;      /* so it was found: the mark stays until a checker has been here */
    bool is_stopped;      /* nothing is written any more */
    uint64_t
        utc_at_start; /* ns since 1970 when fs.now_ns was 0; 0: not known, all is of 1980-01-01 */
    struct fat_held held[FAT_HELD_MAX];
    uint32_t held_count, nameless;
    uint8_t scratch[FAT_SCRATCH_BYTES];
};

/*
 * fat_open() - look at the first sector. ERR_CORRUPT: this is no FAT, or it makes no sense; what reading gives. A device that cannot be
 * written to, or has larger sectors than the volume, makes a file system that cannot be changed.
 */
status_t fat_open(struct fat *fat, struct block_device *device);
