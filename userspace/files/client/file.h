/* SPDX-License-Identifier: MIT */
/*
 * Files for programs, with or without the C library.
 *
 *     struct file file;
 *     must(file_open("/tmp/notes", OPEN_WRITE | OPEN_CREATE, &file));
 *     must(file_write(&file, 0, text, bytes, &written));
 *     file_close(&file);
 *
 * There is no position: every transfer says where. Context: any thread. A file system that has ended and come again is found again by
 * calls with a path; files that were open give ERR_PEER_CLOSED.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"
#include "userspace/files/vfs.h"

struct file {
    uint64_t handle;
    enum file_kind kind;
};

struct file_info {
    enum file_kind kind;
    uint64_t size, node, changed_ns;
    unsigned mount; /* node numbers are of one mount */
};

/* Errors: what the operations of userspace/interfaces/vfs.toml and mount_find() give. */
status_t file_open(const char *path, uint32_t flags, struct file *out);
void file_close(struct file *file);
status_t file_stat(const char *path, struct file_info *out);
status_t file_stat_open(const struct file *file, struct file_info *out);
status_t file_remove(const char *path, enum file_kind kind);
status_t file_make_directory(const char *path);

/* file_rename() - ERR_NOT_SUPPORTED: not in the same file system. */
status_t file_rename(const char *from, const char *to);

/*
 * file_read() / file_write() - in as many messages as it takes. *out_bytes tells how many bytes were read (fewer than asked for: the
 * end) or written; set on errors, too: so much is through.
 */
status_t file_read(const struct file *file, uint64_t offset, void *data, uint64_t bytes,
                   uint64_t *out_bytes);
status_t file_write(const struct file *file, uint64_t offset, const void *data, uint64_t bytes,
                    uint64_t *out_bytes);

/* file_write_on() - the same for who keeps a position: *offset becomes the one behind what was written, wherever that was (OPEN_APPEND). */
status_t file_write_on(const struct file *file, uint64_t *offset, const void *data, uint64_t bytes,
                       uint64_t *out_bytes);
status_t file_truncate(const struct file *file, uint64_t size);
status_t file_sync(const struct file *file);

/* directory_read() - some entries (struct vfs_entry) into a buffer of at least 4096 bytes. *out_bytes 0: that was all. *cursor: 0 at
 * first. */
status_t directory_read(const struct file *file, uint64_t *cursor, void *entries, uint64_t capacity,
                        uint64_t *out_bytes);
