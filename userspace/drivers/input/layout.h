/* SPDX-License-Identifier: MIT */
/* What is printed on keys: a layout says which character a key gives, whatever the keyboard. Events carry the key besides. */
#pragma once

#include <stdint.h>

#include "userspace/drivers/input/keys.h"

#define LAYOUT_FIRST     KEY_A
#define LAYOUT_KEYS      (KEY_SLASH - KEY_A + 1u)
#define KEY_BESIDE_ENTER 0x32u /* these two US keyboards do not have */
#define KEY_BESIDE_Z     0x64u

/* A key with the right Alt key. */
struct layout_third {
    uint8_t key;
    uint16_t character;
};

struct layout {
    const char *name;
    const uint16_t *normal, *shifted; /* LAYOUT_KEYS of them, from LAYOUT_FIRST on */
    uint16_t beside_z[2];
    const struct layout_third *third; /* the last has key 0; NULL: both Alt keys are the same */
};

extern const struct layout layout_us;

/* layout_find() - by name: us, de. NULL: there is none. */
const struct layout *layout_find(const char *name);
