/* SPDX-License-Identifier: MIT */
/* Events of keyboard and mouse, as the service `input` gives them (userspace/interfaces/input.toml). */
#pragma once

#include <stdint.h>

#define INPUT_LATEST (~0ull)

#define INPUT_HAS_KEYBOARD 1u
#define INPUT_HAS_MOUSE    2u
#define INPUT_HAS_WHEEL    4u

enum input_kind {
    INPUT_KEY, /* code: a key (userspace/drivers/input/keys.h); action, modifiers, locks, character of a US keyboard */
    INPUT_BUTTON, /* code: 0 left, 1 right, 2 middle; action: KEY_PRESSED or KEY_RELEASED */
    INPUT_MOVE,   /* x to the right, y down */
    INPUT_WHEEL,  /* y: steps down */
};

struct input_event {
    uint64_t time; /* monotonic ns, when the driver heard of it */
    uint8_t kind, code;
    uint8_t action; /* enum key_action (userspace/drivers/input/keyboard.h) */
    uint8_t modifiers, locks;
    uint8_t reserved[3];
    int16_t x, y;
    uint32_t character; /* 0: none */
};
