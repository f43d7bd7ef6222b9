/* SPDX-License-Identifier: MIT */
/*
 * Names of FAT: given, taken away, changed.
 *
 * Everything is checked, and room is found, before anything is written. A file that is moved has its old name taken away first: two
 * entries with the same clusters are what no checker can put right, clusters without an entry it can. Within a sector both are one
 * write. A file that takes the place of another gets that one's entry, so that this name is never without a file.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define ATTEMPTS_MAX 1000u
#define DEPTH_MAX    65536u

/* ---- new names ---- */

/* Nobody could find them in a directory that has no name itself. */
static status_t check_directory(struct fat *fat, uint64_t directory)
{
    return directory != FAT_ROOT && fat_place(fat, directory) == 0 ? ERR_NOT_FOUND : OK;
}

/* Entries that are about to go. */
struct leaving {
    uint64_t at[2]; /* 0: none */
};

static status_t is_short_used(struct fat *fat, uint64_t directory, const uint8_t *name,
                              const struct leaving *leaving, bool *out)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    uint32_t first;
    uint64_t at;
    status_t status = fat_first_cluster(fat, directory, &first);

    *out = false;
    for (uint32_t i = 0; status == OK && !*out; i++) {
        status = fat_entry_offset(fat, directory, first, i, &at);
        if (status == OK) {
            status = fat_read(fat, &fat->of_data, at, entry, FAT_ENTRY_BYTES);
        }
        if (status == OK && entry[0] == 0) {
            return OK;
        }
        *out = status == OK && !(entry[11] & FAT_VOLUME) && /* nor part of a long name */
               memcmp(entry, name, FAT_SHORT) == 0 && at != leaving->at[0] && at != leaving->at[1];
    }
    return status == ERR_NOT_FOUND ? OK : status;
}

/* A name that is checked, both ways of it. */
static status_t prepare_name(struct fat *fat, uint64_t directory, struct file_name text,
                             struct leaving leaving, struct fat_name *out,
                             uint8_t short_name[FAT_SHORT])
{
    bool is_used = true;
    status_t status = check_directory(fat, directory);

    if (status == OK) {
        status = fat_name_split(text, out);
    }
    for (uint32_t i = 0; status == OK && is_used; i++) {
        fat_short_name(text, out, i, short_name);
        status = is_short_used(fat, directory, short_name, &leaving, &is_used);
        if (status == OK && is_used && out->parts == 0) {
            status = ERR_EXISTS; /* it has no other */
        } else if (status == OK && is_used && i == ATTEMPTS_MAX) {
            status = ERR_NO_SPACE;
        }
    }
    return status;
}

/* ---- making ---- */

/* What is in a new directory: itself, and where it is. */
static status_t fill_directory(struct fat *fat, uint32_t cluster, uint32_t parent)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    uint64_t at = fat_cluster_offset(fat, cluster);
    status_t status = fat_zero(fat, at, fat->cluster_bytes);

    fat_entry_init(fat, entry, FILE_DIRECTORY, cluster);
    entry[0] = '.';
    if (status == OK) {
        status = fat_write(fat, &fat->of_data, at, entry, FAT_ENTRY_BYTES);
    }
    fat_entry_set_cluster(fat, entry, parent);
    entry[1] = '.';
    if (status == OK) {
        status = fat_write(fat, &fat->of_data, at + FAT_ENTRY_BYTES, entry, FAT_ENTRY_BYTES);
    }
    return status == OK ? fat_flush(fat, &fat->of_data) : status;
}

/* As "..": the root is 0 in all kinds. */
static status_t parent_cluster(struct fat *fat, uint64_t directory, uint32_t *out)
{
    *out = 0;
    return directory != FAT_ROOT ? fat_first_cluster(fat, directory, out) : OK;
}

/* A directory has a cluster from the beginning. */
static status_t make_contents(struct fat *fat, uint64_t directory, enum file_kind kind,
                              struct fat_chain *out)
{
    uint32_t parent;
    status_t status = parent_cluster(fat, directory, &parent);

    *out = (struct fat_chain){.count = 0};
    if (status != OK || kind != FILE_DIRECTORY) {
        return status;
    }
    status = fat_allocate(fat, 1, out);
    if (status == OK && out->count == 0) {
        status = ERR_NO_SPACE;
    }
    return status == OK ? fill_directory(fat, out->first, parent) : status;
}

status_t fat_make(struct file_system *fs, uint64_t directory, struct file_name text,
                  enum file_kind kind, uint64_t *out_node)
{
    struct fat *fat = (struct fat *)fs;
    uint8_t entry[FAT_ENTRY_BYTES], short_name[FAT_SHORT];
    struct fat_name name;
    struct fat_found there;
    struct fat_slots slots;
    struct fat_chain contents;
    status_t status = fat_look_up(fat, directory, text, &there);

    if (status != ERR_NOT_FOUND) {
        return status == OK ? ERR_EXISTS : status;
    }
    status = prepare_name(fat, directory, text, (struct leaving){{0, 0}}, &name, short_name);
    if (status == OK) {
        status = fat_begin(fat);
    }
    if (status == OK) {
        status = make_contents(fat, directory, kind, &contents);
    }
    if (status != OK) {
        return status;
    }
    status = fat_slots_find(fat, directory, name.parts + 1, &slots);
    if (status == ERR_NO_SPACE && contents.count > 0) {
        (void)fat_free(fat, contents.first);
    }
    if (status == OK || status == ERR_NO_SPACE) {
        status_t flushed = fat_flush(fat, &fat->of_table);
        status = flushed != OK ? flushed : status;
    }
    fat_entry_init(fat, entry, kind, contents.first);
    memcpy(entry, short_name, FAT_SHORT);
    return status == OK ? fat_slots_fill(fat, &slots, &name, entry, out_node) : status;
}

/* ---- removing ---- */

static status_t check_empty(struct fat *fat, uint64_t directory)
{
    struct fat_found found;
    status_t status = fat_next_found(fat, directory, 0, &found);

    return status == OK ? ERR_NOT_EMPTY : status == ERR_NOT_FOUND ? OK : status;
}

/* May it be removed, as something of this kind? */
static status_t check_removal(struct fat *fat, const struct fat_found *found, enum file_kind kind)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = fat_read(fat, &fat->of_data, found->at, entry, FAT_ENTRY_BYTES);

    if (status == OK && found->kind != kind) {
        return kind == FILE_DIRECTORY ? ERR_NOT_DIRECTORY : ERR_IS_DIRECTORY;
    }
    if (status == OK && (entry[11] & FAT_READ_ONLY)) {
        return ERR_READ_ONLY;
    }
    return status == OK && kind == FILE_DIRECTORY ? check_empty(fat, found->node) : status;
}

/* Its entry is gone from the disk: so is what was in it, or will be when nobody holds it. */
static status_t drop(struct fat *fat, bool is_held, const uint8_t *entry)
{
    status_t status = is_held ? OK : fat_free(fat, fat_entry_cluster(fat, entry));

    return status == OK ? fat_flush(fat, &fat->of_table) : status;
}

static status_t take_name_away(struct fat *fat, uint64_t directory, const struct fat_found *found)
{
    const bool is_held = fat_held_at(fat, found->at);
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = fat_read(fat, &fat->of_data, found->at, entry, FAT_ENTRY_BYTES);

    if (status == OK) {
        status = fat_slots_clear(fat, directory, found);
    }
    if (status == OK) {
        status = fat_flush(fat, &fat->of_data);
    }
    if (status == OK) {
        fat_lost_name(fat, found->at, entry);
        status = drop(fat, is_held, entry);
    }
    return status;
}

status_t fat_remove(struct file_system *fs, uint64_t directory, struct file_name name,
                    enum file_kind kind)
{
    struct fat *fat = (struct fat *)fs;
    struct fat_found found;
    status_t status = fat_look_up(fat, directory, name, &found);

    if (status == OK) {
        status = check_removal(fat, &found, kind);
    }
    if (status == OK) {
        status = fat_begin(fat);
    }
    return status == OK ? take_name_away(fat, directory, &found) : status;
}

/* ---- other names ---- */

/* A move, checked. */
struct move {
    uint64_t from, to; /* directories */
    struct fat_found old, there;
    bool is_same;      /* the file itself is called so, letter by letter */
    bool is_there;     /* something has the new name already */
    bool is_new_entry; /* else the one that is there becomes it */
    uint8_t entry[FAT_ENTRY_BYTES];
    uint8_t parent[FAT_ENTRY_BYTES]; /* of a directory that gets another one: its ".." */
    struct fat_name name;
    uint8_t short_name[FAT_SHORT];
    struct fat_slots slots;
};

static bool gets_parent(const struct move *move)
{
    return move->old.kind == FILE_DIRECTORY && move->from != move->to;
}

/* It lies behind the directory's first entry. */
static status_t read_parent(struct fat *fat, uint32_t directory, uint8_t entry[FAT_ENTRY_BYTES])
{
    if (!fat_is_cluster(fat, directory)) {
        return ERR_CORRUPT;
    }
    status_t status =
        fat_read(fat, &fat->of_data, fat_cluster_offset(fat, directory) + FAT_ENTRY_BYTES, entry,
                 FAT_ENTRY_BYTES);
    return status == OK && memcmp(entry, "..         ", FAT_SHORT) != 0 ? ERR_CORRUPT : status;
}

/* A directory does not go into itself, at any depth: ERR_BAD_ARGUMENT. */
static status_t check_inside(struct fat *fat, uint64_t directory, uint32_t moved)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    uint32_t cluster;
    status_t status = parent_cluster(fat, directory, &cluster);

    for (uint32_t i = 0; status == OK && cluster != 0 && i < DEPTH_MAX; i++) {
        if (cluster == moved) {
            return ERR_BAD_ARGUMENT;
        }
        status = read_parent(fat, cluster, entry);
        if (status == OK) {
            cluster = fat_entry_cluster(fat, entry);
            cluster = cluster == fat->root_cluster ? 0 : cluster;
        }
    }
    return status == OK && cluster != 0 ? ERR_CORRUPT : status;
}

/* What has the new name already. */
static status_t check_there(struct fat *fat, struct move *move, struct file_name name)
{
    status_t status = fat_look_up(fat, move->to, name, &move->there);

    if (status != OK) {
        return status == ERR_NOT_FOUND ? OK : status;
    }
    if (move->there.at == move->old.at) {
        move->is_same = strlen(move->old.name) == name.bytes &&
                        memcmp(move->old.name, name.text, name.bytes) == 0;
        return OK;
    }
    move->is_there = true;
    move->is_new_entry = fat_held_at(fat, move->there.at) || fat_is_taken(fat, move->there.at);
    return check_removal(fat, &move->there, move->old.kind);
}

/* All that can be wrong with its ".." is found before its name goes. */
static status_t prepare_parent(struct fat *fat, struct move *move)
{
    uint32_t parent;
    status_t status = read_parent(fat, fat_entry_cluster(fat, move->entry), move->parent);

    if (status == OK) {
        status = parent_cluster(fat, move->to, &parent);
    }
    if (status == OK) {
        fat_entry_set_cluster(fat, move->parent, parent);
    }
    return status;
}

static status_t check_move(struct fat *fat, struct move *move, struct file_name old_name,
                           struct file_name new_name)
{
    status_t status = fat_look_up(fat, move->from, old_name, &move->old);

    if (status == OK) {
        status = fat_read(fat, &fat->of_data, move->old.at, move->entry, FAT_ENTRY_BYTES);
    }
    if (status == OK && move->old.kind == FILE_DIRECTORY) {
        status = check_inside(fat, move->to, fat_entry_cluster(fat, move->entry));
    }
    if (status == OK && gets_parent(move)) {
        status = prepare_parent(fat, move);
    }
    if (status == OK) {
        status = check_there(fat, move, new_name);
    }
    if (status == OK && move->is_new_entry && !move->is_same) {
        struct leaving leaving = {{move->old.at, move->is_there ? move->there.at : 0}};

        status = prepare_name(fat, move->to, new_name, leaving, &move->name, move->short_name);
    }
    return status;
}

/* While it has no name, its ".." may say anything. */
static status_t set_parent(struct fat *fat, const struct move *move)
{
    uint64_t at;

    if (!gets_parent(move)) {
        return OK;
    }
    at = fat_cluster_offset(fat, fat_entry_cluster(fat, move->entry)) + FAT_ENTRY_BYTES;
    status_t status = fat_write(fat, &fat->of_data, at, move->parent, FAT_ENTRY_BYTES);
    return status == OK ? fat_flush(fat, &fat->of_data) : status;
}

/* The entry that is there becomes that of the file that comes, but for the names. */
static status_t take_place(struct fat *fat, struct move *move, uint64_t *out_at)
{
    uint8_t replaced[FAT_ENTRY_BYTES];
    status_t status = fat_read(fat, &fat->of_data, move->there.at, replaced, FAT_ENTRY_BYTES);

    memcpy(move->entry, replaced, FAT_SHORT);
    move->entry[12] = replaced[12];
    if (status == OK) {
        status = fat_write(fat, &fat->of_data, move->there.at, move->entry, FAT_ENTRY_BYTES);
    }
    if (status == OK) {
        status = fat_flush(fat, &fat->of_data);
    }
    *out_at = move->there.at;
    return status == OK ? drop(fat, false, replaced) : status;
}

static status_t take_new_entry(struct fat *fat, struct move *move, uint64_t *out_at)
{
    memcpy(move->entry, move->short_name, FAT_SHORT);
    move->entry[12] = 0;
    status_t status =
        move->from == move->to ? fat_slots_near(fat, &move->slots, move->old.begin) : OK;
    return status == OK ? fat_slots_fill(fat, &move->slots, &move->name, move->entry, out_at)
                        : status;
}

/* Half of it must not reach the disk with what comes later: where it fails, nothing comes later. */
static status_t change_name(struct fat *fat, struct move *move, uint64_t *out_at)
{
    status_t status = fat_slots_clear(fat, move->from, &move->old);

    if (status == OK) {
        status = set_parent(fat, move);
    }
    if (status == OK) {
        status =
            move->is_new_entry ? take_new_entry(fat, move, out_at) : take_place(fat, move, out_at);
    }
    if (status != OK) {
        fat_stop(fat);
    }
    return status;
}

static status_t carry_out(struct fat *fat, struct move *move)
{
    uint64_t at;
    status_t status = OK;

    if (move->is_there && move->is_new_entry) {
        status = take_name_away(fat, move->to, &move->there);
    }
    if (status == OK) {
        status = change_name(fat, move, &at);
    }
    if (status == OK) {
        fat_moved(fat, move->old.at, at);
    }
    return status;
}

status_t fat_rename(struct file_system *fs, uint64_t from, struct file_name old_name, uint64_t to,
                    struct file_name new_name)
{
    struct fat *fat = (struct fat *)fs;
    struct move move = {.from = from, .to = to, .is_new_entry = true};
    status_t status = check_move(fat, &move, old_name, new_name);

    if (status == OK && move.is_same) {
        return OK; /* nothing changes */
    }
    if (status == OK) {
        status = fat_begin(fat);
    }
    if (status == OK && move.is_new_entry) {
        status = fat_slots_find(fat, to, move.name.parts + 1, &move.slots);
    }
    return status == OK ? carry_out(fat, &move) : status;
}
