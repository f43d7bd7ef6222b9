/* SPDX-License-Identifier: MIT */
/*
 * The filter z: what a statement prints, packed, and armoured for the line (armour.h, with the word "packed" in its marks).
 *
 * In the armour are blocks: six words of 32 bits, then bytes.
 *
 *     magic, number from 0 on, bytes of text, bytes that follow, CRC-32C of the text, CRC-32C of the five words
 *
 * A block is a piece of the text, of PACKED_TEXT_BYTES but for the last, and packed by itself (deflate.h), so that one that came damaged
 * takes no other with it. If as many bytes follow as it has text, they are the text. Errors, and the output of lines that commands run, are
 * in it, too: it sits below everything that prints (kd_terminal_filter()).
 */
#pragma once

#include "base/types.h"
#include "kdebug/core/deflate.h"

#define PACKED_MAGIC      0x317a7053u /* "Spz1" */
#define PACKED_TEXT_BYTES DEFLATE_BYTES_MAX

/* kd_packed_begin() - from now on; of the lines of the armour print only count from first on. */
void kd_packed_begin(uint64_t first, uint64_t count);
/* kd_packed_end() - what is left, and the last mark. Nothing if it has not begun. */
void kd_packed_end(void);
bool kd_packed_is_on(void);
