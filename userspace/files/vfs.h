/* SPDX-License-Identifier: MIT */
/* What both sides of the interface `vfs` know: flags of open, kinds, and what a listed entry looks like. */
#pragma once

#include <stdint.h>

enum file_kind { FILE_REGULAR = 1, FILE_DIRECTORY = 2 };

/* Of open. */
#define OPEN_READ      1u
#define OPEN_WRITE     2u /* of a directory: what is in it may be changed through this handle */
#define OPEN_CREATE    4u
#define OPEN_TRUNCATE  8u
#define OPEN_APPEND    16u /* every write goes behind the end */
#define OPEN_DIRECTORY 32u /* it has to be one */
#define OPEN_EXCLUSIVE 64u /* with OPEN_CREATE: it must not exist yet */
#define OPEN_FLAGS     127u

#define FILE_NAME_MAX 255u /* bytes; a file system may know shorter names only */

/* Entries stand one behind the other, each at a multiple of 8 bytes. */
struct vfs_entry {
    uint64_t node;
    uint32_t kind; /* enum file_kind */
    uint16_t name_bytes;
    uint16_t entry_bytes; /* to the next */
    char name[];          /* without a NUL */
};
