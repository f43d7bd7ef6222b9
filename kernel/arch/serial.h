/* SPDX-License-Identifier: MIT */
/*
 * COM1, a 16550, polled for output. The kernel owns it for life. Takes no lock: base/log.c and
 * kdebug order writers.
 *
 * Input arrives as NMI (IOAPIC pin 4): the NMI handler calls serial_drain(), which moves bytes into
 * a ring and reports a BREAK or the escape byte.
 */
#pragma once

#include "base/types.h"

#define SERIAL_ESCAPE 0x1c /* Ctrl-\ enters kdebug in text mode, like BREAK */

enum serial_event {
    SERIAL_NOTHING = 0, /* nothing, or only plain bytes */
    SERIAL_BYTES = 1,   /* plain bytes went into the ring */
    SERIAL_BREAK = 2,
    SERIAL_ESCAPED = 3,
};

/*
 * serial_init() - 115200 8N1, FIFOs on, interrupts off at the chip. First thing kernel_main does.
 */
void serial_init(void);
void serial_put(char c);
/* serial_get() - poll one byte at the kdebug prompt; -1 if none. A BREAK reads as NUL. */
int serial_get(void);
/*
 * serial_drain() - empty the chip, up to a BREAK or escape byte: what follows those stays in it for
 * serial_get(). Context: NMI; safe against itself and on several cores at once (one of them does
 * the work, the others return SERIAL_NOTHING).
 */
enum serial_event serial_drain(void);
/*
 * serial_take() - take one byte from the ring that serial_drain() filled; -1 if empty. One consumer
 * at a time (console lock).
 */
int serial_take(void);
/*
 * serial_give_back() - let serial_take() have a byte that serial_get() took and that was not for who polled. Context: while the chip's
 * interrupt is off; a drain that is under way all the same loses it.
 */
void serial_give_back(uint8_t byte);
/* serial_lost() - bytes dropped since start because nobody took them from the ring. */
uint64_t serial_lost(void);
/*
 * serial_set_escape() - the byte that counts like a BREAK: SERIAL_ESCAPE in text mode, 0x03 while
 * gdb is attached, -1 none.
 */
void serial_set_escape(int byte);
/* serial_interrupt_enable() - the chip raises its line for received bytes (IER) or not. */
void serial_interrupt_enable(bool on);
