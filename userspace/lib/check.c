/* SPDX-License-Identifier: MIT */
/* Last words. */
#include "userspace/lib/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "userspace/lib/format.h"
#include "userspace/lib/start.h"

void die(const char *format, ...)
{
    char text[PRINT_BYTES_MAX];
    va_list args;

    va_start(args, format);
    format_text_v(text, sizeof(text), format, args);
    va_end(args);
    printf("%s: %s\n", program.name, text);
    exit(EXIT_FAILED);
}

void check_failed(status_t status, const char *what)
{
    die("%s: %s", what, status_name(status));
}
