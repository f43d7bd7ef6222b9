/* SPDX-License-Identifier: MIT */
/*
 * A terminal's cells as pixels of a linear framebuffer (UEFI, Graphics Output Protocol).
 *
 * The painter remembers what it has painted, draws the cells that differ, and never reads the framebuffer, which is slow. So many lines
 * that come at once cost one painting.
 */
#pragma once

#include <stdint.h>

#include "userspace/drivers/screen/font.h"
#include "userspace/drivers/screen/terminal.h"

struct framebuffer {
    uint32_t *pixels;
    uint32_t width, height; /* pixels */
    uint32_t stride;        /* pixels from one line to the next */
    bool is_bgr;            /* blue in the lowest byte, else red */
};

/* What four pixels of a glyph become. */
struct ink {
    uint8_t front, back;
    uint32_t pixels[16][4]; /* by their bits, the leftmost highest */
};

struct painter {
    struct framebuffer frame;
    struct ink ink; /* of the last cell */
    const struct font *font;
    struct cell *shown;
    unsigned columns, rows;
    uint32_t value[16]; /* of the colours */
};

/* paint_columns(), paint_rows() - how many cells of a font fit, at most the terminal's limits. */
unsigned paint_columns(const struct framebuffer *frame, const struct font *font);
unsigned paint_rows(const struct framebuffer *frame, const struct font *font);

/* paint_init() - the whole framebuffer becomes background. @shown  a cell for each that fits, the caller's. */
void paint_init(struct painter *painter, const struct framebuffer *frame, const struct font *font,
                struct cell *shown);

/* paint() - show a terminal of as many cells. Returns how many were drawn; each costs font height * width / 2 stores,
 * and 64 more where colours change. */
unsigned paint(struct painter *painter, const struct terminal *terminal);
