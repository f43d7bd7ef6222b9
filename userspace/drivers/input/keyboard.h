/* SPDX-License-Identifier: MIT */
/*
 * What a keyboard's keys mean together: which are down, modifiers, locks, repetitions; and the characters of a layout.
 * Pure memory work, the same for every sort of keyboard.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/input/keys.h"
#include "userspace/drivers/input/layout.h"

/* Modifiers that are down, as USB's boot protocol has them: bit N for key KEY_CONTROL_LEFT + N. */
#define MODIFIER_CONTROL   0x11u
#define MODIFIER_SHIFT     0x22u
#define MODIFIER_ALT       0x44u
#define MODIFIER_GUI       0x88u
#define MODIFIER_ALT_RIGHT 0x40u

/* Locks that are on. */
#define LOCK_NUM    1u
#define LOCK_CAPS   2u
#define LOCK_SCROLL 4u

enum key_action { KEY_RELEASED, KEY_PRESSED, KEY_REPEATED, KEY_IGNORED };

/* Zeroed: no key is down. */
struct keyboard {
    uint8_t down[(KEYS + 7) / 8];
    uint8_t modifiers, locks;
};

/* keyboard_change() - a key goes down or up. KEY_REPEATED: it was down; KEY_IGNORED: up, and was not down, or there is no such key. */
enum key_action keyboard_change(struct keyboard *keyboard, uint8_t key, bool is_down);

/* keyboard_calls() - does pressing this key call the kernel's debugger? Break, which is Control + Pause, or Control + Alt + Escape. */
bool keyboard_calls(uint8_t key, uint8_t modifiers);

/* keyboard_release() - let go of some key that is down; KEY_NONE: none is. */
uint8_t keyboard_release(struct keyboard *keyboard);

/*
 * keyboard_character() - what a key means in a layout with these modifiers and locks: Unicode, control characters with Control
 * (Enter is CR, Backspace is DEL); 0: nothing.
 */
uint32_t keyboard_character(const struct layout *layout, uint8_t key, uint8_t modifiers,
                            uint8_t locks);
