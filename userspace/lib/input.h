/* SPDX-License-Identifier: MIT */
/* Events of keyboard and mouse, as the service `input` gives them and as drivers feed it (userspace/interfaces/input.toml). */
#pragma once

#include <stdint.h>

#define INPUT_LATEST (~0ull)

#define INPUT_HAS_KEYBOARD 1u
#define INPUT_HAS_MOUSE    2u
#define INPUT_HAS_WHEEL    4u
#define INPUT_HAS_ALL      7u

#define INPUT_DEVICES     32u /* that a driver may feed */
#define INPUT_ALL_DEVICES (~0u)

enum input_kind {
    INPUT_KEY, /* code: a key (userspace/drivers/input/keys.h); action, modifiers, locks, character in the layout */
    INPUT_BUTTON, /* code: 0 left, 1 right, 2 middle; action: KEY_PRESSED or KEY_RELEASED */
    INPUT_MOVE,   /* x to the right, y down */
    INPUT_WHEEL,  /* y: steps down */
};

struct input_event {
    uint64_t time; /* monotonic ns, when the driver heard of it */
    uint8_t kind, code;
    uint8_t action;           /* enum key_action (userspace/drivers/input/keyboard.h) */
    uint8_t modifiers, locks; /* of all keyboards together */
    uint8_t source; /* which keyboard or mouse: 0 at the PS/2 controller, others fed by a driver */
    uint8_t reserved[2];
    int16_t x, y;
    uint32_t character; /* 0: none */
};

/* What a driver has seen: `feed`. Repetitions are a key going down that is down. */
struct input_change {
    uint8_t kind, code; /* enum input_kind, and as in an event */
    uint8_t is_down;    /* of a key or button */
    uint8_t reserved;
    int16_t x, y;
};
