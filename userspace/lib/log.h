/* SPDX-License-Identifier: MIT */
/*
 * Lines for the log service (userspace/services/log): by area and level, with the time, core and thread of the moment.
 *
 *     log_connect(DEADLINE_FOREVER);       once
 *     log_line(LOG_INFO, "disk", "%lu sectors", count);
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

#define LOG_AREA_LETTERS 8u

/* log_area() - a name of up to eight letters as a number; what is longer is cut. */
uint64_t log_area(const char *name);

/* log_connect() - find the log service. The status of service_find(). */
status_t log_connect(uint64_t deadline);

/*
 * log_line() - a line without its end. OK when the service has taken it, shown or not: if that ends it is found again and the line
 * sent once more, so a line may come twice and is never lost. Cut at what the interface takes. Context: one thread at a time.
 */
status_t log_line(enum log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* log_limit() - show lines of an area up to a level; area "": of all areas without one of their own. */
status_t log_limit(const char *area, enum log_level level);
