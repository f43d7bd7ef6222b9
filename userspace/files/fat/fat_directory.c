/* SPDX-License-Identifier: MIT */
/*
 * Directories of FAT: what is in them, by name and one after the other.
 *
 * Names are found whatever the case of their ASCII letters, as the format wants, by either name.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

/* ---- entries ---- */

status_t fat_first_cluster(struct fat *fat, uint64_t directory, uint32_t *out)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = OK;

    *out = fat->root_entries > 0 ? 0 : fat->root_cluster;
    if (directory != FAT_ROOT) {
        status = fat_entry(fat, directory, entry);
        *out = status == OK ? fat_entry_cluster(fat, entry) : 0;
    }
    return status;
}

status_t fat_entry_offset(struct fat *fat, uint64_t directory, uint32_t first, uint32_t index,
                          uint64_t *out)
{
    uint32_t cluster, per_cluster = fat->cluster_bytes / FAT_ENTRY_BYTES;

    if (directory == FAT_ROOT && fat->root_entries > 0) {
        *out = fat->root + (uint64_t)index * FAT_ENTRY_BYTES;
        return index < fat->root_entries ? OK : ERR_NOT_FOUND;
    }
    if (index >= FAT_ENTRIES_MAX) {
        return ERR_NOT_FOUND;
    }
    status_t status = fat_cluster(fat, first, index / per_cluster, &cluster);
    if (status == OK) {
        *out = fat_cluster_offset(fat, cluster) + index % per_cluster * FAT_ENTRY_BYTES;
    }
    return status;
}

/* Is it a file or directory? "." and ".." and the name of the volume are neither. */
static bool take_entry(struct fat_name *name, const uint8_t *entry, struct fat_found *out)
{
    if ((entry[11] & FAT_ATTRIBUTES) == FAT_LONG_NAME && entry[0] != FAT_FREE_ENTRY) {
        fat_name_take(name, entry);
        return false;
    }
    bool is_file = entry[0] != FAT_FREE_ENTRY && entry[0] != '.' && !(entry[11] & FAT_VOLUME);
    bool is_long = is_file && fat_name_text(name, entry, out->name);
    if (is_file) {
        fat_short_text(entry, out->short_name);
        out->kind = fat_entry_kind(entry);
        out->begin = is_long ? name->parts : 0; /* before the entry itself */
    }
    if (is_file && !is_long) {
        memcpy(out->name, out->short_name, sizeof(out->short_name));
    }
    name->parts = 0;
    return is_file && fat_is_path_name(out->name);
}

status_t fat_next_found(struct fat *fat, uint64_t directory, uint32_t index, struct fat_found *out)
{
    struct fat_name name = {.parts = 0};
    uint8_t entry[FAT_ENTRY_BYTES];
    uint32_t first;
    status_t status = fat_first_cluster(fat, directory, &first);

    while (status == OK) {
        status = fat_entry_offset(fat, directory, first, index++, &out->at);
        if (status == OK) {
            status = fat_read(fat, &fat->of_data, out->at, entry, FAT_ENTRY_BYTES);
        }
        if (status == OK && entry[0] == 0) {
            return ERR_NOT_FOUND;
        }
        if (status == OK && take_entry(&name, entry, out)) {
            out->node = fat_node_at(fat, out->at);
            out->begin = index - 1 - out->begin;
            out->next = index;
            return OK;
        }
    }
    return status;
}

/* ---- operations ---- */

static status_t check_directory(struct file_system *fs, uint64_t directory)
{
    struct file_facts facts;
    status_t status = fat_facts(fs, directory, &facts);

    return status == OK && facts.kind != FILE_DIRECTORY ? ERR_NOT_DIRECTORY : status;
}

status_t fat_list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                  struct file_entry *out)
{
    struct fat_found found;
    status_t status = check_directory(fs, directory);

    if (status == OK && cursor > FAT_ENTRIES_MAX) {
        status = ERR_NOT_FOUND;
    }
    if (status == OK) {
        status = fat_next_found((struct fat *)fs, directory, (uint32_t)cursor, &found);
    }
    if (status == OK) {
        *out = (struct file_entry){found.node, found.next, found.kind, ""};
        memcpy(out->name, found.name, strlen(found.name) + 1);
    }
    return status;
}

static bool is_same_name(const char *name, struct file_name wanted)
{
    uint32_t i = 0;

    while (i < wanted.bytes && name[i] != '\0' && fat_upper(name[i]) == fat_upper(wanted.text[i])) {
        i++;
    }
    return i == wanted.bytes && name[i] == '\0';
}

status_t fat_look_up(struct fat *fat, uint64_t directory, struct file_name name,
                     struct fat_found *out)
{
    status_t status = check_directory(&fat->fs, directory);

    out->next = 0;
    while (status == OK) {
        status = fat_next_found(fat, directory, out->next, out);
        if (status == OK &&
            (is_same_name(out->name, name) || is_same_name(out->short_name, name))) {
            return OK;
        }
    }
    return status;
}

status_t fat_find(struct file_system *fs, uint64_t directory, struct file_name name,
                  uint64_t *out_node)
{
    struct fat_found found;
    status_t status = fat_look_up((struct fat *)fs, directory, name, &found);

    if (status == OK) {
        *out_node = found.node;
    }
    return status;
}
