/* SPDX-License-Identifier: MIT */
/* What the files of this folder know of each other. */
#pragma once

#include <stddef.h>

#include "userspace/files/ram/ram_files.h"

#define NODE_BYTES      256u
#define NODES_PER_BLOCK (RAM_BLOCK_BYTES / NODE_BYTES)
#define SLOTS           1024u /* of an index block */

struct ram_node {
    uint64_t serial; /* of its name: place in its directory */
    uint64_t size, changed_ns;
    uint32_t parent;         /* 0: has no name (any more) */
    uint32_t hash_next;      /* in its bucket, or of the free ones */
    uint32_t next, previous; /* in its directory, by serial */
    uint32_t first, last;    /* in it, if it is a directory */
    uint32_t tree;           /* block: data (height 0) or index; 0: none */
    uint16_t height;
    uint8_t kind; /* enum file_kind; 0: free */
    uint8_t name_bytes;
    uint32_t holds;
    char name[RAM_NAME_MAX + 1];
};
_Static_assert(sizeof(struct ram_node) <= NODE_BYTES, "a node fits its place");

/* ram_block_alloc() - a zeroed block; 0: there is none. */
uint32_t ram_block_alloc(struct ram_files *ram);
void ram_block_free(struct ram_files *ram, uint32_t block);
void *ram_block(const struct ram_files *ram, uint32_t block);

/* ram_node() - by number; numbers are 1 and up. */
struct ram_node *ram_node(const struct ram_files *ram, uint64_t number);

/* ram_tree_block() - block `index` of a file's data; 0: a hole, or there was no room for it. */
uint32_t ram_tree_block(struct ram_files *ram, struct ram_node *node, uint64_t index, bool make);

/* ram_tree_trim() - keep the first blocks only. */
void ram_tree_trim(struct ram_files *ram, struct ram_node *node, uint64_t keep);
