/* SPDX-License-Identifier: MIT */
/* Percentiles of any number of durations in fixed memory. */
#pragma once

#include "util.h"

#define HISTOGRAM_STEP_BITS                                                                        \
    7u /* steps per octave: 128, so a percentile is exact within 0.8 percent */
#define HISTOGRAM_OCTAVES 65u
#define HISTOGRAM_BUCKETS ((64u - HISTOGRAM_STEP_BITS + 1u) << HISTOGRAM_STEP_BITS)

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t min;
    uint64_t max;
    uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* histogram_octave() - how many values lie in [2^(octave - 1), 2^octave); octave 0: how many are 0. */
uint64_t histogram_octave(const struct histogram *histogram, unsigned octave);

/*
 * histogram_percentile() - the value that permille of 1000 do not exceed; the lower edge of its bucket, which below 256
 * is the value itself. 0 if there are none.
 */
uint64_t histogram_percentile(const struct histogram *histogram, unsigned permille);
