/* SPDX-License-Identifier: MIT */
/*
 * frames: for the profiler. Computes for long at the end of a known chain of calls, then with frame pointers that lead
 * nowhere: a profiler that believes one of them stops the machine.
 *
 *   turns=N (4000000) of each loop
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gen/layout.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"

#define NOINLINE __attribute__((noinline))

/* Visible to all, so that the compiler leaves them as they are. */
uint64_t frames_inner(uint64_t turns);
uint64_t frames_middle(uint64_t turns);
uint64_t frames_outer(uint64_t turns);
void frames_lost(uint64_t rbp, uint64_t turns);

NOINLINE uint64_t frames_inner(uint64_t turns)
{
    uint64_t x = __builtin_frame_address(0) != NULL; /* it has a frame, though it calls nobody */

    for (uint64_t i = 0; i < turns; i++) {
        __asm__ volatile("imulq $3, %0" : "+r"(x));
    }
    return x;
}

NOINLINE uint64_t frames_middle(uint64_t turns)
{
    return frames_inner(turns) + 1;
}

NOINLINE uint64_t frames_outer(uint64_t turns)
{
    return frames_middle(turns) + 1;
}

/* Count down with this frame pointer. */
NOINLINE void frames_lost(uint64_t rbp, uint64_t turns)
{
    uint64_t saved;

    __asm__ volatile("movq %%rbp, %1\n\t"
                     "movq %2, %%rbp\n\t"
                     "1: decq %0\n\t"
                     "jnz 1b\n\t"
                     "movq %1, %%rbp"
                     : "+r"(turns), "=&r"(saved)
                     : "r"(rbp)
                     : "cc");
}

int main(int argc, char **argv)
{
    uint64_t turns = option_u64("turns", 4000000);
    uint64_t circle[2] = {(uint64_t)circle, (uint64_t)main + 1};
    uint64_t page_end = ((uint64_t)circle | (PAGE_BYTES - 1)) - 7;
    const uint64_t lost[] = {
        0,
        1,
        0x7ff8,
        USER_END - 16,
        USER_END,
        1ull << 63,
        ~0ull,
        DIRECT_MAP_BASE,
        page_end,
        (uint64_t)circle + 1,
        (uint64_t)circle,
        KERNEL_IMAGE_BASE,
    };

    (void)argc;
    (void)argv;
    (void)frames_outer(turns);
    mark(MARK_ROUND, 1);
    for (unsigned i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        frames_lost(lost[i], turns / 4);
    }
    report("%lu turns", turns);
    return 0;
}
