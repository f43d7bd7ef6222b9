/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: see volume.h.
 *
 *     sector 0: MBR, of a GPT disk with one entry of type 0xee | sector 1: GPT header | where that says: GPT entries
 *
 * The copies at the end of a GPT disk are not looked at, nor are checksums: whoever mounts a part sees whether it makes sense.
 */
#include "userspace/files/volume/volume.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MBR_TABLE     446u
#define MBR_ENTRY     16u
#define MBR_ENTRIES   4u
#define MBR_SIGNATURE 510u
#define MBR_TYPE      4u /* in an entry */
#define MBR_FIRST     8u
#define MBR_COUNT     12u
#define TYPE_GPT      0xeeu

#define GPT_SECTOR      1u
#define GPT_TABLE       72u
#define GPT_COUNT       80u
#define GPT_ENTRY_BYTES 84u
#define GPT_FIRST       32u /* in an entry */
#define GPT_LAST        40u
#define GPT_TYPE_BYTES  16u
#define GPT_ENTRIES_MAX 1024u

struct extent {
    uint64_t first, count;
};

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* ---- GPT ---- */

static bool is_used(const uint8_t *entry)
{
    static const uint8_t unused[GPT_TYPE_BYTES];

    return memcmp(entry, unused, GPT_TYPE_BYTES) != 0;
}

static bool is_good_header(const uint8_t *header, uint32_t sector_bytes)
{
    uint32_t entry_bytes = get32(header + GPT_ENTRY_BYTES);

    return memcmp(header, "EFI PART", 8) == 0 && entry_bytes >= 128 &&
           entry_bytes <= sector_bytes && sector_bytes % entry_bytes == 0;
}

static status_t find_in_gpt(struct block_device *disk, uint8_t *sector, unsigned index,
                            struct extent *out)
{
    status_t status = disk->read(disk, GPT_SECTOR, 1, sector);

    if (status != OK || !is_good_header(sector, disk->sector_bytes)) {
        return status != OK ? status : ERR_NOT_FOUND;
    }
    uint64_t table = get64(sector + GPT_TABLE);
    uint32_t count = get32(sector + GPT_COUNT), bytes = get32(sector + GPT_ENTRY_BYTES);
    uint32_t in_sector = disk->sector_bytes / bytes;
    for (uint32_t i = 0; i < count && i < GPT_ENTRIES_MAX; i++) {
        const uint8_t *entry = sector + i % in_sector * bytes;
        uint64_t from = table + i / in_sector;

        if (i % in_sector == 0) {
            status = from < disk->sectors ? disk->read(disk, from, 1, sector) : ERR_CORRUPT;
        }
        if (status != OK) {
            return status;
        }
        if (is_used(entry) && --index == 0) {
            out->first = get64(entry + GPT_FIRST);
            out->count = get64(entry + GPT_LAST) - out->first + 1;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* ---- MBR ---- */

static status_t find_in_tables(struct block_device *disk, uint8_t *sector, unsigned index,
                               struct extent *out)
{
    status_t status = disk->read(disk, 0, 1, sector);

    if (status != OK || sector[MBR_SIGNATURE] != 0x55 || sector[MBR_SIGNATURE + 1] != 0xaa) {
        return status != OK ? status : ERR_NOT_FOUND;
    }
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *entry = sector + MBR_TABLE + i * MBR_ENTRY;

        if (entry[MBR_TYPE] == TYPE_GPT) {
            return find_in_gpt(disk, sector, index, out);
        }
        if (entry[MBR_TYPE] != 0 && --index == 0) {
            out->first = get32(entry + MBR_FIRST);
            out->count = get32(entry + MBR_COUNT);
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

static status_t read_volume(struct block_device *device, uint64_t sector, uint32_t count,
                            void *data)
{
    const struct volume *volume = (const struct volume *)device;

    return volume->disk->read(volume->disk, volume->first + sector, count, data);
}

static status_t write_volume(struct block_device *device, uint64_t sector, uint32_t count,
                             const void *data)
{
    const struct volume *volume = (const struct volume *)device;

    return volume->disk->write(volume->disk, volume->first + sector, count, data);
}

static status_t flush_volume(struct block_device *device)
{
    return block_device_flush(((const struct volume *)device)->disk);
}

status_t volume_open(struct volume *volume, struct block_device *disk, unsigned index)
{
    static uint8_t sector[SECTOR_BYTES_MAX];
    struct extent extent = {0, disk->sectors};
    status_t status = index > 0 ? find_in_tables(disk, sector, index, &extent) : OK;

    if (status == OK && (extent.count == 0 || extent.first >= disk->sectors ||
                         extent.count > disk->sectors - extent.first)) {
        status = ERR_CORRUPT;
    }
    if (status == OK) {
        *volume = (struct volume){.device = {.read = read_volume,
                                             .sectors = extent.count,
                                             .sector_bytes = disk->sector_bytes,
                                             .write = disk->write != NULL ? write_volume : NULL,
                                             .flush = flush_volume},
                                  .disk = disk,
                                  .first = extent.first};
    }
    return status;
}
