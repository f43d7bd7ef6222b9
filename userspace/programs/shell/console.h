/* SPDX-License-Identifier: MIT */
/* Where the shell's lines come from: a person at a terminal, or its input. Context: the main thread, but for what is said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
#include "userspace/lib/terminal.h"
#include "userspace/programs/shell/parse.h"

/*
 * console_open() - @service  name of the terminal's service; NULL: the stream that the shell was given, which may be a terminal, too.
 * OK; what finding it gives.
 */
status_t console_open(const char *service);

/* console_is_person() - lines are typed at a terminal. */
bool console_is_person(void);

/*
 * console_line() - the next line, without its end; "" if the person gave it up. OK; ERR_PEER_CLOSED: there will be no more; ERR_TOO_BIG: a
 * line of a script is too long, and has been skipped.
 */
status_t console_line(const char *prompt, char line[SHELL_LINE_BYTES]);

/* A share of the terminal for a job (userspace/interfaces/terminal.toml). */
struct console_session {
    uint64_t
        terminal; /* may be passed on; HANDLE_NONE: there is none, and all that is done with it is nothing */
    uint64_t number;
    unsigned attachment; /* a terminal that was found again does not know it */
};

/* console_begin_session() - for what is about to be started. Without a person, or if the terminal has too many, there is none.
 * console_end_session() - what reads through it is told that nobody types any more. */
void console_begin_session(struct console_session *out);
void console_end_session(struct console_session *session);

/* console_give() - the terminal to a session; NULL: back to the shell. */
void console_give(const struct console_session *session);

/* console_line_time() - when the last line ended, for job_begin(). 0: it was not typed. */
uint64_t console_line_time(void);

/* console_await_signal() - until Ctrl-C or Ctrl-Z is typed for what runs; when that was. Errors are for good. Context: another thread. */
status_t console_await_signal(enum terminal_signal *out_signal, uint64_t *out_time);
