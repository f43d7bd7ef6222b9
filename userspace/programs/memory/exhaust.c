/* SPDX-License-Identifier: MIT */
/* All the memory there is. The last pages are asked for with calls that may fail, not with faults,
 * which would end the program; what it got must be as much the second time. */
#include "gen/layout.h"
#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/programs/memory/memory.h"

#define RUNS_MAX 4000u /* a process has 4096 handles */

static uint64_t runs[RUNS_MAX];

/* Contiguous areas get their memory when they are made: from long to short, until none is left. */
static uint64_t take_all(unsigned *out_count)
{
    uint64_t bytes = LARGE_PAGE_BYTES, total = 0;
    unsigned count = 0;

    while (bytes >= PAGE_BYTES && count < RUNS_MAX) {
        if (sys_area_create(bytes, AREA_CONTIGUOUS, &runs[count]) == OK) {
            total += bytes;
            count++;
        } else {
            bytes /= 2;
        }
    }
    *out_count = count;
    return total;
}

void memory_exhaust(void)
{
    uint64_t total[2];

    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned count;
        total[turn] = take_all(&count);
        while (count > 0) {
            must(sys_handle_close(runs[--count]));
        }
    }
    VERIFY(total[0] > 64 * LARGE_PAGE_BYTES);
    /* Other programs come and go meanwhile. */
    VERIFY(total[1] + 4 * LARGE_PAGE_BYTES > total[0] &&
           total[0] + 4 * LARGE_PAGE_BYTES > total[1]);
}
