/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/screen/colour.h"

#define CUBE_FIRST 16u
#define GREY_FIRST 232u

const struct colour colours[COLOURS] = {
    {0, 0, 0},     {205, 0, 0},     {0, 205, 0},     {205, 205, 0},   {0, 0, 238}, {205, 0, 205},
    {0, 205, 205}, {229, 229, 229}, {127, 127, 127}, {255, 0, 0},     {0, 255, 0}, {255, 255, 0},
    {92, 92, 255}, {255, 0, 255},   {0, 255, 255},   {255, 255, 255},
};

static uint32_t square(uint32_t a, uint32_t b)
{
    return (a - b) * (a - b); /* wraps twice, and so not at all */
}

uint8_t colour_nearest(uint32_t red, uint32_t green, uint32_t blue)
{
    uint8_t best = 0;
    uint32_t least = UINT32_MAX;

    for (uint8_t i = 0; i < COLOURS; i++) {
        uint32_t distance = square(red, colours[i].red) + square(green, colours[i].green) +
                            square(blue, colours[i].blue);
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    return best;
}

static uint32_t cube_level(uint32_t step)
{
    return step == 0 ? 0 : 55 + 40 * step;
}

uint8_t colour_of_256(uint32_t number)
{
    if (number < CUBE_FIRST) {
        return (uint8_t)number;
    }
    if (number >= GREY_FIRST) {
        uint32_t grey = 8 + 10 * ((number & 0xff) - GREY_FIRST);
        return colour_nearest(grey & 0xff, grey & 0xff, grey & 0xff);
    }
    uint32_t place = number - CUBE_FIRST;
    return colour_nearest(cube_level(place / 36), cube_level(place / 6 % 6), cube_level(place % 6));
}
