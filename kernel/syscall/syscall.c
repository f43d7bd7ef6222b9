/* SPDX-License-Identifier: MIT */
/* Dispatch of system calls; the checks of each are generated (gen/syscall_dispatch.c). */
#include "syscall/syscall.h"

#include "arch/frame.h"
#include "base/hooks.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "vm/user_copy.h"

void syscall_dispatch(struct trap_frame *frame)
{
    uint64_t number = frame->rax;
    trace_syscall_enter((uint8_t)MIN(number, 255), frame->rdi);
    if (LIKELY(number < SYSCALL_COUNT)) {
        syscall_table[number](frame);
    } else {
        frame->rax = (uint64_t)(int64_t)ERR_NO_SYSCALL;
    }
    trace_syscall_exit((uint8_t)frame->rax);
}

status_t sys_null(void)
{
    return OK;
}

status_t hand_out(struct object *object, uint32_t rights, uint64_t *out_handle)
{
    status_t status = handle_add(&current_process()->handles, object,
                                 rights & object_rights_all(object->type), 0, out_handle);
    object_put(object);
    return status;
}

status_t copy_name(char *name, vaddr_t address, uint64_t bytes)
{
    if (bytes == 0) {
        name[0] = '\0';
        return OK;
    }
    return user_copy_name(name, NAME_BYTES, address, bytes);
}
