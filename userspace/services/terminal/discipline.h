/* SPDX-License-Identifier: MIT */
/*
 * A terminal without its devices: what is typed goes to who reads, as edited lines or as bytes, and what is written is shown around the
 * line that is being typed. Pure memory work; who uses it locks.
 *
 *   D1  What is typed goes to one reader, in order. Without a reader up to TYPED_AHEAD bytes wait for the next one; then the bell rings.
 *   D2  Ctrl-C is never kept: it cancels a line, is a byte for a reader of bytes, and is an interrupt if nobody reads.
 *   D3  A line that is being typed is whole again after anything that was written in between.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/base/line_editor.h"
#include "userspace/lib/terminal.h"

#define TYPED_AHEAD        1024u
#define PROMPT_BYTES       128u /* longest prompt and its NUL */
#define DISCIPLINE_AT_ONCE 128u /* bytes for one read */

enum discipline_state {
    DISCIPLINE_IDLE,
    DISCIPLINE_LINE,  /* somebody reads a line */
    DISCIPLINE_BYTES, /* somebody reads bytes */
};

struct discipline;

/* What it has to say. Called with whatever lock its user holds. */
struct discipline_answers {
    void (*draw)(const char *text, size_t bytes);
    void (*line)(uint64_t token, const struct line_editor *editor, enum terminal_end end);
    /* False: the reader is gone, and the bytes wait for the next one. */
    bool (*bytes)(uint64_t token, const char *data, uint64_t bytes);
    void (*busy)(uint64_t token); /* another one reads now */
    void (*interrupt)(void);
};

/* discipline_init() sets it up. */
struct discipline {
    const struct discipline_answers *answers;
    enum discipline_state state;
    uint64_t token; /* of the reader */
    uint32_t flags; /* of read_line */
    struct line_editor editor;
    bool is_unfinished; /* the editor's line was given back for completion */
    char prompt[PROMPT_BYTES];
    char typed[TYPED_AHEAD]; /* a ring */
    uint64_t typed_first, typed_end;
};

void discipline_init(struct discipline *discipline, const struct discipline_answers *answers);

/* discipline_read_line() - @text  put in as if it were typed. False: the prompt or the text has letters that cannot be. */
bool discipline_read_line(struct discipline *discipline, uint64_t token, uint32_t flags,
                          const char *prompt, uint64_t prompt_bytes, const char *text,
                          uint64_t text_bytes);
void discipline_read_bytes(struct discipline *discipline, uint64_t token);

/* discipline_type() - somebody has typed. */
void discipline_type(struct discipline *discipline, const char *data, uint64_t bytes);

/* discipline_write() - show text. */
void discipline_write(struct discipline *discipline, const char *text, uint64_t bytes);
