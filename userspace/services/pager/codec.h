/* SPDX-License-Identifier: MIT */
/* Making pages small and large again, with LZ4 as Debian packages it (liblz4-dev). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* codec_begin() - what the library wants of a thread that calls it. Once in each. */
void codec_begin(void);

/* codec_pack() - a page to at most 4096 bytes at `out`; returns how many: 4096 is the page as it is. codec_unpack() - false:
 * these bytes are no page. One thread at a time for each of the two. */
uint32_t codec_pack(const void *page, void *out);
bool codec_unpack(const void *bytes, uint32_t count, void *page);
