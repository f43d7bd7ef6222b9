/* SPDX-License-Identifier: MIT */
/*
 * Commands of the host: lines of text on the capture port.
 *
 *   start [MASK]   begin a session with what is being recorded now; MASK: record exactly these
 *                  categories from now on
 *   dump [MASK]    the same from the oldest records that are still there
 *   flush          ship unfinished sub-buffers, too
 *   stop           flush and end the session
 *
 * MASK is decimal or 0x hexadecimal. There is no answer but the blocks that follow; what is not
 * understood is ignored.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define COMMAND_LINE_MAX 63u

enum command_kind { COMMAND_NONE, COMMAND_START, COMMAND_DUMP, COMMAND_FLUSH, COMMAND_STOP };

struct command {
    enum command_kind kind;
    bool has_mask;
    uint64_t mask;
};

struct command_reader {
    char line[COMMAND_LINE_MAX + 1];
    unsigned length; /* over COMMAND_LINE_MAX: too long, ignored up to its end */
};

/*
 * command_add() - take the next character. True when it ended a line that is a command, which is
 * then in *out.
 */
bool command_add(struct command_reader *reader, char c, struct command *out);

/* command_parse() - one line without its end. kind is COMMAND_NONE if it is no command. */
struct command command_parse(const char *line);
