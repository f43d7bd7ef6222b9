/* SPDX-License-Identifier: MIT */
/*
 * The battery-backed clock of a PC, which keeps UTC to a second.
 *
 * Source: Motorola MC146818A, "Time, Calendar, and Alarm Locations", "Registers"; ACPI 6.4, FADT "CENTURY".
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

/* What its registers hold. */
struct rtc_registers {
    uint8_t seconds, minutes, hours, day, month, year, century, form;
};

struct rtc {
    uint64_t ports;
};

/* rtc_open() - @system  with right ports. ERR_BUSY: another process has it. */
status_t rtc_open(struct rtc *rtc, uint64_t system);

/* rtc_read() - seconds since 1970. ERR_NOT_FOUND: there is no such clock, or it has never been set. */
status_t rtc_read(struct rtc *rtc, uint64_t *out_seconds);

/* rtc_seconds() - the same of given registers: numbers may be decimal digits or binary, hours 12 or 24. */
status_t rtc_seconds(const struct rtc_registers *registers, uint64_t *out_seconds);

struct rtc_date {
    unsigned year, month, day, hour, minute, second;
};

/* rtc_date() - the calendar's idea of seconds since 1970. */
struct rtc_date rtc_date(uint64_t seconds);
