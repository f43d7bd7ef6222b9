/* SPDX-License-Identifier: MIT */
/* The battery-backed clock: its registers in every form against the C library's calendar, and one that changes while it is read. */
#include "userspace/drivers/rtc/rtc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gen/syscall_user.h"
#include "userspace/lib/random.h"

#define BINARY 4u
#define HOURS  2u

static uint64_t chip_seconds; /* what it shows */
static unsigned selected, accesses, change_at, changing_reads;
static uint8_t form;
static bool is_absent;

static uint8_t digits(int value)
{
    return form & BINARY ? (uint8_t)value : (uint8_t)(value / 10 << 4 | value % 10);
}

static struct rtc_registers registers_of(uint64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm date;

    assert_non_null(gmtime_r(&time, &date));
    int hour = form & HOURS ? date.tm_hour : date.tm_hour % 12 == 0 ? 12 : date.tm_hour % 12;
    uint8_t pm = !(form & HOURS) && date.tm_hour >= 12 ? 0x80 : 0;
    return (struct rtc_registers){digits(date.tm_sec),
                                  digits(date.tm_min),
                                  (uint8_t)(digits(hour) | pm),
                                  digits(date.tm_mday),
                                  digits(date.tm_mon + 1),
                                  digits(date.tm_year % 100),
                                  digits((date.tm_year + 1900) / 100),
                                  form};
}

status_t sys_ports_create(uint64_t system, uint32_t first, uint32_t count, uint64_t *out_ports)
{
    assert_true(system == 7 && first == 0x70 && count == 2);
    *out_ports = 9;
    return OK;
}

status_t sys_ports_write(uint64_t ports, uint32_t offset, uint32_t width, uint32_t value)
{
    assert_true(ports == 9 && offset == 0 && width == 1);
    selected = value;
    return OK;
}

status_t sys_ports_read(uint64_t ports, uint32_t offset, uint32_t width, uint64_t *out_value)
{
    struct rtc_registers now = registers_of(chip_seconds);
    const uint8_t *value = &now.seconds;

    assert_true(ports == 9 && offset == 1 && width == 1);
    if (++accesses == change_at) {
        chip_seconds++;
    }
    switch (selected) {
    case 0x0a:
        *out_value = changing_reads > 0 ? 0xa6 : 0x26;
        changing_reads -= changing_reads > 0;
        break;
    case 0x0b:
        *out_value = form;
        break;
    case 0x32:
        *out_value = now.century;
        break;
    default:
        *out_value = selected < 6 ? value[selected / 2] : value[3 + selected - 7];
        break;
    }
    *out_value = is_absent ? 0xff : *out_value;
    return OK;
}

static int setup(void **state)
{
    (void)state;
    accesses = change_at = changing_reads = 0;
    is_absent = false;
    return 0;
}

static void every_form_of_every_date(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 40000; i++) {
        uint64_t seconds = 946684800 + random_next(&seed) % 6311433600u,
                 read = 0; /* 2000 to 2199 */
        struct tm wanted;
        time_t time;

        form = (uint8_t)(i % 4 * 2);
        struct rtc_registers registers = registers_of(seconds);
        assert_int_equal(rtc_seconds(&registers, &read), OK);
        assert_int_equal(read, seconds);
        struct rtc_date date = rtc_date(seconds);
        time = (time_t)seconds;
        assert_non_null(gmtime_r(&time, &wanted));
        assert_true(date.year == (unsigned)wanted.tm_year + 1900 &&
                    date.month == (unsigned)wanted.tm_mon + 1 &&
                    date.day == (unsigned)wanted.tm_mday);
        assert_true(date.hour == (unsigned)wanted.tm_hour &&
                    date.minute == (unsigned)wanted.tm_min &&
                    date.second == (unsigned)wanted.tm_sec);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const struct rtc_registers wrong[] = {
        {0, 0, 0, 30, 2, 24, 20, 6},
        {0, 0, 0, 29, 2, 23, 20, 6},
        {0, 0, 0, 0, 1, 23, 20, 6},
        {0, 0, 0, 1, 0, 23, 20, 6},
        {0, 0, 0, 1, 13, 23, 20, 6},
        {60, 0, 0, 1, 1, 23, 20, 6},
        {0, 60, 0, 1, 1, 23, 20, 6},
        {0, 0, 24, 1, 1, 23, 20, 6},
        {0x1a, 0, 0, 1, 1, 0x23, 0x20, 2},
        {0, 0, 0, 1, 1, 0xa0, 0, 2},
        {255, 255, 255, 255, 255, 255, 255, 255},
    };
    uint64_t seconds;

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(rtc_seconds(&wrong[i], &seconds), ERR_NOT_FOUND);
    }
}

/* Between any two of its registers, at midnight of a new year: all of the old or all of the new. */
static void one_that_changes_meanwhile(void **state)
{
    struct rtc rtc;
    uint64_t seconds;

    (void)state;
    form = HOURS;
    assert_int_equal(rtc_open(&rtc, 7), OK);
    for (unsigned at = 1; at < 40; at++) {
        chip_seconds = 1735689599; /* 2024-12-31 23:59:59 */
        accesses = 0;
        change_at = at;
        changing_reads = at % 5;
        assert_int_equal(rtc_read(&rtc, &seconds), OK);
        assert_true(seconds == chip_seconds || seconds == chip_seconds - 1);
    }
    changing_reads = ~0u;
    assert_int_equal(rtc_read(&rtc, &seconds), ERR_NOT_FOUND);
    is_absent = true;
    changing_reads = 0;
    assert_int_equal(rtc_read(&rtc, &seconds), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_form_of_every_date, setup),
        cmocka_unit_test_setup(what_is_no_date_is_refused, setup),
        cmocka_unit_test_setup(one_that_changes_meanwhile, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
