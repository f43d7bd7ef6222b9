/* SPDX-License-Identifier: MIT */
/*
 * A key that is held repeats: the one that went down last, as a PS/2 keyboard does by itself. Modifiers and locks do not. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REPEAT_NEVER  (~0ull)
#define REPEAT_DELAY  500000000ull /* ns; both as PS/2 keyboards after a reset */
#define REPEAT_PERIOD 92000000ull

/* Zeroed: no key is held. */
struct repeat {
    uint8_t key; /* 0: none */
    uint64_t due;
};

/* repeat_note() - a key went down or up. */
void repeat_note(struct repeat *repeat, uint8_t key, bool is_down, uint64_t now);

/* repeat_due() - when repeat_take() has something, or REPEAT_NEVER. */
uint64_t repeat_due(const struct repeat *repeat);

/* repeat_take() - the key that repeats now, or 0. Who comes late gets one, not all that were missed. */
uint8_t repeat_take(struct repeat *repeat, uint64_t now);
