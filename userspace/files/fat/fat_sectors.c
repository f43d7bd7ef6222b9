/* SPDX-License-Identifier: MIT */
/*
 * Bytes of a volume, through caches of one sector each: one for the table, one for all else.
 *
 *   W1  What was changed first through a cache is on the disk first, or with what came later: a cache is one sector, and is written
 *       before it becomes another one. Between the two caches fat_flush() sees to it.
 *
 * A write that fails is the last: nobody knows what is on the disk now. What is in the caches is forgotten.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

void fat_stop(struct fat *fat)
{
    fat->of_table.sector = fat->of_data.sector = 0;
    fat->of_table.is_dirty = fat->of_data.is_dirty = false;
    fat->is_stopped = true;
}

static status_t put(struct fat *fat, uint64_t sector, uint64_t count, const void *data)
{
    if (fat->is_stopped) {
        return ERR_READ_ONLY;
    }
    status_t status = fat->device->write(fat->device, sector, (uint32_t)count, data);
    if (status != OK) {
        fat_stop(fat);
    }
    return status;
}

/* Of the tables, the first copy is the last to be written: what it says counts. */
status_t fat_flush(struct fat *fat, struct fat_cache *cache)
{
    uint64_t apart = fat->table_bytes / fat->device->sector_bytes;
    status_t status = OK;

    if (!cache->is_dirty) {
        return OK;
    }
    for (uint32_t i = cache == &fat->of_table ? fat->tables : 1; i-- > 0 && status == OK;) {
        status = put(fat, cache->sector - 1 + i * apart, 1, cache->data);
    }
    cache->is_dirty = false;
    return status;
}

/* One sector, into the cache if it is not there. */
static status_t load(struct fat *fat, struct fat_cache *cache, uint64_t sector)
{
    if (cache->sector == sector + 1) {
        return OK;
    }
    status_t status = fat_flush(fat, cache);
    cache->sector = 0;
    if (status == OK) {
        status = fat->device->read(fat->device, sector, 1, cache->data);
    }
    if (status == OK) {
        cache->sector = sector + 1;
    }
    return status;
}

static bool is_inside(const struct fat *fat, uint64_t offset, uint64_t bytes)
{
    const uint64_t all = fat->device->sectors * fat->device->sector_bytes;

    return offset <= all && bytes <= all - offset;
}

status_t fat_read(struct fat *fat, struct fat_cache *cache, uint64_t offset, void *data,
                  uint64_t bytes)
{
    const uint32_t sector_bytes = fat->device->sector_bytes;
    char *to = data;
    status_t status = OK;

    if (!is_inside(fat, offset, bytes)) {
        return ERR_CORRUPT;
    }
    while (bytes > 0 && status == OK) {
        uint64_t sector = offset / sector_bytes, at = offset % sector_bytes, part = bytes;

        if (at == 0 &&
            bytes >= sector_bytes) { /* whole ones go straight to where they are wanted */
            part -= bytes % sector_bytes;
            status = fat_flush(fat, cache);
            if (status == OK) {
                status =
                    fat->device->read(fat->device, sector, (uint32_t)(part / sector_bytes), to);
            }
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

/* Whole sectors, past the cache. */
static status_t write_sectors(struct fat *fat, struct fat_cache *cache, uint64_t sector,
                              uint64_t count, const void *data)
{
    status_t status = fat_flush(fat, cache);

    if (cache->sector > sector && cache->sector <= sector + count) {
        cache->sector = 0;
    }
    return status == OK ? put(fat, sector, count, data) : status;
}

status_t fat_write(struct fat *fat, struct fat_cache *cache, uint64_t offset, const void *data,
                   uint64_t bytes)
{
    const uint32_t sector_bytes = fat->device->sector_bytes;
    const char *from = data;
    status_t status = OK;

    if (!is_inside(fat, offset, bytes)) {
        return ERR_CORRUPT;
    }
    while (bytes > 0 && status == OK) {
        uint64_t sector = offset / sector_bytes, at = offset % sector_bytes, part = bytes;

        if (at == 0 && bytes >= sector_bytes) {
            part -= bytes % sector_bytes;
            status = write_sectors(fat, cache, sector, part / sector_bytes, from);
        } else {
            part = part < sector_bytes - at ? part : sector_bytes - at;
            status = load(fat, cache, sector);
            if (status == OK) {
                memcpy(cache->data + at, from, part);
                cache->is_dirty = true;
            }
        }
        from += part;
        offset += part;
        bytes -= part;
    }
    return status;
}
