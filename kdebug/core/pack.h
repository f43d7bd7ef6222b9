/* SPDX-License-Identifier: MIT */
/*
 * Making pages smaller for a slow line: repeated bytes become (distance, length).
 *
 * The result is a sequence of
 *     one byte     number of plain bytes << 4 | length of the repeat - PACK_REPEAT_MIN; 15 of either goes on in more bytes, as
 *                  long as they are 255, directly behind this byte or behind the distance
 *     plain bytes
 *     two bytes    distance back from here, low byte first; not after the last plain bytes
 * which is LZ4's block format without its rules about the end.
 * Source: github.com/lz4/lz4, doc/lz4_Block_format.md.
 */
#pragma once

#include "base/types.h"

#define PACK_REPEAT_MIN 4u
#define PACK_BYTES_MAX  4096u

/*
 * kd_pack() - pack at most PACK_BYTES_MAX bytes.
 *
 * @to  has room for as many bytes
 * Returns the bytes written, fewer than there were; 0: it would not get smaller. Cost: about 20 instructions a byte.
 * Not reentrant: one static table.
 */
size_t kd_pack(const uint8_t *from, size_t bytes, uint8_t *to);
