/* SPDX-License-Identifier: MIT */
/* Blocks of memory by number, and the trees of blocks that files are. */
#include <string.h>

#include "userspace/files/ram/ram_impl.h"

#define ALL_USED (~0ull)

void *ram_block(const struct ram_files *ram, uint32_t block)
{
    uint32_t place = block - 1;

    return ram->chunk[place / RAM_CHUNK_BLOCKS].memory +
           (size_t)(place % RAM_CHUNK_BLOCKS) * RAM_BLOCK_BYTES;
}

/* A chunk with room; its memory is fetched if need be. RAM_CHUNKS_MAX: none. */
static uint32_t find_chunk(struct ram_files *ram)
{
    uint32_t i = ram->chunk_hint;

    while (i < RAM_CHUNKS_MAX && ram->chunk[i].used == ALL_USED) {
        i++;
    }
    ram->chunk_hint = i;
    if (i < RAM_CHUNKS_MAX && ram->chunk[i].memory == NULL) {
        ram->chunk[i].memory = ram->memory->alloc_chunk();
        return ram->chunk[i].memory == NULL ? RAM_CHUNKS_MAX : i;
    }
    return i;
}

uint32_t ram_block_alloc(struct ram_files *ram)
{
    if (ram->blocks_used == ram->blocks_limit) {
        return 0;
    }
    uint32_t chunk = find_chunk(ram);
    if (chunk == RAM_CHUNKS_MAX) {
        return 0;
    }
    uint32_t place = (uint32_t)__builtin_ctzll(~ram->chunk[chunk].used);
    uint32_t block = chunk * RAM_CHUNK_BLOCKS + place + 1;
    ram->chunk[chunk].used |= 1ull << place;
    ram->blocks_used++;
    memset(ram_block(ram, block), 0, RAM_BLOCK_BYTES);
    return block;
}

/* An empty chunk goes back at once: memory is scarcer than time to fetch it again. */
void ram_block_free(struct ram_files *ram, uint32_t block)
{
    uint32_t i = (block - 1) / RAM_CHUNK_BLOCKS;
    struct ram_chunk *chunk = &ram->chunk[i];

    chunk->used &= ~(1ull << (block - 1) % RAM_CHUNK_BLOCKS);
    ram->blocks_used--;
    if (i < ram->chunk_hint) {
        ram->chunk_hint = i;
    }
    if (chunk->used == 0) {
        ram->memory->free_chunk(chunk->memory);
        chunk->memory = NULL;
    }
}

/* ---- trees ---- */

/* Data blocks below a block of this height. */
static uint64_t span_of(unsigned height)
{
    return height == 0 ? 1 : height == 1 ? SLOTS : (uint64_t)SLOTS * SLOTS;
}

/* Another index block on top, with what there was as its first. */
static bool grow(struct ram_files *ram, struct ram_node *node)
{
    if (node->tree != 0) {
        uint32_t top = ram_block_alloc(ram);

        if (top == 0) {
            return false;
        }
        *(uint32_t *)ram_block(ram, top) = node->tree;
        node->tree = top;
    }
    node->height++;
    return true;
}

uint32_t ram_tree_block(struct ram_files *ram, struct ram_node *node, uint64_t index, bool make)
{
    while (index >= span_of(node->height)) {
        if (!make || !grow(ram, node)) {
            return 0;
        }
    }
    uint32_t *slot = &node->tree;
    for (unsigned height = node->height;; height--) {
        if (*slot == 0 && make) {
            *slot = ram_block_alloc(ram);
        }
        if (*slot == 0 || height == 0) {
            return *slot;
        }
        slot = (uint32_t *)ram_block(ram, *slot) + index / span_of(height - 1) % SLOTS;
    }
}

static void trim(struct ram_files *ram, uint32_t *slot, unsigned height, uint64_t keep)
{
    if (*slot == 0 || keep >= span_of(height)) {
        return;
    }
    for (uint32_t i = 0; height > 0 && i < SLOTS; i++) {
        uint64_t before = i * span_of(height - 1);

        trim(ram, (uint32_t *)ram_block(ram, *slot) + i, height - 1,
             keep > before ? keep - before : 0);
    }
    if (keep == 0) {
        ram_block_free(ram, *slot);
        *slot = 0;
    }
}

void ram_tree_trim(struct ram_files *ram, struct ram_node *node, uint64_t keep)
{
    trim(ram, &node->tree, node->height, keep);
    if (node->tree == 0) {
        node->height = 0;
    }
}
