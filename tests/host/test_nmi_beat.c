/* SPDX-License-Identifier: MIT */
/* Which NMI is a beat of the interval timer: the real code over a timer that counts by this host's TSC. */
#include "arch/nmi_beat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pit.h"

/* So that a beat takes some tenths of a second, and the host may be busy meanwhile. */
#define TSC_KHZ 20000000ull

static tsc_t loaded, start_is_held_up_for;
static unsigned pit_period;
static bool is_routed;

static tsc_t beat_ticks(void)
{
    return TSC_KHZ * pit_period / (PIT_HZ / 1000);
}

static void wait_until(tsc_t tsc)
{
    while (cpu_tsc() < tsc) {
        cpu_relax();
    }
}

unsigned pit_start(unsigned rate)
{
    pit_period = PIT_HZ / rate;
    loaded = cpu_tsc();
    wait_until(loaded + start_is_held_up_for);
    return pit_period;
}

void pit_stop(void)
{
}

bool pit_is_counting(unsigned period)
{
    return period == pit_period;
}

unsigned pit_elapsed(unsigned period)
{
    return (unsigned)((cpu_tsc() - loaded) % beat_ticks() * period / beat_ticks());
}

uint64_t clock_tsc_khz(void)
{
    return TSC_KHZ;
}

status_t ioapic_route_nmi(unsigned isa_line, unsigned cpu)
{
    assert_int_equal(isa_line, 0);
    assert_int_equal(cpu, NMI_BEAT_CPU);
    is_routed = true;
    return OK;
}

void ioapic_mask(unsigned isa_line, bool masked)
{
    assert_int_equal(isa_line, 0);
    is_routed = !masked;
}

static void start_held_up(tsc_t ticks)
{
    pit_period = PIT_HZ / PIT_RATE_MIN;
    start_is_held_up_for = ticks;
    assert_int_equal(nmi_beat_want(NMI_BEAT_WATCHDOG, PIT_RATE_MIN), OK);
    assert_true(is_routed);
}

static void each_beat_is_taken_once(void **state)
{
    (void)state;
    start_held_up(0);
    assert_int_equal(nmi_beat_take(), 0);
    for (unsigned beat = 1; beat <= 2; beat++) {
        wait_until(loaded + beat * beat_ticks() + beat_ticks() / 16);
        assert_int_equal(nmi_beat_take(), 1);
        assert_int_equal(nmi_beat_take(), 0);
    }
    wait_until(loaded + 4 * beat_ticks() + beat_ticks() / 16);
    assert_int_equal(nmi_beat_take(), 2);
}

/* The machine stood still between the start of the timer and what followed; the first beat is a beat all the same. */
static void first_beat_is_known_after_a_start_held_up(void **state)
{
    (void)state;
    pit_period = PIT_HZ / PIT_RATE_MIN;
    start_held_up(beat_ticks() / 4 * 3);
    assert_int_equal(nmi_beat_take(), 0);
    wait_until(loaded + beat_ticks() + beat_ticks() / 16);
    assert_int_equal(nmi_beat_take(), 1);
}

static void nobody_wants_beats(void **state)
{
    (void)state;
    start_held_up(0);
    assert_int_equal(nmi_beat_want(NMI_BEAT_WATCHDOG, 0), OK);
    assert_false(is_routed);
    assert_int_equal(nmi_beat_take(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_beat_is_taken_once),
        cmocka_unit_test(first_beat_is_known_after_a_start_held_up),
        cmocka_unit_test(nobody_wants_beats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
