/* SPDX-License-Identifier: MIT */
/* The kernel's console object: COM1. What a program at the other end is, and how large, nobody tells. */
#include <stddef.h>

#include "gen/syscall_user.h"
#include "kernel/abi/message.h"
#include "userspace/lib/start.h"
#include "userspace/services/terminal/device.h"

#define PIECE 512u /* the most that the kernel takes at once */

static status_t open_line(void)
{
    return program.console != HANDLE_NONE ? OK : ERR_NOT_FOUND;
}

static void show(const char *text, size_t bytes)
{
    for (size_t done = 0; done < bytes; done += PIECE) {
        size_t piece = bytes - done < PIECE ? bytes - done : PIECE;
        (void)sys_console_write(program.console, text + done, piece);
    }
}

static status_t read_line(char *data, uint64_t *out_bytes)
{
    return sys_console_read(program.console, data, DEVICE_READ_BYTES, DEADLINE_FOREVER, out_bytes);
}

static status_t size(uint32_t *out_columns, uint32_t *out_rows)
{
    (void)out_columns;
    (void)out_rows;
    return ERR_NOT_FOUND;
}

const struct terminal_device serial_device = {open_line, show, read_line, size};
