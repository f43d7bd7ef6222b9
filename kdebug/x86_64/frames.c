/* SPDX-License-Identifier: MIT */
/* Look-up of frames (layout and invariant: frames.h). */
#include "kdebug/x86_64/frames.h"

#include "gen/layout.h"

#define HEADER_WORDS 4u
#define RULES_MAX    256u
#define OFFSET_SHIFT 8u
#define BASE_BITS    2u
#define WORDS_BITS   4u

static const uint32_t *rules, *rows;
static uint32_t rule_count, row_count;

bool kd_frames_use(const void *table, size_t bytes)
{
    const uint32_t *words = table;
    rule_count = row_count = 0;
    if (bytes < HEADER_WORDS * 4 || (uintptr_t)table % 4 != 0 || words[0] != KD_FRAMES_MAGIC ||
        words[1] != KD_FRAMES_VERSION || words[2] > RULES_MAX ||
        (HEADER_WORDS + words[2] + (uint64_t)words[3]) * 4 > bytes) {
        return false;
    }
    rule_count = words[2];
    row_count = words[3];
    rules = words + HEADER_WORDS;
    rows = rules + rule_count;
    return true;
}

/* The last row that begins at `offset` or before it. */
static const uint32_t *find_row(uint64_t offset)
{
    uint32_t low = 0;
    uint32_t high = row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle] >> OFFSET_SHIFT <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &rows[low - 1];
}

bool kd_frame_rule_at(vaddr_t address, struct kd_frame_rule *out)
{
    const uint32_t *row =
        address < KERNEL_IMAGE_BASE ? NULL : find_row(address - KERNEL_IMAGE_BASE);
    uint32_t number = row == NULL ? rule_count : *row & (RULES_MAX - 1);
    if (number >= rule_count) {
        return false;
    }
    uint32_t rule = rules[number];
    out->base = rule & ((1u << BASE_BITS) - 1);
    rule >>= BASE_BITS;
    for (unsigned i = 0; i < KD_KEPT; i++) {
        out->words[i] = (rule >> (WORDS_BITS * i)) & ((1u << WORDS_BITS) - 1);
    }
    return out->base != KD_FRAME_UNKNOWN;
}
