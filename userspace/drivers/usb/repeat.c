/* SPDX-License-Identifier: MIT */
#include "userspace/drivers/usb/repeat.h"

#include "userspace/drivers/input/keys.h"

static bool repeats(uint8_t key)
{
    return key < KEY_CONTROL_LEFT && key != KEY_CAPS_LOCK && key != KEY_NUM_LOCK &&
           key != KEY_SCROLL_LOCK;
}

void repeat_note(struct repeat *repeat, uint8_t key, bool is_down, uint64_t now)
{
    if (is_down && repeats(key)) {
        *repeat = (struct repeat){key, now + REPEAT_DELAY};
    } else if (!is_down && key == repeat->key) {
        *repeat = (struct repeat){0};
    }
}

uint64_t repeat_due(const struct repeat *repeat)
{
    return repeat->key != KEY_NONE ? repeat->due : REPEAT_NEVER;
}

uint8_t repeat_take(struct repeat *repeat, uint64_t now)
{
    if (now < repeat_due(repeat)) {
        return KEY_NONE;
    }
    repeat->due = now + REPEAT_PERIOD;
    return repeat->key;
}
