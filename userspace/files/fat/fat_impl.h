/* SPDX-License-Identifier: MIT */
/* What the files of this folder know of each other. */
#pragma once

#include "userspace/files/fat/fat.h"

#define FAT_ENTRY_BYTES 32u
#define FAT_ROOT        1u /* node: no entry begins at an odd offset */

/* fat_read() - bytes of the volume. ERR_CORRUPT: they are not there. */
status_t fat_read(struct fat *fat, struct fat_cache *cache, uint64_t offset, void *data,
                  uint64_t bytes);

/* fat_cluster() - number `index` of a chain. ERR_NOT_FOUND: the chain is not so long; ERR_CORRUPT: it leads nowhere. */
status_t fat_cluster(struct fat *fat, uint32_t first, uint32_t index, uint32_t *out_cluster);
uint64_t fat_cluster_offset(const struct fat *fat, uint32_t cluster);

/* fat_get16() / fat_get32() - little endian, at any address. */
static inline uint32_t fat_get16(const uint8_t *bytes)
{
    return (uint32_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t fat_get32(const uint8_t *bytes)
{
    return fat_get16(bytes) | fat_get16(bytes + 2) << 16;
}

/* fat_entry() - a node's directory entry. Not of the root. */
status_t fat_entry(struct fat *fat, uint64_t node, uint8_t entry[FAT_ENTRY_BYTES]);
uint32_t fat_entry_cluster(const struct fat *fat, const uint8_t *entry);
enum file_kind fat_entry_kind(const uint8_t *entry);

/* The operations on directories (fat_directory.c). */
status_t fat_find(struct file_system *fs, uint64_t directory, struct file_name name,
                  uint64_t *out_node);
status_t fat_list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                  struct file_entry *out);
