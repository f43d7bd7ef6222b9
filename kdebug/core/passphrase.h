/* SPDX-License-Identifier: MIT */
/* A passphrase before the prompt. Theory in passphrase.c. */
#pragma once

#include "base/types.h"

#define KD_PASSPHRASE_PROMPT "kdebug passphrase: " /* fixed: scripts wait for it */

/*
 * kd_passphrase_set() - ask for one from now on.
 *
 * @option  "ROUNDS:SALT:KEY" as `spoor passphrase` prints it, the latter two in hex
 * False: it is not that. Then none is right: whoever mistypes a lock must not find the door open.
 */
bool kd_passphrase_set(const char *option);

/* kd_passphrase_is_locked() - somebody must give it first. kd_passphrase_lock() - again, after it was given. False: this boot
 * has none. */
bool kd_passphrase_is_locked(void);
bool kd_passphrase_lock(void);

/* kd_passphrase_try() - is it this one? Then it is unlocked. @now_us  microseconds that only grow. */
bool kd_passphrase_try(const char *text, size_t bytes, uint64_t now_us);

/* kd_passphrase_left_us() - how long nothing is to be tried, after a wrong one or none. 0: now. Context: any core, NMI class. */
uint64_t kd_passphrase_left_us(uint64_t now_us);

/*
 * kd_passphrase_at() - of the stop that begins: what tells the time in it; may the machine go on by itself, if nobody gives the
 * passphrase?
 */
void kd_passphrase_at(uint64_t (*now_us)(void), bool may_go_on);

/* kd_passphrase_ask() - read a line without showing it, and try it. Ends the session where the machine goes on. @idle is called
 * while nothing is typed. */
void kd_passphrase_ask(void (*idle)(void));
