/* SPDX-License-Identifier: MIT */
/*
 * The line editor's state machine (line_editor.h).
 *
 * Drawing keeps to what every terminal and log file understands: plain characters, backspace, and
 * "clear to end of line" only where the line gets shorter. Typing at the end of the line draws
 * exactly the typed character, so a transcript reads like what was typed. Lines longer than the
 * terminal's width are right but may look odd after wrapping.
 */
#include "base/line_editor.h"

#include "base/string.h"
#include "base/types.h"

enum {
    CTRL_A = 1,
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_E = 5,
    CTRL_F = 6,
    CTRL_H = 8,
    TAB = 9,
    LF = 10,
    CTRL_K = 11,
    CTRL_L = 12,
    CR = 13,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_R = 18,
    CTRL_U = 21,
    CTRL_W = 23,
    ESC = 27,
    DEL = 127
};

enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_CSI, ESCAPE_SS3 };

#define PARAMETER_MAX 99u

static void draw_text(struct line_editor *editor, const char *text, size_t bytes)
{
    if (bytes > 0) {
        editor->draw(text, bytes);
    }
}

static void draw_back(struct line_editor *editor, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++) {
        editor->draw("\b", 1);
    }
}

/* Draw from the cursor to the end, clear what was beyond, come back. */
static void draw_rest(struct line_editor *editor, bool shorter)
{
    unsigned rest = editor->length - editor->cursor;
    draw_text(editor, editor->text + editor->cursor, rest);
    if (shorter) {
        draw_text(editor, "\033[K", 3);
    }
    draw_back(editor, rest);
}

void line_editor_init(struct line_editor *editor, const char *prompt,
                      void (*draw)(const char *text, size_t bytes))
{
    memset(editor, 0, sizeof(*editor));
    editor->prompt = prompt;
    editor->draw = draw;
}

void line_editor_begin(struct line_editor *editor)
{
    editor->length = editor->cursor = 0;
    editor->text[0] = '\0';
    editor->history_back = 0;
    editor->escape = ESCAPE_NONE;
    draw_text(editor, editor->prompt, strlen(editor->prompt));
}

void line_editor_hide(struct line_editor *editor)
{
    draw_text(editor, "\r\033[K", 4);
}

void line_editor_show(struct line_editor *editor)
{
    draw_text(editor, editor->prompt, strlen(editor->prompt));
    draw_text(editor, editor->text, editor->length);
    draw_back(editor, (unsigned)(editor->length - editor->cursor));
}

void line_editor_redraw(struct line_editor *editor)
{
    draw_text(editor, "\n", 1);
    line_editor_show(editor);
}

void line_editor_insert(struct line_editor *editor, const char *text, size_t bytes)
{
    bytes = MIN(bytes, sizeof(editor->text) - 1 - editor->length);
    memmove(editor->text + editor->cursor + bytes, editor->text + editor->cursor,
            (size_t)(editor->length - editor->cursor) + 1);
    memcpy(editor->text + editor->cursor, text, bytes);
    editor->length = (uint16_t)(editor->length + bytes);
    draw_text(editor, editor->text + editor->cursor, bytes);
    editor->cursor = (uint16_t)(editor->cursor + bytes);
    draw_rest(editor, false);
}

/* Remove [from, to) and put the cursor at from. The cursor is at from or at to. */
static void remove_range(struct line_editor *editor, unsigned from, unsigned to)
{
    if (from == to) {
        return;
    }
    draw_back(editor, editor->cursor - from);
    memmove(editor->text + from, editor->text + to, editor->length - to + 1);
    editor->length = (uint16_t)(editor->length - (to - from));
    editor->cursor = (uint16_t)from;
    draw_rest(editor, true);
}

static void move_to(struct line_editor *editor, unsigned column)
{
    if (column <= editor->cursor) {
        draw_back(editor, editor->cursor - column);
    } else {
        draw_text(editor, editor->text + editor->cursor, column - editor->cursor);
    }
    editor->cursor = (uint16_t)column;
}

static unsigned word_before(const struct line_editor *editor)
{
    unsigned at = editor->cursor;
    while (at > 0 && editor->text[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && editor->text[at - 1] != ' ') {
        at--;
    }
    return at;
}

static void replace_line(struct line_editor *editor, const char *text)
{
    move_to(editor, editor->length);
    remove_range(editor, 0, editor->length);
    line_editor_insert(editor, text, strlen(text));
}

static void walk_history(struct line_editor *editor, int step)
{
    uint32_t kept = MIN(editor->history_count, LINE_EDITOR_HISTORY);
    if ((step > 0 && editor->history_back >= kept) || (step < 0 && editor->history_back == 0)) {
        return;
    }
    if (editor->history_back == 0) {
        memcpy(editor->draft, editor->text, sizeof(editor->draft));
    }
    editor->history_back += (uint32_t)step;
    uint32_t slot = (editor->history_count - editor->history_back) % LINE_EDITOR_HISTORY;
    replace_line(editor, editor->history_back == 0 ? editor->draft : editor->history[slot]);
}

static bool contains(const char *line, const char *part)
{
    size_t length = strlen(part);
    for (; *line != '\0'; line++) {
        if (strncmp(line, part, length) == 0) {
            return true;
        }
    }
    return length == 0;
}

/* Up to the next line that has in it what was typed when the search began; stay where there is none. */
static void search_history(struct line_editor *editor, bool again)
{
    if (!again) {
        memcpy(editor->wanted, editor->text, sizeof(editor->wanted));
    }
    uint32_t kept = MIN(editor->history_count, LINE_EDITOR_HISTORY);
    for (uint32_t back = editor->history_back + 1; back <= kept; back++) {
        uint32_t slot = (editor->history_count - back) % LINE_EDITOR_HISTORY;
        if (contains(editor->history[slot], editor->wanted)) {
            walk_history(editor, (int)(back - editor->history_back));
            break;
        }
    }
    editor->is_searching = true;
}

static void keep_in_history(struct line_editor *editor)
{
    const char *at = editor->text;
    while (*at == ' ') {
        at++;
    }
    uint32_t last = (editor->history_count - 1) % LINE_EDITOR_HISTORY;
    if (*at == '\0' ||
        (editor->history_count > 0 && strcmp(editor->history[last], editor->text) == 0)) {
        return;
    }
    memcpy(editor->history[editor->history_count++ % LINE_EDITOR_HISTORY], editor->text,
           sizeof(editor->text));
}

static enum line_editor_event end_line(struct line_editor *editor)
{
    move_to(editor, editor->length);
    draw_text(editor, "\n", 1);
    keep_in_history(editor);
    return LINE_EDITOR_LINE;
}

static void delete_here(struct line_editor *editor)
{
    if (editor->cursor < editor->length) {
        remove_range(editor, editor->cursor, editor->cursor + 1u);
    }
}

static void delete_before(struct line_editor *editor)
{
    if (editor->cursor > 0) {
        remove_range(editor, editor->cursor - 1u, editor->cursor);
    }
}

static void move_by(struct line_editor *editor, int step)
{
    int column = (int)editor->cursor + step;
    if (column >= 0 && column <= (int)editor->length) {
        move_to(editor, (unsigned)column);
    }
}

/* The keys that an escape sequence can name. */
static void take_escape_key(struct line_editor *editor, unsigned char final)
{
    unsigned key = final == '~' ? editor->parameter : final;
    switch (key) {
    case 'A':
        walk_history(editor, 1);
        break;
    case 'B':
        walk_history(editor, -1);
        break;
    case 'C':
        move_by(editor, 1);
        break;
    case 'D':
        move_by(editor, -1);
        break;
    case 'H':
    case 1:
    case 7:
        move_to(editor, 0);
        break;
    case 'F':
    case 4:
    case 8:
        move_to(editor, editor->length);
        break;
    case 3:
        delete_here(editor);
        break;
    default:
        break; /* a key we have no use for */
    }
}

static void take_escape(struct line_editor *editor, unsigned char byte)
{
    if (editor->escape == ESCAPE_BEGUN) {
        editor->escape = byte == '[' ? ESCAPE_CSI : byte == 'O' ? ESCAPE_SS3 : ESCAPE_NONE;
        editor->parameter = 0;
        return;
    }
    if (byte >= '0' && byte <= '9') {
        editor->parameter = (uint8_t)MIN(editor->parameter * 10u + (byte - '0'), PARAMETER_MAX);
        return;
    }
    if (byte == ';') {
        editor->parameter =
            0; /* only the last number matters to no key of ours: modifiers are ignored */
        return;
    }
    editor->escape = ESCAPE_NONE;
    take_escape_key(editor, byte);
}

static void take_control(struct line_editor *editor, unsigned char byte, bool was_searching)
{
    switch (byte) {
    case CTRL_R:
        search_history(editor, was_searching);
        break;
    case CTRL_A:
        move_to(editor, 0);
        break;
    case CTRL_E:
        move_to(editor, editor->length);
        break;
    case CTRL_B:
        move_by(editor, -1);
        break;
    case CTRL_F:
        move_by(editor, 1);
        break;
    case CTRL_D:
        delete_here(editor);
        break;
    case CTRL_H:
    case DEL:
        delete_before(editor);
        break;
    case CTRL_K:
        draw_text(editor, "\033[K", 3);
        editor->length = editor->cursor;
        editor->text[editor->length] = '\0';
        break;
    case CTRL_U:
        remove_range(editor, 0, editor->cursor);
        break;
    case CTRL_W:
        remove_range(editor, word_before(editor), editor->cursor);
        break;
    case CTRL_L:
        line_editor_redraw(editor);
        break;
    case CTRL_P:
        walk_history(editor, 1);
        break;
    case CTRL_N:
        walk_history(editor, -1);
        break;
    case ESC:
        editor->escape = ESCAPE_BEGUN;
        break;
    default:
        break; /* no key of ours */
    }
}

enum line_editor_event line_editor_feed(struct line_editor *editor, unsigned char byte)
{
    bool after_cr = editor->after_cr;
    bool was_searching = editor->is_searching;
    editor->is_searching = false;
    editor->after_cr = byte == CR;
    if (byte == CR || byte == LF) {
        editor->escape = ESCAPE_NONE;
        return byte == LF && after_cr ? LINE_EDITOR_MORE : end_line(editor);
    }
    if (byte == CTRL_C) {
        draw_text(editor, "^C\n", 3);
        return LINE_EDITOR_CANCEL;
    }
    if (editor->escape != ESCAPE_NONE) {
        take_escape(editor, byte);
    } else if (byte == CTRL_D && editor->length == 0) {
        return LINE_EDITOR_END;
    } else if (byte == TAB) {
        return LINE_EDITOR_COMPLETE;
    } else if (byte >= ' ' && byte < DEL) {
        char c = (char)byte;
        line_editor_insert(editor, &c, 1);
    } else {
        take_control(editor, byte, was_searching);
    }
    return LINE_EDITOR_MORE;
}
