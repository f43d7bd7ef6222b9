/* SPDX-License-Identifier: MIT */
/* Scan codes as bytes (keyboard.h). Codes of set 2 are turned into those of set 1 first, as a translating controller does. */
#include "kdebug/x86_64/keyboard.h"

#include "kernel/abi/us_keyboard.h"

#define RELEASE      0x80u
#define EXTENDED     0xe0u
#define RELEASE_SET2 0xf0u
#define SHIFT_LEFT   0x2au
#define SHIFT_RIGHT  0x36u
#define CONTROL      0x1du
#define ALT          0x38u
#define ESCAPE       0x01u
#define PAUSE        0x46u /* extended, when Control is held; else it is something else, and no key here */
#define CAPS         0x3au
#define PAD_STAR     0x37u
#define PLAIN_KEYS   0x3au /* codes from here on are no characters */

#define PLAIN(usage, code, character, with_shift)   [code] = (character),
#define SHIFTED(usage, code, character, with_shift) [code] = (with_shift),

static const char plain[PLAIN_KEYS] = {US_KEYS(PLAIN)[PAD_STAR] = '*'};
static const char shifted[PLAIN_KEYS] = {US_KEYS(SHIFTED)[PAD_STAR] = '*'};

/* Set 2 -> set 1; 0: no key that matters here. */
static const uint8_t from_set2[0x80] = {
    [0x0d] = 0x0f, [0x0e] = 0x29, [0x11] = 0x38, [0x12] = 0x2a, [0x14] = 0x1d, [0x15] = 0x10,
    [0x16] = 0x02, [0x1a] = 0x2c, [0x1b] = 0x1f, [0x1c] = 0x1e, [0x1d] = 0x11, [0x1e] = 0x03,
    [0x21] = 0x2e, [0x22] = 0x2d, [0x23] = 0x20, [0x24] = 0x12, [0x25] = 0x05, [0x26] = 0x04,
    [0x29] = 0x39, [0x2a] = 0x2f, [0x2b] = 0x21, [0x2c] = 0x14, [0x2d] = 0x13, [0x2e] = 0x06,
    [0x31] = 0x31, [0x32] = 0x30, [0x33] = 0x23, [0x34] = 0x22, [0x35] = 0x15, [0x36] = 0x07,
    [0x3a] = 0x32, [0x3b] = 0x24, [0x3c] = 0x16, [0x3d] = 0x08, [0x3e] = 0x09, [0x41] = 0x33,
    [0x42] = 0x25, [0x43] = 0x17, [0x44] = 0x18, [0x45] = 0x0b, [0x46] = 0x0a, [0x49] = 0x34,
    [0x4a] = 0x35, [0x4b] = 0x26, [0x4c] = 0x27, [0x4d] = 0x19, [0x4e] = 0x0c, [0x52] = 0x28,
    [0x54] = 0x1a, [0x55] = 0x0d, [0x58] = 0x3a, [0x59] = 0x36, [0x5a] = 0x1c, [0x5b] = 0x1b,
    [0x5d] = 0x2b, [0x66] = 0x0e, [0x69] = 0x4f, [0x6b] = 0x4b, [0x6c] = 0x47, [0x71] = 0x53,
    [0x72] = 0x50, [0x74] = 0x4d, [0x75] = 0x48, [0x76] = 0x01, [0x7c] = 0x37, [0x7e] = 0x46,
};

/* Arrows, Home, End: what a terminal sends behind "ESC [". */
static int sequence_of(uint8_t key)
{
    switch (key) {
    case 0x48:
        return KD_KEY_SEQUENCE | 'A';
    case 0x50:
        return KD_KEY_SEQUENCE | 'B';
    case 0x4d:
        return KD_KEY_SEQUENCE | 'C';
    case 0x4b:
        return KD_KEY_SEQUENCE | 'D';
    case 0x47:
        return KD_KEY_SEQUENCE | 'H';
    case 0x4f:
        return KD_KEY_SEQUENCE | 'F';
    default:
        return -1;
    }
}

static int character_of(const struct kd_keys *keys, uint8_t key)
{
    if (key >= PLAIN_KEYS || plain[key] == '\0') {
        return -1;
    }
    char c = plain[key];
    bool is_letter = c >= 'a' && c <= 'z';
    if (keys->control) {
        return is_letter || (c >= '[' && c <= ']') ? c & 0x1f : -1;
    }
    return keys->shift != (is_letter && keys->caps) ? shifted[key] : c;
}

static int press(struct kd_keys *keys, uint8_t key, bool is_extended)
{
    if (key == CAPS) {
        keys->caps = !keys->caps;
        return -1;
    }
    if (keys->control && (is_extended ? key == PAUSE : key == ESCAPE && keys->alt)) {
        return KD_KEY_BREAK;
    }
    if (is_extended && key != 0x1c && key != 0x35) { /* ENTER and / of the number pad */
        return sequence_of(key);
    }
    return character_of(keys, key);
}

int kd_keys_feed(struct kd_keys *keys, uint8_t code)
{
    if (code == EXTENDED) {
        keys->is_extended = true;
        return -1;
    }
    if (keys->is_set2 && code == RELEASE_SET2) {
        keys->is_release = true;
        return -1;
    }
    bool is_extended = keys->is_extended;
    bool is_release = keys->is_set2 ? keys->is_release : (code & RELEASE) != 0;
    uint8_t key = code & (RELEASE - 1);
    key = keys->is_set2 ? (code & RELEASE ? 0 : from_set2[key]) : key;
    keys->is_extended = keys->is_release = false;
    if (key == SHIFT_LEFT || key == SHIFT_RIGHT) {
        keys->shift = is_extended ? keys->shift : !is_release; /* some keys send false ones */
    } else if (key == CONTROL) {
        keys->control = !is_release;
    } else if (key == ALT) {
        keys->alt = !is_release;
    } else if (!is_release) {
        return press(keys, key, is_extended);
    }
    return -1;
}
