/* SPDX-License-Identifier: MIT */
/*
 * printf-like formatting: %d %i %u %x %X %p %c %s %% with flags # 0 - and width, precision for %s,
 * lengths hh h l ll z. No floating point. The code is kernel/base/format.c.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Return the length of the whole text; the buffer is NUL-terminated when bytes > 0. */
size_t format_text(char *buffer, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args);
