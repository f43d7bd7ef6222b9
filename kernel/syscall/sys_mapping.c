/* SPDX-License-Identifier: MIT */
/* Areas and mappings that exist: clone, resize, protect, find. */
#include "gen/syscall_handlers.h"
#include "syscall/syscall.h"
#include "vm/area.h"
#include "vm/space.h"

status_t sys_area_clone(struct object *area, uint64_t offset, uint64_t bytes, uint64_t *out_clone)
{
    struct quota *quota = current_process()->quota;
    struct area *clone;
    status_t status = quota_charge(quota, QUOTA_MEMORY, bytes / PAGE_BYTES);
    if (status != OK) {
        return status;
    }
    status = area_clone((struct area *)area, offset, bytes, &clone);
    if (status != OK) {
        quota_return(quota, QUOTA_MEMORY, bytes / PAGE_BYTES);
        return status;
    }
    area_set_payer(clone, quota);
    return hand_out((struct object *)clone, RIGHTS_ALL, out_clone);
}

status_t sys_area_resize(struct object *area, uint64_t bytes)
{
    return area_resize((struct area *)area, bytes);
}

status_t sys_area_protect(struct object *process, vaddr_t address, uint64_t bytes,
                          uint32_t protection)
{
    struct process *target = CONTAINER_OF(process, struct process, object);
    struct space *space = process_space_get(target);
    if (space == NULL) {
        return ERR_PEER_CLOSED;
    }
    status_t status = space_protect(space, address, bytes, protection);
    process_space_put(target);
    return status;
}

status_t sys_area_find(struct object *process, vaddr_t address, uint64_t *out_start,
                       uint64_t *out_bytes, uint64_t *out_protection)
{
    struct process *target = CONTAINER_OF(process, struct process, object);
    struct space *space = process_space_get(target);
    if (space == NULL) {
        return ERR_PEER_CLOSED;
    }
    struct space_mapping mapping;
    status_t status = space_query(space, address, &mapping);
    process_space_put(target);
    if (status == OK) {
        *out_start = mapping.start;
        *out_bytes = mapping.bytes;
        *out_protection = mapping.protection;
    }
    return status;
}
