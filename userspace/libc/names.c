/* SPDX-License-Identifier: MIT */
/* Calls with paths. Parameters are called as the library's headers call them. */
#include <errno.h>
#include <reent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/files/client/path.h"
#include "userspace/lib/clock.h"
#include "userspace/libc/descriptor.h"
#include "userspace/libc/stat_of.h"

#define BLOCK_BYTES 4096 /* what is read and written at a time */
#define SECTOR      512  /* of st_blocks */

struct stat stat_of(const struct file_info *info)
{
    const mode_t kind = info->kind == FILE_DIRECTORY ? S_IFDIR | 0700 : S_IFREG | 0600;
    const struct timespec changed = {.tv_sec = (time_t)(info->changed_ns / NS_PER_S),
                                     .tv_nsec = (long)(info->changed_ns % NS_PER_S)};

    return (struct stat){.st_dev = (dev_t)info->mount,
                         .st_ino = (ino_t)info->node,
                         .st_mode = kind,
                         .st_nlink = 1,
                         .st_size = (off_t)info->size,
                         .st_mtim = changed,
                         .st_ctim = changed,
                         .st_blksize = BLOCK_BYTES,
                         .st_blocks = (blkcnt_t)((info->size + SECTOR - 1) / SECTOR)};
}

/* The directory that the mounts are in is in no file system. */
static bool is_root(const char *path)
{
    char clean[PATH_BYTES_MAX];

    return path_clean(path, clean) == OK && clean[0] == '\0';
}

int stat(const char *path, struct stat *sbuf)
{
    struct file_info info = {.kind = FILE_DIRECTORY};
    status_t status = file_stat(path, &info);

    if (status != OK && !(status == ERR_NOT_FOUND && is_root(path))) {
        return fail_at(status);
    }
    *sbuf = stat_of(&info);
    return 0;
}

/* Whether something can be written is known for sure when it is opened: a file is. */
int access(const char *path, int amode)
{
    struct file_info info = {.kind = FILE_DIRECTORY};
    struct file file;
    status_t status = file_stat(path, &info);

    if (status == ERR_NOT_FOUND && is_root(path)) {
        return amode & W_OK ? fail(EROFS) : 0;
    }
    if (status == OK && info.kind == FILE_REGULAR && (amode & W_OK)) {
        status = file_open(path, OPEN_WRITE, &file);
        if (status == OK) {
            file_close(&file);
        }
    }
    if (status != OK) {
        return fail_at(status);
    }
    return info.kind == FILE_REGULAR && (amode & X_OK) ? fail(EACCES) : 0;
}

int unlink(const char *path)
{
    status_t status = file_remove(path, FILE_REGULAR);

    return status == OK ? 0 : fail_at(status);
}

int rmdir(const char *path)
{
    status_t status = file_remove(path, FILE_DIRECTORY);

    return status == OK ? 0 : fail_at(status);
}

/* The library's own knows files only. Both names are in one object there, so both are here. */
int remove(const char *path)
{
    status_t status = file_remove(path, FILE_REGULAR);

    return status == ERR_IS_DIRECTORY ? rmdir(path) : status == OK ? 0 : fail_at(status);
}

int _remove_r(struct _reent *reent, const char *path)
{
    (void)reent;
    return remove(path);
}

/* The library's own would link and unlink. */
int rename(const char *from, const char *to)
{
    status_t status = file_rename(from, to);

    if (status == OK) {
        return 0;
    }
    return status == ERR_NOT_SUPPORTED ? fail(EXDEV) : fail_at(status);
}

int link(const char *path1, const char *path2)
{
    (void)path1;
    (void)path2;
    return fail(EMLINK);
}

int mkdir(const char *path, mode_t mode)
{
    status_t status = file_make_directory(path);

    (void)mode;
    return status == OK ? 0 : fail_at(status);
}
