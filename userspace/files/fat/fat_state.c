/* SPDX-License-Identifier: MIT */
/*
 * What the volume says of itself: whether somebody is writing, and how much is free.
 *
 * The mark is in the boot sector and, but for FAT12, in entry 1 of the table. It is on the disk before the first change, and goes when all
 * is on the disk and nothing is lost: no file without a name takes room. A mark that was there at the beginning stays.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define STATE_MARKED      0x01u
#define INFO_BEGINS       0x41615252u
#define INFO_FACTS        0x61417272u
#define INFO_FACTS_OFFSET 484u
#define INFO_FREE_OFFSET  488u
#define NOBODY_WRITES_HIGH                                                                         \
    0x08u /* of the last byte of entry 1, with 32 bits; with 16, the highest one */

static uint64_t state_offset(const struct fat *fat)
{
    return fat->bits == 32 ? 65 : 37;
}

/* Behind it stands whether it is there at all. */
static status_t set_state(struct fat *fat, bool is_marked)
{
    uint8_t state[2];
    status_t status = fat_read(fat, &fat->of_data, state_offset(fat), state, sizeof(state));

    if (status != OK || (state[1] != 0x29 && state[1] != 0x28)) {
        return status;
    }
    state[0] = (uint8_t)((state[0] & ~STATE_MARKED) | (is_marked ? STATE_MARKED : 0));
    return fat_write(fat, &fat->of_data, state_offset(fat), state, 1);
}

static uint64_t entry_1_end(const struct fat *fat)
{
    return fat->table + fat->bits / 4 - 1;
}

static uint8_t nobody_writes(const struct fat *fat)
{
    return fat->bits == 32 ? NOBODY_WRITES_HIGH : 0x80;
}

static status_t set_entry_1(struct fat *fat, bool is_marked)
{
    uint8_t byte;
    status_t status = fat_read(fat, &fat->of_table, entry_1_end(fat), &byte, 1);

    if (status != OK || fat->bits == 12) {
        return status;
    }
    byte = is_marked ? (uint8_t)(byte & ~nobody_writes(fat)) : byte | nobody_writes(fat);
    return fat_write(fat, &fat->of_table, entry_1_end(fat), &byte, 1);
}

static status_t flush_all(struct fat *fat)
{
    status_t status = fat_flush(fat, &fat->of_data);

    if (status == OK) {
        status = fat_flush(fat, &fat->of_table);
    }
    return status == OK ? block_device_flush(fat->device) : status;
}

static status_t mark(struct fat *fat, bool is_marked)
{
    status_t status = set_state(fat, is_marked);

    if (status == OK) {
        status = set_entry_1(fat, is_marked);
    }
    if (status == OK) {
        status = flush_all(fat);
    }
    if (status == OK) {
        fat->is_marked = is_marked;
    }
    return status;
}

status_t fat_begin(struct fat *fat)
{
    status_t status = fat->is_stopped ? ERR_READ_ONLY : OK;

    if (status == OK && !fat->is_counted) {
        status = fat_count(fat);
        fat->is_counted = status == OK;
    }
    return status == OK && !fat->is_marked ? mark(fat, true) : status;
}

static status_t write_info(struct fat *fat)
{
    uint8_t facts[8];

    if (fat->info == 0) {
        return OK;
    }
    fat_put32(facts, fat->free);
    fat_put32(facts + 4, fat->next);
    return fat_write(fat, &fat->of_data, fat->info + INFO_FREE_OFFSET, facts, sizeof(facts));
}

status_t fat_sync(struct file_system *fs)
{
    struct fat *fat = (struct fat *)fs;
    status_t status = OK;

    if (fat->is_stopped) {
        return ERR_IO;
    }
    if (!fat->is_marked) {
        return OK;
    }
    status = write_info(fat);
    if (status == OK) {
        status = flush_all(fat);
    }
    return status == OK && !fat->was_marked && fat->nameless == 0 ? mark(fat, false) : status;
}

static uint64_t find_info(struct fat *fat, const uint8_t *boot)
{
    uint64_t offset = (uint64_t)fat_get16(boot + 48) * fat_get16(boot + 11);
    uint8_t begins[4], facts[4];

    if (fat->bits != 32 || offset == 0 || offset + INFO_FREE_OFFSET + 8 > fat->table ||
        fat_read(fat, &fat->of_data, offset, begins, 4) != OK ||
        fat_read(fat, &fat->of_data, offset + INFO_FACTS_OFFSET, facts, 4) != OK) {
        return 0;
    }
    return fat_get32(begins) == INFO_BEGINS && fat_get32(facts) == INFO_FACTS ? offset : 0;
}

void fat_find_state(struct fat *fat, const uint8_t *boot)
{
    const uint8_t *state = boot + state_offset(fat);
    uint8_t byte = 0xff;

    fat->info = find_info(fat, boot);
    fat->was_marked = (state[1] == 0x29 || state[1] == 0x28) && (state[0] & STATE_MARKED);
    if (fat->bits != 12 && fat_read(fat, &fat->of_table, entry_1_end(fat), &byte, 1) == OK &&
        !(byte & nobody_writes(fat))) {
        fat->was_marked = true;
    }
}
