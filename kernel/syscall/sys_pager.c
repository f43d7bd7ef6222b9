/* SPDX-License-Identifier: MIT */
/* Pagers: become one, take pages, give them back. */
#include "gen/syscall_handlers.h"
#include "kernel/abi/pager.h"
#include "syscall/syscall.h"
#include "vm/pager.h"

static struct pager *pager_of(struct object *object)
{
    return (struct pager *)object; /* the object is its first member, see vm/pager.h */
}

status_t sys_pager_create(struct object *system, struct object *mailbox, uint64_t pages,
                          uint64_t patience, uint64_t *out_pager)
{
    (void)system; /* only the right counts */
    const struct pager_terms terms = {.mailbox = mailbox,
                                      .space = current_process()->space,
                                      .pages_max = pages,
                                      .patience = patience};
    if (pages == 0 || patience == 0 || patience > PAGER_PATIENCE_MAX) {
        return ERR_BAD_ARGUMENT;
    }
    struct pager *pager;
    status_t status = pager_create(&terms, &pager);
    return status == OK ? hand_out((struct object *)pager, RIGHTS_ALL, out_pager) : status;
}

status_t sys_process_resident(struct object *system, struct object *process)
{
    (void)system; /* only the right counts */
    CONTAINER_OF(process, struct process, object)->is_resident = true;
    return OK;
}

status_t sys_process_reserve(struct object *system, struct object *process)
{
    (void)system; /* only the right counts */
    CONTAINER_OF(process, struct process, object)->has_reserve = true;
    return OK;
}

status_t sys_pager_next(struct object *pager, uint32_t outcome, vaddr_t buffer, ns_t deadline,
                        uint64_t *out_request, uint64_t *out_area, uint64_t *out_page)
{
    if (outcome != PAGER_STORED && outcome != PAGER_REFUSED) {
        return ERR_BAD_ARGUMENT;
    }
    struct pager_request request;
    status_t status = pager_next(pager_of(pager), outcome, buffer, deadline, &request);
    if (status != OK) {
        return status;
    }
    *out_request = request.what;
    *out_area = request.area;
    *out_page = request.page;
    return OK;
}

status_t sys_pager_supply(struct object *pager, uint64_t area, uint64_t page, vaddr_t contents)
{
    return pager_supply(pager_of(pager), area, page, contents);
}
