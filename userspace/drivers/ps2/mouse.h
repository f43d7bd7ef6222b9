/* SPDX-License-Identifier: MIT */
/*
 * Packets of a PS/2 mouse, with or without a wheel.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Mouse data report"; Microsoft, "IntelliMouse" extension.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MOUSE_BUTTONS 3u

/* Zeroed but for has_wheel: before the first byte. */
struct mouse_decoder {
    bool has_wheel; /* packets of four bytes */
    uint8_t count;
    uint8_t byte[4];
};

struct mouse_report {
    uint8_t buttons; /* bit 0: left, 1: right, 2: middle */
    int16_t x, y;    /* counts to the right and down */
    int16_t wheel;   /* steps down */
};

/* mouse_next() - one byte more. True: *out is the next report. A byte that cannot be a packet's first one is skipped; after a byte was
 * lost on the line, packets are misread until there is such a one. Movement beyond what a packet holds is cut at its limit. */
bool mouse_next(struct mouse_decoder *decoder, uint8_t byte, struct mouse_report *out);
