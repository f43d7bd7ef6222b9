/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard at the prompt: polled, without interrupt, US layout.
 *
 * The serial line is the door and shows what is printed; where somebody has a keyboard and only reads the line, keys type like the
 * line does. The controller's queue is looked at while the machine stands still and never else, so a driver has it to itself when
 * the machine runs. What it had not taken when the machine stopped is thrown away, and so are bytes of a mouse.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller", scan code sets 1 and 2.
 */
#pragma once

#include "base/types.h"

struct kd_keys {
    bool shift, control, caps; /* what is held; Caps Lock */
    bool is_extended;          /* 0xe0 came */
    bool is_release;           /* set 2: 0xf0 came */
    bool is_set2;              /* else set 1, which a controller that translates gives */
};

/*
 * kd_keys_feed() - one byte of a scan code.
 *
 * Returns the byte that the serial line would have brought; for an arrow and the like the last one of its escape sequence
 * "ESC [ x" with bit 8 set; -1: none yet.
 */
#define KD_KEY_SEQUENCE 0x100
int kd_keys_feed(struct kd_keys *keys, uint8_t code);

/* kd_keyboard_begin() - the machine has stopped. kd_keyboard_get() - poll one byte, -1: none. */
void kd_keyboard_begin(void);
int kd_keyboard_get(void);
