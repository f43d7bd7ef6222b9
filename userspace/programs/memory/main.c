/* SPDX-License-Identifier: MIT */
/*
 * memory: what areas can do, over and over, and what must never be seen while they do it.
 *
 *   rounds=N (200) of the loop      stress=N (200) clones made while others write
 *   exhaust=1 (0)                   take all memory there is
 *   kills=N (0)                     processes like this one, killed while kernel text is patched
 */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/memory.h"
#include "userspace/lib/check.h"
#include "userspace/lib/mark.h"
#include "userspace/lib/option.h"
#include "userspace/lib/start.h"

#include "userspace/programs/memory/memory.h"

volatile uint64_t *memory_map(uint64_t area, uint64_t offset, uint64_t bytes, unsigned protection)
{
    uint64_t address;

    must(sys_area_map(program.self, area, offset, bytes, 0, protection, &address));
    return (volatile uint64_t *)address;
}

void memory_unmap(volatile uint64_t *at, uint64_t bytes)
{
    must(sys_area_unmap(program.self, (uint64_t)at, bytes));
}

int main(int argc, char **argv)
{
    uint64_t rounds = option_u64("rounds", 200), stress = option_u64("stress", 200);
    uint64_t kills = option_u64("kills", 0);

    (void)argc;
    (void)argv;
    memory_loop(rounds);
    memory_stress(stress);
    if (option_flag("exhaust")) {
        memory_exhaust();
    }
    if (kills != 0) {
        memory_kill(kills);
    }
    mark(MARK_CHECKED, rounds + stress);
    report("%lu rounds, %lu clones under load", rounds, stress);
    return 0;
}
