/* SPDX-License-Identifier: MIT */
/*
 * A terminal without its devices: what is typed goes to who reads, as edited lines or as bytes, and what is written is shown around the
 * line that is being typed. Whose turn it is to read: sessions.h. Pure memory work; who uses it locks.
 *
 *   D1  What is typed goes to one reader, in order. Without a reader up to TYPED_AHEAD bytes wait for the next one; then the bell rings.
 *   D2  Ctrl-C is never kept: it cancels a line, is a byte for a reader of bytes, and is a signal if nobody reads. So is Ctrl-Z, but that
 *       it takes the terminal from a job that reads a line, which goes on when the job has it again.
 *   D3  A line that is being typed is whole again after anything that was written in between.
 *   D4  A reader whose session has not the terminal waits. One reader of a session at a time.
 */
#pragma once

#include "gen/errors.h"
#include "kernel/base/line_editor.h"
#include "userspace/services/terminal/sessions.h"

#define TYPED_AHEAD        1024u
#define DISCIPLINE_AT_ONCE 128u /* bytes for one read */

struct discipline;

/* What it has to say. Called with whatever lock its user holds. */
struct discipline_answers {
    void (*draw)(const char *text, size_t bytes);
    void (*line)(uint64_t token, const struct line_editor *editor, enum terminal_end end);
    /* False: the reader is gone, and the bytes wait for the next one. */
    bool (*bytes)(uint64_t token, const char *data, uint64_t bytes);
    /* ERR_BUSY: another one reads now. ERR_PEER_CLOSED: the session has ended. */
    void (*refuse)(uint64_t token, status_t status);
    uint64_t (*now)(void); /* monotonic */
    /* False: nobody is there any more to be told. */
    bool (*signal)(uint64_t token, enum terminal_signal signal, uint64_t time);
};

/* discipline_init() sets it up. */
struct discipline {
    const struct discipline_answers *answers;
    struct sessions sessions;
    struct line_editor editor; /* of the session that has the terminal */
    bool is_unfinished;        /* the editor's line was given back for completion */
    char prompt[PROMPT_BYTES];
    char typed[TYPED_AHEAD]; /* a ring */
    uint64_t typed_first, typed_end;
};

void discipline_init(struct discipline *discipline, const struct discipline_answers *answers);

/* discipline_read_line() - @text  put in as if it were typed, if the session has the terminal. False: the prompt or the text has letters
 * that cannot be. */
bool discipline_read_line(struct discipline *discipline, struct session *session, uint64_t token,
                          uint32_t flags, const char *prompt, uint64_t prompt_bytes,
                          const char *text, uint64_t text_bytes);
void discipline_read_bytes(struct discipline *discipline, struct session *session, uint64_t token);

/* discipline_listen() - the session is told of the next signal, or the last one of which nobody has been told. */
void discipline_listen(struct discipline *discipline, struct session *session, uint64_t token);

/* discipline_focus() - who asks gives the terminal to a session below, or takes it back, as soon as it has it (T1). False: it is not
 * below. discipline_end_session() - T2.
 * discipline_end_below() - all those below it. */
bool discipline_focus(struct discipline *discipline, struct session *asking,
                      struct session *session);
void discipline_end_session(struct discipline *discipline, struct session *session);
void discipline_end_below(struct discipline *discipline, struct session *session);

/* discipline_type() - somebody has typed. */
void discipline_type(struct discipline *discipline, const char *data, uint64_t bytes);

/* discipline_write() - show text. */
void discipline_write(struct discipline *discipline, const char *text, uint64_t bytes);
