/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard at the prompt: polled, without interrupt, US layout.
 *
 * The serial line shows what is printed; where somebody has a keyboard and only reads the line, keys type like the
 * line does. The controller's queue is looked at while there is a prompt, so a driver has it to itself when the machine runs and at stops
 * that nobody sees. What it had not taken when the prompt came is thrown away, and so are bytes of a mouse.
 *
 * Break (Control + Pause; Control + Alt + Escape where that key is missing) is on a keyboard what BREAK is on the line. While a
 * driver has the keyboard, it asks for kdebug (userspace/services/input). While none has, nobody reads it, so whoever wants to come in by
 * it before that has to have it looked at: kd_keyboard_listen(), which costs a steady NMI. Rejected: the keyboard's own interrupt as NMI:
 * one on its way when a driver takes the controller could not be told from a person's.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller", scan code sets 1 and 2.
 */
#pragma once

#include "base/types.h"

struct kd_keys {
    bool shift, control, alt, caps; /* what is held; Caps Lock */
    bool is_extended;               /* 0xe0 came */
    bool is_release;                /* set 2: 0xf0 came */
    bool is_set2;                   /* else set 1, which a controller that translates gives */
};

/*
 * kd_keys_feed() - one byte of a scan code.
 *
 * Returns the byte that the serial line would have brought, NUL for Break; for an arrow and the like the last one of its escape sequence
 * "ESC [ x" with bit 8 set; -1: none yet.
 */
#define KD_KEY_SEQUENCE 0x100
#define KD_KEY_BREAK    0
int kd_keys_feed(struct kd_keys *keys, uint8_t code);

/* kd_keyboard_begin() - there is a prompt. kd_keyboard_end() - no longer. kd_keyboard_get() - poll one byte, -1: none. */
void kd_keyboard_begin(void);
void kd_keyboard_end(void);
int kd_keyboard_get(void);

/*
 * kd_keyboard_listen() - look for Break from now on while the machine runs and no driver has the keyboard. ERR_NOT_SUPPORTED: there is no
 * timer that raises NMIs. Context: boot, after the clock and the interrupt controllers are set up.
 *
 * kd_keyboard_is_called() - has Break been pressed? Context: NMI class on core NMI_BEAT_CPU, no stop. Cost: a load when it is not to look,
 * else a port access.
 */
status_t kd_keyboard_listen(void) MUST_CHECK;
bool kd_keyboard_is_called(void);
