/* SPDX-License-Identifier: MIT */
/*
 * Reading directories. That of the mounts, "/", is in no file system: its entries come from the table of mounts.
 *
 * A directory that is being read is one thread's business, as the standard has it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/files/client/mount.h"
#include "userspace/files/client/path.h"
#include "userspace/libc/descriptor.h"

#define ENTRIES_BYTES 4096u

struct directory {
    struct file file;
    bool is_root;
    unsigned mount; /* of the root: the next one */
    uint64_t cursor, bytes, at;
    struct dirent entry;
    char entries[ENTRIES_BYTES] __attribute__((aligned(8)));
};

static bool is_root_of_mounts(const char *path, status_t status)
{
    char clean[PATH_BYTES_MAX];

    return status == ERR_NOT_FOUND && path_clean(path, clean) == OK && clean[0] == '\0';
}

DIR *opendir(const char *path)
{
    DIR *directory = calloc(1, sizeof(*directory));

    if (directory == NULL) {
        return NULL;
    }
    status_t status = file_open(path, OPEN_READ | OPEN_DIRECTORY, &directory->file);
    directory->is_root = is_root_of_mounts(path, status);
    if (status != OK && !directory->is_root) {
        free(directory);
        (void)fail_at(status);
        return NULL;
    }
    return directory;
}

static struct dirent *fill_entry(DIR *directory, const char *name, size_t bytes, bool is_directory)
{
    directory->entry.d_type = is_directory ? DT_DIR : DT_REG;
    memcpy(directory->entry.d_name, name, bytes);
    directory->entry.d_name[bytes] = '\0';
    return &directory->entry;
}

static struct dirent *read_root(DIR *directory)
{
    const char *name = mount_name(directory->mount);

    if (name == NULL) {
        return NULL;
    }
    directory->mount++;
    directory->entry.d_ino = directory->mount;
    return fill_entry(directory, name + 1, strlen(name + 1), true);
}

/* NULL at the end and on errors; errno is changed only then. */
struct dirent *readdir(DIR *directory)
{
    if (directory->is_root) {
        return read_root(directory);
    }
    if (directory->at == directory->bytes) {
        status_t status = directory_read(&directory->file, &directory->cursor, directory->entries,
                                         ENTRIES_BYTES, &directory->bytes);
        directory->at = 0;
        if (status != OK) {
            directory->bytes = 0;
            (void)fail_on(status);
        }
        if (directory->bytes == 0) {
            return NULL;
        }
    }
    const struct vfs_entry *entry = (const struct vfs_entry *)(directory->entries + directory->at);
    directory->at += entry->entry_bytes;
    directory->entry.d_ino = (ino_t)entry->node;
    return fill_entry(directory, entry->name, entry->name_bytes, entry->kind == FILE_DIRECTORY);
}

void rewinddir(DIR *directory)
{
    directory->mount = 0;
    directory->cursor = directory->bytes = directory->at = 0;
}

int closedir(DIR *directory)
{
    if (!directory->is_root) {
        file_close(&directory->file);
    }
    free(directory);
    return 0;
}
