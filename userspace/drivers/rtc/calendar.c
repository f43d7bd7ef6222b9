/* SPDX-License-Identifier: MIT */
/*
 * Registers of the clock to seconds, and seconds to a date.
 *
 * Years are counted from March, so that the day that comes every four years is the last.
 */
#include <stdbool.h>

#include "userspace/drivers/rtc/rtc.h"

#define FORM_24_HOURS 2u
#define FORM_BINARY   4u
#define HOURS_PM      0x80u

#define DAYS_TO_1970 719468u /* from 1 March of the year 0 */
#define DAYS_OF_ERA  146097u /* 400 years */
#define DAY_SECONDS  86400u

static unsigned number_of(const struct rtc_registers *registers, uint8_t value)
{
    return registers->form & FORM_BINARY ? value : (value >> 4) * 10u + (value & 0xf);
}

static bool is_digits(uint8_t value)
{
    return (value & 0xf) < 10 && value >> 4 < 10;
}

static unsigned hour_of(const struct rtc_registers *registers)
{
    unsigned hour = number_of(registers, registers->hours & (uint8_t)~HOURS_PM);

    if (registers->form & FORM_24_HOURS) {
        return number_of(registers, registers->hours);
    }
    return hour % 12 + (registers->hours & HOURS_PM ? 12 : 0);
}

/* Not every clock knows the century; none of ours is older than this system. */
static unsigned year_of(const struct rtc_registers *registers)
{
    unsigned century = number_of(registers, registers->century);

    if (century < 20 || century > 22) {
        century = 20;
    }
    return century * 100 + number_of(registers, registers->year);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

static bool is_date(const struct rtc_date *date)
{
    return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= days_of_month(date->year, date->month) && date->hour < 24 &&
           date->minute < 60 && date->second < 60;
}

static uint64_t days_since_1970(const struct rtc_date *date)
{
    unsigned year = date->month > 2 ? date->year : date->year - 1;
    unsigned month = (date->month + 9) % 12; /* March is 0 */
    unsigned of_era = year % 400;
    unsigned days =
        of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + date->day - 1;

    return (uint64_t)year / 400 * DAYS_OF_ERA + days - DAYS_TO_1970;
}

status_t rtc_seconds(const struct rtc_registers *registers, uint64_t *out_seconds)
{
    const struct rtc_date date = {year_of(registers),
                                  number_of(registers, registers->month),
                                  number_of(registers, registers->day),
                                  hour_of(registers),
                                  number_of(registers, registers->minutes),
                                  number_of(registers, registers->seconds)};
    bool is_binary = (registers->form & FORM_BINARY) != 0;

    if (!is_binary &&
        !(is_digits(registers->seconds) && is_digits(registers->minutes) &&
          is_digits(registers->day) && is_digits(registers->month) && is_digits(registers->year))) {
        return ERR_NOT_FOUND;
    }
    if (!is_date(&date)) {
        return ERR_NOT_FOUND;
    }
    *out_seconds =
        days_since_1970(&date) * DAY_SECONDS + date.hour * 3600ull + date.minute * 60 + date.second;
    return OK;
}

struct rtc_date rtc_date(uint64_t seconds)
{
    uint64_t days = seconds / DAY_SECONDS + DAYS_TO_1970;
    unsigned rest = (unsigned)(seconds % DAY_SECONDS);
    unsigned day = (unsigned)(days % DAYS_OF_ERA); /* of 400 years */
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned of_year = day - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153;

    return (struct rtc_date){(unsigned)(days / DAYS_OF_ERA) * 400 + year + (month > 9),
                             month < 10 ? month + 3 : month - 9,
                             of_year - (153 * month + 2) / 5 + 1,
                             rest / 3600,
                             rest / 60 % 60,
                             rest % 60};
}
