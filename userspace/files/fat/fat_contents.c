/* SPDX-License-Identifier: MIT */
/*
 * Contents of files: read, written, made longer and shorter.
 *
 * A file that grows gets a chain of its own first, which nothing refers to; that is filled and on the disk before the old chain goes on
 * with it, and this before the entry tells the new size. A file that becomes shorter goes the other way. So a machine that stops leaves
 * clusters that are lost, or behind the end of a file: the next one to write there takes them.
 */
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define SIZE_MAX_BYTES 0xffffffffull
#define GAP_MAX        (16ull << 20) /* zeroes that one request writes: everybody waits for them */

status_t fat_facts(struct file_system *fs, uint64_t node, struct file_facts *out)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = OK;

    *out = (struct file_facts){.node = node, .kind = FILE_DIRECTORY};
    if (node != FAT_ROOT) {
        status = fat_entry((struct fat *)fs, node, entry);
    }
    if (status == OK && node != FAT_ROOT) {
        out->kind = fat_entry_kind(entry);
        out->size = out->kind == FILE_REGULAR ? fat_get32(entry + 28) : 0;
    }
    return status;
}

/* ---- where bytes are ---- */

/* The clusters of a file, which may be about to get more. */
struct body {
    struct fat_chain old, added;
};

static status_t cluster_at(struct fat *fat, const struct body *body, uint32_t index, uint32_t *out)
{
    return index < body->old.count
               ? fat_cluster(fat, body->old.first, index, out)
               : fat_cluster(fat, body->added.first, index - body->old.count, out);
}

/* As much as lies in clusters that are neighbours. */
static status_t find_piece(struct fat *fat, const struct body *body, uint64_t offset,
                           uint64_t bytes, uint64_t *out_at, uint64_t *out_bytes)
{
    uint32_t index = (uint32_t)(offset / fat->cluster_bytes), cluster, next;
    uint64_t in_cluster = offset % fat->cluster_bytes;
    status_t status = cluster_at(fat, body, index, &cluster);

    if (status != OK) {
        return status == ERR_NOT_FOUND ? ERR_CORRUPT : status; /* shorter than the file */
    }
    *out_at = fat_cluster_offset(fat, cluster) + in_cluster;
    *out_bytes = fat->cluster_bytes - in_cluster;
    while (*out_bytes < bytes && cluster_at(fat, body, ++index, &next) == OK &&
           next == cluster + 1) {
        *out_bytes += fat->cluster_bytes;
        cluster = next;
    }
    *out_bytes = *out_bytes < bytes ? *out_bytes : bytes;
    return OK;
}

/* ---- reading ---- */

status_t fat_read_data(struct file_system *fs, uint64_t node, uint64_t offset, void *data,
                       uint32_t bytes, uint32_t *out_bytes)
{
    struct fat *fat = (struct fat *)fs;
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = fat_entry(fat, node, entry);

    if (status != OK) {
        return status;
    }
    uint32_t size = fat_get32(entry + 28);
    uint64_t there = offset < size ? size - offset : 0, at, part = 0;
    struct body body = {.old = {.first = fat_entry_cluster(fat, entry), .count = ~0u}};
    *out_bytes = there < bytes ? (uint32_t)there : bytes;
    for (uint32_t done = 0; status == OK && done < *out_bytes; done += (uint32_t)part) {
        status = find_piece(fat, &body, offset + done, *out_bytes - done, &at, &part);
        if (status == OK) {
            status = fat_read(fat, &fat->of_data, at, (char *)data + done, part);
        }
    }
    return status;
}

/* ---- writing ---- */

status_t fat_zero(struct fat *fat, uint64_t offset, uint64_t bytes)
{
    status_t status = OK;

    memset(fat->scratch, 0, FAT_SCRATCH_BYTES);
    while (status == OK && bytes > 0) {
        uint64_t part = bytes < FAT_SCRATCH_BYTES ? bytes : FAT_SCRATCH_BYTES;

        status = fat_write(fat, &fat->of_data, offset, fat->scratch, part);
        offset += part;
        bytes -= part;
    }
    return status;
}

/* NULL: zeroes. */
static status_t put(struct fat *fat, const struct body *body, uint64_t offset, const char *data,
                    uint64_t bytes)
{
    uint64_t at, part = 0;
    status_t status = OK;

    for (uint64_t done = 0; status == OK && done < bytes; done += part) {
        status = find_piece(fat, body, offset + done, bytes - done, &at, &part);
        if (status == OK) {
            status = data != NULL ? fat_write(fat, &fat->of_data, at, data + done, part)
                                  : fat_zero(fat, at, part);
        }
    }
    return status;
}

static uint32_t clusters_for(const struct fat *fat, uint64_t bytes)
{
    return (uint32_t)((bytes + fat->cluster_bytes - 1) / fat->cluster_bytes);
}

/* All clusters that a file has, also behind its end. */
static status_t find_body(struct fat *fat, const uint8_t *entry, struct body *out)
{
    uint32_t first = fat_entry_cluster(fat, entry), size = fat_get32(entry + 28);

    memset(out, 0, sizeof(*out));
    if (first == 0) {
        return size == 0 ? OK : ERR_CORRUPT;
    }
    return fat_chain(fat, first, size > 0 ? (size - 1) / fat->cluster_bytes : 0, &out->old);
}

/* So many bytes in all, or as many as there is room for. */
static status_t reserve(struct fat *fat, struct body *body, uint64_t bytes)
{
    uint32_t wanted = clusters_for(fat, bytes);

    return wanted > body->old.count ? fat_allocate(fat, wanted - body->old.count, &body->added)
                                    : OK;
}

static status_t give_back(struct fat *fat, const struct body *body)
{
    status_t status = body->added.count > 0 ? fat_free(fat, body->added.first) : OK;

    return status == OK ? fat_flush(fat, &fat->of_table) : status;
}

/* What was written becomes part of the file: the table has the new chain before the link to it (W1), both before the entry. */
static status_t commit(struct fat *fat, uint64_t node, uint8_t *entry, const struct body *body,
                       uint64_t size)
{
    uint8_t before[FAT_ENTRY_BYTES];
    status_t status = fat_flush(fat, &fat->of_data);

    memcpy(before, entry, sizeof(before));
    if (body->added.count > 0 && body->old.count == 0) {
        fat_entry_set_cluster(fat, entry, body->added.first);
    } else if (status == OK && body->added.count > 0) {
        status = fat_link(fat, body->old.last, body->added.first);
    }
    if (status == OK) {
        status = fat_flush(fat, &fat->of_table);
    }
    fat_put32(entry + 28, (uint32_t)size);
    entry[11] |= FAT_ARCHIVE;
    fat_entry_stamp(fat, entry);
    return status == OK && memcmp(before, entry, sizeof(before)) != 0
               ? fat_set_entry(fat, node, entry)
               : status;
}

/* A regular file whose contents may change. */
static status_t begin(struct fat *fat, uint64_t node, uint8_t *entry)
{
    status_t status = fat_entry(fat, node, entry);

    if (status == OK && (entry[11] & FAT_READ_ONLY)) {
        status = ERR_READ_ONLY;
    }
    return status == OK ? fat_begin(fat) : status;
}

/* Bytes from an offset on, zeroes before it: NULL data, or if it is behind the end. */
static status_t extend(struct fat *fat, uint64_t node, uint8_t *entry, uint64_t offset,
                       const void *data, uint32_t *bytes)
{
    uint64_t size = fat_get32(entry + 28);
    struct body body;

    if (offset > size && offset - size > GAP_MAX) {
        return ERR_TOO_BIG;
    }
    status_t status = find_body(fat, entry, &body);
    if (status == OK) {
        status = reserve(fat, &body, offset + *bytes);
    }
    if (status != OK) {
        return status;
    }
    uint64_t room = (uint64_t)(body.old.count + body.added.count) * fat->cluster_bytes;
    if (room < offset + (data != NULL)) {
        status = give_back(fat, &body);
        return status == OK ? ERR_NO_SPACE : status;
    }
    *bytes = *bytes < room - offset ? *bytes : (uint32_t)(room - offset);
    if (offset > size) {
        status = put(fat, &body, size, NULL, offset - size);
    }
    if (status == OK) {
        status = put(fat, &body, offset, data, *bytes);
    }
    uint64_t end = offset + *bytes;
    return status == OK ? commit(fat, node, entry, &body, end > size ? end : size) : status;
}

status_t fat_write_data(struct file_system *fs, uint64_t node, uint64_t offset, const void *data,
                        uint32_t bytes, uint32_t *out_bytes)
{
    struct fat *fat = (struct fat *)fs;
    uint8_t entry[FAT_ENTRY_BYTES];

    *out_bytes = 0;
    if (offset > SIZE_MAX_BYTES || bytes > SIZE_MAX_BYTES - offset) {
        return ERR_TOO_BIG;
    }
    status_t status = begin(fat, node, entry);
    if (status == OK && bytes > 0) {
        status = extend(fat, node, entry, offset, data, &bytes);
    }
    *out_bytes = status == OK ? bytes : 0;
    return status;
}

/* ---- size ---- */

/* The last cluster that a file keeps, and the first that it does not; 0: there is none. */
static status_t split_chain(struct fat *fat, uint32_t first, uint32_t kept, uint32_t *out_last,
                            uint32_t *out_rest)
{
    status_t status = fat_cluster(fat, first, kept - 1, out_last);

    *out_rest = 0;
    if (status != OK) {
        return status == ERR_NOT_FOUND ? ERR_CORRUPT : status; /* shorter than the file */
    }
    status = fat_cluster(fat, first, kept, out_rest);
    return status == ERR_NOT_FOUND ? OK : status;
}

/* The entry first, then the end of the chain, then what is behind it. */
static status_t shorten(struct fat *fat, uint64_t node, uint8_t *entry, uint32_t size)
{
    uint32_t kept = clusters_for(fat, size), rest = fat_entry_cluster(fat, entry), last = 0;
    status_t status = kept > 0 ? split_chain(fat, rest, kept, &last, &rest) : OK;

    if (kept == 0) {
        fat_entry_set_cluster(fat, entry, 0);
    }
    fat_put32(entry + 28, size);
    entry[11] |= FAT_ARCHIVE;
    fat_entry_stamp(fat, entry);
    if (status == OK) {
        status = fat_set_entry(fat, node, entry);
    }
    if (status == OK && kept > 0 && rest != 0) {
        status = fat_link(fat, last, 0);
    }
    if (status == OK && rest != 0) {
        status = fat_free(fat, rest);
    }
    return status == OK ? fat_flush(fat, &fat->of_table) : status;
}

status_t fat_truncate(struct file_system *fs, uint64_t node, uint64_t size)
{
    struct fat *fat = (struct fat *)fs;
    uint8_t entry[FAT_ENTRY_BYTES];
    uint32_t none = 0;

    if (size > SIZE_MAX_BYTES) {
        return ERR_TOO_BIG;
    }
    status_t status = begin(fat, node, entry);
    if (status != OK || size == fat_get32(entry + 28)) {
        return status;
    }
    return size < fat_get32(entry + 28) ? shorten(fat, node, entry, (uint32_t)size)
                                        : extend(fat, node, entry, size, NULL, &none);
}
