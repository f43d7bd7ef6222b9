/* SPDX-License-Identifier: MIT */
/* Contiguous areas are never paged out, and have their memory as soon as they are made. */
#include "userspace/programs/paging/squeeze.h"

#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"

#define RUNS_MAX 1024u

void leave_free(uint64_t bytes)
{
    static uint64_t runs[RUNS_MAX];
    unsigned count = 0;
    uint64_t taken = 0;

    if (bytes == 0) {
        return;
    }
    for (uint64_t run = LARGE_PAGE_BYTES; run >= PAGE_BYTES && count < RUNS_MAX;) {
        if (sys_area_create(run, AREA_CONTIGUOUS, &runs[count]) == OK) {
            count++;
        } else {
            run /= 2;
        }
    }
    while (count > 0 && taken < bytes) {
        uint64_t size, physical;
        must(sys_area_query(runs[--count], &size, &physical));
        must(sys_handle_close(runs[count]));
        taken += size;
    }
}
