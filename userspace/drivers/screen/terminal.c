/* SPDX-License-Identifier: MIT */
/* The terminal's state machine: see terminal.h. Every position is clamped where it is set, so cells are always inside. */
#include "userspace/drivers/screen/terminal.h"

#include <string.h>

#include "userspace/drivers/screen/colour.h"

#define TAB 8u

#define CHARACTER_CAN 0x18u
#define CHARACTER_SUB 0x1au
#define CHARACTER_ESC 0x1bu
#define CHARACTER_DEL 0x7fu

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* ---- cells ---- */

static struct cell *cell_at(const struct terminal *terminal, unsigned column, unsigned row)
{
    return &terminal->cells[(uint64_t)row * terminal->columns + column];
}

/* What is erased has the colours of the pen, as xterm has it. */
static struct cell blank(const struct terminal *terminal)
{
    return (struct cell){' ', terminal->pen.front, terminal->pen.back, 0};
}

static void erase(struct terminal *terminal, unsigned row, unsigned first, unsigned end)
{
    struct cell empty = blank(terminal);

    for (unsigned column = first; column < end; column++) {
        *cell_at(terminal, column, row) = empty;
    }
}

static void erase_rows(struct terminal *terminal, unsigned first, unsigned end)
{
    for (unsigned row = first; row < end; row++) {
        erase(terminal, row, 0, terminal->columns);
    }
}

static void move_rows(struct terminal *terminal, unsigned to, unsigned from, unsigned count)
{
    memmove(cell_at(terminal, 0, to), cell_at(terminal, 0, from),
            (uint64_t)count * terminal->columns * sizeof(struct cell));
}

/* Rows [first, bottom) go up, what comes in below is empty. */
static void scroll_up(struct terminal *terminal, unsigned first, unsigned count)
{
    unsigned rows = terminal->bottom - first;

    count = smaller(count, rows);
    move_rows(terminal, first, first + count, rows - count);
    erase_rows(terminal, terminal->bottom - count, terminal->bottom);
}

static void scroll_down(struct terminal *terminal, unsigned first, unsigned count)
{
    unsigned rows = terminal->bottom - first;

    count = smaller(count, rows);
    move_rows(terminal, first + count, first, rows - count);
    erase_rows(terminal, first, first + count);
}

/* ---- the cursor ---- */

static void go_to(struct terminal *terminal, unsigned column, unsigned row)
{
    terminal->at.column = (uint16_t)smaller(column, terminal->columns - 1u);
    terminal->at.row = (uint16_t)smaller(row, terminal->rows - 1u);
    terminal->is_past = false;
}

static void line_down(struct terminal *terminal)
{
    if (terminal->at.row + 1u == terminal->bottom) {
        scroll_up(terminal, terminal->top, 1);
    } else {
        go_to(terminal, terminal->at.column, terminal->at.row + 1u);
    }
    terminal->is_past = false;
}

static void line_up(struct terminal *terminal)
{
    if (terminal->at.row == terminal->top) {
        scroll_down(terminal, terminal->top, 1);
    } else if (terminal->at.row > 0) {
        go_to(terminal, terminal->at.column, terminal->at.row - 1u);
    }
    terminal->is_past = false;
}

static void put(struct terminal *terminal, uint32_t character)
{
    const struct pen *pen = &terminal->pen;
    uint8_t front = pen->bold ? pen->front | COLOUR_BRIGHT : pen->front;

    if (terminal->is_past) {
        line_down(terminal);
        go_to(terminal, 0, terminal->at.row);
    }
    *cell_at(terminal, terminal->at.column, terminal->at.row) = (struct cell){
        character, pen->reverse ? pen->back : front, pen->reverse ? front : pen->back, 0};
    terminal->is_past = terminal->at.column + 1u == terminal->columns;
    if (!terminal->is_past) {
        terminal->at.column++;
    }
}

static void reset(struct terminal *terminal)
{
    terminal->pen = (struct pen){TERMINAL_FRONT, TERMINAL_BACK, false, false};
    terminal->saved_pen = terminal->pen;
    terminal->saved = (struct place){0, 0};
    terminal->shows_cursor = true;
    terminal->top = 0;
    terminal->bottom = terminal->rows;
    erase_rows(terminal, 0, terminal->rows);
    go_to(terminal, 0, 0);
}

static void save(struct terminal *terminal)
{
    terminal->saved = terminal->at;
    terminal->saved_pen = terminal->pen;
}

static void restore(struct terminal *terminal)
{
    terminal->pen = terminal->saved_pen;
    go_to(terminal, terminal->saved.column, terminal->saved.row);
}

static void take_control_character(struct terminal *terminal, uint8_t byte)
{
    switch (byte) {
    case '\b':
        go_to(terminal, terminal->at.column > 0 ? terminal->at.column - 1u : 0, terminal->at.row);
        break;
    case '\t':
        go_to(terminal, (terminal->at.column / TAB + 1) * TAB, terminal->at.row);
        break;
    case '\n':
    case '\v':
    case '\f':
        line_down(terminal);
        terminal->at.column = 0;
        break;
    case '\r':
        go_to(terminal, 0, terminal->at.row);
        break;
    case CHARACTER_ESC:
        terminal->state = TERMINAL_ESCAPE;
        break;
    default:
        break;
    }
}

/* ---- control sequences ---- */

static uint32_t parameter(const struct terminal *terminal, unsigned index, uint32_t otherwise)
{
    bool is_given = index < terminal->parameter_count && terminal->parameter[index] != 0;

    return is_given ? terminal->parameter[index] : otherwise;
}

/* 38;5;N and 38;2;R;G;B from parameter `index` on. Returns how many of them were taken, *out: the nearest of ours. */
static unsigned read_colour(const struct terminal *terminal, unsigned index, uint8_t *out)
{
    const uint32_t *given = &terminal->parameter[index];
    unsigned left = terminal->parameter_count - index;

    if (left >= 2 && given[0] == 5) {
        *out = colour_of_256(given[1]);
        return 2;
    }
    if (left >= 4 && given[0] == 2) {
        *out = colour_nearest(given[1] & 0xff, given[2] & 0xff, given[3] & 0xff);
        return 4;
    }
    return left;
}

static void set_colour(struct pen *pen, uint32_t code)
{
    unsigned tens = code / 10;

    switch (tens) {
    case 3:
        pen->front = (uint8_t)(code == 39 ? TERMINAL_FRONT : code % 10);
        break;
    case 4:
        pen->back = (uint8_t)(code == 49 ? TERMINAL_BACK : code % 10);
        break;
    case 9:
        pen->front = (uint8_t)(code % 10) | COLOUR_BRIGHT;
        break;
    case 10:
        pen->back = (uint8_t)(code % 10) | COLOUR_BRIGHT;
        break;
    default:
        break;
    }
}

static bool is_colour(uint32_t code)
{
    unsigned ones = code % 10;

    return ((code / 10 == 3 || code / 10 == 4) && ones != 8) ||
           ((code / 10 == 9 || code / 10 == 10) && ones < 8);
}

static void set_attribute(struct pen *pen, uint32_t code)
{
    switch (code) {
    case 0:
        *pen = (struct pen){TERMINAL_FRONT, TERMINAL_BACK, false, false};
        break;
    case 1:
    case 22:
        pen->bold = code == 1;
        break;
    case 7:
    case 27:
        pen->reverse = code == 7;
        break;
    default:
        if (is_colour(code)) {
            set_colour(pen, code);
        }
        break;
    }
}

static void set_attributes(struct terminal *terminal)
{
    struct pen *pen = &terminal->pen;

    if (terminal->parameter_count == 0) {
        set_attribute(pen, 0);
    }
    for (unsigned i = 0; i < terminal->parameter_count; i++) {
        uint32_t code = terminal->parameter[i];
        if (code == 38 || code == 48) {
            i += read_colour(terminal, i + 1, code == 38 ? &pen->front : &pen->back);
        } else {
            set_attribute(pen, code);
        }
    }
}

static void erase_in_screen(struct terminal *terminal, uint32_t what)
{
    unsigned row = terminal->at.row, column = terminal->at.column;

    if (what == 0) {
        erase(terminal, row, column, terminal->columns);
        erase_rows(terminal, row + 1, terminal->rows);
    } else if (what == 1) {
        erase_rows(terminal, 0, row);
        erase(terminal, row, 0, column + 1);
    } else {
        erase_rows(terminal, 0, terminal->rows);
    }
}

static void erase_in_line(struct terminal *terminal, uint32_t what)
{
    unsigned column = terminal->at.column;

    erase(terminal, terminal->at.row, what == 0 ? column : 0,
          what == 1 ? column + 1 : terminal->columns);
}

/* What is right of the cursor goes right (insert) or left. */
static void shift_cells(struct terminal *terminal, unsigned count, bool inserts)
{
    unsigned column = terminal->at.column, row = terminal->at.row;
    unsigned right = terminal->columns - column;
    struct cell *here = cell_at(terminal, column, row);

    count = smaller(count, right);
    uint64_t bytes = (uint64_t)(right - count) * sizeof(struct cell);
    if (inserts) {
        memmove(here + count, here, bytes);
        erase(terminal, row, column, column + count);
    } else {
        memmove(here, here + count, bytes);
        erase(terminal, row, terminal->columns - count, terminal->columns);
    }
}

static void shift_lines(struct terminal *terminal, unsigned count, bool inserts)
{
    if (terminal->at.row < terminal->top || terminal->at.row >= terminal->bottom) {
        return;
    }
    if (inserts) {
        scroll_down(terminal, terminal->at.row, count);
    } else {
        scroll_up(terminal, terminal->at.row, count);
    }
    go_to(terminal, 0, terminal->at.row);
}

static void set_margins(struct terminal *terminal)
{
    unsigned top = parameter(terminal, 0, 1) - 1;
    unsigned bottom = smaller(parameter(terminal, 1, terminal->rows), terminal->rows);

    if (top + 1 >= bottom) {
        return;
    }
    terminal->top = (uint16_t)top;
    terminal->bottom = (uint16_t)bottom;
    go_to(terminal, 0, 0);
}

static void set_mode(struct terminal *terminal, bool on)
{
    if (terminal->is_private && parameter(terminal, 0, 0) == 25) {
        terminal->shows_cursor = on;
    }
}

static void move_cursor(struct terminal *terminal, uint8_t final)
{
    unsigned column = terminal->at.column, row = terminal->at.row;
    unsigned count = smaller(parameter(terminal, 0, 1), TERMINAL_COLUMNS_MAX);
    unsigned up = row > count ? row - count : 0;

    switch (final) {
    case 'A':
        go_to(terminal, column, up);
        break;
    case 'B':
        go_to(terminal, column, row + count);
        break;
    case 'C':
        go_to(terminal, column + count, row);
        break;
    case 'D':
        go_to(terminal, column > count ? column - count : 0, row);
        break;
    case 'E':
        go_to(terminal, 0, row + count);
        break;
    case 'F':
        go_to(terminal, 0, up);
        break;
    case 'G':
        go_to(terminal, count - 1, row);
        break;
    case 'd':
        go_to(terminal, column, count - 1);
        break;
    default: /* H, f */
        go_to(terminal, smaller(parameter(terminal, 1, 1), TERMINAL_COLUMNS_MAX) - 1, count - 1);
        break;
    }
}

static void change_cells(struct terminal *terminal, uint8_t final)
{
    unsigned count = parameter(terminal, 0, 1);
    unsigned column = terminal->at.column;

    switch (final) {
    case 'J':
        erase_in_screen(terminal, parameter(terminal, 0, 0));
        break;
    case 'K':
        erase_in_line(terminal, parameter(terminal, 0, 0));
        break;
    case 'X':
        erase(terminal, terminal->at.row, column,
              column + smaller(count, terminal->columns - column));
        break;
    case '@':
    case 'P':
        shift_cells(terminal, count, final == '@');
        break;
    case 'L':
    case 'M':
        shift_lines(terminal, count, final == 'L');
        break;
    case 'S':
        scroll_up(terminal, terminal->top, count);
        break;
    default: /* T */
        scroll_down(terminal, terminal->top, count);
        break;
    }
}

static void finish_control(struct terminal *terminal, uint8_t final)
{
    terminal->state = TERMINAL_TEXT;
    if (terminal->is_private && final != 'h' && final != 'l') {
        return;
    }
    if (strchr("ABCDEFGdHf", final) != NULL) {
        move_cursor(terminal, final);
    } else if (strchr("JKX@PLMST", final) != NULL) {
        change_cells(terminal, final);
    } else if (final == 'm') {
        set_attributes(terminal);
    } else if (final == 'r') {
        set_margins(terminal);
    } else if (final == 'h' || final == 'l') {
        set_mode(terminal, final == 'h');
    } else if (final == 's') {
        save(terminal);
    } else if (final == 'u') {
        restore(terminal);
    }
}

/* Too large a number is clamped, so that sums of two stay right. A sequence with too many of them changes nothing. */
static void take_digit(struct terminal *terminal, uint8_t byte)
{
    if (terminal->parameter_count == 0) {
        terminal->parameter_count = 1;
    }
    uint32_t *value = &terminal->parameter[terminal->parameter_count - 1];
    *value = smaller(*value * 10 + (byte - '0'), 0xffff);
}

static void next_parameter(struct terminal *terminal)
{
    if (terminal->parameter_count == 0) {
        terminal->parameter_count = 1;
    }
    if (terminal->parameter_count == TERMINAL_PARAMETERS_MAX) {
        terminal->state = TERMINAL_FOREIGN;
        return;
    }
    terminal->parameter[terminal->parameter_count++] = 0;
}

static void take_control(struct terminal *terminal, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        take_digit(terminal, byte);
    } else if (byte == ';') {
        next_parameter(terminal);
    } else if (byte == '?') {
        terminal->is_private = true;
    } else if (byte >= 0x40 && byte < CHARACTER_DEL) {
        finish_control(terminal, byte);
    } else {
        terminal->state = TERMINAL_FOREIGN;
    }
}

static void begin_control(struct terminal *terminal)
{
    terminal->state = TERMINAL_CONTROL;
    terminal->is_private = false;
    terminal->parameter_count = 0;
    memset(terminal->parameter, 0, sizeof(terminal->parameter));
}

static void take_escape(struct terminal *terminal, uint8_t byte)
{
    terminal->state = TERMINAL_TEXT;
    switch (byte) {
    case '[':
        begin_control(terminal);
        break;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_':
        terminal->state = TERMINAL_STRING;
        break;
    case '7':
        save(terminal);
        break;
    case '8':
        restore(terminal);
        break;
    case 'D':
        line_down(terminal);
        break;
    case 'E':
        line_down(terminal);
        go_to(terminal, 0, terminal->at.row);
        break;
    case 'M':
        line_up(terminal);
        break;
    case 'c':
        reset(terminal);
        break;
    default:
        terminal->state = byte >= 0x20 && byte < 0x30 ? TERMINAL_SKIP_ONE : TERMINAL_TEXT;
        break;
    }
}

/* ---- bytes ---- */

static void take_text(struct terminal *terminal, uint8_t byte)
{
    uint32_t character;

    if (utf8_is_cut(&terminal->utf8, byte)) {
        (void)utf8_next(&terminal->utf8, byte, &character);
        put(terminal, character);
    }
    if (byte < 0x20) {
        take_control_character(terminal, byte);
    } else if (byte != CHARACTER_DEL && utf8_next(&terminal->utf8, byte, &character)) {
        put(terminal, character);
    }
}

/* A control character works in the middle of a sequence, too (ECMA-48 says nothing, xterm does it); ESC begins a new one. */
static void take_byte(struct terminal *terminal, uint8_t byte)
{
    if (terminal->state == TERMINAL_TEXT) {
        take_text(terminal, byte);
    } else if (byte == CHARACTER_CAN || byte == CHARACTER_SUB) {
        terminal_abandon(terminal);
    } else if (byte == CHARACTER_ESC) {
        terminal->state = TERMINAL_ESCAPE;
    } else if (terminal->state == TERMINAL_STRING) {
        terminal->state = byte == '\a' ? TERMINAL_TEXT : TERMINAL_STRING;
    } else if (byte < 0x20) {
        take_control_character(terminal, byte);
    } else if (terminal->state == TERMINAL_ESCAPE) {
        take_escape(terminal, byte);
    } else if (terminal->state == TERMINAL_CONTROL) {
        take_control(terminal, byte);
    } else {
        bool is_end =
            terminal->state == TERMINAL_SKIP_ONE || (byte >= 0x40 && byte < CHARACTER_DEL);
        terminal->state = is_end ? TERMINAL_TEXT : TERMINAL_FOREIGN;
    }
}

void terminal_abandon(struct terminal *terminal)
{
    terminal->state = TERMINAL_TEXT;
    terminal->utf8 = (struct utf8){0};
}

void terminal_init(struct terminal *terminal, struct cell *cells, unsigned columns, unsigned rows)
{
    *terminal =
        (struct terminal){.cells = cells, .columns = (uint16_t)columns, .rows = (uint16_t)rows};
    reset(terminal);
}

void terminal_write(struct terminal *terminal, const char *text, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) {
        take_byte(terminal, (uint8_t)text[i]);
    }
}
