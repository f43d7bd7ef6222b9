/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: one record per line, in the trace, on COM1, in kdebug's `log`.
 */
#pragma once

#include "base/types.h"

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

/*
 * log_write() - write one line (without newline).
 * Context: any but NMI class. Takes the console lock (last rank) while it prints; polled.
 */
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)
