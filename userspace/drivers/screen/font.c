/* SPDX-License-Identifier: MIT */
/* Reading PSF 1 and 2: see font.h. The table of characters follows the glyphs, one entry for each. */
#include "userspace/drivers/screen/font.h"

#include <stdbool.h>
#include <string.h>

#include "userspace/drivers/screen/utf8.h"

#define PSF1_MAGIC        0x0436u
#define PSF1_512          1u
#define PSF1_HAS_TABLE    2u
#define PSF1_HEADER_BYTES 4u
#define PSF1_SEQUENCE     0xfffeu
#define PSF1_END          0xffffu

#define PSF2_MAGIC     0x864ab572u
#define PSF2_HAS_TABLE 1u
#define PSF2_SEQUENCE  0xfeu
#define PSF2_END       0xffu

struct psf2_header {
    uint32_t magic, version, header_bytes, flags, count, glyph_bytes, height, width;
};

/* What is left of a file. */
struct rest {
    const uint8_t *at;
    uint64_t bytes;
};

static void add_letter(struct font *font, uint32_t character, uint16_t glyph)
{
    unsigned at = font->letter_count;

    if (at == sizeof(font->letter) / sizeof(font->letter[0])) {
        return;
    }
    for (; at > 0 && font->letter[at - 1].character > character; at--) {
        font->letter[at] = font->letter[at - 1];
    }
    font->letter[at] = (struct font_letter){character, glyph};
    font->letter_count++;
}

/* One entry of 16-bit characters. False: the file ends in it. */
static bool read_entry1(struct font *font, uint16_t glyph, struct rest *rest)
{
    bool is_single = true;

    while (rest->bytes >= 2) {
        uint32_t character = rest->at[0] | (uint32_t)rest->at[1] << 8;
        rest->at += 2;
        rest->bytes -= 2;
        if (character == PSF1_END) {
            return true;
        }
        is_single &= character != PSF1_SEQUENCE;
        if (is_single) {
            add_letter(font, character, glyph);
        }
    }
    return false;
}

/* The same in UTF-8. */
static bool read_entry2(struct font *font, uint16_t glyph, struct rest *rest)
{
    struct utf8 decoder = {0};
    bool is_single = true;

    while (rest->bytes > 0) {
        uint8_t byte = *rest->at++;
        uint32_t character;
        rest->bytes--;
        if (byte == PSF2_END) {
            return true;
        }
        is_single &= byte != PSF2_SEQUENCE;
        if (is_single && utf8_next(&decoder, byte, &character)) {
            add_letter(font, character, glyph);
        }
    }
    return false;
}

static status_t set_glyphs(struct font *font, struct rest *rest)
{
    font->row_bytes = (font->width + 7) / 8;
    if (font->count == 0 || font->width == 0 || font->height == 0 ||
        font->glyph_bytes != font->row_bytes * font->height) {
        return ERR_CORRUPT;
    }
    uint64_t bytes = (uint64_t)font->count * font->glyph_bytes;
    if (bytes > rest->bytes) {
        return ERR_CORRUPT;
    }
    font->glyphs = rest->at;
    rest->at += bytes;
    rest->bytes -= bytes;
    return OK;
}

static bool fits(const struct font *font)
{
    return font->count <= FONT_GLYPHS_MAX && font->width <= FONT_WIDTH_MAX &&
           font->height <= FONT_HEIGHT_MAX;
}

static status_t read_table(struct font *font, struct rest *rest, bool is_second)
{
    for (uint32_t glyph = 0; glyph < font->count; glyph++) {
        bool whole = is_second ? read_entry2(font, (uint16_t)glyph, rest)
                               : read_entry1(font, (uint16_t)glyph, rest);
        if (!whole) {
            return ERR_CORRUPT;
        }
    }
    return OK;
}

static void number_letters(struct font *font)
{
    for (uint32_t glyph = 0; glyph < font->count; glyph++) {
        add_letter(font, glyph, (uint16_t)glyph);
    }
}

static bool read_header1(struct font *font, struct rest *rest, bool *out_table)
{
    if (rest->bytes < PSF1_HEADER_BYTES || (rest->at[0] | rest->at[1] << 8) != PSF1_MAGIC) {
        return false;
    }
    font->count = rest->at[2] & PSF1_512 ? 512 : 256;
    font->width = 8;
    font->height = font->glyph_bytes = rest->at[3];
    *out_table = (rest->at[2] & PSF1_HAS_TABLE) != 0;
    rest->at += PSF1_HEADER_BYTES;
    rest->bytes -= PSF1_HEADER_BYTES;
    return true;
}

static bool read_header2(struct font *font, struct rest *rest, bool *out_table)
{
    struct psf2_header header;

    if (rest->bytes < sizeof(header)) {
        return false;
    }
    memcpy(&header, rest->at, sizeof(header));
    if (header.magic != PSF2_MAGIC || header.header_bytes < sizeof(header) ||
        header.header_bytes > rest->bytes) {
        return false;
    }
    font->count = header.count;
    font->width = header.width;
    font->height = header.height;
    font->glyph_bytes = header.glyph_bytes;
    *out_table = (header.flags & PSF2_HAS_TABLE) != 0;
    rest->at += header.header_bytes;
    rest->bytes -= header.header_bytes;
    return true;
}

static uint16_t look_up(const struct font *font, uint32_t character)
{
    uint32_t low = 0, high = font->letter_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (font->letter[middle].character == character) {
            return font->letter[middle].glyph;
        }
        if (font->letter[middle].character < character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return font->replacement;
}

status_t font_open(struct font *font, const void *file, uint64_t bytes)
{
    struct rest rest = {file, bytes};
    bool has_table = false, is_second;

    *font = (struct font){0};
    is_second = read_header2(font, &rest, &has_table);
    if (!is_second && !read_header1(font, &rest, &has_table)) {
        return ERR_CORRUPT;
    }
    if (!fits(font)) {
        return ERR_NOT_SUPPORTED;
    }
    status_t status = set_glyphs(font, &rest);
    if (status == OK && has_table) {
        status = read_table(font, &rest, is_second);
    } else if (status == OK) {
        number_letters(font);
    }
    font->replacement = 0;
    font->replacement = look_up(font, '?');
    font->replacement = look_up(font, FONT_REPLACEMENT);
    for (unsigned i = 0; i < FONT_COMMON; i++) {
        font->common[i] = look_up(font, i);
    }
    return status;
}

uint16_t font_glyph(const struct font *font, uint32_t character)
{
    return character < FONT_COMMON ? font->common[character] : look_up(font, character);
}
