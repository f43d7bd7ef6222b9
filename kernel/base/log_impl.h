/* SPDX-License-Identifier: MIT */
/* What the few writers to COM1 share: the log, the console object. kdebug writes without it. */
#pragma once

#include <stddef.h>

struct spinlock;

/* Held while a line or a console write goes out, so that pieces do not mix. Rank CONSOLE. */
extern struct spinlock console_lock;

/*
 * console_put() - bytes to COM1, CR before LF. Context: console_lock held, interrupts off; polls for other cores
 * after each byte, which takes up to 87 us.
 */
void console_put(const char *text, size_t bytes);
