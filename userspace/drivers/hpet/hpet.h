/* SPDX-License-Identifier: MIT */
/*
 * The counter of the HPET, to be read and no more: the kernel has started it and measured the TSC by it when it booted.
 *
 * Source: IA-PC HPET specification 1.0a, "Register Overview".
 */
#pragma once

#include <stdint.h>

#include "gen/errors.h"

struct hpet {
    uint64_t registers; /* mapped */
    uint32_t period_fs; /* femtoseconds a tick */
    uint32_t bits;      /* of the counter: 32 or 64 */
};

/* The counter, and the TSC at that moment. */
struct hpet_sample {
    uint64_t ticks, tsc;
};

/* hpet_open() - @area  its page of registers, with right read. ERR_NOT_FOUND: there is none, or it stands still; what the system call gives. */
status_t hpet_open(struct hpet *hpet, uint64_t area);

/* hpet_sample() - of several looks the one that took the least time. */
struct hpet_sample hpet_sample(const struct hpet *hpet);
