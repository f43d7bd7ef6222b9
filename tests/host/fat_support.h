/* SPDX-License-Identifier: MIT */
/* Volumes of FAT in a file that is also memory: so dosfstools and mtools see each byte that is written, at once. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userspace/files/fat/fat.h"

#define KINDS  3u
#define SECTOR 512u

/* The only name in the tests that does not fit into one sector with its entry. */
#define VERY_LONG                                                                                  \
    "a name so long that with its entry it takes more than a sector - which takes sixteen parts "  \
    "of thirteen letters each, and so more than fifteen; we are not there yet, but soon we "       \
    "shall, now we are.text"

/* A sector that was written. */
struct written {
    uint64_t sector;
    uint8_t data[SECTOR];
};

struct fat_volume {
    unsigned bits, kib, sectors_per_cluster;
    uint8_t *image;
    size_t bytes;
};

extern const struct fat_volume volume_kinds[KINDS];

extern struct fat_volume volume; /* the one that is there */
extern struct block_device volume_device;
extern struct fat fat;
extern struct file_system *const fs;

extern struct written *written; /* all that was, since volume_make() or volume_log() */
extern unsigned written_count;
extern unsigned flushes, flushed_at; /* how often, and how much had been written last time */
extern unsigned writes_left;         /* until the device fails: ~0u never */
extern unsigned reads_left;          /* until one read fails, and then none */

/* volume_make() - empty, and opened. volume_drop() - gone. volume_open() - opened again. */
void volume_make(unsigned kind);
void volume_drop(void);
status_t volume_open(void);

/* volume_log() - forget what was written. */
void volume_log(void);

/* volume_run() - a command in the volume's folder, where it is called `image`; its output is in volume_output. Returns its status. */
int volume_run(const char *format, ...);
extern char volume_output[65536];

/* volume_check() - ask fsck.fat. Strictly: there is nothing to say. Else after a machine that stopped (D3): nothing but what that leaves. */
void volume_check(bool is_strict);

/* Names in a directory. */
struct file_name name_of(const char *text);
uint64_t node_at(const char *path);
status_t make_at(const char *directory, const char *name, enum file_kind kind);
status_t remove_at(const char *directory, const char *name, enum file_kind kind);
status_t rename_at(const char *from, const char *old_name, const char *to, const char *new_name);
status_t write_at(const char *path, uint64_t offset, const void *data, uint32_t bytes);
