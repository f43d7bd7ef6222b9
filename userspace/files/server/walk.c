/* SPDX-License-Identifier: MIT */
/* Paths are taken apart here and nowhere else: file systems see single names, checked. See walk.h. */
#include "userspace/files/server/walk.h"

#include <stddef.h>
#include <string.h>

/* The next name from *at on; false: there is none. "." is no name. */
static bool next_name(const char **at, const char *end, struct file_name *out)
{
    do {
        while (*at < end && **at == '/') {
            (*at)++;
        }
        out->text = *at;
        while (*at < end && **at != '/') {
            (*at)++;
        }
        out->bytes = (uint32_t)(*at - out->text);
    } while (out->bytes == 1 && out->text[0] == '.');
    return out->bytes > 0;
}

static status_t check_name(struct file_name name)
{
    if (name.bytes == 2 && memcmp(name.text, "..", 2) == 0) {
        return ERR_BAD_ARGUMENT;
    }
    return name.bytes <= FILE_NAME_MAX ? OK : ERR_TOO_BIG;
}

status_t walk_to_parent(struct file_system *fs, uint64_t start, const char *path,
                        uint32_t path_bytes, uint64_t *out_directory, struct file_name *out_name)
{
    const char *at = path, *end = path + path_bytes;
    struct file_name name = {NULL, 0}, following;
    status_t status = OK;

    *out_directory = start;
    if (next_name(&at, end, &name)) {
        status = check_name(name);
    }
    while (status == OK && next_name(&at, end, &following)) {
        status = check_name(following);
        if (status == OK) {
            status = fs->ops->find(fs, *out_directory, name, out_directory);
        }
        name = following;
    }
    *out_name = name;
    return status;
}

status_t walk_to_node(struct file_system *fs, uint64_t start, const char *path, uint64_t *out_node)
{
    struct file_name name;
    status_t status = walk_to_parent(fs, start, path, (uint32_t)strlen(path), out_node, &name);

    if (status == OK && name.bytes > 0) {
        status = fs->ops->find(fs, *out_node, name, out_node);
    }
    return status;
}
