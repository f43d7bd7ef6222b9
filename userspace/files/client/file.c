/* SPDX-License-Identifier: MIT */
/* Calls of the interface vfs, by path or open file: see file.h. */
#include "userspace/files/client/file.h"

#include <string.h>

#include "gen/interface/vfs_client.h"
#include "userspace/files/client/mount.h"
#include "userspace/files/client/path.h"
#include "userspace/lib/message.h"
#include "userspace/lib/start.h"

#define FOREVER DEADLINE_FOREVER

/* What a call with a path says; the place is found again when the file system has ended meanwhile. */
struct path_call {
    struct mount_place place;
    const char *path;
    bool is_again;
};

static status_t begin(struct path_call *call, const char *path)
{
    call->path = path;
    call->is_again = false;
    return mount_find(path, &call->place);
}

/* Is it worth another try? Once: a file system that ends with each call would keep us here. ERR_BAD_HANDLE: another thread has
 * noticed before us. */
static bool is_lost(struct path_call *call, status_t *status)
{
    if ((*status != ERR_PEER_CLOSED && *status != ERR_BAD_HANDLE) || call->is_again) {
        return false;
    }
    mount_lost(&call->place);
    call->is_again = true;
    *status = mount_find(call->path, &call->place);
    return *status == OK;
}

status_t file_open(const char *path, uint32_t flags, struct file *out)
{
    struct path_call call;
    uint64_t size;
    uint32_t kind = 0;
    status_t status = begin(&call, path);

    if (status != OK) {
        return status;
    }
    do {
        status =
            vfs_open(call.place.root, call.place.path, flags, FOREVER, &out->handle, &kind, &size);
    } while (is_lost(&call, &status));
    out->kind = kind;
    return status;
}

void file_close(struct file *file)
{
    (void)vfs_close(file->handle, FOREVER);
    (void)sys_handle_close(file->handle);
    file->handle = HANDLE_NONE;
}

static status_t stat_at(uint64_t handle, const char *path, struct file_info *out)
{
    uint32_t kind = 0;
    status_t status =
        vfs_stat(handle, path, FOREVER, &kind, &out->size, &out->node, &out->changed_ns);

    out->kind = kind;
    return status;
}

status_t file_stat(const char *path, struct file_info *out)
{
    struct path_call call;
    status_t status = begin(&call, path);

    if (status != OK) {
        return status;
    }
    do {
        status = stat_at(call.place.root, call.place.path, out);
    } while (is_lost(&call, &status));
    out->mount = call.place.mount;
    return status;
}

status_t file_stat_open(const struct file *file, struct file_info *out)
{
    out->mount = 0;
    return stat_at(file->handle, "", out);
}

status_t file_remove(const char *path, enum file_kind kind)
{
    struct path_call call;
    status_t status = begin(&call, path);

    if (status != OK) {
        return status;
    }
    do {
        status = vfs_remove(call.place.root, call.place.path, kind, FOREVER);
    } while (is_lost(&call, &status));
    return status;
}

status_t file_make_directory(const char *path)
{
    struct path_call call;
    status_t status = begin(&call, path);

    if (status != OK) {
        return status;
    }
    do {
        status = vfs_make_directory(call.place.root, call.place.path, FOREVER);
    } while (is_lost(&call, &status));
    return status;
}

status_t file_rename(const char *from, const char *to)
{
    struct path_call call;
    struct mount_place target;
    char paths[2 * PATH_BYTES_MAX];
    status_t status = begin(&call, from);

    if (status == OK) {
        status = mount_find(to, &target);
    }
    if (status != OK) {
        return status;
    }
    if (target.mount != call.place.mount) {
        return ERR_NOT_SUPPORTED;
    }
    size_t first = strlen(call.place.path), second = strlen(target.path);
    memcpy(paths, call.place.path, first);
    memcpy(paths + first, target.path, second);
    do {
        status = vfs_rename(call.place.root, paths, first + second, (uint32_t)first, FOREVER);
    } while (is_lost(&call, &status));
    return status;
}

status_t file_read(const struct file *file, uint64_t offset, void *data, uint64_t bytes,
                   uint64_t *out_bytes)
{
    status_t status = OK;

    *out_bytes = 0;
    while (status == OK && *out_bytes < bytes) {
        uint64_t left = bytes - *out_bytes, got = 0;
        uint32_t part = left < VFS_READ_DATA_MAX ? (uint32_t)left : VFS_READ_DATA_MAX;

        status = vfs_read(file->handle, offset + *out_bytes, part, FOREVER,
                          (char *)data + *out_bytes, part, &got);
        if (status == OK) {
            *out_bytes += got;
        }
        if (got < part) {
            break;
        }
    }
    return status;
}

status_t file_write_on(const struct file *file, uint64_t *offset, const void *data, uint64_t bytes,
                       uint64_t *out_bytes)
{
    status_t status = OK;

    *out_bytes = 0;
    while (status == OK && *out_bytes < bytes) {
        uint64_t left = bytes - *out_bytes;
        uint64_t part = left < VFS_WRITE_DATA_MAX ? left : VFS_WRITE_DATA_MAX;
        uint32_t written = 0;

        status = vfs_write(file->handle, (const char *)data + *out_bytes, part, *offset, FOREVER,
                           &written, offset);
        *out_bytes += written;
    }
    return status;
}

status_t file_write(const struct file *file, uint64_t offset, const void *data, uint64_t bytes,
                    uint64_t *out_bytes)
{
    return file_write_on(file, &offset, data, bytes, out_bytes);
}

status_t file_truncate(const struct file *file, uint64_t size)
{
    return vfs_truncate(file->handle, size, FOREVER);
}

status_t file_sync(const struct file *file)
{
    return vfs_sync(file->handle, FOREVER);
}

status_t directory_read(const struct file *file, uint64_t *cursor, void *entries, uint64_t capacity,
                        uint64_t *out_bytes)
{
    uint64_t next = *cursor;
    status_t status = vfs_list(file->handle, *cursor, FOREVER, entries, capacity, out_bytes, &next);

    *cursor = next;
    return status;
}
