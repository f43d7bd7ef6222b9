/* SPDX-License-Identifier: MIT */
/* Ending a program that cannot go on: says why on the console and exits with EXIT_FAILED. */
#pragma once

#include "gen/errors.h"

#define EXIT_FAILED 1

/* die() - print "<program>: <text>" even if quiet, and end the process. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* must() - end the process unless a call that has to work did. */
#define must(expression) check_status((expression), #expression)

#define VERIFY(x)                                                                                  \
    do {                                                                                           \
        if (__builtin_expect(!(x), 0)) {                                                           \
            die("VERIFY(%s) failed, %s:%d", #x, __FILE__, __LINE__);                               \
        }                                                                                          \
    } while (0)

_Noreturn void check_failed(status_t status, const char *what);

static inline void check_status(status_t status, const char *what)
{
    if (__builtin_expect(status != OK, 0)) {
        check_failed(status, what);
    }
}
