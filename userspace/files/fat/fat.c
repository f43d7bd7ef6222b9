/* SPDX-License-Identifier: MIT */
/*
 * FAT: the volume. Beside this file: fat_sectors.c (bytes), fat_table.c (chains of clusters), fat_contents.c (of files), fat_name.c,
 * fat_entry.c, fat_directory.c, fat_slots.c, fat_change.c (names), fat_held.c (open nodes), fat_state.c (marks on the volume).
 *
 *     boot sector | ... | table | copies | root directory (12, 16) | cluster 2 | cluster 3 | ...
 *
 * The table has an entry per cluster: the next one of its chain. A file has no number of its own: its node is where its directory entry
 * lies, as a byte offset in the volume.
 *
 *   D1  Whatever the bytes say: no read goes beyond the volume, no chain is followed for longer than there are clusters, no directory
 *       for longer than the format allows. What makes no sense is ERR_CORRUPT.
 *   D2  The kind of table follows from the number of clusters and from nothing else.
 *   D3  A machine that stops between any two writes of sectors leaves clusters that are lost, or behind the end of a file, copies of the
 *       table that differ, parts of a very long name; never two files with the same clusters, never a file or directory with free ones.
 *       A file or directory that is being moved or renamed, also within its directory, may be lost itself, unless the old entry and the
 *       new one are in one sector (fat_change.c).
 *   D4  What an operation answered is written; it survives a loss of power after sync. Disks may change the order of what they have not
 *       been told to flush: only that somebody was writing is sure to be there then.
 *   D5  Where there is no room, nothing has changed. After an error of the device nothing is written any more; a table that makes no
 *       sense anywhere is never written to.
 *
 * Source: Microsoft, "FAT32 File System Specification" 1.03.
 */
#include "userspace/files/fat/fat.h"

#include <stddef.h>
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define BOOT_BYTES      512u
#define FAT12_CLUSTERS  4085u       /* so many and it is FAT16 */
#define FAT16_CLUSTERS  65525u      /* FAT32 */
#define CLUSTERS_MAX    0x0ffffff5u /* the numbers behind them say other things */
#define SECTOR_SMALLEST 512u
#define ONE_TABLE       0x80u /* FAT32: only the copy with the number in the lowest four bits is used */

/* What is free has to be counted; for who asks for nothing else, once. */
static struct file_usage get_usage(struct file_system *fs)
{
    struct fat *fat = (struct fat *)fs;
    uint64_t bytes = (uint64_t)fat->clusters * fat->cluster_bytes;

    fat->is_counted = fat->is_counted || fat_count(fat) == OK;
    return (struct file_usage){
        bytes - (fat->is_counted ? (uint64_t)fat->free * fat->cluster_bytes : 0), bytes, 0};
}

/* ---- the boot sector ---- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Where everything is, in sectors of the volume. */
struct layout {
    uint32_t sector_bytes, per_cluster, reserved, tables, table_sectors, root_entries;
    uint32_t root_cluster, used_table;
    uint64_t sectors;
};

static struct layout read_layout(const uint8_t *boot)
{
    uint32_t small = fat_get16(boot + 19), table = fat_get16(boot + 22);
    uint32_t flags = table != 0 ? 0 : fat_get16(boot + 40);

    return (struct layout){.sector_bytes = fat_get16(boot + 11),
                           .per_cluster = boot[13],
                           .reserved = fat_get16(boot + 14),
                           .tables = boot[16],
                           .table_sectors = table != 0 ? table : fat_get32(boot + 36),
                           .root_entries = fat_get16(boot + 17),
                           .root_cluster = fat_get32(boot + 44),
                           .used_table = flags & ONE_TABLE ? 1 + (flags & 15) : 0,
                           .sectors = small != 0 ? small : fat_get32(boot + 32)};
}

static bool is_layout_sound(const struct layout *layout, const struct block_device *device)
{
    return is_power_of_two(layout->sector_bytes) && layout->sector_bytes >= SECTOR_SMALLEST &&
           layout->sector_bytes <= SECTOR_BYTES_MAX && is_power_of_two(layout->per_cluster) &&
           layout->reserved > 0 && layout->tables > 0 && layout->table_sectors > 0 &&
           layout->used_table <= layout->tables &&
           layout->sectors <= device->sectors * device->sector_bytes / layout->sector_bytes;
}

/* D2; and the table has to have an entry for each cluster, the root a place to be. */
static status_t apply(struct fat *fat, const struct layout *layout)
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
    fat->table_bytes = (uint64_t)layout->table_sectors * layout->sector_bytes;
    fat->tables = layout->used_table != 0 ? 1 : layout->tables;
    fat->table = (uint64_t)layout->reserved * layout->sector_bytes +
                 (layout->used_table != 0 ? layout->used_table - 1 : 0) * fat->table_bytes;
    fat->root = root * layout->sector_bytes;
    fat->data = data * layout->sector_bytes;
    fat->root_entries = fat->bits == 32 ? 0 : layout->root_entries;
    fat->root_cluster = fat->bits == 32 ? layout->root_cluster : 0;
    uint64_t entries = fat->table_bytes * 8 / fat->bits;
    if (fat->clusters > CLUSTERS_MAX || entries < (uint64_t)fat->clusters + FAT_FIRST_CLUSTER) {
        return ERR_CORRUPT;
    }
    return fat->bits == 32 ? (fat_is_cluster(fat, fat->root_cluster) ? OK : ERR_CORRUPT)
                           : (fat->root_entries > 0 ? OK : ERR_CORRUPT);
}

status_t fat_open(struct fat *fat, struct block_device *device)
{
    static const struct file_system_ops reading = {.facts = fat_facts,
                                                   .find = fat_find,
                                                   .list = fat_list,
                                                   .read = fat_read_data,
                                                   .usage = get_usage};
    static const struct file_system_ops writing = {.facts = fat_facts,
                                                   .find = fat_find,
                                                   .list = fat_list,
                                                   .read = fat_read_data,
                                                   .usage = get_usage,
                                                   .hold = fat_hold,
                                                   .release = fat_release,
                                                   .make = fat_make,
                                                   .remove = fat_remove,
                                                   .rename = fat_rename,
                                                   .write = fat_write_data,
                                                   .truncate = fat_truncate,
                                                   .sync = fat_sync};
    uint8_t boot[BOOT_BYTES];

    memset(fat, 0, sizeof(*fat));
    fat->fs = (struct file_system){.ops = &reading, .root = FAT_ROOT};
    fat->device = device;
    status_t status = fat_read(fat, &fat->of_data, 0, boot, sizeof(boot));
    if (status != OK) {
        return status;
    }
    struct layout layout = read_layout(boot);
    if (fat_get16(boot + 510) != 0xaa55 || !is_layout_sound(&layout, device)) {
        return ERR_CORRUPT;
    }
    status = apply(fat, &layout);
    if (status == OK && device->write != NULL && layout.sector_bytes >= device->sector_bytes) {
        fat->fs.ops = &writing;
        fat_find_state(fat, boot);
    }
    return status;
}
