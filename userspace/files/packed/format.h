/* SPDX-License-Identifier: MIT */
/*
 * Packed files, as tools/image/packed.py writes them: a header, nodes, blocks, names, data. All little endian.
 *
 * Node 0 is the root. The children of a directory stand together, behind it, sorted by the bytes of their names. A file is cut into
 * blocks of PACKED_BLOCK_BYTES, the last one shorter; each is stored as an LZ4 block, or as it is if that would not make it smaller.
 */
#pragma once

#include <stdint.h>

#define PACKED_MAGIC       0x3173656c69467053ull /* "SpFiles1" */
#define PACKED_BLOCK_BYTES 16384u

struct packed_header {
    uint64_t magic;
    uint64_t bytes;    /* of everything */
    uint32_t checksum; /* CRC-32C of header (with 0 here), nodes, blocks and names */
    uint32_t node_count;
    uint32_t block_count;
    uint32_t name_bytes;
};

struct packed_node {
    uint64_t size;
    uint32_t name; /* where it is in the names */
    uint16_t name_bytes;
    uint16_t kind;         /* enum file_kind */
    uint32_t first, count; /* children, or blocks */
};

struct packed_block {
    uint64_t offset; /* from the header on */
    uint32_t bytes;
    uint32_t checksum; /* CRC-32C of what is stored */
};
