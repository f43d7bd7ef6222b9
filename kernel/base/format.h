/* SPDX-License-Identifier: MIT */
/*
 * printf-like formatting for the kernel and kdebug: %d %i %u %x %X %p %c %s %% with flags 0 - #,
 * width and precision (numbers or *), length l ll z h hh. No floats, no allocation, no locks.
 */
#pragma once

#include <stdarg.h>

#include "base/types.h"

/* Return the length the whole text would have; the buffer is always NUL-terminated when bytes >
 * 0. */
size_t format_text(char *buffer, size_t bytes, const char *format, ...) PRINTF_LIKE(3, 4);
size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args);
