/* SPDX-License-Identifier: MIT */
/*
 * The line editor: a state machine fed with bytes, that draws through one function. No input or
 * output of its own, so it is tested and fuzzed on the host, and kdebug and the terminals of user space share it.
 *
 * Keys: printable ASCII · left right home end, ^B ^F ^A ^E · backspace, delete, ^H ^D · ^K to the
 * end, ^U to the start, ^W a word · up down, ^P ^N history · ^R the newest line before with what has been typed
 * in it, again the one before that · ^L redraw · ^C give the line up ·
 * TAB completes (the caller does) · ^D in an empty line: the end · CR, LF or CR LF end the line.
 *
 * E1  length < sizeof(text), cursor <= length, text[length] == 0, whatever bytes come in.
 * E2  A CR directly followed by LF is one end of line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_EDITOR_BYTES   256u /* longest line with its NUL */
#define LINE_EDITOR_HISTORY 32u

enum line_editor_event {
    LINE_EDITOR_MORE,     /* go on feeding */
    LINE_EDITOR_LINE,     /* text is a finished line; line_editor_begin() starts the next */
    LINE_EDITOR_CANCEL,   /* ^C */
    LINE_EDITOR_COMPLETE, /* TAB at the cursor */
    LINE_EDITOR_END,      /* ^D in an empty line */
};

struct line_editor {
    char text[LINE_EDITOR_BYTES];
    uint16_t length, cursor;
    uint8_t escape;    /* state inside an escape sequence */
    uint8_t parameter; /* its number */
    bool after_cr;
    const char *prompt;
    void (*draw)(const char *text, size_t bytes);

    char history[LINE_EDITOR_HISTORY][LINE_EDITOR_BYTES];
    uint32_t history_count;         /* lines ever kept */
    uint32_t history_back;          /* how far up we are: 0 the new line */
    char draft[LINE_EDITOR_BYTES];  /* the new line while we are up */
    char wanted[LINE_EDITOR_BYTES]; /* what ^R looks for */
    bool is_searching;              /* the last key was ^R */
};

/* line_editor_init() - empty line, empty history. */
void line_editor_init(struct line_editor *editor, const char *prompt,
                      void (*draw)(const char *text, size_t bytes));
/* line_editor_begin() - show the prompt and begin an empty line; history stays. */
void line_editor_begin(struct line_editor *editor);
/* line_editor_feed() - one typed byte. On LINE_EDITOR_LINE the line has been put into the history,
 * unless blank or a repetition. */
enum line_editor_event line_editor_feed(struct line_editor *editor, unsigned char byte);
/* line_editor_insert() - type text at the cursor, as far as it fits. For completion. */
void line_editor_insert(struct line_editor *editor, const char *text, size_t bytes);
/* line_editor_hide() / line_editor_show() - take prompt and line away and show them again, with other text in between. Right for what
 * fits into one row of the terminal. */
void line_editor_hide(struct line_editor *editor);
void line_editor_show(struct line_editor *editor);
/* line_editor_redraw() - prompt and line again, on a fresh line. */
void line_editor_redraw(struct line_editor *editor);
