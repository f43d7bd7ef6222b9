/* SPDX-License-Identifier: MIT */
/* Where the shell's lines come from: a person at a terminal, or its input. Context: the main thread, but for what is said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"
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

/* console_terminal() - a handle of the terminal that may be passed on; HANDLE_NONE: there is none. */
uint64_t console_terminal(void);

/* console_line_time() - when the last line ended, for job_begin(). 0: it was not typed. */
uint64_t console_line_time(void);

/* console_await_interrupt() - until Ctrl-C is typed and nobody reads; when that was. ERR_BUSY: somebody else waits for it now. Other
 * errors are for good. Context: another thread. */
status_t console_await_interrupt(uint64_t *out_time);
