/* SPDX-License-Identifier: MIT */
/*
 * The kernel log (contract: base/log.h). One line is one trace record and one line on COM1.
 *
 * The record carries the text alone: the trace knows time and core. COM1 gets "[seconds.micros
 * cpuN] text". Seconds are 0 until clock_init(). Needs per-core data (cpu_init_boot()) and the
 * serial line.
 */
#include "base/log.h"

#include <stdarg.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/serial.h"
#include "base/format.h"
#include "base/log_impl.h"
#include "gen/trace_emit.h"
#include "sync/spinlock.h"

#define LINE_BYTES 256u
#define NS_PER_S   1000000000ull
#define NS_PER_US  1000ull

struct spinlock console_lock = SPINLOCK_INIT("console", LOCK_RANK_CONSOLE);

void console_put(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            serial_put('\r');
        }
        serial_put(text[i]);
        core_poll();
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    char head[40];
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    size_t length = format_text_v(text, sizeof(text), format, args);
    va_end(args);
    length = MIN(length, sizeof(text) - 1);

    ns_t now = clock_now();
    size_t head_length = format_text(head, sizeof(head), "[%4llu.%06llu cpu%u] ",
                                     (unsigned long long)(now / NS_PER_S),
                                     (unsigned long long)(now % NS_PER_S / NS_PER_US), cpu_id());
    trace_log_line((uint8_t)level, text, length);

    spinlock_acquire(&console_lock);
    console_put(head, head_length);
    console_put(text, length);
    console_put("\n", 1);
    spinlock_release(&console_lock);
}
