/* SPDX-License-Identifier: MIT */
/* A file system as a service: speaks userspace/interfaces/vfs.toml on its behalf. */
#pragma once

#include "userspace/files/file_system.h"

/*
 * vfs_serve() - serve requests for ever, one at a time.
 * @mailbox  it serves, with every right
 */
_Noreturn void vfs_serve(struct file_system *file_system, uint64_t mailbox);

/* vfs_serve_none() - there are no files: tell everybody why, for ever. @why  ERR_CORRUPT, ERR_NOT_FOUND or ERR_IO */
_Noreturn void vfs_serve_none(status_t why, uint64_t mailbox);

/* vfs_refuse() - there are none yet: the same until a deadline. */
void vfs_refuse(status_t why, uint64_t mailbox, uint64_t deadline);
