/* SPDX-License-Identifier: MIT */
/*
 * FAT, read only: the volume, chains of clusters, contents of files.
 *
 *     boot sector | ... | table | copies | root directory (12, 16) | cluster 2 | cluster 3 | ...
 *
 * The table has an entry per cluster: the next one of its chain. A file has no number of its own: its node is where its directory entry
 * lies, as a byte offset in the volume.
 *
 *   D1  Whatever the bytes say: no read goes beyond the volume, no chain is followed for longer than there are clusters, no directory
 *       for longer than the format allows. What makes no sense is ERR_CORRUPT.
 *   D2  The kind of table follows from the number of clusters and from nothing else.
 *
 * Source: Microsoft, "FAT32 File System Specification" 1.03.
 */
#include "userspace/files/fat/fat.h"

#include <stddef.h>
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define BOOT_BYTES      512u
#define FAT12_CLUSTERS  4085u  /* so many and it is FAT16 */
#define FAT16_CLUSTERS  65525u /* FAT32 */
#define FIRST_CLUSTER   2u
#define SECTOR_SMALLEST 512u

/* ---- bytes of the volume ---- */

/* One sector, into the cache if it is not there. */
static status_t load(struct fat *fat, struct fat_cache *cache, uint64_t sector)
{
    if (cache->sector == sector + 1) {
        return OK;
    }
    cache->sector = 0;
    status_t status = fat->device->read(fat->device, sector, 1, cache->data);
    if (status == OK) {
        cache->sector = sector + 1;
    }
    return status;
}

status_t fat_read(struct fat *fat, struct fat_cache *cache, uint64_t offset, void *data,
                  uint64_t bytes)
{
    const uint32_t sector_bytes = fat->device->sector_bytes;
    const uint64_t all = fat->device->sectors * sector_bytes;
    char *to = data;
    status_t status = OK;

    if (offset > all || bytes > all - offset) {
        return ERR_CORRUPT;
    }
    while (bytes > 0 && status == OK) {
        uint64_t sector = offset / sector_bytes, at = offset % sector_bytes, part = bytes;

        if (at == 0 &&
            bytes >= sector_bytes) { /* whole ones go straight to where they are wanted */
            part -= bytes % sector_bytes;
            status = fat->device->read(fat->device, sector, (uint32_t)(part / sector_bytes), to);
        } else {
            part = part < sector_bytes - at ? part : sector_bytes - at;
            status = load(fat, cache, sector);
            if (status == OK) {
                memcpy(to, cache->data + at, part);
            }
        }
        to += part;
        offset += part;
        bytes -= part;
    }
    return status;
}

/* ---- chains ---- */

uint64_t fat_cluster_offset(const struct fat *fat, uint32_t cluster)
{
    return fat->data + (uint64_t)(cluster - FIRST_CLUSTER) * fat->cluster_bytes;
}

static bool is_cluster(const struct fat *fat, uint32_t number)
{
    return number >= FIRST_CLUSTER && number < fat->clusters + FIRST_CLUSTER;
}

/* Entries of 12 bits lie in bytes that two of them share. */
static status_t next_cluster(struct fat *fat, uint32_t cluster, uint32_t *out)
{
    uint8_t bytes[4] = {0};
    uint64_t bit = (uint64_t)cluster * fat->bits;
    status_t status =
        fat_read(fat, &fat->of_table, fat->table + bit / 8, bytes, fat->bits == 32 ? 4 : 2);
    uint32_t value = fat_get32(bytes);

    if (status != OK) {
        return status;
    }
    if (fat->bits == 12) {
        value = cluster % 2 != 0 ? value >> 4 : value & 0xfff;
    } else if (fat->bits == 32) {
        value &= 0x0fffffff; /* the upper four bits are reserved */
    }
    const uint32_t end = (fat->bits == 32 ? 0x0fffffffu : (1u << fat->bits) - 1) - 7;
    *out = value;
    if (value >= end) {
        return ERR_NOT_FOUND;
    }
    return is_cluster(fat, value) ? OK : ERR_CORRUPT;
}

status_t fat_cluster(struct fat *fat, uint32_t first, uint32_t index, uint32_t *out_cluster)
{
    uint32_t cluster = first, i = 0;

    if (!is_cluster(fat, first) || index >= fat->clusters) { /* a chain that long has a circle */
        return ERR_CORRUPT;
    }
    if (fat->last.first == first && fat->last.index <= index) {
        i = fat->last.index;
        cluster = fat->last.at;
    }
    for (; i < index; i++) {
        status_t status = next_cluster(fat, cluster, &cluster);

        if (status != OK) {
            return status;
        }
    }
    fat->last.first = first;
    fat->last.index = index;
    fat->last.at = cluster;
    *out_cluster = cluster;
    return OK;
}

/* ---- files ---- */

status_t fat_entry(struct fat *fat, uint64_t node, uint8_t entry[FAT_ENTRY_BYTES])
{
    return fat_read(fat, &fat->of_data, node, entry, FAT_ENTRY_BYTES);
}

static status_t get_facts(struct file_system *fs, uint64_t node, struct file_facts *out)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = OK;

    *out = (struct file_facts){.node = node, .kind = FILE_DIRECTORY};
    if (node != FAT_ROOT) {
        status = fat_entry((struct fat *)fs, node, entry);
    }
    if (status == OK && node != FAT_ROOT) {
        out->kind = fat_entry_kind(entry);
        out->size = out->kind == FILE_REGULAR ? fat_get32(entry + 28) : 0;
    }
    return status;
}

static status_t read_clusters(struct fat *fat, uint32_t first, uint64_t offset, char *to,
                              uint32_t bytes)
{
    status_t status = OK;

    while (bytes > 0 && status == OK) {
        uint32_t cluster, at = (uint32_t)(offset % fat->cluster_bytes);
        uint32_t part = bytes < fat->cluster_bytes - at ? bytes : fat->cluster_bytes - at;

        status = fat_cluster(fat, first, (uint32_t)(offset / fat->cluster_bytes), &cluster);
        if (status == OK) {
            status = fat_read(fat, &fat->of_data, fat_cluster_offset(fat, cluster) + at, to, part);
        }
        to += part;
        offset += part;
        bytes -= part;
    }
    return status == ERR_NOT_FOUND ? ERR_CORRUPT : status; /* the chain is shorter than the file */
}

static status_t read_data(struct file_system *fs, uint64_t node, uint64_t offset, void *data,
                          uint32_t bytes, uint32_t *out_bytes)
{
    struct fat *fat = (struct fat *)fs;
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = fat_entry(fat, node, entry);

    if (status != OK) {
        return status;
    }
    uint32_t size = fat_get32(entry + 28);
    uint64_t there = offset < size ? size - offset : 0;
    *out_bytes = there < bytes ? (uint32_t)there : bytes;
    return read_clusters(fat, fat_entry_cluster(fat, entry), offset, data, *out_bytes);
}

/* What is free would have to be counted, and nobody can use it. */
static struct file_usage get_usage(struct file_system *fs)
{
    const struct fat *fat = (struct fat *)fs;
    uint64_t bytes = (uint64_t)fat->clusters * fat->cluster_bytes;

    return (struct file_usage){bytes, bytes, 0};
}

/* ---- the boot sector ---- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Where everything is, in sectors of the volume. */
struct layout {
    uint32_t sector_bytes, per_cluster, reserved, tables, table_sectors, root_entries;
    uint64_t sectors;
};

static struct layout read_layout(const uint8_t *boot)
{
    uint32_t small = fat_get16(boot + 19), table = fat_get16(boot + 22);

    return (struct layout){.sector_bytes = fat_get16(boot + 11),
                           .per_cluster = boot[13],
                           .reserved = fat_get16(boot + 14),
                           .tables = boot[16],
                           .table_sectors = table != 0 ? table : fat_get32(boot + 36),
                           .root_entries = fat_get16(boot + 17),
                           .sectors = small != 0 ? small : fat_get32(boot + 32)};
}

static bool is_layout_sound(const struct layout *layout, const struct block_device *device)
{
    return is_power_of_two(layout->sector_bytes) && layout->sector_bytes >= SECTOR_SMALLEST &&
           layout->sector_bytes <= SECTOR_BYTES_MAX && is_power_of_two(layout->per_cluster) &&
           layout->reserved > 0 && layout->tables > 0 && layout->table_sectors > 0 &&
           layout->sectors <= device->sectors * device->sector_bytes / layout->sector_bytes;
}

/* D2; and the table has to have an entry for each cluster, the root a place to be. */
static status_t apply(struct fat *fat, const struct layout *layout, uint32_t root_cluster)
{
    uint64_t root = layout->reserved + (uint64_t)layout->tables * layout->table_sectors;
    uint64_t root_bytes = (uint64_t)layout->root_entries * FAT_ENTRY_BYTES;
    uint64_t data = root + (root_bytes + layout->sector_bytes - 1) / layout->sector_bytes;

    if (data >= layout->sectors) {
        return ERR_CORRUPT;
    }
    fat->clusters = (uint32_t)((layout->sectors - data) / layout->per_cluster);
    fat->bits = fat->clusters < FAT12_CLUSTERS ? 12 : fat->clusters < FAT16_CLUSTERS ? 16 : 32;
    fat->cluster_bytes = layout->per_cluster * layout->sector_bytes;
    fat->table = (uint64_t)layout->reserved * layout->sector_bytes;
    fat->root = root * layout->sector_bytes;
    fat->data = data * layout->sector_bytes;
    fat->root_entries = fat->bits == 32 ? 0 : layout->root_entries;
    fat->root_cluster = root_cluster;
    uint64_t entries = (uint64_t)layout->table_sectors * layout->sector_bytes * 8 / fat->bits;
    if (entries < (uint64_t)fat->clusters + FIRST_CLUSTER) {
        return ERR_CORRUPT;
    }
    return fat->bits == 32 ? (is_cluster(fat, root_cluster) ? OK : ERR_CORRUPT)
                           : (fat->root_entries > 0 ? OK : ERR_CORRUPT);
}

status_t fat_open(struct fat *fat, struct block_device *device)
{
    static const struct file_system_ops ops = {.facts = get_facts,
                                               .find = fat_find,
                                               .list = fat_list,
                                               .read = read_data,
                                               .usage = get_usage};
    uint8_t boot[BOOT_BYTES];

    memset(fat, 0, sizeof(*fat));
    fat->fs = (struct file_system){.ops = &ops, .root = FAT_ROOT};
    fat->device = device;
    status_t status = fat_read(fat, &fat->of_data, 0, boot, sizeof(boot));
    if (status != OK) {
        return status;
    }
    struct layout layout = read_layout(boot);
    if (fat_get16(boot + 510) != 0xaa55 || !is_layout_sound(&layout, device)) {
        return ERR_CORRUPT;
    }
    return apply(fat, &layout, fat_get32(boot + 44));
}
