/* SPDX-License-Identifier: MIT */
/* From a path to nodes. */
#pragma once

#include "userspace/files/file_system.h"

/*
 * walk_to_parent() - the directory that a path ends in, and the last name of it; name of 0 bytes: the path is the start itself.
 * Slashes too many and "." do not count. ERR_BAD_ARGUMENT: there is a "..": no path leads out of the directory it starts from.
 */
status_t walk_to_parent(struct file_system *fs, uint64_t start, const char *path,
                        uint32_t path_bytes, uint64_t *out_directory, struct file_name *out_name);

/* walk_to_node() - what a path names. */
status_t walk_to_node(struct file_system *fs, uint64_t start, const char *path, uint64_t *out_node);
