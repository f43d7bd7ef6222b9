/* SPDX-License-Identifier: MIT */
/*
 * Fonts of the PC Screen Font formats 1 and 2 (Linux, kbd: psf.h), as the console fonts of every distribution are.
 *
 * A font is used where it lies in memory. Glyphs are rows of bits, the leftmost highest, each row in whole bytes.
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

#define FONT_GLYPHS_MAX  1024u
#define FONT_WIDTH_MAX   32u
#define FONT_HEIGHT_MAX  64u
#define FONT_COMMON      128u /* characters whose glyph is found at once */
#define FONT_NO_GLYPH    0xffffu
#define FONT_REPLACEMENT 0xfffdu /* the character for what cannot be shown */

struct font_letter {
    uint32_t character; /* Unicode */
    uint16_t glyph;
};

struct font {
    const uint8_t *glyphs;
    uint32_t count, width, height;
    uint32_t row_bytes, glyph_bytes;
    uint16_t replacement; /* glyph of what has none */
    uint16_t common[FONT_COMMON];
    uint32_t letter_count;
    struct font_letter letter[FONT_GLYPHS_MAX * 2]; /* by character */
};

/*
 * font_open() - a font as it lies in a file. A font without a table of characters shows glyph N for character N; of a table with more
 * than fits, and of sequences of characters, the rest is left out. ERR_CORRUPT: it is none, or one that ends too early;
 * ERR_NOT_SUPPORTED: larger than the limits above.
 */
status_t font_open(struct font *font, const void *file, uint64_t bytes);

/* font_glyph() - the glyph of a character, or the replacement. Cost: a binary search behind FONT_COMMON. */
uint16_t font_glyph(const struct font *font, uint32_t character);

/* font_row() - the pixels of a row of a glyph, the leftmost in bit 31. */
static inline uint32_t font_row(const struct font *font, uint16_t glyph, unsigned row)
{
    const uint8_t *at =
        font->glyphs + (uint64_t)glyph * font->glyph_bytes + (uint64_t)row * font->row_bytes;
    uint32_t bits = (uint32_t)at[0] << 24;

    for (unsigned i = 1; i < font->row_bytes; i++) {
        bits |= (uint32_t)at[i] << (24 - 8 * i);
    }
    return bits;
}
