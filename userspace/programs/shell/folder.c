/* SPDX-License-Identifier: MIT */
#include "userspace/programs/shell/folder.h"

#include <stddef.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/mount.h"
#include "userspace/files/client/here.h"

#define ENTRIES_BYTES 4096u

typedef void (*entry_function)(const char *name, bool is_folder, void *argument);

static status_t list_mounts(entry_function entry, void *argument)
{
    const char *name;

    for (unsigned i = 0; (name = mount_name(i)) != NULL; i++) {
        entry(*name == '/' ? name + 1 : name, true, argument);
    }
    return OK;
}

static void give(const char *entries, uint64_t bytes, entry_function entry, void *argument)
{
    char name[FILE_NAME_MAX + 1];

    for (uint64_t at = 0; at < bytes;) {
        const struct vfs_entry *one = (const struct vfs_entry *)(entries + at);
        if (one->name_bytes > FILE_NAME_MAX || one->entry_bytes < sizeof(*one) + one->name_bytes) {
            return; /* the server makes no sense */
        }
        memcpy(name, one->name, one->name_bytes);
        name[one->name_bytes] = '\0';
        entry(name, one->kind == FILE_DIRECTORY, argument);
        at += one->entry_bytes;
    }
}

status_t folder_list(const char *path, entry_function entry, void *argument)
{
    static _Alignas(8) char entries[ENTRIES_BYTES];
    char clean[PATH_BYTES_MAX];
    struct file folder;
    uint64_t cursor = 0, bytes = 1;
    status_t status = path_here(path, clean);

    if (status == OK && clean[0] == '\0') {
        return list_mounts(entry, argument);
    }
    if (status == OK) {
        status = file_open(path, OPEN_READ | OPEN_DIRECTORY, &folder);
    }
    if (status != OK) {
        return status;
    }
    while (status == OK && bytes > 0) {
        status = directory_read(&folder, &cursor, entries, sizeof(entries), &bytes);
        give(entries, status == OK ? bytes : 0, entry, argument);
    }
    file_close(&folder);
    return status;
}
