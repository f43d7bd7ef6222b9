/* SPDX-License-Identifier: MIT */
/*
 * Nodes that somebody has open.
 *
 * A node is a number: where its entry was when somebody asked. As long as it is held the number stays, though the entry may go elsewhere,
 * or away.
 *
 *   N1  No entry lies where another node, which is held, has its number from (fat_is_taken()).
 *   N2  A node without a name keeps its clusters as long as it is held. On the disk nothing refers to them: a machine that stops then
 *       has lost them, and no more.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

static struct fat_held *find_number(const struct fat *fat, uint64_t node)
{
    for (uint32_t i = 0; i < fat->held_count; i++) {
        if (fat->held[i].node == node) {
            return (struct fat_held *)&fat->held[i];
        }
    }
    return NULL;
}

static struct fat_held *find_entry(const struct fat *fat, uint64_t at)
{
    for (uint32_t i = 0; i < fat->held_count; i++) {
        if (fat->held[i].at == at) {
            return (struct fat_held *)&fat->held[i];
        }
    }
    return NULL;
}

/* There is room for all that the server opens (services/fatfs asserts it). */
void fat_hold(struct file_system *fs, uint64_t node)
{
    struct fat *fat = (struct fat *)fs;
    struct fat_held *held = find_number(fat, node);

    if (held == NULL && fat->held_count < FAT_HELD_MAX) {
        held = &fat->held[fat->held_count++];
        *held = (struct fat_held){.node = node, .at = node};
    }
    if (held != NULL) {
        held->holds++;
    }
}

/* N2: nobody can be told of an error here; what could not be given back is lost. */
static void give_back(struct fat *fat, const struct fat_held *held)
{
    fat->nameless--;
    if (!fat->is_stopped && fat_free(fat, fat_entry_cluster(fat, held->entry)) == OK) {
        (void)fat_flush(fat, &fat->of_table);
    }
}

void fat_release(struct file_system *fs, uint64_t node)
{
    struct fat *fat = (struct fat *)fs;
    struct fat_held *held = find_number(fat, node);

    if (held == NULL || --held->holds > 0) {
        return;
    }
    if (held->at == 0) {
        give_back(fat, held);
    }
    *held = fat->held[--fat->held_count];
}

uint64_t fat_node_at(const struct fat *fat, uint64_t at)
{
    const struct fat_held *held = find_entry(fat, at);

    return held != NULL ? held->node : at;
}

uint64_t fat_place(const struct fat *fat, uint64_t node)
{
    const struct fat_held *held = find_number(fat, node);

    return held != NULL ? held->at : node;
}

bool fat_is_taken(const struct fat *fat, uint64_t at)
{
    const struct fat_held *held = find_number(fat, at);

    return held != NULL && held->at != at;
}

bool fat_held_at(const struct fat *fat, uint64_t at)
{
    return find_entry(fat, at) != NULL;
}

void fat_moved(struct fat *fat, uint64_t at, uint64_t to)
{
    struct fat_held *held = find_entry(fat, at);

    if (held != NULL) {
        held->at = to;
    }
}

void fat_lost_name(struct fat *fat, uint64_t at, const uint8_t entry[FAT_ENTRY_BYTES])
{
    struct fat_held *held = find_entry(fat, at);

    if (held != NULL) {
        held->at = 0;
        memcpy(held->entry, entry, FAT_ENTRY_BYTES);
        fat->nameless++;
    }
}

status_t fat_entry(struct fat *fat, uint64_t node, uint8_t entry[FAT_ENTRY_BYTES])
{
    const struct fat_held *held = find_number(fat, node);

    if (held != NULL && held->at == 0) {
        memcpy(entry, held->entry, FAT_ENTRY_BYTES);
        return OK;
    }
    return fat_read(fat, &fat->of_data, held != NULL ? held->at : node, entry, FAT_ENTRY_BYTES);
}

status_t fat_set_entry(struct fat *fat, uint64_t node, const uint8_t entry[FAT_ENTRY_BYTES])
{
    struct fat_held *held = find_number(fat, node);

    if (held != NULL && held->at == 0) {
        memcpy(held->entry, entry, FAT_ENTRY_BYTES);
        return OK;
    }
    status_t status =
        fat_write(fat, &fat->of_data, held != NULL ? held->at : node, entry, FAT_ENTRY_BYTES);
    return status == OK ? fat_flush(fat, &fat->of_data) : status;
}
