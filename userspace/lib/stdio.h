/* SPDX-License-Identifier: MIT */
/*
 * Printing on the console. Each call is one console_write, so lines of several programs do not mix:
 * print whole lines.
 */
#pragma once

#include <stddef.h>

#define PRINT_BYTES_MAX 256u /* longer text is cut, its newline kept */

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int snprintf(char *buffer, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * report() - one line "<program>: <text>", unless the program was told to be quiet. The newline is
 * added.
 */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* complain() - the same, also of one that was told to be quiet: for what went wrong, and for programs whose arguments are words of a
 * person, "quiet" among them. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
