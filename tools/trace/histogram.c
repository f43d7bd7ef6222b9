/* SPDX-License-Identifier: MIT */
/*
 * Buckets: values below 128 have one each; above, each octave [2^n, 2^(n+1)) is cut into 128 equal steps.
 */
#include "histogram.h"

#define STEPS (1u << HISTOGRAM_STEP_BITS)

static unsigned bucket_of(uint64_t value)
{
    if (value < STEPS) {
        return (unsigned)value;
    }
    unsigned octave = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return ((octave + 1) << HISTOGRAM_STEP_BITS) + (unsigned)(value >> octave & (STEPS - 1));
}

static uint64_t lower_edge(unsigned bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    unsigned octave = (bucket >> HISTOGRAM_STEP_BITS) - 1;
    return (uint64_t)(STEPS + (bucket & (STEPS - 1))) << octave;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->min = histogram->count == 0 ? value : MIN(histogram->min, value);
    histogram->max = MAX(histogram->max, value);
    histogram->sum += value;
    histogram->count++;
    histogram->bucket[bucket_of(value)]++;
}

uint64_t histogram_percentile(const struct histogram *histogram, unsigned permille)
{
    uint64_t rank = (uint64_t)((unsigned __int128)histogram->count * permille / 1000);
    rank = MIN(rank, histogram->count - (histogram->count != 0));
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen > rank) {
            return MAX(lower_edge(i), histogram->min);
        }
    }
    return 0;
}

uint64_t histogram_octave(const struct histogram *histogram, unsigned octave)
{
    unsigned first = octave == 0 ? 0 : bucket_of(1ull << (octave - 1));
    unsigned end = octave == 64 ? HISTOGRAM_BUCKETS : bucket_of(1ull << octave);
    uint64_t count = 0;
    for (unsigned i = first; i < end; i++) {
        count += histogram->bucket[i];
    }
    return count;
}
