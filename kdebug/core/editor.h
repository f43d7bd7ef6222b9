/* SPDX-License-Identifier: MIT */
/*
 * The line editor: a state machine fed with bytes, that draws through one function. No input or
 * output of its own, so it is tested and fuzzed on the host.
 *
 * Keys: printable ASCII · left right home end, ^B ^F ^A ^E · backspace, delete, ^H ^D · ^K to the
 * end, ^U to the start, ^W a word · up down, ^P ^N history · ^R the newest line before with what has been typed
 * in it, again the one before that · ^L redraw · ^C give the line up ·
 * TAB completes (the caller does) · CR, LF or CR LF end the line.
 *
 * E1  length < sizeof(text), cursor <= length, text[length] == 0, whatever bytes come in.
 * E2  A CR directly followed by LF is one end of line.
 */
#pragma once

#include "base/types.h"

#define KD_EDITOR_BYTES   256u /* longest line with its NUL */
#define KD_EDITOR_HISTORY 32u

enum kd_editor_event {
    KD_EDITOR_MORE,     /* go on feeding */
    KD_EDITOR_LINE,     /* text is a finished line; kd_editor_begin() starts the next */
    KD_EDITOR_CANCEL,   /* ^C */
    KD_EDITOR_COMPLETE, /* TAB at the cursor */
};

struct kd_editor {
    char text[KD_EDITOR_BYTES];
    uint16_t length, cursor;
    uint8_t escape;    /* state inside an escape sequence */
    uint8_t parameter; /* its number */
    bool after_cr;
    const char *prompt;
    void (*draw)(const char *text, size_t bytes);

    char history[KD_EDITOR_HISTORY][KD_EDITOR_BYTES];
    uint32_t history_count;       /* lines ever kept */
    uint32_t history_back;        /* how far up we are: 0 the new line */
    char draft[KD_EDITOR_BYTES];  /* the new line while we are up */
    char wanted[KD_EDITOR_BYTES]; /* what ^R looks for */
    bool is_searching;            /* the last key was ^R */
};

/* kd_editor_init() - empty line, empty history. */
void kd_editor_init(struct kd_editor *editor, const char *prompt,
                    void (*draw)(const char *text, size_t bytes));
/* kd_editor_begin() - show the prompt and begin an empty line; history stays. */
void kd_editor_begin(struct kd_editor *editor);
/* kd_editor_feed() - one typed byte. On KD_EDITOR_LINE the line has been put into the history,
 * unless blank or a repetition. */
enum kd_editor_event kd_editor_feed(struct kd_editor *editor, unsigned char byte);
/* kd_editor_insert() - type text at the cursor, as far as it fits. For completion. */
void kd_editor_insert(struct kd_editor *editor, const char *text, size_t bytes);
/* kd_editor_redraw() - prompt and line again, on a fresh line. */
void kd_editor_redraw(struct kd_editor *editor);
