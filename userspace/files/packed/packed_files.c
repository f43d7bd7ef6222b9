/* SPDX-License-Identifier: MIT */
/*
 * Packed files, read only.
 *
 *   K1  The tables are looked at once, whole: their checksum, and that every number in them is inside of what it points into. Nothing
 *       behind packed_files_open() checks them again. A directory's children stand behind it, so there are no circles.
 *   K2  Data is looked at when it is read: a block with a wrong checksum, or one that does not unpack to its length, is
 *       ERR_CORRUPT and reported, each time. Nothing of it is given out.
 *
 * The last few blocks stay unpacked: programs read in small pieces, one after the other.
 */
#include "userspace/files/packed/packed_files.h"

#include <stddef.h>
#include <string.h>

#include "kernel/base/crc32c.h"

static struct packed_files *packed_of(struct file_system *fs)
{
    return (struct packed_files *)fs;
}

/* ---- looking at the tables (K1) ---- */

static uint64_t tables_bytes(const struct packed_header *header)
{
    return sizeof(*header) + (uint64_t)header->node_count * sizeof(struct packed_node) +
           (uint64_t)header->block_count * sizeof(struct packed_block) + header->name_bytes;
}

static bool is_header_sound(const struct packed_header *header, uint64_t bytes)
{
    if (bytes < sizeof(*header) || header->magic != PACKED_MAGIC || header->bytes > bytes ||
        header->node_count == 0 || tables_bytes(header) > header->bytes) {
        return false;
    }
    struct packed_header copy = *header;
    copy.checksum = 0;
    uint32_t checksum = crc32c(0, &copy, sizeof(copy));
    return crc32c(checksum, header + 1, tables_bytes(header) - sizeof(copy)) == header->checksum;
}

static bool is_inside(uint64_t first, uint64_t count, uint64_t all)
{
    return first <= all && count <= all - first;
}

static uint64_t blocks_of(uint64_t size)
{
    return size / PACKED_BLOCK_BYTES + (size % PACKED_BLOCK_BYTES != 0);
}

static struct file_name name_of(const struct packed_files *packed, uint32_t number)
{
    const struct packed_node *node = &packed->node[number];

    return (struct file_name){packed->names + node->name, node->name_bytes};
}

static int compare_names(struct file_name a, struct file_name b)
{
    int order = memcmp(a.text, b.text, a.bytes < b.bytes ? a.bytes : b.bytes);

    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

static bool is_name_sound(struct file_name name)
{
    bool sound = name.bytes > 0 && name.bytes <= FILE_NAME_MAX;

    for (uint32_t i = 0; i < name.bytes; i++) {
        sound &= name.text[i] != '/' && name.text[i] != '\0';
    }
    return sound;
}

/* The children's names have been found sound, and are in order. */
static bool are_children_sound(const struct packed_files *packed, uint32_t number)
{
    const struct packed_node *node = &packed->node[number];

    if (node->count == 0) {
        return true;
    }
    if (node->first <= number || !is_inside(node->first, node->count, packed->header->node_count)) {
        return false;
    }
    for (uint32_t i = node->first; i + 1 < node->first + node->count; i++) {
        if (compare_names(name_of(packed, i), name_of(packed, i + 1)) >= 0) {
            return false;
        }
    }
    return true;
}

static bool are_names_sound(const struct packed_files *packed)
{
    for (uint32_t i = 0; i < packed->header->node_count; i++) {
        const struct packed_node *node = &packed->node[i];

        if (!is_inside(node->name, node->name_bytes, packed->header->name_bytes) ||
            (i > 0 && !is_name_sound(name_of(packed, i)))) {
            return false;
        }
    }
    return true;
}

static bool is_node_sound(const struct packed_files *packed, uint32_t number)
{
    const struct packed_node *node = &packed->node[number];

    if (node->kind == FILE_DIRECTORY) {
        return are_children_sound(packed, number);
    }
    return node->kind == FILE_REGULAR && node->count == blocks_of(node->size) &&
           is_inside(node->first, node->count, packed->header->block_count);
}

static bool are_tables_sound(const struct packed_files *packed)
{
    bool sound = are_names_sound(packed) && packed->node[0].kind == FILE_DIRECTORY;

    for (uint32_t i = 0; sound && i < packed->header->node_count; i++) {
        sound = is_node_sound(packed, i);
    }
    for (uint32_t i = 0; sound && i < packed->header->block_count; i++) {
        const struct packed_block *block = &packed->block[i];
        sound = block->bytes <= PACKED_BLOCK_BYTES &&
                is_inside(block->offset, block->bytes, packed->header->bytes);
    }
    return sound;
}

/* ---- data (K2) ---- */

static struct packed_cached *find_cached(struct packed_files *packed, uint32_t block)
{
    struct packed_cached *oldest = &packed->cached[0];

    for (unsigned i = 0; i < PACKED_CACHED; i++) {
        struct packed_cached *cached = &packed->cached[i];

        if (cached->block == block + 1) {
            return cached;
        }
        oldest = cached->used < oldest->used ? cached : oldest;
    }
    oldest->block = 0;
    return oldest;
}

/* A block of a file, unpacked; `bytes` long. NULL: damaged. */
static const char *get_block(struct packed_files *packed, uint32_t number, uint32_t bytes)
{
    const struct packed_block *block = &packed->block[number];
    struct packed_cached *cached = find_cached(packed, number);
    const char *stored = packed->image + block->offset;

    cached->used = ++packed->uses;
    if (cached->block != 0) {
        return cached->data;
    }
    if (block->bytes > bytes || crc32c(0, stored, block->bytes) != block->checksum ||
        !packed->unpack(stored, block->bytes, cached->data, bytes)) {
        packed->report(number);
        return NULL;
    }
    cached->block = number + 1;
    return cached->data;
}

static status_t read_data(struct file_system *fs, uint64_t number, uint64_t offset, void *data,
                          uint32_t bytes, uint32_t *out_bytes)
{
    struct packed_files *packed = packed_of(fs);
    const struct packed_node *node = &packed->node[number];
    uint64_t there = offset < node->size ? node->size - offset : 0;
    uint32_t wanted = there < bytes ? (uint32_t)there : bytes, done = 0;

    while (done < wanted) {
        uint64_t index = (offset + done) / PACKED_BLOCK_BYTES;
        uint32_t at = (offset + done) % PACKED_BLOCK_BYTES;
        uint64_t left = node->size - index * PACKED_BLOCK_BYTES;
        uint32_t whole = left < PACKED_BLOCK_BYTES ? (uint32_t)left : PACKED_BLOCK_BYTES;
        uint32_t part = whole - at < wanted - done ? whole - at : wanted - done;
        const char *block = get_block(packed, node->first + (uint32_t)index, whole);

        if (block == NULL) {
            return ERR_CORRUPT;
        }
        memcpy((char *)data + done, block + at, part);
        done += part;
    }
    *out_bytes = done;
    return OK;
}

/* ---- names ---- */

static status_t get_facts(struct file_system *fs, uint64_t number, struct file_facts *out)
{
    const struct packed_node *node = &packed_of(fs)->node[number];

    *out = (struct file_facts){number, node->size, 0, node->kind};
    return OK;
}

static status_t find(struct file_system *fs, uint64_t directory, struct file_name name,
                     uint64_t *out_node)
{
    const struct packed_files *packed = packed_of(fs);
    const struct packed_node *node = &packed->node[directory];
    uint32_t low = node->first, high = node->first + node->count;

    if (node->kind != FILE_DIRECTORY) {
        return ERR_NOT_DIRECTORY;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_names(name, name_of(packed, middle));

        if (order == 0) {
            *out_node = middle;
            return OK;
        }
        low = order > 0 ? middle + 1 : low;
        high = order < 0 ? middle : high;
    }
    return ERR_NOT_FOUND;
}

/* A cursor is how many have been listed. */
static status_t list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                     struct file_entry *out)
{
    const struct packed_files *packed = packed_of(fs);
    const struct packed_node *node = &packed->node[directory];

    if (node->kind != FILE_DIRECTORY) {
        return ERR_NOT_DIRECTORY;
    }
    if (cursor >= node->count) {
        return ERR_NOT_FOUND;
    }
    uint32_t number = node->first + (uint32_t)cursor;
    struct file_name name = name_of(packed, number);
    *out = (struct file_entry){number, cursor + 1, packed->node[number].kind, ""};
    memcpy(out->name, name.text, name.bytes);
    return OK;
}

static struct file_usage get_usage(struct file_system *fs)
{
    const struct packed_header *header = packed_of(fs)->header;

    return (struct file_usage){header->bytes, header->bytes, header->node_count};
}

static const struct file_system_ops ops = {
    .facts = get_facts, .find = find, .list = list, .read = read_data, .usage = get_usage};

status_t packed_files_open(struct packed_files *packed, const void *image, uint64_t bytes,
                           packed_unpack_fn unpack, void (*report)(uint32_t block))
{
    const struct packed_header *header = image;

    if (!is_header_sound(header, bytes)) {
        return ERR_CORRUPT;
    }
    memset(packed, 0, sizeof(*packed));
    packed->fs = (struct file_system){.ops = &ops};
    packed->image = image;
    packed->header = header;
    packed->node = (const struct packed_node *)(header + 1);
    packed->block = (const struct packed_block *)(packed->node + header->node_count);
    packed->names = (const char *)(packed->block + header->block_count);
    packed->unpack = unpack;
    packed->report = report;
    return are_tables_sound(packed) ? OK : ERR_CORRUPT;
}
