/* SPDX-License-Identifier: MIT */
/* Handles: close, duplicate, give to another process, lend and take back; names of what they stand for. */
#include "base/string.h"
#include "gen/syscall_handlers.h"
#include "gen/trace_emit.h"
#include "syscall/syscall.h"

status_t sys_handle_close(uint64_t handle)
{
    return handle_close(&current_process()->handles, handle);
}

status_t sys_handle_duplicate(const struct handle_entry *handle, uint32_t rights, uint64_t badge,
                              uint64_t *out_duplicate)
{
    return handle_derive(&current_process()->handles, handle, rights, badge, out_duplicate);
}

status_t sys_handle_grant(struct object *process, const struct handle_entry *handle,
                          uint32_t rights, uint64_t badge, uint64_t *out_granted)
{
    struct process *to = CONTAINER_OF(process, struct process, object);
    return handle_derive(&to->handles, handle, rights, badge, out_granted);
}

status_t sys_handle_lease(const struct handle_entry *handle, uint32_t rights, uint64_t badge,
                          uint64_t *out_leased, uint64_t *out_lease)
{
    struct handle_table *table = &current_process()->handles;
    struct lease *lease;
    status_t status = lease_create(handle->lease, &lease);
    if (status != OK) {
        return status;
    }
    struct handle_entry under = *handle;
    under.lease = lease;
    status = handle_derive(table, &under, rights, badge, out_leased);
    if (status != OK) {
        lease_put(lease);
        return status;
    }
    status = hand_out(&lease->object, RIGHTS_ALL, out_lease);
    if (status != OK && handle_close(table, *out_leased) != OK) {
        return status; /* another thread closed it first */
    }
    return status;
}

status_t sys_lease_revoke(struct object *lease)
{
    lease_end(CONTAINER_OF(lease, struct lease, object));
    trace_life_lease_end(lease->id, current_process()->object.id);
    return OK;
}

status_t sys_object_set_name(const struct handle_entry *handle, vaddr_t name, uint64_t name_bytes)
{
    char text[NAME_BYTES];
    struct object *object = handle->object;
    if (handle->rights != object_rights_all(object->type)) {
        return ERR_NO_RIGHTS;
    }
    status_t status = copy_name(text, name, name_bytes);
    if (status != OK) {
        return status;
    }
    char *stored = object_name(object);
    if (stored == NULL) {
        return ERR_NOT_SUPPORTED;
    }
    string_copy(stored, text, NAME_BYTES);
    trace_life_object_name((uint8_t)object->type, object_trace_id(object),
                           current_process()->object.id, text, strlen(text));
    return OK;
}
