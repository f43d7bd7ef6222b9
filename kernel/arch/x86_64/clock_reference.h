/* SPDX-License-Identifier: MIT */
/* A counter of known rate to measure the TSC and the local APIC timer against. */
#pragma once

#include "base/types.h"

/* rate_times / rate_over ticks per second; the counter wraps at mask + 1. */
struct clock_reference {
    const char *name;
    uint64_t (*read)(void);
    uint64_t mask;
    uint64_t rate_times;
    uint64_t rate_over;
};

/*
 * clock_reference_find() - HPET, else the ACPI PM timer, else channel 2 of the PIT, started. Always
 * finds one.
 */
const struct clock_reference *clock_reference_find(void);
