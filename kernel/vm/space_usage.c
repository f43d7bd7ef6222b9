/* SPDX-License-Identifier: MIT */
/* How much memory stands behind a space. */
#include "gen/layout.h"
#include "vm/area_impl.h"
#include "vm/space_impl.h"

#define AT_ONCE 64u /* mappings under the lock */

/* From *va on; *va becomes where to go on, USER_END at the end. */
static uint64_t count_some(struct space *space, vaddr_t *va)
{
    uint64_t pages = 0;
    shared_lock_share(&space->lock, SHARE_FIRST);
    for (unsigned i = 0; i < AT_ONCE && *va < USER_END; i++) {
        const struct mapping *mapping = space_first_live_locked(space, *va, USER_END);
        if (mapping != NULL && mapping->area != NULL) {
            pages += __atomic_load_n(&mapping->area->resident, __ATOMIC_RELAXED);
        }
        *va = mapping != NULL ? mapping->end : USER_END;
    }
    shared_lock_unshare(&space->lock, SHARE_FIRST);
    return pages;
}

uint64_t space_count_resident(struct space *space)
{
    uint64_t pages = 0;
    for (vaddr_t va = USER_BASE; va < USER_END;) {
        pages += count_some(space, &va);
    }
    return pages;
}
