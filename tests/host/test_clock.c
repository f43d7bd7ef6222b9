/* SPDX-License-Identifier: MIT */
/* Clock arithmetic against exact numbers, computed here with 128-bit division. */
#include "arch/x86_64/clock_math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

typedef unsigned __int128 u128;

#define HOUR_NS (3600 * NS_PER_SECOND)
#define YEAR_S  (366ull * 24 * 3600)

static const uint64_t rates_hz[] = {1000000,    3579545,    1000000000, 1193182,
                                    1800000000, 2400000000, 2592000001, 2899999999,
                                    3000000000, 3333333,    4700000000, 16000000000};

static void one_hour_is_exact_to_a_nanosecond(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rates_hz); i++) {
        uint64_t ticks = 3600 * rates_hz[i];
        ns_t got = clock_scale(ticks, clock_multiplier(rates_hz[i]));
        assert_in_range(got, HOUR_NS - 1, HOUR_NS + 1);
    }
}

static void one_gigahertz_is_exact_for_a_year(void **state)
{
    (void)state;
    uint64_t ticks = YEAR_S * NS_PER_SECOND;
    assert_int_equal(clock_scale(ticks, clock_multiplier(1000000000)), ticks);
    assert_int_equal(clock_scale(ticks + 1, clock_multiplier(1000000000)), ticks + 1);
}

static void scaling_does_not_overflow(void **state)
{
    (void)state;
    /*
     * 2^63 ticks of 1 MHz are 292,000 years: more than 64 bits of ns; of 3 GHz they are 97 years
     * and fit.
     */
    uint64_t ticks = 1ull << 63;
    ns_t want = (ns_t)((u128)ticks * NS_PER_SECOND / 3000000000u);
    ns_t got = clock_scale(ticks, clock_multiplier(3000000000));
    assert_true(got > want ? got - want < 1000 : want - got < 1000);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rates_hz); i++) {
        uint64_t multiplier = clock_multiplier(rates_hz[i]);
        ns_t last = 0;
        for (tsc_t ticks = 0; ticks < 20000; ticks++) {
            ns_t now = clock_scale(ticks, multiplier);
            assert_true(now >= last);
            last = now;
        }
    }
}

static void a_deadline_is_the_first_tick_that_reaches_it(void **state)
{
    (void)state;
    static const ns_t times[] = {0, 1, 2, 999, 1000, 1000000, 123456789, HOUR_NS, 1000 * HOUR_NS};
    for (size_t i = 0; i < ARRAY_COUNT(rates_hz); i++) {
        uint64_t multiplier = clock_multiplier(rates_hz[i]);
        for (size_t t = 0; t < ARRAY_COUNT(times); t++) {
            tsc_t ticks = clock_unscale(times[t], multiplier);
            assert_true(clock_scale(ticks, multiplier) >= times[t]);
            assert_true(ticks == 0 || clock_scale(ticks - 1, multiplier) < times[t]);
        }
    }
}

static void a_deadline_out_of_reach_saturates(void **state)
{
    (void)state;
    assert_int_equal(clock_unscale(~0ull, clock_multiplier(3000000000)), ~0ull);
    assert_int_equal(clock_unscale(5, 0), ~0ull); /* before the clock is measured */
}

static void mul_div_is_exact(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 200000; i++) {
        uint64_t a =
            ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >> (rand() % 64);
        uint64_t b =
            ((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand()) >> (rand() % 64);
        uint64_t c = ((uint64_t)rand() << 33 ^ (uint64_t)rand()) >> (rand() % 63);
        u128 want = c ? (u128)a * b / c : ~(u128)0;
        assert_int_equal(mul_div(a, b, c), want > ~0ull ? ~0ull : (uint64_t)want);
    }
}

struct rounding_case {
    const char *name;
    uint64_t hz, error_hz, want;
};

static void rates_are_rounded_only_within_the_error(void **state)
{
    (void)state;
    static const struct rounding_case cases[] = {
        {"an emulator's 1 GHz", 999999400, 3299, 1000000000},
        {"above the round rate", 2400000900, 1000, 2400000000},
        {"the error is too small to say", 2400000900, 899, 2400000900},
        {"exactly at the error", 2400000900, 900, 2400000000},
        {"a crystal's odd rate", 2591997000, 1000, 2591997000},
        {"round already", 3000000000, 0, 3000000000},
        {"never rounded to nothing", 400000, 500000, 400000},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t got = clock_rate_round(cases[i].hz, cases[i].error_hz);
        if (got != cases[i].want) {
            fail_msg("%s: %lu Hz, wanted %lu", cases[i].name, got, cases[i].want);
        }
    }
}

static void the_multiplier_of_a_rate_too_low_saturates(void **state)
{
    (void)state;
    assert_int_equal(clock_multiplier(1), ~0ull);
    assert_true(clock_multiplier(1000000) != ~0ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hour_is_exact_to_a_nanosecond),
        cmocka_unit_test(one_gigahertz_is_exact_for_a_year),
        cmocka_unit_test(scaling_does_not_overflow),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(a_deadline_is_the_first_tick_that_reaches_it),
        cmocka_unit_test(a_deadline_out_of_reach_saturates),
        cmocka_unit_test(mul_div_is_exact),
        cmocka_unit_test(rates_are_rounded_only_within_the_error),
        cmocka_unit_test(the_multiplier_of_a_rate_too_low_saturates),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
