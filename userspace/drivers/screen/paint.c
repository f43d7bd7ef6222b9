/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/screen/paint.h"

#include <string.h>

#include "userspace/drivers/screen/colour.h"

static unsigned at_most(unsigned count, unsigned limit)
{
    return count < limit ? count : limit;
}

unsigned paint_columns(const struct framebuffer *frame, const struct font *font)
{
    return at_most(frame->width / font->width, TERMINAL_COLUMNS_MAX);
}

unsigned paint_rows(const struct framebuffer *frame, const struct font *font)
{
    return at_most(frame->height / font->height, TERMINAL_ROWS_MAX);
}

static uint32_t pixel_of(const struct framebuffer *frame, const struct colour *colour)
{
    uint32_t low = frame->is_bgr ? colour->blue : colour->red;
    uint32_t high = frame->is_bgr ? colour->red : colour->blue;

    return low | (uint32_t)colour->green << 8 | high << 16;
}

/* What no terminal has in a cell, so that the first painting draws all. */
static const struct cell nothing = {0, 0xff, 0xff, 0};

void paint_init(struct painter *painter, const struct framebuffer *frame, const struct font *font,
                struct cell *shown)
{
    *painter = (struct painter){.frame = *frame,
                                .font = font,
                                .shown = shown,
                                .columns = paint_columns(frame, font),
                                .rows = paint_rows(frame, font)};
    for (unsigned i = 0; i < COLOURS; i++) {
        painter->value[i] = pixel_of(frame, &colours[i]);
    }
    painter->ink.front = painter->ink.back = nothing.front;
    for (unsigned line = 0; line < frame->height; line++) {
        uint32_t *at = frame->pixels + (uint64_t)line * frame->stride;
        for (unsigned x = 0; x < frame->width; x++) {
            at[x] = painter->value[TERMINAL_BACK];
        }
    }
    for (unsigned i = 0; i < painter->columns * painter->rows; i++) {
        shown[i] = nothing;
    }
}

static void mix(struct painter *painter, uint8_t front, uint8_t back)
{
    struct ink *ink = &painter->ink;

    if (ink->front == front && ink->back == back) {
        return;
    }
    ink->front = front;
    ink->back = back;
    for (unsigned bits = 0; bits < 16; bits++) {
        for (unsigned i = 0; i < 4; i++) {
            ink->pixels[bits][i] = painter->value[bits >> (3 - i) & 1 ? front : back];
        }
    }
}

/* Two pixels a store: libraries' memcpy() would be called for that. */
static void draw_row(const struct ink *ink, uint32_t *at, uint32_t bits, unsigned width)
{
    for (; width >= 4; width -= 4, at += 4, bits <<= 4) {
        __builtin_memcpy(at, ink->pixels[bits >> 28], 4 * sizeof(*at));
    }
    for (unsigned i = 0; i < width; i++) {
        at[i] = ink->pixels[bits >> 28][i];
    }
}

/* The width that most fonts have, of which the shipped one is. */
static void draw_eight(const struct ink *ink, uint32_t *at, uint8_t bits)
{
    __builtin_memcpy(at, ink->pixels[bits >> 4], 4 * sizeof(*at));
    __builtin_memcpy(at + 4, ink->pixels[bits & 15], 4 * sizeof(*at));
}

static void draw(struct painter *painter, unsigned column, unsigned row, struct cell cell)
{
    const struct font *font = painter->font;
    uint16_t glyph = font_glyph(font, cell.character);
    uint32_t *at = painter->frame.pixels + (uint64_t)row * font->height * painter->frame.stride +
                   (uint64_t)column * font->width;

    mix(painter, cell.front, cell.back);
    const uint8_t *bits = font->glyphs + (uint64_t)glyph * font->glyph_bytes;
    for (unsigned line = 0; line < font->height; line++, at += painter->frame.stride) {
        if (font->width == 8) {
            draw_eight(&painter->ink, at, bits[line]);
        } else {
            draw_row(&painter->ink, at, font_row(font, glyph, line), font->width);
        }
    }
}

/* The cursor is a cell with its colours exchanged. */
static struct cell visible(const struct terminal *terminal, unsigned column, unsigned row)
{
    struct cell cell = terminal->cells[(uint64_t)row * terminal->columns + column];
    bool is_cursor =
        terminal->shows_cursor && terminal->at.column == column && terminal->at.row == row;

    return is_cursor ? (struct cell){cell.character, cell.back, cell.front, 0} : cell;
}

static bool is_same(struct cell a, struct cell b)
{
    return a.character == b.character && a.front == b.front && a.back == b.back;
}

unsigned paint(struct painter *painter, const struct terminal *terminal)
{
    unsigned drawn = 0;

    for (unsigned row = 0; row < painter->rows; row++) {
        for (unsigned column = 0; column < painter->columns; column++) {
            struct cell *shown = &painter->shown[(uint64_t)row * painter->columns + column];
            struct cell cell = visible(terminal, column, row);
            if (!is_same(*shown, cell)) {
                draw(painter, column, row, cell);
                *shown = cell;
                drawn++;
            }
        }
    }
    return drawn;
}
