/* SPDX-License-Identifier: MIT */
/*
 * The three counters a PC may have, best first.
 *
 * Source: IA-PC HPET specification 1.0a, "Register Overview"; ACPI 6.4, "Power Management Timer";
 * 8254 data sheet.
 */
#include "arch/x86_64/clock_reference.h"

#include "arch/acpi.h"
#include "arch/cpu.h"
#include "arch/mmu.h"

#define HPET_CAPABILITIES  0x000u
#define HPET_CONFIGURATION 0x010u
#define HPET_COUNTER       0x0f0u
#define HPET_COUNTER_64    (1ull << 13)
#define HPET_PERIOD_SHIFT  32
#define HPET_ENABLE        1ull
#define HPET_PERIOD_MAX    100000000u /* fs: the specification allows no slower counter */
#define FEMTOSECONDS       1000000000000000ull

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu /* 24 bits on every machine, 32 on some */

#define PIT_CHANNEL_2     0x42u
#define PIT_COMMAND       0x43u
#define PIT_GATE          0x61u /* bit 0: gate of channel 2, bit 1: loudspeaker */
#define PIT_MODE_2_BINARY 0xb4u /* channel 2, both bytes, rate generator: runs for ever */
#define PIT_LATCH_2       0x80u

static volatile uint8_t *hpet_base;

static uint64_t read_hpet(void)
{
    return *(volatile uint64_t *)(hpet_base + HPET_COUNTER);
}

/* A 64-bit read of a 32-bit counter is not promised to work. */
static uint64_t read_hpet_32(void)
{
    return *(volatile uint32_t *)(hpet_base + HPET_COUNTER);
}

static uint64_t read_pm_timer(void)
{
    return port_read((uint16_t)acpi_info.pm_timer_port, 4) & PM_TIMER_MASK;
}

/* Counts down from 65536; turned round so that it counts up like the others. */
static uint64_t read_pit(void)
{
    port_write(PIT_COMMAND, 1, PIT_LATCH_2);
    uint32_t low = port_read(PIT_CHANNEL_2, 1);
    uint32_t high = port_read(PIT_CHANNEL_2, 1);
    return (0x10000u - (high << 8 | low)) & 0xffff;
}

static bool start_hpet(struct clock_reference *reference)
{
    if (!acpi_info.hpet) {
        return false;
    }
    hpet_base = phys_to_virt(acpi_info.hpet);
    uint64_t capabilities = *(volatile uint64_t *)(hpet_base + HPET_CAPABILITIES);
    uint64_t period = capabilities >> HPET_PERIOD_SHIFT;
    if (period == 0 || period > HPET_PERIOD_MAX) {
        return false;
    }
    volatile uint64_t *configuration = (volatile uint64_t *)(hpet_base + HPET_CONFIGURATION);
    *configuration = *configuration | HPET_ENABLE;
    bool wide = capabilities & HPET_COUNTER_64;
    *reference = (struct clock_reference){"HPET", wide ? read_hpet : read_hpet_32,
                                          wide ? ~0ull : 0xffffffffu, FEMTOSECONDS, period};
    return true;
}

static bool start_pm_timer(struct clock_reference *reference)
{
    if (!acpi_info.pm_timer_port) {
        return false;
    }
    *reference =
        (struct clock_reference){"ACPI PM timer", read_pm_timer, PM_TIMER_MASK, PM_TIMER_HZ, 1};
    return true;
}

/* The PIT runs at a third of the PM timer's rate: 1.193181666... MHz. */
static void start_pit(struct clock_reference *reference)
{
    port_write(PIT_GATE, 1, (port_read(PIT_GATE, 1) & 0xfc) | 1);
    port_write(PIT_COMMAND, 1, PIT_MODE_2_BINARY);
    port_write(PIT_CHANNEL_2, 1, 0);
    port_write(PIT_CHANNEL_2, 1, 0);
    *reference = (struct clock_reference){"PIT", read_pit, 0xffff, PM_TIMER_HZ, 3};
}

const struct clock_reference *clock_reference_find(void)
{
    static struct clock_reference reference;
    if (!start_hpet(&reference) && !start_pm_timer(&reference)) {
        start_pit(&reference);
    }
    return &reference;
}
