/* SPDX-License-Identifier: MIT */
/* Command line, calendar and CPU judgement of the loader: small tables each. */
#include "boot/load/calendar.h"
#include "boot/load/cpu_check.h"
#include "boot/load/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct number_case {
    const char *cmdline;
    status_t status;
    uint64_t value;
};

static const struct number_case numbers[] = {
    {"trace_at=256", OK, 256},
    {"trace_at=0", OK, 0},
    {"trace_at=0x10000000", OK, 0x10000000},
    {"trace_at=0XaBc", OK, 0xabc},
    {"trace_at=0xAFaf09", OK, 0xafaf09},
    {"a b trace_at=1K c", OK, 1024},
    {"trace_at=64m", OK, 64ull << 20},
    {"trace_at=0x10G", OK, 16ull << 30},
    {"trace_at=1 trace_at=2", OK, 2},
    {"\ttrace_at=7\n", OK, 7},
    {"trace_at=18446744073709551615", OK, UINT64_MAX},
    {"trace_at=0xffffffffffffffff", OK, UINT64_MAX},
    {"trace_at=18446744073709551616", ERR_RANGE, 0},
    {"trace_at=0x10000000000000000", ERR_RANGE, 0},
    {"trace_at=17179869184G", ERR_RANGE, 0},
    {"trace_at=17179869183G", OK, 17179869183ull << 30},
    {"", ERR_NOT_FOUND, 0},
    {"trace_atx=1", ERR_NOT_FOUND, 0},
    {"xtrace_at=1", ERR_NOT_FOUND, 0},
    {"x=trace_at=1", ERR_NOT_FOUND, 0},
    {"trace_a=1", ERR_NOT_FOUND, 0},
    {"trace_at", ERR_BAD_ARGUMENT, 0},
    {"trace_at=", ERR_BAD_ARGUMENT, 0},
    {"trace_at=K", ERR_BAD_ARGUMENT, 0},
    {"trace_at=0x", ERR_BAD_ARGUMENT, 0},
    {"trace_at=12a", ERR_BAD_ARGUMENT, 0},
    {"trace_at=12KB", ERR_BAD_ARGUMENT, 0},
    {"trace_at=-1", ERR_BAD_ARGUMENT, 0},
    {"trace_at=1,2", ERR_BAD_ARGUMENT, 0},
};

static void test_number(void **state)
{
    const struct number_case *c = *state;
    uint64_t value = 0;
    assert_int_equal(option_number(c->cmdline, "trace_at", &value), c->status);
    assert_int_equal(value, c->value);
}

static void test_is_set(void **state)
{
    (void)state;
    assert_true(option_is_set("boot_test_stale_key", "boot_test_stale_key"));
    assert_true(option_is_set("a  stale=3 b", "stale"));
    assert_false(option_is_set("stale_key", "stale"));
    assert_false(option_is_set("a=stale", "stale"));
    assert_false(option_is_set("", "stale"));
}

struct clean_case {
    const char *name;
    const char *in;
    const char *out;
    bool is_cut;
};

static const struct clean_case cleans[] = {
    {"an empty file is an empty command line", "", "", false},
    {"a lone line end goes away", "\r\n", "", false},
    {"blanks at both ends go away", "  a b\r\n", "a b", false},
    {"lines and tabs become blanks", "a\nb\tc", "a b c", false},
    {"a line that just fits", "1234567", "1234567", false},
    {"a line one too long is cut", "12345678", "1234567", true},
    {"blanks at the end do not count", "1234567 \n\n", "1234567", false},
    {"UTF-8 passes", "\xc3\xa4", "\xc3\xa4", false},
};

static void test_clean(void **state)
{
    const struct clean_case *c = *state;
    char out[8];
    memset(out, 0xee, sizeof(out));
    size_t size = strlen(c->in);
    char *in = malloc(size > 0 ? size : 1); /* exactly: the sanitizer watches its end */
    assert_non_null(in);
    memcpy(in, c->in, size);
    assert_int_equal(option_clean(out, sizeof(out), in, size), c->is_cut);
    free(in);
    assert_string_equal(out, c->out);
}

static void test_clean_inner_nul(void **state)
{
    (void)state;
    char out[8];
    assert_false(option_clean(out, sizeof(out), "a\0b", 3));
    assert_string_equal(out, "a b");
}

/* Against the C library, a date a week or so apart over 430 years. */
static void test_calendar(void **state)
{
    (void)state;
    for (time_t seconds = 0; seconds < 13569465600; seconds += 612345) {
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        struct calendar date = {.year = (unsigned)tm.tm_year + 1900,
                                .month = (unsigned)tm.tm_mon + 1,
                                .day = (unsigned)tm.tm_mday,
                                .hour = (unsigned)tm.tm_hour,
                                .minute = (unsigned)tm.tm_min,
                                .second = (unsigned)tm.tm_sec,
                                .nanosecond = 5};
        assert_int_equal(calendar_unix_ns(&date), (uint64_t)seconds * 1000000000u + 5);
    }
}

static void test_calendar_zone(void **state)
{
    (void)state;
    /* UEFI: local time = UTC - TimeZone, so one hour east of Greenwich is -60. */
    struct calendar berlin = {2024, 1, 1, 1, 0, 0, 0, -60};
    assert_int_equal(calendar_unix_ns(&berlin), 1704067200000000000ull);
}

static void test_calendar_limits(void **state)
{
    (void)state;
    struct calendar date = {2400, 12, 31, 23, 59, 59, 999999999, 0};
    assert_int_equal(calendar_unix_ns(&date), 13601087999999999999ull);
    date.utc_offset_minutes = 1440;
    assert_int_equal(calendar_unix_ns(&date), 13601087999999999999ull + 86400000000000ull);
    date.utc_offset_minutes = -1440;
    assert_int_equal(calendar_unix_ns(&date), 13601087999999999999ull - 86400000000000ull);
}

static void test_calendar_refuses(void **state)
{
    (void)state;
    static const struct calendar bad[] = {
        {1969, 12, 31, 0, 0, 0, 0, 0},        {2024, 0, 1, 0, 0, 0, 0, 0},
        {2024, 13, 1, 0, 0, 0, 0, 0},         {2024, 1, 0, 0, 0, 0, 0, 0},
        {2024, 1, 32, 0, 0, 0, 0, 0},         {2024, 1, 1, 24, 0, 0, 0, 0},
        {2024, 1, 1, 0, 60, 0, 0, 0},         {2024, 1, 1, 0, 0, 60, 0, 0},
        {2024, 1, 1, 0, 0, 0, 1000000000, 0}, {2024, 1, 1, 0, 0, 0, 0, 1441},
        {1970, 1, 1, 0, 0, 0, 0, -1},         {0, 0, 0, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(calendar_unix_ns(&bad[i]), 0);
    }
}

static struct cpu_words make_cpu(const char *vendor)
{
    struct cpu_words words = {.leaf1_edx = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 9 |
                                           1u << 13 | 1u << 16,
                              .extended1_edx = 1u << 11 | 1u << 20 | 1u << 29};
    memcpy(words.vendor, vendor, 13);
    return words;
}

static void test_cpu_missing(void **state)
{
    (void)state;
    struct cpu_words words = make_cpu("AuthenticAMD");
    assert_null(cpu_find_missing(&words));
    for (unsigned bit = 0; bit < 32; bit++) {
        struct cpu_words less = words;
        less.leaf1_edx &= ~(1u << bit);
        assert_true((cpu_find_missing(&less) != NULL) == (words.leaf1_edx >> bit & 1));
        less = words;
        less.extended1_edx &= ~(1u << bit);
        assert_true((cpu_find_missing(&less) != NULL) == (words.extended1_edx >> bit & 1));
    }
    words.extended1_edx &= ~(1u << 20);
    assert_non_null(strstr(cpu_find_missing(&words), "NX"));
}

static void test_cpu_five_levels(void **state)
{
    (void)state;
    struct cpu_words words = make_cpu("GenuineIntel");
    words.cr4 = 1u << 12;
    assert_non_null(strstr(cpu_find_missing(&words), "5-level"));
}

static void test_cpu_huge_pages(void **state)
{
    (void)state;
    struct cpu_words words = make_cpu("GenuineIntel");
    assert_false(cpu_has_huge_pages(&words));
    words.extended1_edx |= 1u << 26;
    assert_true(cpu_has_huge_pages(&words));
    assert_false(cpu_has_arch_capabilities(&words));
    words.leaf7_edx = 1u << 29;
    assert_true(cpu_has_arch_capabilities(&words));
}

struct flaw_case {
    const char *name;
    const char *vendor;
    uint64_t arch_capabilities;
    uint32_t extended21_eax;
    bool is_emulated, kpti, retpolines;
};

static const struct flaw_case flaws[] = {
    {"old Intel", "GenuineIntel", 0, 0, false, true, true},
    {"Intel without Meltdown", "GenuineIntel", 1, 0, false, false, true},
    {"Intel with enhanced IBRS", "GenuineIntel", 3, 0, false, false, false},
    {"old AMD", "AuthenticAMD", 0, 0, false, false, true},
    {"AMD with automatic IBRS", "AuthenticAMD", 0, 1u << 8, false, false, false},
    {"another vendor", "AMDisbetter!", 0, 0, false, false, false},
    {"Intel, emulated", "GenuineIntel", 0, 0, true, false, false},
    {"AMD, emulated", "AuthenticAMD", 0, 0, true, false, false},
};

static void test_flaws(void **state)
{
    const struct flaw_case *c = *state;
    struct cpu_words words = make_cpu(c->vendor);
    words.arch_capabilities = c->arch_capabilities;
    words.extended21_eax = c->extended21_eax;
    words.is_emulated = c->is_emulated;
    assert_int_equal(cpu_needs_kpti(&words), c->kpti);
    assert_int_equal(cpu_needs_retpolines(&words), c->retpolines);
}

int main(void)
{
    struct CMUnitTest tests[COUNT_OF(numbers) + COUNT_OF(cleans) + COUNT_OF(flaws) + 9] = {
        {"a word is there or not", test_is_set, NULL, NULL, NULL},
        {"a NUL inside the file becomes a blank", test_clean_inner_nul, NULL, NULL, NULL},
        {"dates equal the C library's", test_calendar, NULL, NULL, NULL},
        {"a time zone is applied with UEFI's sign", test_calendar_zone, NULL, NULL, NULL},
        {"the last second of 2400 and a day's offset", test_calendar_limits, NULL, NULL, NULL},
        {"dates out of range give 0", test_calendar_refuses, NULL, NULL, NULL},
        {"every needed CPU feature is missed", test_cpu_missing, NULL, NULL, NULL},
        {"five-level paging is refused", test_cpu_five_levels, NULL, NULL, NULL},
        {"1 GiB pages and ARCH_CAPABILITIES are optional", test_cpu_huge_pages, NULL, NULL, NULL},
    };
    unsigned n = 9;
    for (unsigned i = 0; i < COUNT_OF(numbers); i++) {
        const char *name =
            numbers[i].cmdline[0] != '\0' ? numbers[i].cmdline : "an empty command line";
        tests[n++] = (struct CMUnitTest){name, test_number, NULL, NULL, (void *)&numbers[i]};
    }
    for (unsigned i = 0; i < COUNT_OF(cleans); i++) {
        tests[n++] =
            (struct CMUnitTest){cleans[i].name, test_clean, NULL, NULL, (void *)&cleans[i]};
    }
    for (unsigned i = 0; i < COUNT_OF(flaws); i++) {
        tests[n++] = (struct CMUnitTest){flaws[i].name, test_flaws, NULL, NULL, (void *)&flaws[i]};
    }
    return cmocka_run_group_tests_name("boot_options", tests, NULL, NULL);
}
