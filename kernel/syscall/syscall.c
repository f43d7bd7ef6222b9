/* SPDX-License-Identifier: MIT */
/* What the handlers of system calls share. */
#include "syscall/syscall.h"

#include "gen/syscall_handlers.h"
#include "vm/user_copy.h"

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
