/* SPDX-License-Identifier: MIT */
/*
 * panic(): say it in the trace, give the core to kdebug, halt (contract: base/assert.h).
 *
 * Takes no lock: whoever panics may hold any, the console's included. A core that panics again
 * while it does (the message, the trace or kdebug's entry is broken) prints what it can by itself
 * and halts; it never comes here a third time. Inside of kdebug a panic is one of its own faults: the prompt comes back,
 * however often, so those do not count.
 */
#include "base/assert.h"

#include <stdarg.h>

#include "arch/cpu.h"
#include "arch/serial.h"
#include "base/format.h"
#include "base/hooks.h"
#include "base/log.h"
#include "base/string.h"
#include "gen/trace_emit.h"

#define MESSAGE_BYTES 384u /* the longest: mm/heap_guard.c */

NORETURN void __stack_chk_fail(void);

static atomic_uint panics[CPU_MAX]; /* how often each core has; written by that core */

static void print_raw(const char *text)
{
    for (; *text != '\0'; text++) {
        serial_put(*text);
    }
}

void panic(const char *format, ...)
{
    char message[MESSAGE_BYTES];
    unsigned before = atomic_fetch_add_explicit(&panics[cpu_id()], 1, memory_order_relaxed);
    if (before > 1) {
        cpu_halt_forever();
    }
    va_list args;
    va_start(args, format);
    format_text_v(message, sizeof(message), format, args);
    va_end(args);
    if (kdebug_active()) {
        atomic_store_explicit(&panics[cpu_id()], before, memory_order_relaxed);
        kdebug_panic(message); /* does not return */
    }
    if (before == 1) {
        print_raw("\r\npanic while panicking: ");
        print_raw(message);
        print_raw("\r\n");
        cpu_halt_forever();
    }
    trace_log_line(LOG_ERROR, message, strlen(message));
    kdebug_panic(message);
    cpu_halt_forever();
}

/* gcc's stack protector calls it when a frame's canary is gone: nothing on this stack is to be
 * trusted, so say no more. */
void __stack_chk_fail(void)
{
    panic("stack smashed: the canary of the function that returns to %p is gone",
          __builtin_return_address(0));
}
