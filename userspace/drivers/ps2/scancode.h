/* SPDX-License-Identifier: MIT */
/*
 * Scan codes of set 1, as a PS/2 controller translates them, to keys.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard scan codes"; Microsoft, "Keyboard Scan Code Specification"
 * (the table that leads from scan codes to HID usages).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: before the first byte. */
struct scancode_decoder {
    uint8_t prefix; /* 0, 0xe0 or 0xe1 */
    uint8_t second; /* after 0xe1: the byte that came then */
};

struct key_change {
    uint8_t key; /* userspace/drivers/input/keys.h */
    bool is_down;
};

/* scancode_next() - one byte more. True: *out has changed. Shifts that a keyboard makes up around some keys are left out, and so is what
 * means nothing. */
bool scancode_next(struct scancode_decoder *decoder, uint8_t byte, struct key_change *out);
