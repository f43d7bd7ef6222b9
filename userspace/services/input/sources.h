/* SPDX-License-Identifier: MIT */
/*
 * Keyboards and mice, however many there are, as one stream of events. Pure but for the queue they go to.
 *
 *   S1  Which keys are down belongs to a keyboard: each of its keys goes down and up in turns, whatever others do. One that is
 *       gone has released all its keys and buttons.
 *   S2  Modifiers are those of all keyboards together: Shift on one and a letter on another is a capital, as on every system that
 *       people know, and for those who have a pedal or two halves. Locks are one set for the machine.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "userspace/drivers/input/keyboard.h"
#include "userspace/lib/input.h"

#define SOURCES_MAX  33u /* PS/2's, and a feeder's */
#define SOURCE_PS2   0u
#define SOURCE_FIRST 1u /* of the feeder's device 0 */

/* source_attach() - a device has these (INPUT_HAS_*) from now on; what it held is released. 0: it has gone. */
void source_attach(unsigned source, uint64_t time, uint32_t has);

/*
 * source_key(), source_button(), source_move(), source_wheel() - what it does. Of one that is not attached, or nothing that there is: nothing.
 * source_key() - true: the key, with the modifiers that are down, calls the kernel's debugger (keyboard_calls()).
 */
bool source_key(unsigned source, uint64_t time, uint8_t key, bool is_down);
void source_button(unsigned source, uint64_t time, uint8_t button, bool is_down);
void source_move(unsigned source, uint64_t time, int16_t x, int16_t y);
void source_wheel(unsigned source, uint64_t time, int16_t steps);

/* source_release_keys() - nobody knows any more which of its keys are down: none. */
void source_release_keys(unsigned source, uint64_t time);

/* sources_has() - what all together have. sources_locks() - LOCK_*. */
uint32_t sources_has(void);
uint8_t sources_locks(void);

/* sources_set_layout() - the characters of all keyboards; at first those of a US one. */
void sources_set_layout(const struct layout *chosen);
