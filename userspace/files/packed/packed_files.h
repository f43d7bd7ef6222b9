/* SPDX-License-Identifier: MIT */
/* Packed files in memory, to be read only. Theory: packed_files.c. No system calls. */
#pragma once

#include "userspace/files/file_system.h"
#include "userspace/files/packed/format.h"

#define PACKED_CACHED 8u

/* Exactly out_bytes from `count` stored ones; false: they are damaged. */
typedef bool (*packed_unpack_fn)(const void *bytes, uint32_t count, void *out, uint32_t out_bytes);

struct packed_cached {
    uint32_t block; /* number plus 1; 0: none */
    uint64_t used;  /* when */
    char data[PACKED_BLOCK_BYTES];
};

struct packed_files {
    struct file_system fs;
    const char *image;
    const struct packed_header *header;
    const struct packed_node *node;
    const struct packed_block *block;
    const char *names;
    packed_unpack_fn unpack;
    void (*report)(uint32_t block); /* it is damaged */
    uint64_t uses;
    struct packed_cached cached[PACKED_CACHED];
};

/* packed_files_open() - look at everything but the data. ERR_CORRUPT: it makes no sense. The image stays where it is. */
status_t packed_files_open(struct packed_files *packed, const void *image, uint64_t bytes,
                           packed_unpack_fn unpack, void (*report)(uint32_t block));
