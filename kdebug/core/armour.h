/* SPDX-License-Identifier: MIT */
/*
 * Binary data over a text line: base64 in lines of 76 characters between two marks, with length
 * and CRC-32C of the bytes.
 *
 *     === spoor dump begin
 *     U1BCSwEA...
 *     === spoor dump end 123456 89abcdef
 */
#pragma once

#include "base/types.h"

struct kd_armour {
    uint32_t bits;      /* not yet written */
    unsigned bit_bytes; /* bytes in bits: 0 to 2 */
    unsigned column;
    uint64_t bytes;
    uint32_t crc;
    void (*put)(char c);
};

/* kd_armour_begin() - print the first mark. kd_armour_write() - bytes. kd_armour_end() - the rest
 * and the last mark. */
void kd_armour_begin(struct kd_armour *armour, void (*put)(char c));
void kd_armour_write(struct kd_armour *armour, const void *data, size_t bytes);
void kd_armour_end(struct kd_armour *armour);
