/* SPDX-License-Identifier: MIT */
/* The console: the serial line that the kernel owns, as an object that user space reads and writes. */
#pragma once

#include "base/types.h"
#include "object/object.h"

extern struct object console_object;

void console_init(void);
/* console_interrupt() - bytes have come in: VECTOR_CONSOLE, a self-IPI of the NMI handler. Wakes readers. */
void console_interrupt(void);
/* console_write() - bytes to the line in one piece, under the console lock. Polled. */
void console_write(const char *data, size_t bytes);
/* console_read() - 1 to `bytes` bytes that have come in. OK, ERR_TIMED_OUT, ERR_CANCELLED. Context: thread, may block. */
status_t console_read(char *data, size_t bytes, ns_t deadline, size_t *out_got) MUST_CHECK;
