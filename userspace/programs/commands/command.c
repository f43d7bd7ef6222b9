/* SPDX-License-Identifier: MIT */
#include "userspace/programs/commands/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/files/client/file.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"

static const struct {
    const char *name, *arguments;
} usages[] = {
#define COMMAND(name, arguments, doc) {#name, arguments},
#include "userspace/programs/commands/commands.def"
#undef COMMAND
};

static struct file file; /* what is read; no handle: the input */
static uint64_t offset;
static const char *source = "input";

_Noreturn void command_usage(void)
{
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        if (strcmp(usages[i].name, program.name) == 0) {
            complain("usage: %s %s", program.name, usages[i].arguments);
        }
    }
    exit(COMMAND_WRONG);
}

int command_fail(const char *what, status_t status)
{
    complain("%s: %s", what, status_name(status));
    return COMMAND_FAILED;
}

bool command_flag(int *argc, char ***argv, char flag)
{
    const char *word = *argc > 1 ? (*argv)[1] : "";

    if (word[0] != '-' || word[1] == '\0') {
        return false;
    }
    if (word[1] != flag || word[2] != '\0') {
        command_usage();
    }
    (*argc)--;
    (*argv)++;
    return true;
}

uint64_t command_number(const char *text)
{
    uint64_t number;

    if (text == NULL || !number_parse(text, (unsigned)strlen(text), &number)) {
        command_usage();
    }
    return number;
}

uint64_t command_lines(int *argc, char ***argv)
{
    uint64_t lines = 10;

    if (command_flag(argc, argv, 'n')) {
        lines = command_number((*argv)[1]);
        (*argc)--;
        (*argv)++;
    }
    if (*argc > 2) {
        command_usage();
    }
    return lines;
}

/* ---- input and output ---- */

status_t command_open(const char *path)
{
    if (path == NULL) {
        return OK;
    }
    offset = 0;
    source = path;
    if (file.handle != HANDLE_NONE) {
        file_close(&file);
    }
    return file_open(path, OPEN_READ, &file);
}

status_t command_read(void *data, size_t capacity, size_t *out_bytes)
{
    if (file.handle == HANDLE_NONE) {
        return stream_read(STREAM_INPUT, data, capacity, out_bytes);
    }
    status_t status = file_read(&file, offset, data, capacity, out_bytes);
    offset += *out_bytes;
    return status;
}

void command_write(const void *data, size_t bytes)
{
    status_t status = stream_write(STREAM_OUTPUT, data, bytes);

    if (status == ERR_PEER_CLOSED && stream_kind(STREAM_OUTPUT) == 'p') {
        exit(0); /* who reads has enough */
    }
    if (status != OK) {
        exit(command_fail("output", status));
    }
}

static char buffer[4096];
static size_t buffer_first, buffer_end;

static int next_letter(void)
{
    if (buffer_first == buffer_end) {
        buffer_first = buffer_end = 0;
        status_t status = command_read(buffer, sizeof(buffer), &buffer_end);
        if (status != OK) {
            exit(command_fail(source, status));
        }
    }
    return buffer_first < buffer_end ? (unsigned char)buffer[buffer_first++] : -1;
}

bool command_line(char *line, size_t capacity, size_t *out_length)
{
    size_t length = 0;
    int letter = next_letter();

    if (letter < 0) {
        return false;
    }
    for (; letter >= 0 && letter != '\n'; letter = next_letter()) {
        if (length + 1 < capacity) {
            line[length++] = (char)letter;
        }
    }
    line[length] = '\0';
    *out_length = length;
    return true;
}
