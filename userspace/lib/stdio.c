/* SPDX-License-Identifier: MIT */
/* Printing, to the streams that the launcher has decided on. */
#include <stdio.h>

#include <stdarg.h>

#include "userspace/lib/format.h"
#include "userspace/lib/start.h"
#include "userspace/lib/stream.h"

static void write_text(enum stream_number stream, char *text, size_t length)
{
    if (length >= PRINT_BYTES_MAX) {
        length = PRINT_BYTES_MAX - 1;
        text[length - 1] = '\n';
    }
    /* Nothing can be done about a stream that refuses: the exit code still tells the verdict. */
    (void)stream_write(stream, text, length);
}

int printf(const char *format, ...)
{
    char text[PRINT_BYTES_MAX];
    va_list args;

    va_start(args, format);
    size_t length = format_text_v(text, sizeof(text), format, args);
    va_end(args);
    write_text(STREAM_OUTPUT, text, length);
    return (int)length;
}

int snprintf(char *buffer, size_t bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    size_t length = format_text_v(buffer, bytes, format, args);
    va_end(args);
    return (int)length;
}

static void write_line(const char *format, va_list args)
{
    char text[PRINT_BYTES_MAX];
    size_t length = format_text(text, sizeof(text), "%s: ", program.name);

    length += format_text_v(text + length, sizeof(text) - length, format, args);
    if (length < sizeof(text) - 1) {
        text[length] = '\n';
    }
    write_text(STREAM_ERRORS, text, length + 1);
}

void report(const char *format, ...)
{
    va_list args;

    if (!program.quiet) {
        va_start(args, format);
        write_line(format, args);
        va_end(args);
    }
}

void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(format, args);
    va_end(args);
}
