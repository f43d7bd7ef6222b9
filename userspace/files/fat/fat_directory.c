/* SPDX-License-Identifier: MIT */
/*
 * Directories of FAT: 32-byte entries, with long names in entries in front of the short one.
 *
 *     [part 2, last of the name] [part 1] [short entry]        each part: 13 units of UTF-16, a checksum of the short name
 *
 * A long name counts if all its parts are there, in order, with the right checksum, and it is one that a path can have; else the file
 * goes by its short name. Names are found whatever the case of their ASCII letters, as the format wants, by either name.
 */
#include <stddef.h>
#include <string.h>

#include "userspace/files/fat/fat_impl.h"

#define ENTRIES_MAX 65536u /* of a directory: 2 MiB, as the specification says */
#define DELETED     0xe5
#define PARTS_MAX   20u
#define PART_UNITS  13u

enum attribute { VOLUME = 0x08, DIRECTORY = 0x10, LONG_NAME = 0x0f, ATTRIBUTES = 0x3f };

/* A long name that is being put together. */
struct long_name {
    uint32_t parts;    /* 0: there is none */
    uint32_t expected; /* number of the part that comes next; 0: all are there */
    uint8_t checksum;
    uint16_t units[PARTS_MAX * PART_UNITS];
};

/* An entry that is a file or directory, under both names. */
struct found {
    uint64_t node;
    uint32_t next; /* index behind it */
    enum file_kind kind;
    char short_name[16];
    char name[FILE_NAME_MAX + 1];
};

uint32_t fat_entry_cluster(const struct fat *fat, const uint8_t *entry)
{
    return fat_get16(entry + 26) | (fat->bits == 32 ? fat_get16(entry + 20) << 16 : 0);
}

enum file_kind fat_entry_kind(const uint8_t *entry)
{
    return entry[11] & DIRECTORY ? FILE_DIRECTORY : FILE_REGULAR;
}

/* ---- names ---- */

static uint8_t checksum_of(const uint8_t *entry)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + entry[i]);
    }
    return sum;
}

static void take_part(struct long_name *name, const uint8_t *entry)
{
    static const uint8_t places[PART_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    uint32_t number = entry[0] & 0x3f;

    if (entry[0] & 0x40) {
        name->parts = number <= PARTS_MAX ? number : 0;
        name->expected = number;
        name->checksum = entry[13];
    }
    if (name->parts == 0 || number == 0 || number != name->expected ||
        entry[13] != name->checksum) {
        name->parts = 0;
        return;
    }
    for (unsigned i = 0; i < PART_UNITS; i++) {
        name->units[(number - 1) * PART_UNITS + i] = (uint16_t)fat_get16(entry + places[i]);
    }
    name->expected--;
}

/* A character as UTF-8; returns how many bytes. */
static uint32_t put_character(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    uint32_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = bytes - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    to[0] = (char)(0xf00 >> bytes | c); /* 110, 1110 or 11110 in front */
    return bytes;
}

/* The character at *at; half of a pair alone is "?". */
static uint32_t take_character(const uint16_t *units, uint32_t count, uint32_t *at)
{
    uint32_t c = units[(*at)++];

    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }
    if (c < 0xdc00 && *at < count && units[*at] >= 0xdc00 && units[*at] <= 0xdfff) {
        return 0x10000 + ((c & 0x3ff) << 10 | (units[(*at)++] & 0x3ff));
    }
    return '?';
}

static bool is_path_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

/* False: it does not count. */
static bool write_long_name(const struct long_name *name, const uint8_t *entry,
                            char out[FILE_NAME_MAX + 1])
{
    uint32_t count = name->parts * PART_UNITS, length = 0;

    if (name->parts == 0 || name->expected != 0 || name->checksum != checksum_of(entry)) {
        return false;
    }
    for (uint32_t at = 0; at < count && name->units[at] != 0;) {
        char bytes[4];
        uint32_t size = put_character(take_character(name->units, count, &at), bytes);

        if (length + size > FILE_NAME_MAX) {
            return false;
        }
        memcpy(out + length, bytes, size);
        length += size;
    }
    out[length] = '\0';
    return is_path_name(out);
}

/* Letters of the code page of whoever wrote it are not known here. */
static char short_letter(uint8_t c, bool is_lower)
{
    if (c < ' ' || c >= 0x7f || c == '/') {
        return '?';
    }
    return (char)(is_lower && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static uint32_t put_part(const uint8_t *from, uint32_t width, bool is_lower, char *to)
{
    uint32_t length = width;

    while (length > 0 && from[length - 1] == ' ') {
        length--;
    }
    for (uint32_t i = 0; i < length; i++) {
        to[i] = short_letter(from[i], is_lower);
    }
    return length;
}

static void write_short_name(const uint8_t *entry, char out[16])
{
    uint32_t length = put_part(entry, 8, entry[12] & 0x08, out);
    uint32_t extension = put_part(entry + 8, 3, entry[12] & 0x10, out + length + 1);

    if (extension > 0) {
        out[length] = '.';
        length += 1 + extension;
    }
    out[length] = '\0';
}

/* ---- entries ---- */

static status_t first_cluster(struct fat *fat, uint64_t directory, uint32_t *out)
{
    uint8_t entry[FAT_ENTRY_BYTES];
    status_t status = OK;

    *out = fat->root_cluster;
    if (directory != FAT_ROOT) {
        status = fat_entry(fat, directory, entry);
        *out = status == OK ? fat_entry_cluster(fat, entry) : 0;
    }
    return status;
}

/* Where entry `index` of a directory is. ERR_NOT_FOUND: behind its end. */
static status_t entry_offset(struct fat *fat, uint64_t directory, uint32_t first, uint32_t index,
                             uint64_t *out)
{
    uint32_t cluster, per_cluster = fat->cluster_bytes / FAT_ENTRY_BYTES;

    if (directory == FAT_ROOT && fat->root_entries > 0) {
        *out = fat->root + (uint64_t)index * FAT_ENTRY_BYTES;
        return index < fat->root_entries ? OK : ERR_NOT_FOUND;
    }
    if (index >= ENTRIES_MAX) {
        return ERR_NOT_FOUND;
    }
    status_t status = fat_cluster(fat, first, index / per_cluster, &cluster);
    if (status == OK) {
        *out = fat_cluster_offset(fat, cluster) + index % per_cluster * FAT_ENTRY_BYTES;
    }
    return status;
}

/* Is it a file or directory? "." and ".." and the name of the volume are neither. */
static bool take_entry(struct long_name *name, const uint8_t *entry, struct found *out)
{
    if ((entry[11] & ATTRIBUTES) == LONG_NAME && entry[0] != DELETED) {
        take_part(name, entry);
        return false;
    }
    bool is_file = entry[0] != DELETED && entry[0] != '.' && !(entry[11] & VOLUME);
    if (is_file) {
        write_short_name(entry, out->short_name);
        if (!write_long_name(name, entry, out->name)) {
            memcpy(out->name, out->short_name, sizeof(out->short_name));
        }
        out->kind = fat_entry_kind(entry);
    }
    name->parts = 0;
    return is_file && is_path_name(out->name);
}

/* The first one from an index on. ERR_NOT_FOUND: there is none. */
static status_t next_found(struct fat *fat, uint64_t directory, uint32_t index, struct found *out)
{
    struct long_name name = {.parts = 0};
    uint8_t entry[FAT_ENTRY_BYTES];
    uint32_t first;
    status_t status = first_cluster(fat, directory, &first);

    while (status == OK) {
        status = entry_offset(fat, directory, first, index++, &out->node);
        if (status == OK) {
            status = fat_entry(fat, out->node, entry);
        }
        if (status == OK && entry[0] == 0) {
            return ERR_NOT_FOUND;
        }
        if (status == OK && take_entry(&name, entry, out)) {
            out->next = index;
            return OK;
        }
    }
    return status;
}

static status_t check_directory(struct file_system *fs, uint64_t directory)
{
    struct file_facts facts;
    status_t status = fs->ops->facts(fs, directory, &facts);

    return status == OK && facts.kind != FILE_DIRECTORY ? ERR_NOT_DIRECTORY : status;
}

status_t fat_list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                  struct file_entry *out)
{
    struct found found;
    status_t status = check_directory(fs, directory);

    if (status == OK && cursor > ENTRIES_MAX) {
        status = ERR_NOT_FOUND;
    }
    if (status == OK) {
        status = next_found((struct fat *)fs, directory, (uint32_t)cursor, &found);
    }
    if (status == OK) {
        *out = (struct file_entry){found.node, found.next, found.kind, ""};
        memcpy(out->name, found.name, strlen(found.name) + 1);
    }
    return status;
}

static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
}

static bool is_same_name(const char *name, struct file_name wanted)
{
    uint32_t i = 0;

    while (i < wanted.bytes && name[i] != '\0' && upper(name[i]) == upper(wanted.text[i])) {
        i++;
    }
    return i == wanted.bytes && name[i] == '\0';
}

status_t fat_find(struct file_system *fs, uint64_t directory, struct file_name name,
                  uint64_t *out_node)
{
    struct found found = {.next = 0};
    status_t status = check_directory(fs, directory);

    while (status == OK) {
        status = next_found((struct fat *)fs, directory, found.next, &found);
        if (status == OK &&
            (is_same_name(found.name, name) || is_same_name(found.short_name, name))) {
            *out_node = found.node;
            return OK;
        }
    }
    return status;
}
