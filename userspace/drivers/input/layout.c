/* SPDX-License-Identifier: MIT */
/* Keys A to Z, 1 to 0, Enter, Escape, Backspace, Tab, space, then by their place: see keys.h. 0x32 is the key beside Enter of ISO keyboards. */
#include "userspace/drivers/input/layout.h"

#include <stddef.h>
#include <string.h>

#include "kernel/abi/us_keyboard.h"

#define NORMAL(usage, code, character, shifted)  [(usage)-LAYOUT_FIRST] = (character),
#define SHIFTED(usage, code, character, shifted) [(usage)-LAYOUT_FIRST] = (shifted),

static const uint16_t us_normal[LAYOUT_KEYS + 1] = {
    US_KEYS(NORMAL)[KEY_BESIDE_ENTER - LAYOUT_FIRST] = '\\'};
static const uint16_t us_shifted[LAYOUT_KEYS + 1] = {
    US_KEYS(SHIFTED)[KEY_BESIDE_ENTER - LAYOUT_FIRST] = '|'};

const struct layout layout_us = {"us", us_normal, us_shifted, {0, 0}, NULL};

/* DIN 2137, T1. Accents stand for themselves. */
static const uint16_t de_normal[] =
    u"abcdefghijklmnopqrstuvwxzy1234567890\r\033\177\t \u00df\u00b4\u00fc+##\u00f6\u00e4^,.-";
static const uint16_t de_shifted[] =
    u"ABCDEFGHIJKLMNOPQRSTUVWXZY!\"\u00a7$%&/()=\r\033\177\t ?`\u00dc*''\u00d6\u00c4\u00b0;:_";
static const struct layout_third de_third[] = {
    {0x14, u'@'},
    {0x08, u'\u20ac'},
    {0x10, u'\u00b5'},
    {0x1f, u'\u00b2'},
    {0x20, u'\u00b3'},
    {0x24, u'{'},
    {0x25, u'['},
    {0x26, u']'},
    {0x27, u'}'},
    {KEY_MINUS, u'\\'},
    {0x30, u'~'},
    {KEY_BESIDE_Z, u'|'},
    {0, 0},
};
static const struct layout layout_de = {"de", de_normal, de_shifted, {u'<', u'>'}, de_third};

_Static_assert(sizeof(de_normal) == sizeof(us_normal), "a character for each key");
_Static_assert(sizeof(de_shifted) == sizeof(us_normal), "and with Shift");

static const struct layout *const layouts[] = {&layout_us, &layout_de};

const struct layout *layout_find(const char *name)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (strcmp(layouts[i]->name, name) == 0) {
            return layouts[i];
        }
    }
    return NULL;
}
