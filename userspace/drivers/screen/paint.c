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

/* Two pixels a store. @pair  by the two highest bits, the left one's first */
static void draw_row(uint32_t *at, uint32_t bits, unsigned width, const uint64_t pair[4])
{
    for (; width >= 2; width -= 2, at += 2, bits <<= 2) {
        memcpy(at, &pair[bits >> 30], sizeof(pair[0]));
    }
    if (width > 0) {
        *at = (uint32_t)pair[bits >> 30];
    }
}

static void draw(const struct painter *painter, unsigned column, unsigned row, struct cell cell)
{
    const struct font *font = painter->font;
    uint64_t front = painter->value[cell.front], back = painter->value[cell.back];
    const uint64_t pair[4] = {back | back << 32, back | front << 32, front | back << 32,
                              front | front << 32};
    uint16_t glyph = font_glyph(font, cell.character);
    uint32_t *at = painter->frame.pixels + (uint64_t)row * font->height * painter->frame.stride +
                   (uint64_t)column * font->width;

    for (unsigned line = 0; line < font->height; line++, at += painter->frame.stride) {
        draw_row(at, font_row(font, glyph, line), font->width, pair);
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
