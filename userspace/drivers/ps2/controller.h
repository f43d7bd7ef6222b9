/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 controller (8042): two ports, for a keyboard and a mouse.
 *
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
 * Context: one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen/errors.h"

#define PS2_LINE_KEYBOARD 1u /* ISA interrupts */
#define PS2_LINE_MOUSE    12u

#define PS2_LED_SCROLL 1u
#define PS2_LED_NUM    2u
#define PS2_LED_CAPS   4u

struct ps2 {
    uint64_t data, command; /* handles for their ports */
    bool has_keyboard, has_mouse, has_wheel;
};

/*
 * ps2_open() - test the controller, reset what is plugged in, switch reports and interrupts on. Scan codes come in set 1.
 * @system  handle with the right `ports`
 * ERR_NOT_FOUND: there is no such controller, or nothing at it; ERR_CORRUPT: it fails its own test; what ports_create gives. Sleeps; a
 * keyboard may take half a second for its reset, and one that is not there takes a second to be missed.
 */
status_t ps2_open(struct ps2 *ps2, uint64_t system);

/* ps2_read() - a byte that has come, and from which of the two. False: there is none. */
bool ps2_read(struct ps2 *ps2, uint8_t *out_byte, bool *out_from_mouse);

/*
 * ps2_send() - a byte for the keyboard, when the controller takes it. Its answer, PS2_ACKNOWLEDGED, comes like a scan code.
 * ERR_TIMED_OUT: the controller does not take it.
 */
#define PS2_ACKNOWLEDGED 0xfau
#define PS2_RESEND       0xfeu
#define PS2_SET_LEDS     0xedu
status_t ps2_send(struct ps2 *ps2, uint8_t byte);
