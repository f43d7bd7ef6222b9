/* SPDX-License-Identifier: MIT */
/* Handles: close, duplicate, give to another process. */
#include "gen/syscall_handlers.h"
#include "syscall/syscall.h"

status_t sys_handle_close(uint64_t handle)
{
    return handle_close(&current_process()->handles, handle);
}

/* Put a copy of one of the caller's handles into a table, with `needed` checked and rights only shrunk. */
static status_t copy_handle(struct handle_table *to, uint64_t handle, uint32_t needed,
                            uint32_t rights, uint64_t badge, uint64_t *out_handle)
{
    struct handle_entry entry;
    status_t status = handle_copy(&current_process()->handles, handle, &entry);
    if (status != OK) {
        return status;
    }
    if ((entry.rights & needed) != needed || (rights & ~entry.rights) != 0) {
        status = ERR_NO_RIGHTS;
    } else {
        status = handle_add(to, entry.object, rights, badge == 0 ? entry.badge : badge, out_handle);
    }
    object_put(entry.object);
    return status;
}

status_t sys_handle_duplicate(uint64_t handle, uint32_t rights, uint64_t badge,
                              uint64_t *out_duplicate)
{
    return copy_handle(&current_process()->handles, handle, RIGHT_DUPLICATE, rights, badge,
                       out_duplicate);
}

status_t sys_handle_grant(struct object *process, uint64_t handle, uint32_t rights, uint64_t badge,
                          uint64_t *out_granted)
{
    struct process *to = CONTAINER_OF(process, struct process, object);
    return copy_handle(&to->handles, handle, RIGHT_TRANSFER, rights, badge, out_granted);
}
