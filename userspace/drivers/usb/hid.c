/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/usb/hid.h"

#include <string.h>

#include "userspace/drivers/input/keys.h"

#define FIRST_KEY 2u /* byte of a keyboard's report */
#define MODIFIERS 8u
#define BUTTONS   3u
#define NOT_A_KEY KEY_A /* below: nothing, roll-over, a failed self-test, an undefined error */

static bool is_key(uint8_t code)
{
    return code >= NOT_A_KEY && code < KEY_CONTROL_LEFT;
}

static bool has_key(const uint8_t keys[HID_KEYS], uint8_t key)
{
    bool has = false;

    for (unsigned i = 0; i < HID_KEYS; i++) {
        has |= keys[i] == key;
    }
    return has;
}

static void add_key(struct input_change *out, unsigned *count, uint8_t key, bool is_down)
{
    out[(*count)++] = (struct input_change){.kind = INPUT_KEY, .code = key, .is_down = is_down};
}

/* What it says is down, each key once. False: it does not know itself (K2). */
static bool read_keys(const uint8_t *report, uint8_t keys[HID_KEYS])
{
    unsigned count = 0;

    memset(keys, 0, HID_KEYS);
    for (unsigned i = 0; i < HID_KEYS; i++) {
        uint8_t code = report[FIRST_KEY + i];

        if (code != KEY_NONE && code < NOT_A_KEY) {
            return false;
        }
        if (is_key(code) && !has_key(keys, code)) {
            keys[count++] = code;
        }
    }
    return true;
}

static void change_modifiers(struct hid_keyboard *keyboard, uint8_t now, struct input_change *out,
                             unsigned *count)
{
    for (uint8_t i = 0; i < MODIFIERS; i++) {
        uint8_t bit = (uint8_t)(1u << i);

        if ((keyboard->modifiers ^ now) & bit) {
            add_key(out, count, (uint8_t)(KEY_CONTROL_LEFT + i), (now & bit) != 0);
        }
    }
    keyboard->modifiers = now;
}

/* Those of one set that are not in the other have changed. */
static void change_keys(const uint8_t one[HID_KEYS], const uint8_t other[HID_KEYS], bool is_down,
                        struct input_change *out, unsigned *count)
{
    for (unsigned i = 0; i < HID_KEYS; i++) {
        if (one[i] != KEY_NONE && !has_key(other, one[i])) {
            add_key(out, count, one[i], is_down);
        }
    }
}

unsigned hid_keyboard_report(struct hid_keyboard *keyboard, const uint8_t *report, unsigned bytes,
                             struct input_change *out)
{
    uint8_t keys[HID_KEYS];
    unsigned count = 0;

    if (bytes < HID_KEYBOARD_BYTES) {
        return 0;
    }
    change_modifiers(keyboard, report[0], out, &count);
    keyboard->is_rolled_over = !read_keys(report, keys);
    if (!keyboard->is_rolled_over) {
        change_keys(keyboard->keys, keys, false, out, &count);
        change_keys(keys, keyboard->keys, true, out, &count);
        memcpy(keyboard->keys, keys, sizeof(keys));
    }
    return count;
}

unsigned hid_mouse_report(struct hid_mouse *mouse, const uint8_t *report, unsigned bytes,
                          struct input_change *out)
{
    unsigned count = 0;

    if (bytes < HID_MOUSE_BYTES) {
        return 0;
    }
    if (report[1] != 0 || report[2] != 0) {
        out[count++] = (struct input_change){
            .kind = INPUT_MOVE, .x = (int8_t)report[1], .y = (int8_t)report[2]};
    }
    if (bytes > HID_MOUSE_BYTES && report[3] != 0) { /* away from the hand is up */
        out[count++] =
            (struct input_change){.kind = INPUT_WHEEL, .y = (int16_t) - (int8_t)report[3]};
    }
    for (uint8_t i = 0; i < BUTTONS; i++) {
        uint8_t bit = (uint8_t)(1u << i);

        if ((mouse->buttons ^ report[0]) & bit) {
            out[count++] = (struct input_change){
                .kind = INPUT_BUTTON, .code = i, .is_down = (report[0] & bit) != 0};
        }
    }
    mouse->buttons = report[0];
    return count;
}
