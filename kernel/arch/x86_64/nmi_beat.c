/* SPDX-License-Identifier: MIT */
/*
 * The steady NMI (nmi_beat.h).
 *
 * Beats are told from other NMIs by the timer itself: its counter says how long ago the latest beat was, so when. If
 * that is not the beat that was served last, this NMI is a new one's.
 */
#include "arch/nmi_beat.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupt.h"
#include "arch/pit.h"

#define BEAT_ISA_LINE 0u
#define CLOCK_TRIES   64u

static unsigned wanted[NMI_BEAT_USERS];

static struct {
    volatile unsigned rate; /* 0: off */
    unsigned period;        /* in counts of PIT_HZ */
    tsc_t latest;           /* the beat that was served last */
} beat;

static unsigned highest_wanted(void)
{
    unsigned rate = 0;
    for (unsigned user = 0; user < NMI_BEAT_USERS; user++) {
        rate = MAX(rate, wanted[user]);
    }
    return rate;
}

static status_t start(unsigned rate)
{
    /* A start that is held up must not make the first beat look like one that was served. */
    tsc_t before = cpu_tsc();
    beat.period = pit_start(rate);
    if (!pit_is_counting(beat.period)) {
        return ERR_NOT_SUPPORTED;
    }
    beat.latest = before;
    beat.rate = rate;
    if (ioapic_route_nmi(BEAT_ISA_LINE, NMI_BEAT_CPU) != OK) {
        beat.rate = 0;
        pit_stop();
        return ERR_NOT_SUPPORTED;
    }
    return OK;
}

status_t nmi_beat_want(enum nmi_beat_user user, unsigned rate)
{
    wanted[user] = rate;
    unsigned highest = highest_wanted();
    ioapic_mask(BEAT_ISA_LINE, true);
    beat.rate = 0;
    pit_stop();
    status_t status = highest == 0 ? OK : start(highest);
    if (status != OK) {
        wanted[user] = 0;
    }
    return status;
}

unsigned nmi_beat_wanted(enum nmi_beat_user user)
{
    return wanted[user];
}

static tsc_t ticks_of(unsigned counts)
{
    return clock_tsc_khz() * counts / (PIT_HZ / 1000);
}

tsc_t nmi_beat_ticks(void)
{
    return ticks_of(beat.period);
}

/* When the latest beat was. Under an emulator that is held up between the two readings they do not belong together. */
static tsc_t latest_beat(tsc_t period)
{
    tsc_t before, after;
    unsigned elapsed, tries = CLOCK_TRIES;
    do {
        before = cpu_tsc();
        elapsed = pit_elapsed(beat.period);
        after = cpu_tsc();
    } while (after - before > period / 4 && --tries > 0);
    return after - ticks_of(elapsed);
}

uint64_t nmi_beat_take(void)
{
    if (beat.rate == 0) {
        return 0;
    }
    tsc_t period = nmi_beat_ticks();
    tsc_t latest = latest_beat(period);
    uint64_t beats = latest < beat.latest ? 0 : (latest - beat.latest + period / 2) / period;
    beat.latest = beats == 0 ? beat.latest : latest;
    return beats;
}
