/* SPDX-License-Identifier: MIT */
/* Scan codes of a PS/2 keyboard as typed bytes, both sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kdebug/x86_64/keyboard.h"

static struct kd_keys keys;
static int typed[32];
static unsigned count;

static int begin(void **state)
{
    (void)state;
    keys = (struct kd_keys){0};
    return 0;
}

static void feed(const char *codes, size_t bytes)
{
    count = 0;
    for (size_t i = 0; i < bytes; i++) {
        int byte = kd_keys_feed(&keys, (uint8_t)codes[i]);
        if (byte >= 0) {
            typed[count++] = byte;
        }
    }
}

static void expect(const char *text)
{
    assert_int_equal(count, strlen(text));
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(typed[i], text[i]);
    }
}
#define FEED(codes) feed(codes, sizeof(codes) - 1)

static void test_letters_and_shift(void **state)
{
    (void)state;
    FEED("\x2e\xae\x19\x99\x16\x96\x1f\x9f"); /* c p u s */
    expect("cpus");
    FEED("\x2a\x1e\x9e\x02\x2b\xaa\x1e\x39\x1c"); /* shift a 1 \, then a, blank, ENTER */
    expect("A!|a \r");
    FEED("\x3a\xba\x1e\x02\x36\x1e\xb6\x3a\xba\x1e"); /* Caps Lock: a 1, shift a; off: a */
    expect("A1aa");
}

/* It reads as a BREAK of the line does. */
static void test_break(void **state)
{
    (void)state;
    static const int once[] = {KD_KEY_BREAK}, escape[] = {'\033'};
    FEED("\x1d\xe0\x46\xe0\xc6\x9d"); /* Control + Pause */
    assert_int_equal(count, 1);
    assert_memory_equal(typed, once, sizeof(once));
    FEED("\xe1\x1d\x45\xe1\x9d\xc5"); /* Pause */
    assert_int_equal(count, 0);
    FEED("\x38\x1d\x01\x81\x9d\xb8"); /* Control + Alt + Escape */
    assert_int_equal(count, 1);
    assert_memory_equal(typed, once, sizeof(once));
    FEED("\x38\x01\x81\xb8"); /* without Control */
    assert_int_equal(count, 1);
    assert_memory_equal(typed, escape, sizeof(escape));
    FEED("\x1d\x46\xc6\x9d"); /* Scroll Lock */
    assert_int_equal(count, 0);
    keys = (struct kd_keys){.is_set2 = true};
    FEED("\x14\xe0\x7e\xe0\xf0\x7e\xf0\x14");
    assert_int_equal(count, 1);
    assert_memory_equal(typed, once, sizeof(once));
    FEED("\x11\x14\x76\xf0\x76\xf0\x14\xf0\x11");
    assert_int_equal(count, 1);
    assert_memory_equal(typed, once, sizeof(once));
}

static void test_control_keys(void **state)
{
    (void)state;
    FEED("\x1d\x2e\xae\x13\x0e\x9d\x0e\x0f\x01"); /* Ctrl: c r backspace; backspace TAB ESC */
    expect("\x03\x12\x7f\t\033");
}

static void test_arrows(void **state)
{
    (void)state;
    FEED(
        "\xe0\x48\xe0\xc8\xe0\x50\xe0\x1c\xe0\x35\xe0\x5b\x48"); /* the last: number pad, no character */
    assert_int_equal(count, 4);
    assert_int_equal(typed[0], KD_KEY_SEQUENCE | 'A');
    assert_int_equal(typed[1], KD_KEY_SEQUENCE | 'B');
    assert_int_equal(typed[2], '\r');
    assert_int_equal(typed[3], '/');
    FEED("\xe0\x2a\xe0\x4b\xe0\xaa\x1e"); /* a shift that some keyboards make up */
    assert_int_equal(typed[0], KD_KEY_SEQUENCE | 'D');
    assert_int_equal(typed[1], 'a');
}

static void test_what_does_not_translate(void **state)
{
    (void)state;
    keys.is_set2 = true;
    FEED(
        "\x21\xf0\x21\x4d\xf0\x4d\x3c\xf0\x3c\x12\x1b\xf0\x12\x1b\x5a"); /* c p u, shift s, s, ENTER */
    expect("cpuSs\r");
    FEED("\xe0\x75\xe0\xf0\x75\x14\x21\xf0\x14"); /* up, Ctrl-C */
    assert_int_equal(typed[0], KD_KEY_SEQUENCE | 'A');
    assert_int_equal(typed[1], 3);
}

static void test_any_bytes(void **state)
{
    (void)state;
    srandom(5);
    for (unsigned i = 0; i < 200000; i++) {
        keys.is_set2 = i & 1024;
        int byte = kd_keys_feed(&keys, (uint8_t)random());
        assert_true(byte >= -1 && byte < 0x180);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_letters_and_shift, begin),
        cmocka_unit_test_setup(test_break, begin),
        cmocka_unit_test_setup(test_control_keys, begin),
        cmocka_unit_test_setup(test_arrows, begin),
        cmocka_unit_test_setup(test_what_does_not_translate, begin),
        cmocka_unit_test_setup(test_any_bytes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
