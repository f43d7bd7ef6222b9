/* SPDX-License-Identifier: MIT */
/* The sixteen colours of terminals, and which of them is nearest to another. */
#pragma once

#include <stdint.h>

#define COLOURS       16u
#define COLOUR_BRIGHT 8u

struct colour {
    uint8_t red, green, blue;
};

/* The values that xterm has. */
extern const struct colour colours[COLOURS];

/* colour_nearest() - of the sixteen. colour_of_256() - for a number of xterm's 256: 16 colours, a cube of 6 x 6 x 6, 24 greys. */
uint8_t colour_nearest(uint32_t red, uint32_t green, uint32_t blue);
uint8_t colour_of_256(uint32_t number);
