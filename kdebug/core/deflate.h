/* SPDX-License-Identifier: MIT */
/*
 * Making text smaller for a slow line, for readers that everybody has: RFC 1951, one block with codes of its own.
 *
 * pack.h is faster and simpler, and good enough for pages, most of which are nearly empty. Text that it makes 2.5 times smaller becomes 4.5
 * times smaller by this, because letters get shorter codes, too.
 */
#pragma once

#include "base/types.h"

#define DEFLATE_BYTES_MAX 32768u

/*
 * kd_deflate() - pack at most DEFLATE_BYTES_MAX bytes.
 *
 * @to  has room for as many bytes
 * Returns the bytes written, fewer than there were; 0: it would not get smaller. Cost: 400 to 800 instructions a byte, so some
 * milliseconds for what takes the line half a second. Not reentrant: static tables.
 */
size_t kd_deflate(const uint8_t *from, size_t bytes, uint8_t *to);
