/* SPDX-License-Identifier: MIT */
/*
 * Room for entries in a directory: found, filled, cleared.
 *
 *     sector: [name][used][free][free][end: never used ...      the long name and its entry, in one sector if they can
 *
 *   S1  A name of up to 15 parts lies in one sector with its entry, so that it comes and goes with one write. Of a longer one, parts may
 *       stay behind that belong to nothing.
 *   S2  An entry that begins with 0 ends the directory, and what follows may be anything. So it is written from the back: what is new
 *       behind the end is not seen before the end moves.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

/* One entry of the directory. *out_state: its first byte. */
static status_t look(struct fat *fat, const struct fat_slots *slots, uint32_t index,
                     uint64_t *out_at, uint8_t *out_state)
{
    status_t status = fat_entry_offset(fat, slots->directory, slots->first, index, out_at);

    return status == OK ? fat_read(fat, &fat->of_data, *out_at, out_state, 1) : status;
}

static status_t put(struct fat *fat, const struct fat_slots *slots, uint32_t index,
                    const uint8_t *bytes, uint32_t count)
{
    uint64_t at;
    status_t status = fat_entry_offset(fat, slots->directory, slots->first, index, &at);

    return status == OK ? fat_write(fat, &fat->of_data, at, bytes, count) : status;
}

/* ---- growing ---- */

/* All of it or nothing. What is added is zero: never used. */
static status_t grow(struct fat *fat, const struct fat_slots *slots, uint32_t index)
{
    uint32_t per_cluster = fat->cluster_bytes / FAT_ENTRY_BYTES;
    uint32_t wanted = (slots->count + per_cluster - 1) / per_cluster;
    struct fat_chain old, added;

    if (slots->first == 0 || index + wanted * per_cluster > FAT_ENTRIES_MAX) {
        return ERR_NO_SPACE;
    }
    status_t status = fat_chain(fat, slots->first, index / per_cluster - 1, &old);
    if (status == OK) {
        status = fat_allocate(fat, wanted, &added);
    }
    if (status == OK && added.count < wanted) {
        status = fat_free(fat, added.first);
        return status == OK ? ERR_NO_SPACE : status;
    }
    for (uint32_t i = 0, cluster = 0; status == OK && i < wanted; i++) {
        status = fat_cluster(fat, added.first, i, &cluster);
        if (status == OK) {
            status = fat_zero(fat, fat_cluster_offset(fat, cluster), fat->cluster_bytes);
        }
    }
    if (status == OK) {
        status = fat_link(fat, old.last, added.first);
    }
    return status == OK ? fat_flush(fat, &fat->of_table) : status;
}

/* ---- finding ---- */

/* Until there is a run that the names fit in, or `to`. N1: the entry itself does not lie where another node has its number from. */
static status_t search(struct fat *fat, struct fat_slots *slots, uint32_t from, uint32_t to)
{
    const bool fits = slots->count * FAT_ENTRY_BYTES <= fat->device->sector_bytes;
    uint32_t run = 0;
    uint8_t state;
    uint64_t at;

    for (uint32_t i = from; i < to; i++) {
        status_t status = look(fat, slots, i, &at, &state);
        if (status != OK) {
            return status;
        }
        slots->end = state == 0 && i < slots->end ? i : slots->end;
        bool is_new = fits && at % fat->device->sector_bytes == 0;
        run = state == FAT_FREE_ENTRY || i >= slots->end ? (is_new ? 0 : run) + 1 : 0;
        if (run >= slots->count && !fat_is_taken(fat, at)) {
            slots->begin = i + 1 - slots->count;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

status_t fat_slots_find(struct fat *fat, uint64_t directory, uint32_t count, struct fat_slots *out)
{
    uint32_t total = 0, per_cluster = fat->cluster_bytes / FAT_ENTRY_BYTES;
    struct fat_chain chain;

    *out = (struct fat_slots){.directory = directory, .count = count, .end = FAT_ENTRIES_MAX};
    status_t status = fat_first_cluster(fat, directory, &out->first);
    if (status == OK) {
        status = search(fat, out, 0, FAT_ENTRIES_MAX);
    }
    while (status == ERR_NOT_FOUND) {
        status = out->first != 0 ? fat_chain(fat, out->first, 0, &chain) : ERR_NO_SPACE;
        total = status == OK ? chain.count * per_cluster : 0;
        if (status == OK) {
            status = grow(fat, out, total);
        }
        if (status == OK) {
            status = search(fat, out, total, FAT_ENTRIES_MAX);
        }
    }
    return status;
}

status_t fat_slots_near(struct fat *fat, struct fat_slots *slots, uint32_t index)
{
    const uint32_t per_sector = fat->device->sector_bytes / FAT_ENTRY_BYTES;
    const uint32_t begin = index / per_sector * per_sector, kept = slots->begin;
    status_t status =
        slots->count <= per_sector ? search(fat, slots, begin, begin + per_sector) : ERR_NOT_FOUND;

    if (status == ERR_NOT_FOUND) {
        slots->begin = kept;
        status = OK;
    }
    return status;
}

/* ---- writing ---- */

/* The end goes behind the run, if it was before (S2). Nothing comes behind the last cluster. */
static status_t move_end(struct fat *fat, const struct fat_slots *slots)
{
    static const uint8_t end[FAT_ENTRY_BYTES];
    uint32_t behind = slots->begin + slots->count;
    uint8_t state;
    uint64_t at;

    if (behind <= slots->end) {
        return OK;
    }
    status_t status = look(fat, slots, behind, &at, &state);
    if (status == OK && state != 0) {
        status = fat_write(fat, &fat->of_data, at, end, sizeof(end));
    }
    return status == ERR_NOT_FOUND ? OK : status;
}

status_t fat_slots_fill(struct fat *fat, const struct fat_slots *slots, const struct fat_name *name,
                        const uint8_t *entry, uint64_t *out_at)
{
    static const uint8_t skipped = FAT_FREE_ENTRY;
    const uint32_t last = slots->begin + slots->count - 1;
    uint8_t part[FAT_ENTRY_BYTES];
    status_t status = move_end(fat, slots);

    if (status == OK) {
        status = put(fat, slots, last, entry, FAT_ENTRY_BYTES);
    }
    for (uint32_t i = 1; status == OK && i <= name->parts; i++) {
        fat_name_part(name, i, entry, part);
        status = put(fat, slots, last - i, part, FAT_ENTRY_BYTES);
    }
    for (uint32_t i = slots->begin; status == OK && i-- > slots->end;) {
        status = put(fat, slots, i, &skipped, 1);
    }
    if (status == OK) {
        status = fat_entry_offset(fat, slots->directory, slots->first, last, out_at);
    }
    return status == OK ? fat_flush(fat, &fat->of_data) : status;
}

status_t fat_slots_clear(struct fat *fat, uint64_t directory, const struct fat_found *found)
{
    static const uint8_t freed = FAT_FREE_ENTRY;
    struct fat_slots slots = {.directory = directory};
    status_t status = fat_first_cluster(fat, directory, &slots.first);

    for (uint32_t i = found->next; status == OK && i-- > found->begin;) {
        status = put(fat, &slots, i, &freed, 1);
    }
    return status;
}
