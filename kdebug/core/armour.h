/* SPDX-License-Identifier: MIT */
/*
 * Binary data over a text line that may damage some of it: base64 between two marks, 76 digits a line.
 *
 *     === spoor dump begin                another word than "dump" for other data
 *     0 U1BCSwEA... 89abcdef              number of the line from 0 on, hexadecimal; digits; CRC-32C of both
 *     === spoor dump end 123456 89abcdef 1234abcd   bytes, CRC-32C of them; CRC-32C of this line
 *
 * A checksum of a line is that of what stands before the blank in front of it. Who receives it knows which lines are missing,
 * and asks for them again: what is stopped gives the same lines each time.
 */
#pragma once

#include "base/types.h"

/* kd_base64_group() - the four digits of 1 to 3 bytes, the first one highest in bits; '=' for those that are missing. */
void kd_base64_group(uint32_t bits, unsigned bytes, char to[4]);

#define KD_ARMOUR_DIGITS 76u

struct kd_armour {
    uint32_t bits;      /* not yet written */
    unsigned bit_bytes; /* bytes in bits: 0 to 2 */
    char line[KD_ARMOUR_DIGITS + 1];
    unsigned column;
    uint64_t number;     /* of the line */
    uint64_t first, end; /* lines that are wanted */
    uint64_t bytes;
    uint32_t crc;
    const char *kind; /* the word in the marks */
    void (*put)(char c);
};

/* kd_armour_begin() - print the first mark; of the lines only count from first on will be. kd_armour_write() - bytes.
 * kd_armour_end() - the rest and the last mark. */
void kd_armour_begin(struct kd_armour *armour, const char *kind, uint64_t first, uint64_t count,
                     void (*put)(char c));
void kd_armour_write(struct kd_armour *armour, const void *data, size_t bytes);
void kd_armour_end(struct kd_armour *armour);
