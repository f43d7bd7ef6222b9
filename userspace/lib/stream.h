/* SPDX-License-Identifier: MIT */
/*
 * The streams that a program stands between: what it reads, what it writes, where it says what went wrong.
 *
 * Its launcher decides what they are, by giving it handles (stream_names) and the variable STREAMS of the environment, which
 * says of what kind each is: one letter each, in this order. Without them they are the console.
 *
 *     n  nothing: reading ends at once, what is written is gone
 *     c  the kernel's console (handle "console")
 *     t  a terminal (userspace/interfaces/terminal.toml)
 *     f  an open file (userspace/interfaces/vfs.toml), from its beginning; written to behind its end if it was opened so
 *     p  an area with a channel in it (channel.h): a pipe to another program
 *     s  for errors: the same as the output, without a handle
 *
 * Context: any thread; what two threads write does not mix, but for pieces longer than STREAM_PIECE.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gen/errors.h"

#define STREAM_PIECE    512u
#define STREAM_VARIABLE "STREAMS"

enum stream_number { STREAM_INPUT, STREAM_OUTPUT, STREAM_ERRORS, STREAMS };

/* The names of the handles: "input", "output", "errors". */
extern const char *const stream_names[STREAMS];

/* What supervisor.run is told: the letters of all three. */
#define STREAM_KINDS(input, output, errors)                                                        \
    ((uint32_t)(input) | (uint32_t)(output) << 8 | (uint32_t)(errors) << 16)

/* The same with the number of arguments. */
#define RUN_ARGUMENTS_SHIFT         24
#define RUN_SHAPE(kinds, arguments) ((kinds) | (uint32_t)(arguments) << RUN_ARGUMENTS_SHIFT)

/* stream_rights() - what a program gets of the handle behind a stream of this kind: to use it and to pass it on. */
uint32_t stream_rights(char kind);

/* stream_set_terminal() - all three are this terminal from now on, whatever the launcher said. */
void stream_set_terminal(uint64_t terminal);

/* stream_kind() - the letter of a stream of this program; of the output, for errors that go there. stream_handle() - its handle. */
char stream_kind(enum stream_number stream);
uint64_t stream_handle(enum stream_number stream);

/*
 * stream_write() - all of it. OK; ERR_PEER_CLOSED: nobody will read it; what writing a file gives. What has been written before an
 * error is not told.
 */
status_t stream_write(enum stream_number number, const void *data, size_t bytes);

/* stream_read() - some bytes; *out_bytes 0: there will be no more. A person at a terminal types lines, which come with their LF. */
status_t stream_read(enum stream_number number, void *data, size_t capacity, size_t *out_bytes);
