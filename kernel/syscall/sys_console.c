/* SPDX-License-Identifier: MIT */
/* The console object for user space: bounded pieces, so that one writer cannot hold the line for ever. */
#include "gen/syscall_handlers.h"
#include "irq/console.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define CONSOLE_WRITE_MAX 512u
#define CONSOLE_READ_MAX  128u

status_t sys_console_write(struct object *console, vaddr_t data, uint64_t bytes)
{
    (void)console;
    char text[CONSOLE_WRITE_MAX];
    if (bytes > sizeof(text)) {
        return ERR_TOO_BIG;
    }
    status_t status = user_copy_in(text, data, bytes);
    if (status == OK) {
        console_write(text, bytes);
    }
    return status;
}

status_t sys_console_read(struct object *console, vaddr_t data, uint64_t bytes, ns_t deadline,
                          uint64_t *out_got)
{
    (void)console;
    char text[CONSOLE_READ_MAX];
    size_t got = 0;
    status_t status = console_read(text, MIN(bytes, sizeof(text)), deadline, &got);
    if (status == OK) {
        status = user_copy_out(data, text, got);
    }
    if (status == OK) {
        *out_got = got;
    }
    return status;
}
