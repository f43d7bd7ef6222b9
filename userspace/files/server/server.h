/* SPDX-License-Identifier: MIT */
/* A file system as a service: speaks userspace/interfaces/vfs.toml on its behalf. */
#pragma once

#include "userspace/files/file_system.h"

/*
 * vfs_serve() - serve requests for ever, one at a time.
 * @file_system  NULL: what there should be is damaged; every client is told so
 * @mailbox      it serves, with every right
 */
_Noreturn void vfs_serve(struct file_system *file_system, uint64_t mailbox);
