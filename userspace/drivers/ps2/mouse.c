/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/ps2/mouse.h"

#define FIRST_BUTTONS    0x07u
#define FIRST_ALWAYS     0x08u
#define FIRST_X_NEGATIVE 0x10u
#define FIRST_Y_NEGATIVE 0x20u
#define FIRST_X_BEYOND   0x40u
#define FIRST_Y_BEYOND   0x80u
#define LIMIT            255

static int16_t movement(uint8_t first, uint8_t byte, uint8_t negative, uint8_t beyond)
{
    bool is_negative = (first & negative) != 0;

    if (first & beyond) {
        return is_negative ? -LIMIT - 1 : LIMIT;
    }
    return (int16_t)(is_negative ? byte - 256 : byte);
}

/* Four bits of two's complement. */
static int16_t wheel_steps(uint8_t byte)
{
    int16_t steps = byte & 0x0f;

    return steps < 8 ? steps : (int16_t)(steps - 16);
}

bool mouse_next(struct mouse_decoder *decoder, uint8_t byte, struct mouse_report *out)
{
    if (decoder->count == 0 && !(byte & FIRST_ALWAYS)) {
        return false;
    }
    decoder->byte[decoder->count++] = byte;
    if (decoder->count < (decoder->has_wheel ? 4 : 3)) {
        return false;
    }
    const uint8_t *packet = decoder->byte;
    decoder->count = 0;
    *out = (struct mouse_report){
        .buttons = packet[0] & FIRST_BUTTONS,
        .x = movement(packet[0], packet[1], FIRST_X_NEGATIVE, FIRST_X_BEYOND),
        .y = (int16_t)-movement(packet[0], packet[2], FIRST_Y_NEGATIVE, FIRST_Y_BEYOND),
        .wheel = decoder->has_wheel ? wheel_steps(packet[3]) : 0,
    };
    return true;
}
