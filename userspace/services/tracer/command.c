/* SPDX-License-Identifier: MIT */
/* Reading the host's commands. */
#include "userspace/services/tracer/command.h"

#include <string.h>

#include "userspace/lib/option.h"

static const struct {
    const char *word;
    enum command_kind kind;
    bool takes_mask;
} commands[] = {
    {"start", COMMAND_START, true},
    {"dump", COMMAND_DUMP, true},
    {"flush", COMMAND_FLUSH, false},
    {"stop", COMMAND_STOP, false},
};

struct command command_parse(const char *line)
{
    const struct command none = {COMMAND_NONE, false, 0};
    const char *space = strchr(line, ' ');
    size_t length = space == NULL ? strlen(line) : (size_t)(space - line);

    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].word) != length || strncmp(commands[i].word, line, length) != 0) {
            continue;
        }
        struct command command = {commands[i].kind, space != NULL, 0};
        if (space != NULL &&
            (!commands[i].takes_mask ||
             !number_parse(space + 1, (unsigned)strlen(space + 1), &command.mask))) {
            return none;
        }
        return command;
    }
    return none;
}

bool command_add(struct command_reader *reader, char c, struct command *out)
{
    if (c != '\n' && c != '\r') {
        if (reader->length < COMMAND_LINE_MAX) {
            reader->line[reader->length] = c;
        }
        reader->length += reader->length <= COMMAND_LINE_MAX;
        return false;
    }
    bool fits = reader->length <= COMMAND_LINE_MAX;
    reader->line[fits ? reader->length : 0] = '\0';
    reader->length = 0;
    *out = command_parse(reader->line);
    return out->kind != COMMAND_NONE;
}
