/* SPDX-License-Identifier: MIT */
/* Arrays of words that are mostly 0: page tables, indexes. */
#pragma once

#include "base/types.h"

/*
 * words_skip_zeros() - the first word from `word` on that is not 0; `end` if all are, up to there.
 *
 * Cost: 12 instructions for 8 words that are 0.
 */
static inline uint64_t *words_skip_zeros(uint64_t *word, const uint64_t *end)
{
    while (end - word >= 8 &&
           (word[0] | word[1] | word[2] | word[3] | word[4] | word[5] | word[6] | word[7]) == 0) {
        word += 8;
    }
    while (word < end && *word == 0) {
        word++;
    }
    return word;
}
