/* SPDX-License-Identifier: MIT */
/* Areas: make, map, unmap, ask. */
#include "gen/syscall_handlers.h"
#include "kernel/abi/memory.h"
#include "syscall/syscall.h"
#include "vm/area.h"
#include "vm/space.h"

static struct area *area_of(struct object *object)
{
    return (struct area *)object; /* the object is its first member, see vm/area.h */
}

status_t sys_area_create(uint64_t bytes, uint32_t flags, uint64_t *out_area)
{
    const uint32_t runs_only = AREA_BELOW_4G | AREA_HUGE;
    bool is_run = flags & AREA_CONTIGUOUS;
    if ((flags & ~(AREA_CONTIGUOUS | AREA_RING | runs_only)) || (!is_run && (flags & runs_only))) {
        return ERR_BAD_ARGUMENT;
    }
    struct quota *quota = current_process()->quota;
    uint64_t pages = bytes / PAGE_BYTES;
    status_t status = quota_charge(quota, QUOTA_MEMORY, pages);
    if (status != OK) {
        return status;
    }
    struct area *area;
    status =
        is_run ? area_create_run(bytes, flags, &area) : area_create_anonymous(bytes, flags, &area);
    if (status != OK) {
        quota_return(quota, QUOTA_MEMORY, pages);
        return status;
    }
    area_set_payer(area, quota);
    return hand_out((struct object *)area, RIGHTS_ALL, out_area);
}

status_t sys_area_create_physical(struct object *system, uint64_t address, uint64_t bytes,
                                  uint32_t cache, uint64_t *out_area)
{
    static const enum area_cache caches[] = {
        [AREA_UNCACHED] = AREA_CACHE_UNCACHED,
        [AREA_WRITE_COMBINING] = AREA_CACHE_WRITE_COMBINING,
        [AREA_CACHED] = AREA_CACHE_WRITE_BACK,
    };
    (void)system; /* only the right counts */
    if (cache >= ARRAY_COUNT(caches)) {
        return ERR_BAD_ARGUMENT;
    }
    struct area *area;
    status_t status = area_create_physical(address, bytes, true, caches[cache], &area);
    if (status != OK) {
        return status;
    }
    return hand_out((struct object *)area, RIGHTS_ALL, out_area);
}

/* What a mapping made with these rights to the area may ever have. */
static unsigned protection_allowed(uint32_t rights)
{
    return (rights & RIGHT_AREA_READ ? PROT_READ : 0) |
           (rights & RIGHT_AREA_WRITE ? PROT_WRITE : 0) |
           (rights & RIGHT_AREA_EXEC ? PROT_EXEC : 0);
}

status_t sys_area_map(struct object *process, const struct handle_entry *area, uint64_t offset,
                      uint64_t bytes, vaddr_t address, uint64_t protection, uint64_t *out_address)
{
    if (protection & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | MAP_FLAGS)) {
        return ERR_BAD_ARGUMENT;
    }
    uint32_t needed = (protection & PROT_READ ? RIGHT_AREA_READ : 0) |
                      (protection & PROT_WRITE ? RIGHT_AREA_WRITE : 0) |
                      (protection & PROT_EXEC ? RIGHT_AREA_EXEC : 0);
    if ((area->rights & needed) != needed) {
        return ERR_NO_RIGHTS;
    }
    struct process *target = CONTAINER_OF(process, struct process, object);
    struct space *space = process_space_get(target);
    if (space == NULL) {
        return ERR_PEER_CLOSED;
    }
    struct space_view view = {.area = area_of(area->object),
                              .offset = offset,
                              .bytes = bytes,
                              .protection = (unsigned)protection,
                              .allowed = protection_allowed(area->rights)};
    status_t status = space_map(space, &view, address, out_address);
    process_space_put(target);
    return status;
}

status_t sys_area_unmap(struct object *process, vaddr_t address, uint64_t bytes)
{
    struct process *target = CONTAINER_OF(process, struct process, object);
    struct space *space = process_space_get(target);
    if (space == NULL) {
        return ERR_NOT_FOUND;
    }
    status_t status = space_unmap(space, address, bytes);
    process_space_put(target);
    return status;
}

status_t sys_area_query(const struct handle_entry *area, uint64_t *out_bytes,
                        uint64_t *out_physical)
{
    *out_bytes = area_bytes(area_of(area->object));
    *out_physical = area->rights & RIGHT_AREA_PHYSICAL ? area_physical(area_of(area->object)) : 0;
    return OK;
}
