/* SPDX-License-Identifier: MIT */
/*
 * Processes that ask other cores to drop translations all the time, killed at any moment, while the text of the kernel is patched.
 *
 * Three waits meet: an initiator for its targets, a patch for all cores to stand still, a kill for threads that are in either.
 */
#include <stdio.h>

#include "gen/syscall_user.h"
#include "kernel/abi/trace.h"
#include "userspace/lib/check.h"
#include "userspace/lib/random.h"
#include "userspace/lib/spawn.h"
#include "userspace/lib/start.h"
#include "userspace/programs/memory/memory.h"

#define CODE_KILLED 78u
#define PATCHES_MAX 24u /* before a kill */

static uint64_t start_victim(const struct program_file *file)
{
    static const char *const args[] = {"rounds=0", "stress=1000000000"};
    const struct spawn spawn = {.name = "victim", .args = args, .arg_count = 2};
    uint64_t process;

    must(program_spawn(file, &spawn, &process));
    return process;
}

/* Sites that the victims go through: off, and on again. */
static void patch_text(uint64_t trace)
{
    const uint64_t sites = TRACE_CATEGORY_MM | TRACE_CATEGORY_IRQ;
    uint64_t on, unused;

    must(sys_trace_control(trace, TRACE_CONTROL_DISABLE, sites, &on, &unused));
    VERIFY((on & sites) == 0);
    must(sys_trace_control(trace, TRACE_CONTROL_ENABLE, sites, &on, &unused));
    VERIFY((on & sites) == sites);
}

void memory_kill(uint64_t kills)
{
    const uint64_t trace = program_handle("trace");
    struct program_file file;
    uint64_t random = kills;

    must(program_open("memory", &file));
    for (uint64_t i = 0; i < kills; i++) {
        uint64_t victim = start_victim(&file);
        for (uint64_t patches = random_next(&random) % PATCHES_MAX; patches > 0; patches--) {
            patch_text(trace);
        }
        must(sys_process_kill(victim, CODE_KILLED));
        VERIFY(process_end(victim) == CODE_KILLED);
    }
}
