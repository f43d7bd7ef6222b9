/* SPDX-License-Identifier: MIT */
/* Source: xterm, "XTerm Control Sequences", PC-style function keys. */
#include "userspace/services/terminal/key_bytes.h"

#include <stddef.h>
#include <string.h>

#include "userspace/drivers/input/keyboard.h"

#define ESCAPE '\033'

struct named_key {
    uint8_t key;
    char sequence[6]; /* behind ESC */
};

/* Of the keypad without Num Lock, too. */
static const struct named_key named_keys[] = {
    {0x52, "[A"},   {0x51, "[B"},   {0x4f, "[C"},   {0x50, "[D"},   {0x4a, "[H"},   {0x4d, "[F"},
    {0x49, "[2~"},  {0x4c, "[3~"},  {0x4b, "[5~"},  {0x4e, "[6~"},  {0x3a, "OP"},   {0x3b, "OQ"},
    {0x3c, "OR"},   {0x3d, "OS"},   {0x3e, "[15~"}, {0x3f, "[17~"}, {0x40, "[18~"}, {0x41, "[19~"},
    {0x42, "[20~"}, {0x43, "[21~"}, {0x44, "[23~"}, {0x45, "[24~"}, {0x60, "[A"},   {0x5a, "[B"},
    {0x5e, "[C"},   {0x5c, "[D"},   {0x5f, "[H"},   {0x59, "[F"},   {0x62, "[2~"},  {0x63, "[3~"},
    {0x61, "[5~"},  {0x5b, "[6~"},
};

static unsigned put_utf8(uint32_t character, char *out)
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (char)(0xc0 | character >> 6);
        out[1] = (char)(0x80 | (character & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | character >> 12);
    out[1] = (char)(0x80 | (character >> 6 & 0x3f));
    out[2] = (char)(0x80 | (character & 0x3f));
    return 3;
}

static unsigned put_named(uint8_t key, char *out)
{
    for (size_t i = 0; i < sizeof(named_keys) / sizeof(named_keys[0]); i++) {
        if (named_keys[i].key == key) {
            size_t length = strlen(named_keys[i].sequence);
            out[0] = ESCAPE;
            memcpy(out + 1, named_keys[i].sequence, length);
            return (unsigned)length + 1;
        }
    }
    return 0;
}

unsigned key_bytes(const struct input_event *event, char *out)
{
    if (event->kind != INPUT_KEY || event->action == KEY_RELEASED) {
        return 0;
    }
    if (event->character == 0) {
        return put_named(event->code, out);
    }
    unsigned count = 0;
    if ((event->modifiers & MODIFIER_ALT & ~MODIFIER_ALT_RIGHT) !=
        0) { /* the right one may be the layout's */
        out[count++] = ESCAPE;
    }
    return count + put_utf8(event->character, out + count);
}
