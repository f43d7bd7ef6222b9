/* SPDX-License-Identifier: MIT */
/* tree: says of all files below a folder what they hold: length and checksum (CRC-32C), in the file system's order. from=PATH */
#include <stdio.h>
#include <string.h>

#include "kernel/base/crc32c.h"
#include "userspace/files/client/file.h"
#include "userspace/lib/check.h"
#include "userspace/lib/option.h"

#define DEPTH_MAX 8u
#define PATH_MAX  512u
#define PIECE     50000u /* not a divisor of anything */

static char path[PATH_MAX];
static unsigned file_count;

static void show_file(void)
{
    static char data[PIECE];
    struct file file;
    uint64_t at = 0, got = 0;
    uint32_t checksum = 0;
    status_t status = file_open(path, OPEN_READ, &file);

    while (status == OK && (at == 0 || got == PIECE)) {
        status = file_read(&file, at, data, PIECE, &got);
        checksum = crc32c(checksum, data, got);
        at += got;
        if (got == 0) {
            break;
        }
    }
    if (status == OK) {
        printf("tree: %s %lu bytes %08x\n", path, at, checksum);
        file_close(&file);
    } else {
        printf("tree: %s %s\n", path, status_name(status));
    }
    file_count++;
}

static void show_folder(unsigned depth);

static void show_entry(const struct vfs_entry *entry, unsigned depth)
{
    size_t length = strlen(path);

    VERIFY(length + 1 + entry->name_bytes < PATH_MAX);
    path[length] = '/';
    memcpy(path + length + 1, entry->name, entry->name_bytes);
    path[length + 1 + entry->name_bytes] = '\0';
    if (entry->kind == FILE_REGULAR) {
        show_file();
    } else if (depth < DEPTH_MAX) {
        show_folder(depth + 1);
    }
    path[length] = '\0';
}

static void show_folder(unsigned depth)
{
    static char entries[DEPTH_MAX + 1][4096] __attribute__((aligned(8)));
    struct file folder;
    uint64_t cursor = 0, bytes = 0;

    must(file_open(path, OPEN_READ | OPEN_DIRECTORY, &folder));
    do {
        must(directory_read(&folder, &cursor, entries[depth], sizeof(entries[depth]), &bytes));
        for (uint64_t at = 0; at < bytes;) {
            const struct vfs_entry *entry = (const struct vfs_entry *)(entries[depth] + at);

            show_entry(entry, depth);
            at += entry->entry_bytes;
        }
    } while (bytes > 0);
    file_close(&folder);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    string_copy(path, option_text("from", "/disk"), sizeof(path));
    show_folder(0);
    printf("tree: %u files\n", file_count);
    return 0;
}
