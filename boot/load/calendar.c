/* SPDX-License-Identifier: MIT */
/*
 * Gregorian date to Unix time. Years are counted from March, so that the leap day is the last one of a year and the
 * days before a month follow (153 * month + 2) / 5.
 */
#include "boot/load/calendar.h"

#include <stdbool.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 to 1970-01-01 */

static bool is_valid(const struct calendar *date)
{
    return date->year >= 1970 && date->year <= 2400 && date->month >= 1 && date->month <= 12 &&
           date->day >= 1 && date->day <= 31 && date->hour <= 23 && date->minute <= 59 &&
           date->second <= 59 && date->nanosecond <= 999999999 &&
           date->utc_offset_minutes >= -1440 && date->utc_offset_minutes <= 1440;
}

uint64_t calendar_unix_ns(const struct calendar *date)
{
    if (!is_valid(date)) {
        return 0;
    }
    int64_t year = date->month > 2 ? date->year : (int64_t)date->year - 1;
    int64_t month = date->month > 2 ? date->month - 3 : date->month + 9;
    int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
                   date->day - 1 - DAYS_TO_1970;
    int64_t seconds =
        ((days * 24 + date->hour) * 60 + date->minute + date->utc_offset_minutes) * 60 +
        date->second;
    return seconds < 0 ? 0 : (uint64_t)seconds * 1000000000u + date->nanosecond;
}
