/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/input/keyboard.h"

#include <stddef.h>
#include <string.h>

#define CONTROL_BITS 0x1fu

/* From KEY_PAD_SLASH to KEY_PAD_POINT; the digits need Num Lock. */
static const char pad[] = "/*-+\r1234567890.";

static uint8_t lock_of(uint8_t key)
{
    switch (key) {
    case KEY_NUM_LOCK:
        return LOCK_NUM;
    case KEY_CAPS_LOCK:
        return LOCK_CAPS;
    case KEY_SCROLL_LOCK:
        return LOCK_SCROLL;
    default:
        return 0;
    }
}

static uint8_t modifier_of(uint8_t key)
{
    return key >= KEY_CONTROL_LEFT && key <= KEY_GUI_RIGHT
               ? (uint8_t)(1u << (key - KEY_CONTROL_LEFT))
               : 0;
}

enum key_action keyboard_change(struct keyboard *keyboard, uint8_t key, bool is_down)
{
    if (key == KEY_NONE || key >= KEYS) {
        return KEY_IGNORED;
    }
    uint8_t *byte = &keyboard->down[key / 8], bit = (uint8_t)(1u << key % 8);
    bool was_down = (*byte & bit) != 0;
    if (!is_down) {
        *byte &= (uint8_t)~bit;
        keyboard->modifiers &= (uint8_t)~modifier_of(key);
        return was_down ? KEY_RELEASED : KEY_IGNORED;
    }
    *byte |= bit;
    keyboard->modifiers |= modifier_of(key);
    keyboard->locks ^= was_down ? 0 : lock_of(key);
    return was_down ? KEY_REPEATED : KEY_PRESSED;
}

bool keyboard_calls(uint8_t key, uint8_t modifiers)
{
    return (modifiers & MODIFIER_CONTROL) != 0 &&
           (key == KEY_PAUSE || (key == KEY_ESCAPE && (modifiers & MODIFIER_ALT) != 0));
}

uint8_t keyboard_release(struct keyboard *keyboard)
{
    for (uint8_t key = 1; key < KEYS; key++) {
        if (keyboard->down[key / 8] & 1u << key % 8) {
            (void)keyboard_change(keyboard, key, false);
            return key;
        }
    }
    return KEY_NONE;
}

static uint32_t pad_character(uint8_t key, uint8_t locks)
{
    char character = pad[key - KEY_PAD_SLASH];
    bool is_digit = (character >= '0' && character <= '9') || character == '.';

    return !is_digit || (locks & LOCK_NUM) ? (uint8_t)character : 0;
}

static bool is_letter(uint16_t character)
{
    return character >= 'a' && character <= 'z';
}

/* Control clears the upper bits of what a key shows, where that gives a control character. */
static uint32_t control_character(uint16_t lower, uint16_t upper)
{
    if (lower == ' ' || lower == '2') {
        return 0; /* NUL, which is no character here */
    }
    if (is_letter(lower) || (lower >= '[' && lower <= '^')) {
        return lower & CONTROL_BITS;
    }
    if (upper == '^' || upper == '_') {
        return upper & CONTROL_BITS;
    }
    return lower == '/' ? (uint32_t)'_' & CONTROL_BITS : lower;
}

static uint32_t third_character(const struct layout_third *third, uint8_t key)
{
    while (third->key != KEY_NONE && third->key != key) {
        third++;
    }
    return third->character;
}

/* ASCII and the letters of Latin-1, whose small ones are 32 above. */
static bool has_capital(uint16_t lower, uint16_t upper)
{
    return lower == upper + 32u && (is_letter(lower) || lower >= 0xe0);
}

uint32_t keyboard_character(const struct layout *layout, uint8_t key, uint8_t modifiers,
                            uint8_t locks)
{
    if (key >= KEY_PAD_SLASH && key <= KEY_PAD_POINT) {
        return pad_character(key, locks);
    }
    if (layout->third != NULL && (modifiers & MODIFIER_ALT_RIGHT) != 0) {
        return third_character(layout->third, key);
    }
    bool is_beside_z = key == KEY_BESIDE_Z;
    if (!is_beside_z && (key < LAYOUT_FIRST || key >= LAYOUT_FIRST + LAYOUT_KEYS)) {
        return 0;
    }
    uint16_t lower = is_beside_z ? layout->beside_z[0] : layout->normal[key - LAYOUT_FIRST];
    uint16_t upper = is_beside_z ? layout->beside_z[1] : layout->shifted[key - LAYOUT_FIRST];
    if (modifiers & MODIFIER_CONTROL) {
        return control_character(lower, upper);
    }
    bool is_shifted = (modifiers & MODIFIER_SHIFT) != 0;
    is_shifted ^= has_capital(lower, upper) && (locks & LOCK_CAPS);
    return is_shifted ? upper : lower;
}
