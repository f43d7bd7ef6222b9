/* SPDX-License-Identifier: MIT */
/* What the few writers to COM1 share: the log, the console object. kdebug writes without it. */
#pragma once

struct spinlock;

/* Held while a line or a console write goes out, so that pieces do not mix. Rank CONSOLE. */
extern struct spinlock console_lock;
