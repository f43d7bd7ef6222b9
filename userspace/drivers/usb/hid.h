/* SPDX-License-Identifier: MIT */
/*
 * Reports of keyboards and mice that speak the boot protocol, as changes. Pure.
 *
 * A keyboard says which keys are down: modifiers as bits, of the others up to six. What is not said any more has come up.
 *   K1  Whatever comes, a key goes down and up in turns, and at the end of a report exactly what it says is down.
 *   K2  With more keys than it can tell (roll-over) a keyboard says so, and which are down nobody knows: they stay as they were,
 *       so no key comes up that is still held, and none goes down that nobody pressed. The modifiers are told all the same.
 *   K3  Modifiers change before other keys, and keys come up before others go down.
 *
 * A mouse says buttons, x, y, and what stands behind is its own affair in the boot protocol: the fourth byte is taken as the wheel, which
 * it is with every mouse that sends one.
 *
 * Source: HID 1.11, appendix B "Boot Interface Descriptors", appendix C "Keyboard Implementation"; HID Usage Tables, page 7.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/lib/input.h"

#define HID_KEYBOARD_BYTES 8u
#define HID_KEYS           6u /* at a time, beside modifiers */
#define HID_MOUSE_BYTES    3u
#define HID_CHANGES_MAX    (8u + 2u * HID_KEYS) /* that one report may be */

/* Zeroed: nothing is down. */
struct hid_keyboard {
    uint8_t modifiers;
    uint8_t keys[HID_KEYS]; /* those that are down; 0: a free place */
    bool is_rolled_over;
};

struct hid_mouse {
    uint8_t buttons;
};

/* hid_keyboard_report() - what has changed, in order. Returns how many of out[HID_CHANGES_MAX]. A report that is too short changes nothing. */
unsigned hid_keyboard_report(struct hid_keyboard *keyboard, const uint8_t *report, unsigned bytes,
                             struct input_change *out);

/* hid_mouse_report() - the same for a mouse. */
unsigned hid_mouse_report(struct hid_mouse *mouse, const uint8_t *report, unsigned bytes,
                          struct input_change *out);
