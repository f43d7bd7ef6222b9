/* SPDX-License-Identifier: MIT */
/* Scan codes, mouse packets, what keys mean together, and the queue that readers read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/drivers/input/keyboard.h"
#include "userspace/drivers/ps2/mouse.h"
#include "userspace/drivers/ps2/scancode.h"
#include "userspace/lib/readers.h"
#include "userspace/services/input/queue.h"
#include "userspace/services/input/sources.h"

/* ---- scan codes ---- */

/* Bytes to text: "+04" a key down, "-04" up. */
static const char *decode(const uint8_t *bytes, unsigned count)
{
    static char text[64];
    struct scancode_decoder decoder = {0};
    struct key_change change;
    unsigned length = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        if (scancode_next(&decoder, bytes[i], &change)) {
            length += (unsigned)snprintf(text + length, sizeof(text) - length, "%c%02x",
                                         change.is_down ? '+' : '-', change.key);
        }
    }
    return text;
}

#define DECODE(...) decode((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_scan_codes(void **state)
{
    (void)state;
    assert_string_equal(DECODE(0x1e, 0x9e), "+04-04");
    assert_string_equal(DECODE(0x1c, 0xe0, 0x1c, 0xe0, 0x9c), "+28+58-58");
    assert_string_equal(DECODE(0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa),
                        "+46-46"); /* made-up shifts */
    assert_string_equal(DECODE(0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5), "+48-48");
    assert_string_equal(DECODE(0xe0, 0x46, 0xe0, 0xc6), "+48-48"); /* Control + Pause */
    assert_string_equal(DECODE(0x54, 0xd4), "+46-46");             /* Alt + Print Screen */
    assert_string_equal(DECODE(0xe0, 0xe0, 0x48, 0xe1, 0xe0, 0x50, 0x1e), "+52+51+04");
    assert_string_equal(DECODE(0xe1, 0x11, 0x45, 0x1e), "+04"); /* no pause */
    assert_string_equal(DECODE(0x00, 0x7f, 0xff, 0x55, 0xe0, 0x01), "");
}

/* Each key of either table comes from one code only. */
static void test_no_key_has_two_codes(void **state)
{
    unsigned seen[KEYS] = {0}, keys = 0;
    (void)state;

    for (unsigned prefix = 0; prefix < 2; prefix++) {
        for (uint8_t code = 1; code < 0x80; code++) {
            struct scancode_decoder decoder = {.prefix = prefix ? 0xe0 : 0};
            struct key_change change;
            if (scancode_next(&decoder, code, &change)) {
                seen[change.key]++;
                keys += seen[change.key] == 1;
            }
        }
    }
    for (unsigned key = 0; key < KEYS; key++) {
        assert_true(seen[key] <= (key == KEY_PRINT_SCREEN ? 2u : 1u));
    }
    assert_int_equal(keys, 105); /* of 105 keys, with Pause by its second code */
}

/* ---- mouse ---- */

static void assert_report(const uint8_t *bytes, bool has_wheel, int buttons, int x, int y,
                          int wheel)
{
    struct mouse_decoder decoder = {.has_wheel = has_wheel};
    struct mouse_report report;

    for (unsigned i = 0; i < (has_wheel ? 3u : 2u); i++) {
        assert_false(mouse_next(&decoder, bytes[i], &report));
    }
    assert_true(mouse_next(&decoder, bytes[has_wheel ? 3 : 2], &report));
    assert_int_equal(report.buttons, buttons);
    assert_int_equal(report.x, x);
    assert_int_equal(report.y, y);
    assert_int_equal(report.wheel, wheel);
}

static void test_mouse_packets(void **state)
{
    (void)state;
    assert_report((const uint8_t[]){0x08, 5, 3}, false, 0, 5, -3, 0);
    assert_report((const uint8_t[]){0x39, 0xff, 0xfe}, false, 1, -1, 2, 0);
    assert_report((const uint8_t[]){0x0e, 0, 0, 0x01}, true, 6, 0, 0, 1);
    assert_report((const uint8_t[]){0x08, 0, 0, 0x0f}, true, 0, 0, 0, -1);
    assert_report((const uint8_t[]){0x48, 1, 0, 0xf8}, true, 0, 255, 0, -8);
    assert_report((const uint8_t[]){0xb8, 0, 1, 0}, true, 0, -256, 256, 0);

    struct mouse_decoder decoder = {0};
    struct mouse_report report;
    assert_false(mouse_next(&decoder, 0x03, &report)); /* no first byte */
    assert_false(mouse_next(&decoder, 0x09, &report));
    assert_false(mouse_next(&decoder, 1, &report));
    assert_true(mouse_next(&decoder, 1, &report));
    assert_int_equal(report.buttons, 1);
}

/* ---- keys together ---- */

static void test_modifiers_and_locks(void **state)
{
    struct keyboard keyboard = {0};
    (void)state;

    for (uint8_t key = KEY_CONTROL_LEFT; key <= KEY_GUI_RIGHT; key++) {
        assert_int_equal(keyboard_change(&keyboard, key, true), KEY_PRESSED);
        assert_int_equal(keyboard.modifiers, 1u << (key - KEY_CONTROL_LEFT));
        assert_int_equal(keyboard_change(&keyboard, key, true), KEY_REPEATED);
        assert_int_equal(keyboard_change(&keyboard, key, false), KEY_RELEASED);
        assert_int_equal(keyboard.modifiers, 0);
    }
    assert_int_equal(keyboard_change(&keyboard, KEY_A, false), KEY_IGNORED);
    assert_int_equal(keyboard_change(&keyboard, KEY_NONE, true), KEY_IGNORED);
    assert_int_equal(keyboard_change(&keyboard, KEYS, true), KEY_IGNORED);
    (void)keyboard_change(&keyboard, KEY_CAPS_LOCK, true);
    assert_int_equal(keyboard.locks, LOCK_CAPS);
    (void)keyboard_change(&keyboard, KEY_CAPS_LOCK, true); /* a repetition */
    (void)keyboard_change(&keyboard, KEY_CAPS_LOCK, false);
    assert_int_equal(keyboard.locks, LOCK_CAPS);
    (void)keyboard_change(&keyboard, KEY_CAPS_LOCK, true);
    assert_int_equal(keyboard.locks, 0);
}

static void test_what_calls_the_debugger(void **state)
{
    (void)state;
    assert_true(keyboard_calls(KEY_PAUSE, 0x01));
    assert_true(keyboard_calls(KEY_PAUSE, 0x10));
    assert_true(keyboard_calls(KEY_ESCAPE, 0x05));
    assert_true(keyboard_calls(KEY_ESCAPE, 0x50));
    assert_false(keyboard_calls(KEY_PAUSE, 0x44));
    assert_false(keyboard_calls(KEY_ESCAPE, 0x01));
    assert_false(keyboard_calls(KEY_ESCAPE, 0x04));
    assert_false(keyboard_calls(KEY_A, 0x55));
}

static void test_all_keys_are_let_go(void **state)
{
    (void)state;
    struct keyboard keyboard = {0}, none = {0};
    assert_int_equal(keyboard_release(&keyboard), KEY_NONE);
    (void)keyboard_change(&keyboard, KEY_GUI_RIGHT, true);
    (void)keyboard_change(&keyboard, KEY_PAUSE, true);
    assert_int_equal(keyboard_release(&keyboard), KEY_PAUSE);
    assert_int_equal(keyboard.modifiers, 0x80);
    assert_int_equal(keyboard_release(&keyboard), KEY_GUI_RIGHT);
    assert_int_equal(keyboard_release(&keyboard), KEY_NONE);
    assert_memory_equal(&keyboard, &none, sizeof(none));
}

static void test_characters(void **state)
{
    static const struct {
        uint8_t key, modifiers, locks;
        uint32_t character;
    } rows[] = {
        {KEY_A, 0, 0, 'a'},
        {KEY_A, 0x02, 0, 'A'},
        {KEY_A, 0x20, 0, 'A'},
        {KEY_A, 0, LOCK_CAPS, 'A'},
        {KEY_A, 0x02, LOCK_CAPS, 'a'},
        {KEY_1, 0, LOCK_CAPS, '1'},
        {KEY_1, 0x02, 0, '!'},
        {KEY_0, 0x02, 0, ')'},
        {KEY_ENTER, 0, 0, '\r'},
        {KEY_BACKSPACE, 0, 0, 0x7f},
        {KEY_SLASH, 0x20, 0, '?'},
        {KEY_A, 0x01, 0, 1},
        {KEY_A + 25, 0x10, 0, 26},
        {0x2f, 0x01, 0, 27},
        {0x31, 0x01, 0, 28},
        {0x30, 0x01, 0, 29},
        {0x23, 0x01, 0, 30},
        {KEY_MINUS, 0x01, 0, 31},
        {KEY_SLASH, 0x01, 0, 31},
        {KEY_SPACE, 0x01, 0, 0},
        {0x1f, 0x01, 0, 0},
        {0x33, 0x01, 0, ';'},
        {0x59, 0, 0, 0},
        {0x59, 0, LOCK_NUM, '1'},
        {0x62, 0, LOCK_NUM, '0'},
        {0x63, 0, LOCK_NUM, '.'},
        {0x57, 0, 0, '+'},
        {0x58, 0, 0, '\r'},
        {KEY_F1, 0, 0, 0},
        {KEY_CONTROL_LEFT, 1, 0, 0},
        {KEY_NONE, 0, 0, 0},
        {0x64, 0, 0, 0},
    };
    (void)state;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t character =
            keyboard_character(&layout_us, rows[i].key, rows[i].modifiers, rows[i].locks);
        if (character != rows[i].character) {
            print_error("row %u: %x\n", i, character);
        }
        assert_int_equal(character, rows[i].character);
    }
    for (unsigned key = 0; key < 256; key++) {
        for (unsigned modifiers = 0; modifiers < 256; modifiers++) {
            assert_true(keyboard_character(&layout_us, (uint8_t)key, (uint8_t)modifiers, 7) < 0x80);
        }
    }
}

static void test_another_layout(void **state)
{
    static const struct {
        uint8_t key, modifiers, locks;
        uint32_t character;
    } rows[] = {
        {KEY_A + 24, 0, 0, 'z'},
        {KEY_A + 25, 0x02, 0, 'Y'},
        {0x2f, 0, 0, 0xfc},
        {0x2f, 0, LOCK_CAPS, 0xdc},
        {0x2f, 0x02, LOCK_CAPS, 0xfc},
        {KEY_MINUS, 0, LOCK_CAPS, 0xdf},
        {0x1f, 0x02, 0, '"'},
        {0x20, 0x20, 0, 0xa7},
        {0x14, 0x40, 0, '@'},
        {0x08, 0x40, 0, 0x20ac},
        {0x24, 0x40, 0, '{'},
        {KEY_BESIDE_Z, 0, 0, '<'},
        {KEY_BESIDE_Z, 0x02, 0, '>'},
        {KEY_BESIDE_Z, 0x40, 0, '|'},
        {KEY_A, 0x40, 0, 0},
        {KEY_A, 0x04, 0, 'a'},
        {KEY_A + 2, 0x01, 0, 3},
        {0x35, 0, 0, '^'},
        {0x35, 0x01, 0, 30},
        {KEY_ENTER, 0, 0, '\r'},
        {0x59, 0, LOCK_NUM, '1'},
    };
    const struct layout *de = layout_find("de");

    (void)state;
    assert_non_null(de);
    assert_ptr_equal(layout_find("us"), &layout_us);
    assert_null(layout_find("xx"));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(keyboard_character(de, rows[i].key, rows[i].modifiers, rows[i].locks),
                         rows[i].character);
    }
    for (unsigned key = 0; key < 256; key++) {
        for (unsigned modifiers = 0; modifiers < 256; modifiers++) {
            (void)keyboard_character(de, (uint8_t)key, (uint8_t)modifiers, 7);
        }
    }
}

/* ---- the queue ---- */

static void test_queue(void **state)
{
    struct input_event out[100];
    uint64_t next, missed;
    (void)state;

    assert_int_equal(queue_read(0, out, 100, &next, &missed), 0);
    for (unsigned i = 0; i < 3 * QUEUE_EVENTS; i++) {
        queue_add(&(struct input_event){.time = i});
        assert_int_equal(queue_end(), i + 1);
    }
    assert_int_equal(queue_read(5, out, 100, &next, &missed), 100);
    assert_int_equal(missed, 2 * QUEUE_EVENTS - 5);
    assert_int_equal(out[0].time, 2 * QUEUE_EVENTS);
    assert_int_equal(next, 2 * QUEUE_EVENTS + 100);
    uint64_t seen = 100;
    for (unsigned count; (count = queue_read(next, out, 100, &next, &missed)) > 0; seen += count) {
        assert_int_equal(out[0].time, 2 * QUEUE_EVENTS + seen);
        assert_int_equal(missed, 0);
    }
    assert_int_equal(seen, QUEUE_EVENTS);
    assert_int_equal(queue_read(next + 1000, out, 100, &next, &missed), 0); /* not there yet */
    assert_int_equal(missed, 0);
}

/* ---- several keyboards and mice ---- */

/* What has come since the last call, as text: "+04^m02:41" a key with modifiers and its character, "b0+", "m1,2", "w1"; the source before. */
static uint64_t seen;

static const char *came(void)
{
    static char text[512];
    struct input_event event;
    uint64_t missed, from = seen;
    unsigned length = 0;

    text[0] = '\0';
    seen = queue_end();
    while (queue_read(from, &event, 1, &from, &missed) > 0) {
        char *at = text + length;
        size_t room = sizeof(text) - length;
        char sign = "-+*"[event.action];
        length += (unsigned)(event.kind == INPUT_KEY
                                 ? snprintf(at, room, "%u%c%02x^%02x:%x ", event.source, sign,
                                            event.code, event.modifiers, event.character)
                             : event.kind == INPUT_BUTTON
                                 ? snprintf(at, room, "%ub%u%c ", event.source, event.code, sign)
                             : event.kind == INPUT_MOVE
                                 ? snprintf(at, room, "%um%d,%d ", event.source, event.x, event.y)
                                 : snprintf(at, room, "%uw%d ", event.source, event.y));
    }
    return text;
}

static void test_several_keyboards(void **state)
{
    (void)state;
    seen = queue_end(); /* of other tests */
    source_attach(SOURCE_PS2, 0, INPUT_HAS_ALL);
    source_attach(3, 0, INPUT_HAS_KEYBOARD);
    source_attach(4, 0, INPUT_HAS_KEYBOARD | INPUT_HAS_MOUSE);
    assert_int_equal(sources_has(), INPUT_HAS_ALL);
    source_key(3, 1, 0xe1, true); /* S2: Shift on one, letters on others */
    source_key(0, 2, 0x04, true);
    source_key(4, 3, 0x04, true); /* S1: down there, too */
    source_key(4, 4, 0x04, true);
    source_key(0, 5, 0x04, false);
    source_key(0, 6, 0x04, false);
    assert_string_equal(came(), "3+e1^02:0 0+04^02:41 4+04^02:41 4*04^02:41 0-04^02:0 ");
    source_key(0, 7, 0xe1, true);
    source_attach(3, 8, 0); /* gone with its Shift; the other one still holds */
    source_key(4, 9, 0x04, false);
    source_key(0, 10, 0xe1, false);
    source_key(3, 11, 0x04, true); /* nobody */
    assert_string_equal(came(), "0+e1^02:0 3-e1^02:0 4-04^02:0 0-e1^00:0 ");
    source_key(4, 12, KEY_CAPS_LOCK, true); /* one set of locks */
    source_key(4, 13, KEY_CAPS_LOCK, false);
    assert_int_equal(sources_locks(), LOCK_CAPS);
    (void)came();
    source_key(0, 14, 0x04, true);
    source_key(0, 15, 0x04, false);
    source_key(0, 16, KEY_CAPS_LOCK, true);
    assert_string_equal(came(), "0+04^00:41 0-04^00:0 0+39^00:0 ");
    assert_int_equal(sources_locks(), 0);
    source_key(4, 17, KEY_CONTROL_LEFT, true);
    assert_true(source_key(0, 17, KEY_PAUSE, true)); /* calls the debugger */
    assert_false(source_key(0, 17, KEY_PAUSE, true));
    source_release_keys(0, 17);
    assert_string_equal(came(), "4+e0^01:0 0+48^01:0 0*48^01:0 0-39^01:0 0-48^01:0 ");
    source_attach(SOURCE_PS2, 17, 0);
    source_attach(4, 17, 0);
    assert_string_equal(came(), "4-e0^00:0 ");
    assert_int_equal(sources_has(), 0);
}

static void test_several_mice(void **state)
{
    (void)state;
    source_attach(1, 0, INPUT_HAS_MOUSE);
    source_attach(2, 0, INPUT_HAS_MOUSE);
    source_attach(SOURCES_MAX, 0, INPUT_HAS_ALL); /* there is no such place */
    source_button(1, 0, 0, true);
    source_button(2, 0, 0, true);
    source_button(2, 0, 0, true);
    source_button(1, 0, 3, true); /* nor such a button */
    source_button(1, 0, 0, false);
    source_move(1, 0, 1, -2);
    source_move(1, 0, 0, 0);
    source_wheel(2, 0, -1);
    source_wheel(2, 0, 0);
    source_key(1, 0, 0x04, true); /* it has no keys */
    source_key(SOURCES_MAX, 0, 0x04, true);
    source_attach(2, 0, INPUT_HAS_MOUSE); /* another one in its place */
    assert_string_equal(came(), "1b0+ 2b0+ 1b0- 1m1,-2 2w-1 2b0- ");
    source_attach(1, 0, 0);
    source_attach(2, 0, 0);
}

/* ---- waiting readers ---- */

static uint64_t answered[16];
static unsigned answered_count;

static bool is_even(const struct reader *reader)
{
    if (reader->from % 2 != 0) {
        return false;
    }
    answered[answered_count++] = reader->token;
    return true;
}

static bool is_any(const struct reader *reader)
{
    answered[answered_count++] = reader->token;
    return true;
}

/* Answered in the order they came in; one too many ends the wait of who has waited longest. */
static void test_readers(void **state)
{
    struct readers readers = {0};

    (void)state;
    for (uint64_t token = 1; token <= READERS_MAX; token++) {
        assert_int_equal(readers_add(&readers, token, token), 0);
    }
    assert_int_equal(readers_add(&readers, 100, 100), 1);
    assert_int_equal(readers_add(&readers, 101, 101), 2);

    answered_count = 0;
    readers_answer(&readers, is_even);
    assert_int_equal(answered_count, 4);
    assert_int_equal(answered[0], 4);
    assert_int_equal(answered[3], 100);

    assert_int_equal(readers_add(&readers, 102, 102), 0); /* there is room again */
    answered_count = 0;
    readers_answer(&readers, is_any);
    assert_int_equal(answered_count, 5); /* those that were left, each once */
    assert_int_equal(answered[0], 3);
    assert_int_equal(answered[4], 102);
    readers_answer(&readers, is_any);
    assert_int_equal(answered_count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_codes),
        cmocka_unit_test(test_no_key_has_two_codes),
        cmocka_unit_test(test_mouse_packets),
        cmocka_unit_test(test_modifiers_and_locks),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_another_layout),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_what_calls_the_debugger),
        cmocka_unit_test(test_all_keys_are_let_go),
        cmocka_unit_test(test_several_keyboards),
        cmocka_unit_test(test_several_mice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
