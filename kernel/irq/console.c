/* SPDX-License-Identifier: MIT */
/*
 * The console object. Input takes this way: the UART's line is an NMI, whose handler moves bytes into a ring and sends its
 * core VECTOR_CONSOLE; that wakes the readers, who take bytes from the ring under this file's lock.
 */
#include "irq/console.h"

#include "arch/serial.h"
#include "sched/wait_queue.h"
#include "base/log_impl.h"

struct object console_object;
static struct wait_queue readers;

void console_init(void)
{
    object_init(&console_object, OBJECT_CONSOLE);
    wait_queue_init(&readers, "console readers");
}

void console_interrupt(void)
{
    spinlock_acquire(&readers.lock);
    wait_queue_wake_all_locked(&readers, TRACE_WAKE_REASON_CONSOLE);
    spinlock_release(&readers.lock);
}

void console_write(const char *data, size_t bytes)
{
    spinlock_acquire(&console_lock);
    console_put(data, bytes);
    spinlock_release(&console_lock);
}

status_t console_read(char *data, size_t bytes, ns_t deadline, size_t *out_got)
{
    for (;;) {
        spinlock_acquire(&readers.lock);
        size_t got = 0;
        int byte;
        while (got < bytes && (byte = serial_take()) >= 0) {
            data[got++] = (char)byte;
        }
        if (got > 0) {
            spinlock_release(&readers.lock);
            *out_got = got;
            return OK;
        }
        status_t status =
            wait_queue_wait_locked(&readers, deadline, TRACE_THREAD_STATE_CONSOLE, &console_object);
        if (status != OK) {
            return status;
        }
    }
}
