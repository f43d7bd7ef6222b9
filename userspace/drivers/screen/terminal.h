/* SPDX-License-Identifier: MIT */
/*
 * What a terminal shows: a grid of cells, and what the bytes sent to it do to them.
 *
 * UTF-8 text, and the control functions of ECMA-48 that programs use, as xterm has them: BS HT LF CR BEL, ESC 7 8 c D E M, and CSI with
 *   A B C D E F G d H f   moving the cursor         J K X         erasing
 *   @ P L M S T           inserting and deleting    m             bold, reverse, 16 colours (of 256 and RGB the nearest)
 *   r                     the lines that scroll     s u ?25 h l   saving the cursor, showing it
 * Others are read to their end and change nothing. Memory and colours only: what the cells look like is paint.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/screen/utf8.h"

#define TERMINAL_COLUMNS_MAX    512u
#define TERMINAL_ROWS_MAX       256u
#define TERMINAL_PARAMETERS_MAX 16u

#define TERMINAL_FRONT 7u /* colours of plain text: ECMA-48's eight, and eight brighter ones */
#define TERMINAL_BACK  0u

struct cell {
    uint32_t character;
    uint8_t front, back; /* colours 0 to 15 */
    uint16_t reserved;
};

struct pen {
    uint8_t front, back; /* 0 to 15 */
    bool bold, reverse;
};

struct place {
    uint16_t column, row;
};

enum terminal_state {
    TERMINAL_TEXT,
    TERMINAL_ESCAPE,   /* after ESC */
    TERMINAL_CONTROL,  /* after CSI: parameters */
    TERMINAL_FOREIGN,  /* a CSI with a byte that we do not know: to its end */
    TERMINAL_STRING,   /* OSC, DCS and the like: to BEL or ESC \ */
    TERMINAL_SKIP_ONE, /* ESC ( and the like: one more byte */
};

struct terminal {
    struct cell *cells; /* row after row */
    uint16_t columns, rows;
    struct place at;
    bool is_past; /* the last column has been written: the next character begins a line */
    bool shows_cursor;
    uint16_t top, bottom; /* lines that scroll: [top, bottom) */
    struct pen pen;
    struct place saved;
    struct pen saved_pen;
    enum terminal_state state;
    bool is_private; /* CSI ? */
    unsigned parameter_count;
    uint32_t parameter[TERMINAL_PARAMETERS_MAX];
    struct utf8 utf8;
};

/* terminal_init() - an empty one. @cells  columns * rows of them, the caller's; 1 to the limits above. */
void terminal_init(struct terminal *terminal, struct cell *cells, unsigned columns, unsigned rows);

/* terminal_abandon() - a sequence or character that has been begun is not gone on with: what comes next is another's. CAN and SUB do the
 * same to a sequence. */
void terminal_abandon(struct terminal *terminal);

/* terminal_write() - bytes as programs write them. LF also returns to the first column. Cost: some instructions a byte; scrolling moves
 * all cells. */
void terminal_write(struct terminal *terminal, const char *text, uint64_t bytes);
