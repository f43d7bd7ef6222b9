/* SPDX-License-Identifier: MIT */
/* What the files of this folder know of each other. */
#pragma once

#include "userspace/files/fat/fat.h"

#define FAT_ROOT          1u /* node: no entry begins at an odd offset */
#define FAT_FIRST_CLUSTER 2u
#define FAT_FREE_ENTRY    0xe5u
#define FAT_ENTRIES_MAX   65536u /* of a directory: 2 MiB, as the specification says */

/* Of an entry of a directory. */
enum fat_attribute {
    FAT_READ_ONLY = 0x01,
    FAT_VOLUME = 0x08,
    FAT_DIRECTORY = 0x10,
    FAT_ARCHIVE = 0x20,
    FAT_LONG_NAME = 0x0f,
    FAT_ATTRIBUTES = 0x3f
};

/* fat_get16() / fat_get32() / fat_put16() / fat_put32() - little endian, at any address. */
static inline uint32_t fat_get16(const uint8_t *bytes)
{
    return (uint32_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t fat_get32(const uint8_t *bytes)
{
    return fat_get16(bytes) | fat_get16(bytes + 2) << 16;
}

static inline void fat_put16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void fat_put32(uint8_t *bytes, uint32_t value)
{
    fat_put16(bytes, value);
    fat_put16(bytes + 2, value >> 16);
}

/* ---- fat_sectors.c: bytes of the volume, through one of its two caches ---- */

/* fat_read() - ERR_CORRUPT: they are not there. */
status_t fat_read(struct fat *fat, struct fat_cache *cache, uint64_t offset, void *data,
                  uint64_t bytes);

/* fat_write() - the same; parts of sectors stay in the cache until another one is needed or fat_flush(). */
status_t fat_write(struct fat *fat, struct fat_cache *cache, uint64_t offset, const void *data,
                   uint64_t bytes);
status_t fat_flush(struct fat *fat, struct fat_cache *cache);

/* fat_stop() - nothing is written any more, and what is in the caches is forgotten. */
void fat_stop(struct fat *fat);

/* ---- fat_table.c: chains of clusters ---- */

struct fat_chain {
    uint32_t first, last, count; /* count 0: there is none */
};

uint64_t fat_cluster_offset(const struct fat *fat, uint32_t cluster);
bool fat_is_cluster(const struct fat *fat, uint32_t number);

/* fat_cluster() - number `index` of a chain. ERR_NOT_FOUND: the chain is not so long; ERR_CORRUPT: it leads nowhere. */
status_t fat_cluster(struct fat *fat, uint32_t first, uint32_t index, uint32_t *out_cluster);

/* fat_chain() - to its end, from its number `index` on, which exists. */
status_t fat_chain(struct fat *fat, uint32_t first, uint32_t index, struct fat_chain *out);

/* fat_allocate() - a chain that nothing refers to, of so many clusters or as many as there are. */
status_t fat_allocate(struct fat *fat, uint32_t count, struct fat_chain *out);

/* fat_free() - a chain that nothing on the disk refers to. Where it makes no sense it ends. */
status_t fat_free(struct fat *fat, uint32_t first);

/* fat_link() - a chain goes on with another one; first 0: it ends here. */
status_t fat_link(struct fat *fat, uint32_t last, uint32_t first);

/* fat_count() - look at the whole table: what is free, and whether it makes sense (else ERR_CORRUPT). */
status_t fat_count(struct fat *fat);

/* ---- fat_state.c: marks on the volume ---- */

/* fat_begin() - before the first write of each operation. ERR_READ_ONLY: no more; ERR_CORRUPT: nor ever, the table makes no sense. */
status_t fat_begin(struct fat *fat);

/* fat_sync() - all is on the disk, and the volume looks as if nobody had it. */
status_t fat_sync(struct file_system *fs);
void fat_find_state(struct fat *fat, const uint8_t *boot);

/* ---- fat_held.c: nodes that somebody has open ---- */

void fat_hold(struct file_system *fs, uint64_t node);
void fat_release(struct file_system *fs, uint64_t node);

/* fat_node_at() - the node whose entry is there. */
uint64_t fat_node_at(const struct fat *fat, uint64_t at);

/* fat_place() - where a node's entry is; 0: it has no name. */
uint64_t fat_place(const struct fat *fat, uint64_t node);

/* fat_is_taken() - would an entry there have the number of another node? */
bool fat_is_taken(const struct fat *fat, uint64_t at);

/* fat_held_at() - is the node whose entry is there held? fat_moved() / fat_lost_name() - if so, note what becomes of it. */
bool fat_held_at(const struct fat *fat, uint64_t at);
void fat_moved(struct fat *fat, uint64_t at, uint64_t to);
void fat_lost_name(struct fat *fat, uint64_t at, const uint8_t entry[FAT_ENTRY_BYTES]);

/* fat_entry() / fat_set_entry() - a node's directory entry. Not of the root. The latter writes it. */
status_t fat_entry(struct fat *fat, uint64_t node, uint8_t entry[FAT_ENTRY_BYTES]);
status_t fat_set_entry(struct fat *fat, uint64_t node, const uint8_t entry[FAT_ENTRY_BYTES]);

/* ---- fat_entry.c: what an entry says ---- */

uint32_t fat_entry_cluster(const struct fat *fat, const uint8_t *entry);
void fat_entry_set_cluster(const struct fat *fat, uint8_t *entry, uint32_t cluster);
enum file_kind fat_entry_kind(const uint8_t *entry);

/* fat_entry_stamp() - it changes now. */
void fat_entry_stamp(const struct fat *fat, uint8_t *entry);

/* fat_entry_init() - a new one, without a name. */
void fat_entry_init(const struct fat *fat, uint8_t *entry, enum file_kind kind, uint32_t cluster);

/* ---- fat_name.c: long and short names ---- */

#define FAT_PARTS_MAX  20u
#define FAT_PART_UNITS 13u
#define FAT_SHORT      11u /* bytes of a short name */

/* A long name that is being put together, or was taken apart. */
struct fat_name {
    uint32_t parts;    /* 0: there is none */
    uint32_t expected; /* number of the part that comes next; 0: all are there */
    uint8_t checksum;
    uint16_t units[FAT_PARTS_MAX * FAT_PART_UNITS];
};

void fat_name_take(struct fat_name *name, const uint8_t *entry);

/* fat_name_text() - false: it does not count, this short entry goes by the short name. */
bool fat_name_text(const struct fat_name *name, const uint8_t *entry, char out[FILE_NAME_MAX + 1]);
void fat_short_text(const uint8_t *entry, char out[16]);

/* fat_is_path_name() - can a path have it? */
bool fat_is_path_name(const char *name);

static inline char fat_upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
}

/* fat_name_split() - of a new file. ERR_BAD_ARGUMENT: the format has no such names; ERR_TOO_BIG. No parts: a short name says it all. */
status_t fat_name_split(struct file_name text, struct fat_name *out);

/* fat_name_part() - entry of part 1, 2 and so on, for a short name. */
void fat_name_part(const struct fat_name *name, uint32_t number, const uint8_t *short_name,
                   uint8_t entry[FAT_ENTRY_BYTES]);

/* fat_short_name() - number `attempt` of the short names that a file may get beside its long one. */
void fat_short_name(struct file_name text, const struct fat_name *name, uint32_t attempt,
                    uint8_t out[FAT_SHORT]);

/* ---- fat_directory.c: what is in a directory ---- */

/* An entry that is a file or directory, under both names. */
struct fat_found {
    uint64_t node, at;
    uint32_t begin, next; /* index of its first entry, and of what is behind the last */
    enum file_kind kind;
    char short_name[16];
    char name[FILE_NAME_MAX + 1];
};

status_t fat_find(struct file_system *fs, uint64_t directory, struct file_name name,
                  uint64_t *out_node);
status_t fat_list(struct file_system *fs, uint64_t directory, uint64_t cursor,
                  struct file_entry *out);
status_t fat_look_up(struct fat *fat, uint64_t directory, struct file_name name,
                     struct fat_found *out);

/* fat_next_found() - the first one from an index on. ERR_NOT_FOUND: there is none. */
status_t fat_next_found(struct fat *fat, uint64_t directory, uint32_t index, struct fat_found *out);

/* fat_first_cluster() - of a directory; of a fixed root 0. */
status_t fat_first_cluster(struct fat *fat, uint64_t directory, uint32_t *out);

/* fat_entry_offset() - where entry `index` of the directory with this first cluster is. ERR_NOT_FOUND: behind its end. */
status_t fat_entry_offset(struct fat *fat, uint64_t directory, uint32_t first, uint32_t index,
                          uint64_t *out);

/* ---- fat_slots.c: room for entries ---- */

/* A run of free entries of a directory. */
struct fat_slots {
    uint64_t directory;
    uint32_t first; /* cluster of the directory */
    uint32_t begin, count;
    uint32_t end; /* all from here on have never been used */
};

/* fat_slots_find() - in a directory that grows if need be. ERR_NO_SPACE. */
status_t fat_slots_find(struct fat *fat, uint64_t directory, uint32_t count, struct fat_slots *out);

/* fat_slots_near() - rather in the sector where entry `index` of the same directory is, if there is room. */
status_t fat_slots_near(struct fat *fat, struct fat_slots *slots, uint32_t index);

/* fat_slots_fill() - write them: the long name and the entry that it belongs to, which has the short one. */
status_t fat_slots_fill(struct fat *fat, const struct fat_slots *slots, const struct fat_name *name,
                        const uint8_t *entry, uint64_t *out_at);

/* fat_slots_clear() - a name goes, its entry first; the last sector stays in the cache. */
status_t fat_slots_clear(struct fat *fat, uint64_t directory, const struct fat_found *found);

/* ---- fat_contents.c, fat_change.c: operations ---- */

status_t fat_facts(struct file_system *fs, uint64_t node, struct file_facts *out);
status_t fat_read_data(struct file_system *fs, uint64_t node, uint64_t offset, void *data,
                       uint32_t bytes, uint32_t *out_bytes);
status_t fat_write_data(struct file_system *fs, uint64_t node, uint64_t offset, const void *data,
                        uint32_t bytes, uint32_t *out_bytes);
status_t fat_truncate(struct file_system *fs, uint64_t node, uint64_t size);
status_t fat_make(struct file_system *fs, uint64_t directory, struct file_name text,
                  enum file_kind kind, uint64_t *out_node);
status_t fat_remove(struct file_system *fs, uint64_t directory, struct file_name name,
                    enum file_kind kind);
status_t fat_rename(struct file_system *fs, uint64_t from, struct file_name old_name, uint64_t to,
                    struct file_name new_name);

/* fat_zero() - bytes of the data. */
status_t fat_zero(struct fat *fat, uint64_t offset, uint64_t bytes);
