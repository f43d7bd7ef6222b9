/* SPDX-License-Identifier: MIT */
/* Making pages small and large again, with LZ4 as Debian packages it (liblz4-dev). Programs that use it name it in their sources. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* codec_begin() - what the library wants of a thread that calls it. Once in each. */
void codec_begin(void);

/* codec_pack() - a page to at most 4096 bytes at `out`; returns how many: 4096 is the page as it is. codec_unpack() - false:
 * these bytes are no page. One thread at a time for each of the two. */
uint32_t codec_pack(const void *page, void *out);
bool codec_unpack(const void *bytes, uint32_t count, void *page);

/* codec_unpack_block() - exactly so many bytes, of whatever length was packed; if there are as many, they are the block as it is. False: they
 * are none. */
bool codec_unpack_block(const void *bytes, uint32_t count, void *out, uint32_t out_bytes);
