/* SPDX-License-Identifier: MIT */
/*
 * The table: chains of clusters, followed, made and given back.
 *
 * It is only ever written through the cache of_table, of which all copies are kept the same. Of FAT12 some entries lie in two sectors,
 * which the disk does not write at once: their clusters are left alone, so that no chain ends with one.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

uint64_t fat_cluster_offset(const struct fat *fat, uint32_t cluster)
{
    return fat->data + (uint64_t)(cluster - FAT_FIRST_CLUSTER) * fat->cluster_bytes;
}

bool fat_is_cluster(const struct fat *fat, uint32_t number)
{
    return number >= FAT_FIRST_CLUSTER && number < fat->clusters + FAT_FIRST_CLUSTER;
}

static uint32_t last_value(const struct fat *fat)
{
    return fat->bits == 32 ? 0x0fffffffu : (1u << fat->bits) - 1;
}

/* Of 32 bits, the upper four are reserved. */
static bool is_end(const struct fat *fat, uint32_t value)
{
    return value >= last_value(fat) - 7;
}

static uint64_t place_of(const struct fat *fat, uint32_t cluster)
{
    return fat->table + (uint64_t)cluster * fat->bits / 8;
}

static uint32_t place_bytes(const struct fat *fat)
{
    return fat->bits == 32 ? 4 : 2;
}

/* Entries of 12 bits lie in bytes that two of them share. */
static uint32_t value_of(const struct fat *fat, uint32_t cluster, const uint8_t bytes[4])
{
    if (fat->bits == 12) {
        return cluster % 2 != 0 ? fat_get16(bytes) >> 4 : fat_get16(bytes) & 0xfff;
    }
    return fat->bits == 32 ? fat_get32(bytes) & 0x0fffffff : fat_get16(bytes);
}

static status_t get(struct fat *fat, uint32_t cluster, uint32_t *out)
{
    uint8_t bytes[4] = {0};
    status_t status =
        fat_read(fat, &fat->of_table, place_of(fat, cluster), bytes, place_bytes(fat));

    *out = value_of(fat, cluster, bytes);
    return status;
}

static status_t set(struct fat *fat, uint32_t cluster, uint32_t value)
{
    uint8_t bytes[4] = {0};
    status_t status =
        fat_read(fat, &fat->of_table, place_of(fat, cluster), bytes, place_bytes(fat));

    if (fat->bits == 12) {
        uint32_t both = fat_get16(bytes);
        value = cluster % 2 != 0 ? (both & 0xf) | value << 4 : (both & 0xf000) | value;
    }
    fat_put32(bytes, fat->bits == 32 ? (fat_get32(bytes) & 0xf0000000) | value : value);
    return status == OK
               ? fat_write(fat, &fat->of_table, place_of(fat, cluster), bytes, place_bytes(fat))
               : status;
}

/* ERR_NOT_FOUND: this was the last. */
static status_t next_cluster(struct fat *fat, uint32_t cluster, uint32_t *out)
{
    status_t status = get(fat, cluster, out);

    if (status != OK) {
        return status;
    }
    if (is_end(fat, *out)) {
        return ERR_NOT_FOUND;
    }
    return fat_is_cluster(fat, *out) ? OK : ERR_CORRUPT;
}

status_t fat_cluster(struct fat *fat, uint32_t first, uint32_t index, uint32_t *out_cluster)
{
    uint32_t cluster = first, i = 0;

    /* Behind the last of all clusters there is still an end; a longer chain has a circle. */
    if (!fat_is_cluster(fat, first) || index > fat->clusters) {
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

status_t fat_chain(struct fat *fat, uint32_t first, uint32_t index, struct fat_chain *out)
{
    uint32_t next;
    status_t status = fat_cluster(fat, first, index, &next);

    if (status == ERR_NOT_FOUND) {
        return ERR_CORRUPT;
    }
    *out = (struct fat_chain){.first = first, .count = index};
    for (; status == OK && out->count <= fat->clusters; out->count++) {
        out->last = next;
        status = next_cluster(fat, out->last, &next);
    }
    return status == ERR_NOT_FOUND ? OK : status == OK ? ERR_CORRUPT : status;
}

/* ---- changes ---- */

static bool is_in_two_sectors(const struct fat *fat, uint32_t cluster)
{
    const uint32_t sector_bytes = fat->device->sector_bytes;

    return fat->bits == 12 && place_of(fat, cluster) % sector_bytes == sector_bytes - 1;
}

/* ERR_NO_SPACE */
static status_t find_free(struct fat *fat, uint32_t *out)
{
    for (uint32_t tries = fat->free > 0 ? fat->clusters : 0; tries > 0; tries--) {
        uint32_t cluster = fat_is_cluster(fat, fat->next) ? fat->next : FAT_FIRST_CLUSTER, value;
        status_t status = get(fat, cluster, &value);

        fat->next = cluster + 1;
        if (status != OK) {
            return status;
        }
        if (value == 0 && !is_in_two_sectors(fat, cluster)) {
            *out = cluster;
            return OK;
        }
    }
    return ERR_NO_SPACE;
}

status_t fat_allocate(struct fat *fat, uint32_t count, struct fat_chain *out)
{
    status_t status = OK;

    *out = (struct fat_chain){.count = 0};
    while (status == OK && out->count < count) {
        uint32_t cluster;

        status = find_free(fat, &cluster);
        if (status == OK) {
            status = set(fat, cluster, last_value(fat));
        }
        if (status == OK && out->count > 0) {
            status = set(fat, out->last, cluster);
        }
        if (status == OK) {
            out->first = out->count > 0 ? out->first : cluster;
            out->last = cluster;
            out->count++;
            fat->free--;
        }
    }
    return status == ERR_NO_SPACE ? OK : status;
}

status_t fat_free(struct fat *fat, uint32_t first)
{
    uint32_t cluster = first, next;
    status_t status = OK;

    fat->last.first = 0;
    while (status == OK && fat_is_cluster(fat, cluster)) { /* a circle comes back to what is free */
        status = get(fat, cluster, &next);
        if (status != OK || next == 0) {
            return status;
        }
        status = set(fat, cluster, 0);
        fat->free++;
        cluster = next;
    }
    return status;
}

status_t fat_link(struct fat *fat, uint32_t last, uint32_t first)
{
    fat->last.first = 0;
    return set(fat, last, first != 0 ? first : last_value(fat));
}

/* ---- the whole table ---- */

/* Free, bad, the last of a chain, or the next one. */
static bool makes_sense(const struct fat *fat, uint32_t value)
{
    return value == 0 || value >= last_value(fat) - 8 || fat_is_cluster(fat, value);
}

status_t fat_count(struct fat *fat)
{
    const uint32_t in_piece = FAT_SCRATCH_BYTES / 4; /* they begin with a byte */
    const uint32_t end = fat->clusters + FAT_FIRST_CLUSTER;
    status_t status = fat_flush(fat, &fat->of_table);

    fat->free = 0;
    fat->next = FAT_FIRST_CLUSTER;
    for (uint32_t from = 0; status == OK && from < end; from += in_piece) {
        uint32_t count = end - from < in_piece ? end - from : in_piece;
        uint64_t bytes = ((uint64_t)count * fat->bits + 7) / 8;

        status = fat_read(fat, &fat->of_table, place_of(fat, from), fat->scratch, bytes);
        for (uint32_t i = from == 0 ? FAT_FIRST_CLUSTER : 0; status == OK && i < count; i++) {
            uint32_t value = value_of(fat, from + i, fat->scratch + (uint64_t)i * fat->bits / 8);

            fat->free += value == 0;
            status = makes_sense(fat, value) ? OK : ERR_CORRUPT;
        }
    }
    return status;
}
