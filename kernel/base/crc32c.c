/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C by the CPU's instruction, or from a table.
 *
 * The CRC32 instruction works on general registers, so the kernel may use it. CPUID traps under
 * some hypervisors, so it is asked once; two cores that ask at the same time store the same answer.
 */
#include "base/crc32c.h"

#include <stdbool.h>

enum crc_support { CRC_UNKNOWN = 0, CRC_BY_TABLE, CRC_BY_CPU };

#define BLOCK_BYTES      256u
#define CPUID_FEATURES   1u
#define CPUID_ECX_SSE4_2 (1u << 20)

/* Remainders of the 16 values of half a byte, polynomial 0x1edc6f41 bit-reversed: small enough
 * for everybody to carry. */
static const uint32_t nibble_table[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static bool has_instruction(void)
{
    static enum crc_support support;
    if (support == CRC_UNKNOWN) {
        uint32_t a = CPUID_FEATURES, b, c = 0, d;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        support = c & CPUID_ECX_SSE4_2 ? CRC_BY_CPU : CRC_BY_TABLE;
    }
    return support == CRC_BY_CPU;
}

uint32_t crc32c_table(uint32_t crc, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ nibble_table[crc & 15];
        crc = crc >> 4 ^ nibble_table[crc & 15];
    }
    return ~crc;
}

/* Unrolled, as the loop would be most of the work: 35 instructions for 256 bytes. */
static uint64_t crc_blocks(uint64_t state, const uint8_t *at, size_t blocks)
{
    struct block {
        uint64_t word[BLOCK_BYTES / 8];
    } __attribute__((packed, may_alias));
    for (const struct block *block = (const void *)at; blocks > 0; blocks--, block++) {
#pragma GCC unroll 32
        for (unsigned i = 0; i < BLOCK_BYTES / 8; i++) {
            __asm__("crc32q %1, %0" : "+r"(state) : "m"(block->word[i]));
        }
    }
    return state;
}

static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *at, size_t bytes)
{
    uint64_t state = crc_blocks((uint32_t)~crc, at, bytes / BLOCK_BYTES);
    at += bytes / BLOCK_BYTES * BLOCK_BYTES;
    bytes %= BLOCK_BYTES;
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;
        __builtin_memcpy(&word, at, sizeof(word)); /* one load at any alignment */
        __asm__("crc32q %1, %0" : "+r"(state) : "rm"(word));
    }
    for (; bytes > 0; bytes--, at++) {
        __asm__("crc32b %1, %0" : "+r"(state) : "rm"(*at));
    }
    return ~(uint32_t)state;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t bytes)
{
    if (bytes == 0) {
        return crc; /* there need not even be an address */
    }
    return has_instruction() ? crc_by_cpu(crc, data, bytes) : crc32c_table(crc, data, bytes);
}
