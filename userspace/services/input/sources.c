/* SPDX-License-Identifier: MIT */
#include "userspace/services/input/sources.h"

#include "userspace/services/input/queue.h"

#define BUTTONS 3u

struct source {
    uint32_t has; /* 0: it is not attached */
    struct keyboard keyboard;
    uint8_t buttons; /* a bit for each that is down */
};

static struct source sources[SOURCES_MAX];
static uint8_t locks;
static const struct layout *layout = &layout_us;

/* S2 */
static uint8_t all_modifiers(void)
{
    uint8_t modifiers = 0;

    for (unsigned i = 0; i < SOURCES_MAX; i++) {
        modifiers |= sources[i].keyboard.modifiers;
    }
    return modifiers;
}

void sources_set_layout(const struct layout *chosen)
{
    layout = chosen;
}

static bool may(unsigned source, uint32_t has)
{
    return source < SOURCES_MAX && (sources[source].has & has) != 0;
}

static void add_key(unsigned source, uint64_t time, uint8_t key, enum key_action action)
{
    uint8_t modifiers = all_modifiers();

    queue_add(&(struct input_event){
        .time = time,
        .kind = INPUT_KEY,
        .code = key,
        .action = (uint8_t)action,
        .modifiers = modifiers,
        .locks = locks,
        .source = (uint8_t)source,
        .character =
            action == KEY_RELEASED ? 0 : keyboard_character(layout, key, modifiers, locks)});
}

bool source_key(unsigned source, uint64_t time, uint8_t key, bool is_down)
{
    if (!may(source, INPUT_HAS_KEYBOARD)) {
        return false;
    }
    struct keyboard *keyboard = &sources[source].keyboard;
    keyboard->locks = locks;
    enum key_action action = keyboard_change(keyboard, key, is_down);
    if (action == KEY_IGNORED) {
        return false;
    }
    locks = keyboard->locks;
    add_key(source, time, key, action);
    return action == KEY_PRESSED && keyboard_calls(key, all_modifiers());
}

void source_release_keys(unsigned source, uint64_t time)
{
    uint8_t key;

    while ((key = keyboard_release(&sources[source].keyboard)) != KEY_NONE) {
        add_key(source, time, key, KEY_RELEASED);
    }
}

void source_button(unsigned source, uint64_t time, uint8_t button, bool is_down)
{
    if (!may(source, INPUT_HAS_MOUSE) || button >= BUTTONS) {
        return;
    }
    uint8_t bit = (uint8_t)(1u << button), *buttons = &sources[source].buttons;
    if (((*buttons & bit) != 0) == is_down) {
        return;
    }
    *buttons ^= bit;
    queue_add(&(struct input_event){.time = time,
                                    .kind = INPUT_BUTTON,
                                    .code = button,
                                    .action = is_down ? KEY_PRESSED : KEY_RELEASED,
                                    .source = (uint8_t)source,
                                    .modifiers = all_modifiers()});
}

void source_move(unsigned source, uint64_t time, int16_t x, int16_t y)
{
    if (may(source, INPUT_HAS_MOUSE) && (x != 0 || y != 0)) {
        queue_add(&(struct input_event){
            .time = time, .kind = INPUT_MOVE, .source = (uint8_t)source, .x = x, .y = y});
    }
}

void source_wheel(unsigned source, uint64_t time, int16_t steps)
{
    if (may(source, INPUT_HAS_MOUSE) && steps != 0) {
        queue_add(&(struct input_event){
            .time = time, .kind = INPUT_WHEEL, .source = (uint8_t)source, .y = steps});
    }
}

/* S1 */
static void release_all(unsigned source, uint64_t time)
{
    source_release_keys(source, time);
    for (uint8_t button = 0; button < BUTTONS; button++) {
        source_button(source, time, button, false);
    }
}

void source_attach(unsigned source, uint64_t time, uint32_t has)
{
    if (source < SOURCES_MAX) {
        release_all(source, time);
        sources[source] = (struct source){.has = has};
    }
}

uint32_t sources_has(void)
{
    uint32_t has = 0;

    for (unsigned i = 0; i < SOURCES_MAX; i++) {
        has |= sources[i].has;
    }
    return has;
}

uint8_t sources_locks(void)
{
    return locks;
}
