/* SPDX-License-Identifier: MIT */
/* From a date of the firmware's clock to Unix time. */
#pragma once

#include <stdint.h>

struct calendar {
    unsigned year, month, day; /* 1970 on, 1-12, 1-31 */
    unsigned hour, minute, second;
    uint32_t nanosecond;
    int utc_offset_minutes; /* UTC = date + utc_offset_minutes, the sign that UEFI uses */
};

/* calendar_unix_ns() - nanoseconds since 1970-01-01 UTC; 0 if a field is out of range or the time is before 1970. */
uint64_t calendar_unix_ns(const struct calendar *date);
