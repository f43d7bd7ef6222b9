/* SPDX-License-Identifier: MIT */
/*
 * What a file system is to the server in front of it: nodes in a tree, found by name in a directory.
 *
 * No system calls, no threads, no idea of clients: so each of them is tested on the host. A node is a number that the file system
 * chose; it means the same node as long as that is held, or has a name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
#include "userspace/files/vfs.h"

struct file_system;

struct file_facts {
    uint64_t node, size, changed_ns;
    enum file_kind kind;
};

/* A name in a path: not terminated. Never "", "." or "..", and without a slash or NUL. */
struct file_name {
    const char *text;
    uint32_t bytes;
};

struct file_entry {
    uint64_t node, next; /* next: cursor behind it */
    enum file_kind kind;
    char name[FILE_NAME_MAX + 1];
};

struct file_usage {
    uint64_t used_bytes, limit_bytes, nodes;
};

/*
 * All give OK or an error; ERR_CORRUPT: what is stored makes no sense. Those behind the line are NULL where nothing can be changed.
 *
 * read() gives fewer bytes than asked for at the end only; write() when there is no more room, ERR_NO_SPACE if there is none at
 * all. list() finds the entry behind a cursor (0: the first), ERR_NOT_FOUND when there is none. remove() refuses what is of another
 * kind and directories with entries; a node that is held stays until it is released. rename() puts it in place of what has that name,
 * if that could be removed. sync() comes back when what was answered would survive a loss of power; NULL: it never does, or always.
 */
struct file_system_ops {
    status_t (*facts)(struct file_system *fs, uint64_t node, struct file_facts *out);
    status_t (*find)(struct file_system *fs, uint64_t directory, struct file_name name,
                     uint64_t *out_node);
    status_t (*list)(struct file_system *fs, uint64_t directory, uint64_t cursor,
                     struct file_entry *out);
    status_t (*read)(struct file_system *fs, uint64_t node, uint64_t offset, void *data,
                     uint32_t bytes, uint32_t *out_bytes);
    struct file_usage (*usage)(struct file_system *fs);
    /* ---- */
    void (*hold)(struct file_system *fs, uint64_t node);
    void (*release)(struct file_system *fs, uint64_t node);
    status_t (*make)(struct file_system *fs, uint64_t directory, struct file_name name,
                     enum file_kind kind, uint64_t *out_node);
    status_t (*remove)(struct file_system *fs, uint64_t directory, struct file_name name,
                       enum file_kind kind);
    status_t (*rename)(struct file_system *fs, uint64_t from, struct file_name old_name,
                       uint64_t to, struct file_name new_name);
    status_t (*write)(struct file_system *fs, uint64_t node, uint64_t offset, const void *data,
                      uint32_t bytes, uint32_t *out_bytes);
    status_t (*truncate)(struct file_system *fs, uint64_t node, uint64_t size);
    status_t (*sync)(struct file_system *fs);
};

/* The first member of each. */
struct file_system {
    const struct file_system_ops *ops;
    uint64_t root;
    uint64_t now_ns; /* what changes now, changes at this time */
};
