/* SPDX-License-Identifier: MIT */
/* Files in memory. Theory: ram_files.c. No system calls. */
#pragma once

#include "userspace/files/file_system.h"

#define RAM_BLOCK_BYTES  4096u
#define RAM_CHUNK_BLOCKS 64u
#define RAM_CHUNK_BYTES  (RAM_CHUNK_BLOCKS * RAM_BLOCK_BYTES)
#define RAM_CHUNKS_MAX   4096u /* 1 GiB */
#define RAM_BUCKETS      1024u
#define RAM_NAME_MAX     175u
#define RAM_FILE_MAX     (1024ull * 1024 * RAM_BLOCK_BYTES)

/* Memory comes and goes in chunks of RAM_CHUNK_BYTES; NULL: there is none. */
struct ram_memory {
    void *(*alloc_chunk)(void);
    void (*free_chunk)(void *chunk);
};

struct ram_chunk {
    char *memory;  /* NULL: not there */
    uint64_t used; /* a bit for each block */
};

struct ram_files {
    struct file_system fs;
    const struct ram_memory *memory;
    uint32_t blocks_limit, blocks_used;
    uint32_t chunk_hint;          /* none below has room */
    uint32_t node_free;           /* chained through hash_next */
    uint32_t nodes;               /* in use */
    uint64_t serial;              /* of the newest name */
    uint32_t listed;              /* node that was listed last: where listing goes on */
    uint32_t bucket[RAM_BUCKETS]; /* nodes by directory and name */
    struct ram_chunk chunk[RAM_CHUNKS_MAX];
};

/* ram_files_init() - an empty root directory; never more than so many blocks. ERR_NO_SPACE. */
status_t ram_files_init(struct ram_files *ram, uint32_t blocks, const struct ram_memory *memory);
